"""Daily windows of local time: whether one is open, and when that changes.

Pure: the caller gives the time. Zone data comes from the node or image, never from the network;
without it, or with a clock that was never set, a window counts as shut and the reason says so.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sidecar.model.config import Window
from sidecar.model.reasons import ReasonError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

UNSET = 1_767_225_600.0
"""2026 began then. A clock that shows less was never set: this program is younger."""

_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_DAY = 86_400


class Verdict(NamedTuple):
    """Whether a window is open, and seconds until that changes; 0 where it never does."""

    open: bool
    change: float


def verdict(windows: Sequence[Window], now: float) -> Verdict:
    """Whether one of the windows is open at a time in seconds since the epoch. None means always.

    Raises:
        ReasonError: ClockUnsynced, TimeZoneMissing.
    """
    if not windows:
        return Verdict(True, 0)
    if now < UNSET:
        raise ReasonError("ClockUnsynced", "the clock shows a year before 2026")
    spans = sorted(span for window in windows for span in _spans(window, now))
    end = now
    for start, stop in spans:
        if start <= end < stop:
            end = stop
    if end > now:
        # Spans that follow each other without a gap for days are a window that never shuts.
        return Verdict(True, 0 if end - now > 1.5 * _DAY else end - now)
    return Verdict(False, min(start for start, _ in spans if start > now) - now)


def insist(windows: Sequence[Window], now: float) -> None:
    """Refuse a time outside of every window.

    Raises:
        ReasonError: WindowShut with the seconds until one opens, ClockUnsynced, TimeZoneMissing.
    """
    found = verdict(windows, now)
    if not found.open:
        raise ReasonError("WindowShut", _words(windows), after=found.change)


def _words(windows: Sequence[Window]) -> str:
    return ", ".join(f"{window.start}-{window.to} {window.zone}" for window in windows)


def _spans(window: Window, now: float) -> Iterator[tuple[float, float]]:
    """When the window is open around a time, long enough to find the next beginning."""
    # Loaded late: most processes have no window, and the module costs a third of a megabyte.
    from datetime import datetime, time, timedelta

    zone = _zone(window.zone)
    today = datetime.fromtimestamp(now, zone).date()
    crosses = timedelta(days=window.to <= window.start)
    for offset in range(-2, 4):
        day = today + timedelta(days=offset)
        start = datetime.combine(day, time.fromisoformat(window.start), zone)
        stop = datetime.combine(day + crosses, time.fromisoformat(window.to), zone)
        if start.timestamp() < stop.timestamp():
            yield start.timestamp(), stop.timestamp()


def _zone(name: str) -> ZoneInfo:
    """A zone from the system's own files; the fallback to a package would load half of Python."""
    import zoneinfo

    if _ZONE.fullmatch(name) is None:
        raise ReasonError("TimeZoneMissing", "no name of a time zone")
    for folder in zoneinfo.TZPATH:
        try:
            with open(os.path.join(folder, name), "rb") as file:
                return zoneinfo.ZoneInfo.from_file(file, name)
        except (OSError, ValueError):
            continue
    raise ReasonError("TimeZoneMissing", f"no data for {name} on this node")
