"""One HTTP request to a program on this machine: a model server on loopback, or a unix socket.

It never leaves the machine: an address that is not 127.0.0.1 with a declared port is refused
before anything is sent. No redirect is followed. Each request has its own connection.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Mapping
from threading import Event
from typing import NamedTuple

from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.wire.body import body_of
from sidecar.wire.head import Head, read_head, status_line
from sidecar.wire.stream import LateError, StoppedError, Stream, WireError

_URL = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})((?:/[!-~]*)?)")
_TARGET = re.compile(r"/[!-~]*")
_INTERIM = 20


class Answer(NamedTuple):
    """A whole answer, header names in lower case.

    `body` is cut at the asked limit, and `cut` says so.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    cut: bool = False


class UnansweredError(Exception):
    """No whole answer came. The text is one clean line.

    `reached` is whether a connection was made at all, `late` whether time ran out, `stopped`
    whether the caller's own stop event ended it.
    """

    def __init__(self, detail: str, *, reached: bool, late: bool, stopped: bool) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reached = reached
        self.late = late
        self.stopped = stopped


def request(
    method: str,
    url: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    timeout: float,
    limit: int,
    ports: Collection[int],
    stop: Event | None = None,
) -> Answer:
    """The answer of a server on loopback, within `timeout` seconds for all of it.

    Raises:
        ReasonError: `AddressRefused` for anything but 127.0.0.1 and one of `ports`.
        UnansweredError: nobody listens, the answer broke off, or time ran out.
    """
    match = _URL.fullmatch(url)
    if match is None or int(match[1]) not in ports:
        raise ReasonError("AddressRefused", clean(f"{url} is not a declared port of 127.0.0.1"))
    place = ("127.0.0.1", int(match[1]))
    sent = _head(method, match[2] or "/", f"127.0.0.1:{match[1]}", len(body), headers)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return _exchange(Stream(connection, timeout, stop), place, sent, body, limit)


def request_socket(
    method: str,
    path: str,
    target: str,
    *,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    timeout: float,
    limit: int,
    stop: Event | None = None,
) -> Answer:
    """The same through the unix socket at `path`.

    Raises:
        UnansweredError: as above.
    """
    sent = _head(method, target, "sidecar", len(body), headers)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        return _exchange(Stream(connection, timeout, stop), path, sent, body, limit)


def _head(
    method: str, target: str, host: str, size: int, headers: Mapping[str, str] | None
) -> bytes:
    if not _TARGET.fullmatch(target):
        raise ValueError("a request's target is printable and begins with a slash")
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close"]
    if size or method in {"POST", "PUT"}:
        lines.append(f"Content-Length: {size}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header has one line")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _exchange(
    stream: Stream, place: tuple[str, int] | str, head: bytes, body: bytes, limit: int
) -> Answer:
    reached = False
    try:
        stream.connect(place)
        if stream.connection.getsockname() == place:
            # A port of the ephemeral range that nobody listens on can be connected to itself.
            raise WireError("nobody listens")
        reached = True
        _send(stream, head, body)
        return _answer(stream, head.startswith(b"HEAD "), limit)
    except OSError as error:
        raise UnansweredError(
            clean(str(error) if isinstance(error, WireError) else error.strerror or str(error)),
            reached=reached,
            late=isinstance(error, LateError),
            stopped=isinstance(error, StoppedError),
        ) from None


def _send(stream: Stream, head: bytes, body: bytes) -> None:
    try:
        stream.send(head)
        stream.send(body)
    except (BrokenPipeError, ConnectionResetError):
        # A server may refuse a body before its end; what it said matters more than the rest.
        return


def _answer(stream: Stream, bodiless: bool, limit: int) -> Answer:
    head = _final_head(stream)
    status = status_line(head.start)
    if bodiless or status in {204, 304}:
        return Answer(status, head.headers, b"")
    body = body_of(stream, head.headers, unstated=-1)
    parts: list[bytes] = []
    size = 0
    while size <= limit and (part := body.read()):
        parts.append(part)
        size += len(part)
    return Answer(status, head.headers, b"".join(parts)[:limit], cut=size > limit)


def _final_head(stream: Stream) -> Head:
    for _ in range(_INTERIM):
        head = read_head(stream)
        if head is None:
            raise WireError("the connection ended without an answer")
        if status_line(head.start) >= 200:
            return head
    raise WireError("no end of interim answers")
