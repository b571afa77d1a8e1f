"""Connections that are kept for the next request to the same origin."""

from __future__ import annotations

import http.client
import select
import time
from collections import defaultdict
from threading import Lock

from sidecar.transfer.dial import Origin, Reach, dial
from sidecar.transfer.line import Line
from sidecar.transfer.proxies import Proxy

_KEPT_FOR = 20.0
"""Seconds; servers and middle boxes forget idle connections soon after."""


class Connection(http.client.HTTPConnection):
    """One HTTP connection over a line that is open already."""

    sock: Line  # all that the base class does with a socket, a line does
    auto_open = 0

    def __init__(self, origin: Origin, line: Line, proxy: Proxy | None) -> None:
        super().__init__(origin.host, origin.port)
        self.origin = origin
        self.proxy = proxy
        self.sock = line
        self.idle_since = 0.0


class Connections:
    """The idle connections of one worker."""

    def __init__(self, reach: Reach, most: int) -> None:
        self._reach = reach
        self._most = most
        self._lock = Lock()
        self._idle: dict[Origin, list[Connection]] = defaultdict(list)

    def idle(self, origin: Origin) -> Connection | None:
        """A connection that was kept and is still open, or None."""
        while True:
            with self._lock:
                kept = self._idle[origin]
                if not kept:
                    return None
                found = kept.pop()
            if _is_usable(found):
                return found
            found.close()

    def fresh(self, origin: Origin) -> Connection:
        """A new connection.

        Raises:
            ReasonError: see `dial`.
        """
        line, proxy = dial(self._reach, origin)
        return Connection(origin, line, proxy)

    def keep(self, connection: Connection) -> None:
        """Take back a connection whose last answer was read to its end."""
        connection.idle_since = time.monotonic()
        with self._lock:
            kept = self._idle[connection.origin]
            if len(kept) < self._most:
                kept.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Hang up on everybody."""
        with self._lock:
            found = [one for kept in self._idle.values() for one in kept]
            self._idle.clear()
        for one in found:
            one.close()


def _is_usable(connection: Connection) -> bool:
    if time.monotonic() - connection.idle_since > _KEPT_FOR:
        return False
    # Readable without having been asked anything: the server hung up, or is out of step.
    return not select.select([connection.sock.socket], [], [], 0)[0]
