"""Deadlines cover the time on the link and the wait for its window."""

from __future__ import annotations

import pytest

from compiler.model.transfer import DAY, deadline, waiting

HOUR = 3600


@pytest.mark.parametrize(
    ("size", "rate", "seconds"),
    [(0, 0, 600), (5_000_000, 0, 600), (90_000_000, 250_000, 1200), (10**9, 250_000, 8400)],
)
def test_without_a_window_the_deadline_is_twice_the_time_on_the_link(
    size: int, rate: int, seconds: int
) -> None:
    assert deadline(size, rate, "", waits=True) == seconds
    assert deadline(size, rate, "22:00-04:00", waits=False) == seconds


def test_a_window_adds_the_time_until_it_opens() -> None:
    assert waiting(720, "22:00-04:00") == 18 * HOUR + 720
    assert deadline(90_000_000, 250_000, "22:00-04:00", waits=True) == 18 * HOUR + 1200


def test_what_does_not_fit_one_window_waits_for_the_next() -> None:
    assert waiting(7 * HOUR, "22:00-04:00") == 2 * 18 * HOUR + 7 * HOUR


def test_a_window_of_the_whole_day_never_closes() -> None:
    assert waiting(60, "00:00-00:00") == 60
    assert waiting(2 * DAY, "05:00-05:00") == 2 * DAY


def test_a_slightly_larger_model_has_the_same_deadline() -> None:
    sizes = range(40_000_000, 48_000_000, 1_000_000)
    assert {deadline(size, 2_500_000, "", waits=True) for size in sizes} == {600}
