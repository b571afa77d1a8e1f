"""A small HTTP/1.1 server: one thread accepts, one thread for each connection, few of them.

Addresses are `(host, port)` or the path of a unix socket. A head has to be complete within
seconds; where all threads are taken, the connection that has been silent longest makes way, so
that slow clients never keep a probe from its answer. What a request means is the handler's part.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock, Thread
from typing import NamedTuple

from sidecar.wire.answer import NO_FILE, FilePart, Response, send_response
from sidecar.wire.body import Body, body_of
from sidecar.wire.head import Asked, Head, read_head, request_line
from sidecar.wire.places import Address, bind_path, family, inode_of, uid_of
from sidecar.wire.stream import LateError, Stream, WireError

__all__ = ["NO_FILE", "FilePart", "Handler", "Request", "Response", "Server"]

HEAD_SECONDS = 5.0
BODY_PATIENCE = 30.0
_DRAIN_BYTES = 256 * 1024
_DRAIN_SECONDS = 1.0
_YIELD_SECONDS = 0.5
_PAUSE = 0.05
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Request(NamedTuple):
    """What is asked. `path` and `query` are decoded; header names are lower case.

    `uid` is that of the process at the other end of a unix socket, -1 on TCP.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Body
    uid: int = -1


Handler = Callable[[Request], Response]


