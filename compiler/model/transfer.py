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

ENGINES = {"flux": 60, "argocd": 240}
"""Seconds until an engine has seen a commit and applied it, as engines are set up by default."""
REFRESH = 120
"""Seconds until a kubelet has refreshed a ConfigMap in a pod that runs."""


def switched(engine: str, size: int, rate: int, window: str) -> int:
    """The worst time in seconds from a commit until a hot site has switched to a version.

    `size` is what is still to be fetched: 0 where the site's store has the version, which then
    waits for nothing. What the server takes to load it comes on top.
    """
    moving = 2 * ceil(size / rate) if rate and size else 0
    total = waiting(moving, window) if window and size else moving
    return ENGINES.get(engine, max(ENGINES.values())) + REFRESH + total


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
