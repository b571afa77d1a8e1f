"""The rate that all streams of a worker share, and how many bytes went through.

A token bucket that may fall into debt: whoever took more than there was waits until it is paid
back, so the streams share the rate without a queue. It knows nothing of windows.
"""

from __future__ import annotations

import time
from threading import Event, Lock

LARGEST = 1 << 20
_SMALLEST = 4096
_BUFFER = 1 << 19
_PIECES = 10
"""How many pieces a second's worth of bytes is moved in, so that the rate is even."""


class Meter:
    """Bytes per second over every stream together; 0 is no limit."""

    def __init__(self, rate: int, stop: Event, streams: int = 1) -> None:
        self.rate = rate
        self._streams = streams
        self.received = 0
        self.sent = 0
        self._stop = stop
        self._lock = Lock()
        self._level = 0.0
        self._seen = time.monotonic()

    @property
    def piece(self) -> int:
        """The most bytes that are moved at once."""
        if not self.rate:
            return LARGEST
        return max(_SMALLEST, min(LARGEST, self.rate // _PIECES))

    @property
    def socket_buffer(self) -> int:
        """How much a socket may hold unread, which the kernel doubles: what is lost when it breaks.

        With a rate, an eighth of a second over all streams: else the rate were ours and not the
        wire's.
        """
        return max(8192, min(_BUFFER, self.rate // (8 * self._streams))) if self.rate else _BUFFER

    def receive(self, count: int) -> None:
        """Account for bytes that came in, and wait as long as they cost."""
        with self._lock:
            self.received += count
            wait = self._spend(count)
        self._pause(wait)

    def send(self, count: int) -> None:
        """Account for bytes that are about to go out, and wait as long as they cost."""
        with self._lock:
            self.sent += count
            wait = self._spend(count)
        self._pause(wait)

    def _spend(self, count: int) -> float:
        if not self.rate:
            return 0
        now = time.monotonic()
        self._level = min(self.piece, self._level + (now - self._seen) * self.rate) - count
        self._seen = now
        return max(0.0, -self._level / self.rate)

    def _pause(self, wait: float) -> None:
        if wait > 0:
            self._stop.wait(wait)