class Server:
    """Listens from `start` until `close`. `more` are further addresses with their own handlers.

    Each address has `threads` of its own, so that one kind of client cannot starve another. With
    `hasty` also a client that is slow to take its answer makes way for a new one: for short
    answers. `fault` is told, in one line, of a handler that failed.
    """

    def __init__(
        self,
        address: Address,
        handler: Handler,
        *,
        threads: int = 8,
        mode: int = 0o660,
        hasty: bool = False,
        more: Sequence[tuple[Address, Handler]] = (),
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._doors = [
            _Door(place, serve, threads, mode, hasty, fault)
            for place, serve in ((address, handler), *more)
        ]
        self._wake = -1
        self._thread: Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Bind all addresses and begin to answer.

        Raises:
            OSError: an address cannot be bound; then none is.
        """
        for door in self._doors:
            try:
                door.tend()
            except OSError:
                self.close()
                raise
        self.tend()

    def tend(self) -> list[str]:
        """Bind what is not bound yet, and a unix socket whose name was taken away.

        Cheap, and made to be called now and then. Returns what cannot be bound and why, in words.
        """
        faults: list[str] = []
        changed = False
        for door in self._doors:
            try:
                changed = door.tend() or changed
            except OSError as error:
                faults.append(f"{door.name}: {error.strerror}")
        if changed or self._thread is None:
            self._awake()
        return faults

    @property
    def ports(self) -> list[int]:
        """The bound TCP ports, in the order of the addresses; for tests that ask for port 0."""
        return [
            door.listener.getsockname()[1]
            for door in self._doors
            if door.listener is not None and not isinstance(door.place, str)
        ]

    def close(self) -> None:
        """Stop listening. Answers under way may still end."""
        self._closed = True
        for door in self._doors:
            door.close()
        if self._thread is None:
            self._let_go()
            return
        os.eventfd_write(self._wake, 1)
        self._thread.join(_YIELD_SECONDS * 4)
        if not self._thread.is_alive():
            self._let_go()
            os.close(self._wake)
            self._thread = None

    def _awake(self) -> None:
        if self._thread is not None:
            os.eventfd_write(self._wake, 1)
            return
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = Thread(target=self._accept, name="accept", daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while not self._closed:
            self._let_go()
            poll = select.poll()
            poll.register(self._wake, select.POLLIN)
            doors = {door.listener.fileno(): door for door in self._doors if door.listener}
            for descriptor in doors:
                poll.register(descriptor, select.POLLIN)
            for descriptor, _ in poll.poll():
                if descriptor == self._wake:
                    os.eventfd_read(self._wake)
                elif not doors[descriptor].accept():
                    time.sleep(_PAUSE)

    def _let_go(self) -> None:
        # As long as that thread runs, only it closes listeners: a number that is closed elsewhere
        # could already mean another file by the time that it is waited for.
        for door in self._doors:
            door.let_go()


class _Door:
    """One address: its listening socket and the connections that came through it."""

    def __init__(
        self,
        place: Address,
        handler: Handler,
        threads: int,
        mode: int,
        hasty: bool,
        fault: Callable[[str], None],
    ) -> None:
        self.place = place
        self.listener: socket.socket | None = None
        self._retired: list[socket.socket] = []
        self._handler = handler
        self._threads = threads
        self._mode = mode
        self._hasty = hasty
        self._fault = fault
        self._inode = 0
        self._lock = Lock()
        self._silent: dict[socket.socket, float] = {}
        self._open: set[socket.socket] = set()

    @property
    def name(self) -> str:
        """The address in words."""
        return self.place if isinstance(self.place, str) else f"{self.place[0]}:{self.place[1]}"

    def tend(self) -> bool:
        """Bind unless it is bound and can be reached; whether that changed anything."""
        if self.listener is not None and (
            not isinstance(self.place, str) or inode_of(self.place) == self._inode
        ):
            return False
        old = self.listener
        self.listener = self._bound()
        self._retire(old)
        return True

    def _bound(self) -> socket.socket:
        listener = socket.socket(family(self.place), socket.SOCK_STREAM)
        try:
            if isinstance(self.place, str):
                self._inode = bind_path(listener, self.place, self._mode)
            else:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(self.place)
            listener.listen(64)
            listener.setblocking(False)
        except OSError:
            listener.close()
            raise
        return listener

    def close(self) -> None:
        """Stop listening and take the name of a unix socket away."""
        if isinstance(self.place, str) and self._inode and inode_of(self.place) == self._inode:
            with suppress(OSError):
                os.unlink(self.place)
        old, self.listener = self.listener, None
        self._retire(old)

    def _retire(self, listener: socket.socket | None) -> None:
        if listener is not None:
            self._retired.append(listener)
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)

    def let_go(self) -> None:
        """Close what no longer listens."""
        while self._retired:
            self._retired.pop().close()

    def accept(self) -> bool:
        """Take one connection; whether that went well."""
        listener = self.listener
        try:
            if listener is None:
                return True
            connection, _ = listener.accept()
        except BlockingIOError:
            return True
        except OSError:
            return False
        if self._admit(connection):
            with suppress(RuntimeError):  # no more threads may be begun; others will end
                Thread(target=self._serve, args=(connection,), name="answer", daemon=True).start()
                return True
            self._forget(connection)
        self._turn_away(connection)
        return True

    def _admit(self, connection: socket.socket) -> bool:
        with self._lock:
            if len(self._open) >= self._threads:
                if not self._silent:
                    return False
                oldest = min(self._silent, key=self._silent.__getitem__)
                del self._silent[oldest]
                self._open.discard(oldest)
                with suppress(OSError):
                    oldest.shutdown(socket.SHUT_RDWR)
            self._open.add(connection)
            self._silent[connection] = time.monotonic()
            return True

    def _makes_way(self, connection: socket.socket) -> None:
        with self._lock:
            if connection in self._open:
                self._silent[connection] = time.monotonic()

    def _turn_away(self, connection: socket.socket) -> None:
        with connection:
            stream = Stream(connection, _PAUSE)
            # What comes after the answer resets the connection, and the answer may be lost by it.
            with suppress(OSError):
                stream.read(_DRAIN_BYTES)
            stream.extend(_YIELD_SECONDS)
            with suppress(OSError):
                send_response(stream, _BUSY, "GET", {})

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection, suppress(OSError):
                self._exchange(connection, Stream(connection, HEAD_SECONDS))
        finally:
            self._forget(connection)

    def _forget(self, connection: socket.socket) -> None:
        self._heard(connection)
        with self._lock:
            self._open.discard(connection)

    def _heard(self, connection: socket.socket) -> None:
        with self._lock:
            self._silent.pop(connection, None)

    def _exchange(self, connection: socket.socket, stream: Stream) -> None:
        method, asked = "GET", Head("", {})
        try:
            head = read_head(stream)
            if head is None:
                return
            asked, line = head, request_line(head.start)
            method = line.method
            body = body_of(stream, head.headers, unstated=0, patience=BODY_PATIENCE)
            if head.headers.get("expect", "").lower() == "100-continue":
                body.invite = _CONTINUE
            self._heard(connection)
            response = self._handle(line, head, body, uid_of(connection))
        except LateError:
            response = Response(408, b"the request did not come in time\n")
        except WireError as error:
            response = Response(400, f"{error}\n".encode())
        if self._hasty:
            self._makes_way(connection)
        send_response(stream, response, method, asked.headers)
        _drain(connection, stream)

    def _handle(self, line: Asked, head: Head, body: Body, uid: int) -> Response:
        request = Request(line.method, line.path, line.query, head.headers, body, uid)
        try:
            return self._handler(request)
        except WireError:
            raise
        except Exception as error:  # one request that fails must not end the rest
            self._fault(f"{line.method} {line.path}: {type(error).__name__}: {error}")
            return Response(500, b"an error of the sidecar; see its log\n")


_BUSY = Response(503, b"too many requests at once\n", headers=(("Retry-After", "1"),))


def _drain(connection: socket.socket, stream: Stream) -> None:
    # Closing with unread bytes would reset the connection and lose the answer on its way.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        stream.extend(_DRAIN_SECONDS)
        left = _DRAIN_BYTES
        while left > 0 and (data := stream.read(left)):
            left -= len(data)
