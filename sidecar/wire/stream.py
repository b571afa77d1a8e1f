"""A connected socket with a buffer and a deadline. It knows bytes, not messages."""

from __future__ import annotations

import errno
import os
import select
import socket
import time
from threading import Event

_GLANCE = 0.25
_BLOCK = 65536


class WireError(OSError):
    """The other side did not keep to the protocol, or not in time; says how in one clean line."""


class LateError(WireError):
    """The deadline passed."""


class StoppedError(WireError):
    """Somebody here wants to stop."""


class Stream:
    """Reads and writes until `seconds` from now; `extend` moves the deadline."""

    def __init__(
        self, connection: socket.socket, seconds: float, stop: Event | None = None
    ) -> None:
        connection.setblocking(False)
        self.connection = connection
        self._deadline = time.monotonic() + seconds
        self._stop = stop
        self._held = b""

    def extend(self, seconds: float) -> None:
        """Let the next bytes take `seconds` from now."""
        self._deadline = time.monotonic() + seconds

    def connect(self, address: tuple[str, int] | str) -> None:
        """Connect the socket.

        Raises:
            WireError: nobody listens there, or nobody answered in time.
        """
        error = self.connection.connect_ex(address)
        if error == errno.EINPROGRESS:
            self.wait(select.POLLOUT)
            error = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise WireError(os.strerror(error))

    def line(self, limit: int) -> bytes:
        """The next line with its line feed; empty where the other side is done.

        Raises:
            WireError: it is longer than `limit`, or ends without a line feed.
        """
        while (end := self._held.find(b"\n")) < 0:
            if len(self._held) > limit:
                raise WireError(f"a line is longer than {limit} bytes")
            more = self._receive()
            if not more:
                if self._held:
                    raise WireError("the connection ended within a line")
                return b""
            self._held += more
        if end > limit:
            raise WireError(f"a line is longer than {limit} bytes")
        found, self._held = self._held[: end + 1], self._held[end + 1 :]
        return found

    def read(self, size: int) -> bytes:
        """From one to `size` bytes; none where the other side is done."""
        if not self._held:
            return self._receive(min(size, _BLOCK))
        found, self._held = self._held[:size], self._held[size:]
        return found

    def send(self, data: bytes | memoryview) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[self.connection.send(rest) :]
            except BlockingIOError:
                self.wait(select.POLLOUT)

    def wait(self, what: int) -> None:
        """Wait until the socket can be read from or written to.

        Raises:
            LateError: the deadline passed.
            StoppedError: the stop event was set.
        """
        poll = select.poll()
        poll.register(self.connection, what)
        while True:
            left = self._left()
            pause = left if self._stop is None else min(left, _GLANCE)
            if poll.poll(max(1, int(pause * 1000))):
                return

    def _left(self) -> float:
        if self._stop is not None and self._stop.is_set():
            raise StoppedError("stopped")
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise LateError("no answer in time")
        return left

    def _receive(self, size: int = _BLOCK) -> bytes:
        self._left()
        while True:
            try:
                return self.connection.recv(size)
            except BlockingIOError:
                self.wait(select.POLLIN)
