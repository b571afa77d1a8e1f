"""TLS inside of TLS: what a proxy that is spoken to over TLS needs, which `ssl` cannot wrap.

It has of a socket what a line uses, and nothing more.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

_PIECE = 65_536


class Nested:
    """A TLS connection whose records go through another one."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str) -> None:
        self._outer = outer
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._inner = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._do(self._inner.do_handshake)

    def recv_into(self, view: memoryview) -> int:
        """Read what is there, at most `view`; 0 at the end."""
        try:
            return int(self._do(partial(self._inner.read, len(view), view)))
        except ssl.SSLZeroReturnError:
            return 0

    def sendall(self, data: bytes | memoryview) -> None:
        """Send all of it."""
        rest = memoryview(data)
        while rest:
            rest = rest[int(self._do(partial(self._inner.write, rest))) :]

    def settimeout(self, seconds: float | None) -> None:
        """Wait at most so long for each read or write of the outer connection."""
        self._outer.settimeout(seconds)

    def fileno(self) -> int:
        """The descriptor of the outer connection, to wait for."""
        return self._outer.fileno()

    def close(self) -> None:
        """Hang up."""
        with suppress(OSError):
            self._outer.close()

    def _do(self, step: Callable[[], object]) -> Any:
        """Take a step, and move records between it and the wire until it is done."""
        while True:
            try:
                found = step()
            except ssl.SSLWantReadError:
                self._flush()
                self._more()
            else:
                self._flush()
                return found

    def _more(self) -> None:
        data = self._outer.recv(_PIECE)
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data:
            self._outer.sendall(data)
