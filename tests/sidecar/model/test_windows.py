"""Daily windows: when they are open, across midnight, clock changes and missing data."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from sidecar.model import windows
from sidecar.model.config import Window
from sidecar.model.reasons import ReasonError

BERLIN, KOLKATA = "Europe/Berlin", "Asia/Kolkata"
NIGHT = Window("22:00", "06:00", BERLIN)
DAY = Window("09:00", "17:30", BERLIN)


def at(text: str, zone: str = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("window", "moment", "is_open", "change"),
    [
        (DAY, "2026-12-01 08:59:59", False, 1),
        (DAY, "2026-12-01 09:00:00", True, 8.5 * 3600),
        (DAY, "2026-12-01 17:29:59", True, 1),
        (DAY, "2026-12-01 17:30:00", False, 15.5 * 3600),
        (NIGHT, "2026-12-01 21:59:00", False, 60),
        (NIGHT, "2026-12-01 22:00:00", True, 8 * 3600),
        (NIGHT, "2026-12-01 00:00:00", True, 6 * 3600),
        (NIGHT, "2026-12-01 06:00:00", False, 16 * 3600),
        # Clocks go forward at 02:00: a night of seven hours.
        (NIGHT, "2027-03-27 22:00:00", True, 7 * 3600),
        # And back at 03:00: one of nine.
        (NIGHT, "2026-10-24 22:00:00", True, 9 * 3600),
    ],
)  # fmt: skip
def test_a_window_is_open_in_its_own_zone(
    window: Window, moment: str, is_open: bool, change: float
) -> None:
    assert windows.verdict((window,), at(moment)) == (is_open, change)


def test_no_window_means_always() -> None:
    assert windows.verdict((), at("2026-12-01 12:00:00")) == (True, 0)
    assert windows.verdict((), 0.0) == (True, 0)


def test_a_window_that_ends_when_it_begins_never_shuts() -> None:
    for moment in ("2026-12-01 00:00:00", "2026-12-01 05:00:00", "2026-12-01 23:59:59"):
        assert windows.verdict((Window("05:00", "05:00", BERLIN),), at(moment)) == (True, 0)


def test_windows_that_touch_are_one() -> None:
    both = (Window("01:00", "03:00", BERLIN), Window("03:00", "04:00", BERLIN))
    assert windows.verdict(both, at("2026-12-01 02:00:00")) == (True, 2 * 3600)


def test_zones_with_half_hours_and_other_days_are_right() -> None:
    window = Window("00:30", "01:00", KOLKATA)
    assert windows.verdict((window,), at("2026-12-01 00:45:00", KOLKATA)) == (True, 900)
    moment = datetime(2026, 11, 30, 19, 15, tzinfo=UTC).timestamp()
    assert windows.verdict((window,), moment) == (True, 900)


def test_a_window_within_the_hour_that_does_not_exist_is_shut_that_day() -> None:
    window = Window("02:10", "02:20", BERLIN)
    found = windows.verdict((window,), at("2027-03-28 01:50:00"))
    assert not found.open


def test_insisting_says_when_it_opens() -> None:
    windows.insist((DAY,), at("2026-12-01 12:00:00"))
    with pytest.raises(ReasonError) as caught:
        windows.insist((DAY,), at("2026-12-01 08:00:00"))
    assert caught.value.code == "WindowShut"
    assert caught.value.after == 3600
    assert "09:00-17:30 Europe/Berlin" in caught.value.detail


def test_verdicts_agree_with_a_walk_through_the_minutes() -> None:
    seeded = random.Random(7)
    zones = (BERLIN, KOLKATA, "America/St_Johns", "Australia/Lord_Howe", "UTC", "Pacific/Apia")
    for _ in range(60):
        zone = ZoneInfo(seeded.choice(zones))
        start, to = (f"{seeded.randrange(24):02}:{seeded.randrange(60):02}" for _ in range(2))
        window = Window(start, to, zone.key)
        # Far from a clock change: there the walk itself would have to decide what 02:30 means.
        now = datetime(2026, 7, 1, tzinfo=UTC) + timedelta(minutes=seeded.randrange(20_000))
        found = windows.verdict((window,), now.timestamp())
        local = now.astimezone(zone).strftime("%H:%M")
        inside = start <= local < to if start < to else local >= start or local < to
        assert found.open is inside, (window, now)
        if start != to:
            later = datetime.fromtimestamp(now.timestamp() + found.change, zone)
            assert later.strftime("%H:%M") == (to if inside else start)


def test_a_clock_at_1970_counts_as_outside_and_says_so() -> None:
    for moment in (0.0, 3600.0, windows.UNSET - 1):
        with pytest.raises(ReasonError) as caught:
            windows.insist((DAY,), moment)
        assert (caught.value.code, caught.value.reason.kind) == ("ClockUnsynced", "blocked")


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "Europe/Berlin\n", "Europe"])
def test_an_unknown_zone_counts_as_shut_and_says_so(zone: str) -> None:
    with pytest.raises(ReasonError) as caught:
        windows.insist((Window("00:00", "23:59", zone),), at("2026-12-01 12:00:00"))
    assert (caught.value.code, caught.value.reason.kind) == ("TimeZoneMissing", "blocked")


def test_missing_tzdata_counts_as_shut_though_a_package_has_it(tmp_path: object) -> None:
    code = (
        "import sys\n"
        "from sidecar.model import windows\n"
        "from sidecar.model.config import Window\n"
        "from sidecar.model.reasons import ReasonError\n"
        "try:\n"
        "    windows.insist((Window('00:00', '23:59', 'Europe/Berlin'),), 1.8e9)\n"
        "except ReasonError as error:\n"
        "    print(error.code, 'pathlib' in sys.modules, 'importlib.resources' in sys.modules)\n"
    )
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path), "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.split() == ["TimeZoneMissing", "False", "False"]
