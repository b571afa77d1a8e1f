"""How long a new version may take to arrive at a site, from sizes, the link's rate and window.

Estimates for deadlines only: nothing here decides when bytes move, and an unknown size or rate
counts as no time at all.
"""

from __future__ import annotations

from math import ceil

DAY = 86_400
STEP = 600
"""Deadlines are multiples of this, so that a slightly larger model changes no object."""
START = 300
"""Seconds for images, processes and probes, whatever the link."""


def deadline(size: int, rate: int, window: str, *, waits: bool) -> int:
    """Seconds after which a pod whose bytes are still missing counts as stuck.

    `size` is in bytes, `rate` in bytes per second, 0 where it is not known. `waits` says that
    bytes move only within the `window` (`HH:MM-HH:MM`, empty for none). Links are slower than
    they promise, so the time on the link counts twice.
    """
    moving = 2 * ceil(size / rate) if rate else 0
    total = START + (waiting(moving, window) if waits and window else moving)
    return max(1, ceil(total / STEP)) * STEP


def waiting(moving: int, window: str) -> int:
    """The worst time in seconds until `moving` seconds of transfer have passed in windows."""
    closed = DAY - _length(window)
    return openings(moving, window) * closed + moving


def openings(moving: int, window: str) -> int:
    """How often a window has to open until `moving` seconds of transfer have passed."""
    return max(1, ceil(moving / _length(window)))


def _length(window: str) -> int:
    start, _, end = window.partition("-")
    return (_second(end) - _second(start)) % DAY or DAY


def _second(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 3600 + int(minutes) * 60
