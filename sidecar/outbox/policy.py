"""The rules of a stream as pure functions: what fits, what makes way, what is too late.

No file and no clock is touched here. A quota counts only what waits in the stream itself, and the
floor of free space is the store's own: an outbox that is full never takes room from a download.
"""

from __future__ import annotations

from typing import Final, Literal

from sidecar.model.config import Limits, Stream

SANE_CLOCK: Final = 1_704_067_200
"""2024: a clock before it was never set, and ages by it mean nothing."""

QUARTER: Final = 4
MOST_ITEMS: Final = 100_000
"""Items of a stream, however small: each takes an inode of the node's disk."""
FREE_INODES: Final = 4096
"""Inodes that an outbox leaves to the rest of the node."""
ASSUMED_RATE: Final = 1024 * 1024
"""Bytes per second of a link that nobody measured or limited."""

Verdict = Literal["take", "make-room", "refuse", "drop"]


def quota(stream: Stream, limits: Limits, total: int) -> int:
    """Most bytes that may wait in a stream: its own limit, or a quarter of the store."""
    return stream.max_bytes or max(1, (limits.max_bytes or total) // QUARTER)


def verdict(stream: Stream, most: int, waiting: int, size: int, short: int) -> Verdict:
    """What becomes of a new file of `size` bytes where `waiting` bytes wait already.

    `short` is how much the file system lacks for it. Older files make way only where that helps.
    """
    needed = max(waiting + size - most, short)
    if needed <= 0:
        return "take"
    if stream.overflow == "drop-newest":
        return "drop"
    if stream.overflow == "drop-oldest" and size <= most and needed <= waiting:
        return "make-room"
    return "refuse"


def late(deadline: int, accepted: float, ttl: int, now: float) -> bool:
    """Whether an item is past its round's deadline or older than its stream keeps files."""
    if now < SANE_CLOCK:
        return False
    if deadline and now >= deadline:
        return True
    return bool(ttl) and accepted >= SANE_CLOCK and now - accepted >= ttl


def doubtful(accepted: float, now: float) -> bool:
    """Whether a time of acceptance is from a clock that was wrong and has been set since."""
    return now >= SANE_CLOCK and (accepted < SANE_CLOCK or accepted > now + 3600)


def grace(size: int, rate: float, most: float) -> float:
    """Seconds that a drain of `size` bytes may take over a link of `rate` bytes per second."""
    return min(most, 10 + 1.5 * size / max(1.0, rate or ASSUMED_RATE))


def pause(attempts: int, chance: float) -> float:
    """Seconds before another try: full jitter over a span that doubles up to five minutes."""
    return max(1.0, chance * min(300.0, 2.0 ** min(attempts, 16)))
