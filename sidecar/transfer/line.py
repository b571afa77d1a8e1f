"""A connection as the standard library's HTTP client sees it, with a pace that is watched.

Every byte that comes in passes here, below headers, chunked coding and TLS: it is counted, held to
the shared rate, and a connection that is too slow for too long is given up. Time that we wait for
our own rate does not count as the server's slowness.
"""

from __future__ import annotations

import io
import time
from typing import Protocol

from sidecar.model.config import Network
from sidecar.model.reasons import ReasonError
from sidecar.transfer.meter import Meter

_SENT_AT_ONCE = 16_384
"""Small enough that a link which is just not too slow takes it within the timeout."""


class Wire(Protocol):
    """What a line needs of a socket."""

    def recv_into(self, view: memoryview, /) -> int:
        """Read what is there."""

    def sendall(self, data: memoryview, /) -> None:
        """Send all of it."""

    def settimeout(self, seconds: float | None, /) -> None:
        """Bound every wait."""

    def fileno(self) -> int:
        """The descriptor to wait for."""

    def close(self) -> None:
        """Hang up."""


class Line:
    """What `http.client` takes for a socket."""

    def __init__(self, connected: Wire, meter: Meter, network: Network) -> None:
        self.socket = connected
        self._meter = meter
        self._network = network
        self._waited = 0.0
        self._moved = 0
        self._left = -1
        self._readers = 0
        self._closed = False

    def allow(self, count: int) -> None:
        """Let at most so many bytes come in until the next call, any number for -1.

        What may not end by itself is bounded by it: heads, and the lines between chunks.
        """
        self._left = count

    def receive(self, view: memoryview) -> int:
        """Read what is there, at most `view` and at most a piece; 0 at the end.

        Raises:
            ReasonError: Stalled.
            OSError: the connection broke, or nothing came in time.
        """
        if not self._left:
            raise ReasonError("Protocol", "more around the answer than in it")
        before = time.monotonic()
        count = self.socket.recv_into(view[: self._meter.piece])
        self._judge(count, time.monotonic() - before)
        self._meter.receive(count)
        if self._left > 0:
            self._left = max(self._left - count, 0)
        return count

    def sendall(self, data: bytes) -> None:
        """Send all of it, at the shared rate."""
        rest = memoryview(data)
        step = min(_SENT_AT_ONCE, self._meter.piece)
        while rest:
            self._meter.send(len(rest[:step]))
            self.socket.sendall(rest[:step])
            rest = rest[step:]

    def makefile(self, mode: str, *_: object) -> io.BufferedReader:
        """A reader for one answer; closing it leaves the connection open."""
        assert mode == "rb"  # noqa: S101 - the only way that http.client reads
        self._readers += 1
        return io.BufferedReader(_Reader(self), 16_384)

    def close(self) -> None:
        """Hang up once nobody reads any more: http.client closes before it reads a last answer."""
        self._closed = True
        if not self._readers:
            self.socket.close()

    def reader_closed(self) -> None:
        """Told by a reader that its answer is done with."""
        self._readers -= 1
        if self._closed:
            self.close()

    def _judge(self, count: int, seconds: float) -> None:
        self._moved += count
        self._waited += seconds
        if self._waited < self._network.low_seconds:
            return
        if self._moved < self._network.low_rate * self._waited:
            raise ReasonError(
                "Stalled", f"{self._moved} bytes in {self._waited:.0f} seconds are too few"
            )
        self._waited, self._moved = 0.0, 0


class _Reader(io.RawIOBase):
    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._line.reader_closed()

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override] # what io passes
        return self._line.receive(memoryview(buffer))
