"""What a handler gives back, and how it goes out: bytes, or a part of a file by sendfile."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sidecar.wire.ranges import part
from sidecar.wire.stream import Stream, WireError

_SLICE = 256 * 1024
_SLOWEST = 4096
_PATIENCE = 30.0
_REASONS = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    304: "Not Modified",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Content Too Large",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}


class FilePart(NamedTuple):
    """An open file of `size` bytes; the server closes the descriptor.

    `tag` is its entity tag with quotes. `pace` is called with a number of bytes before they are
    sent and may sleep, `done` when no more will be, whatever the reason.
    """

    descriptor: int
    size: int
    tag: str = ""
    pace: Callable[[int], None] | None = None
    done: Callable[[], None] | None = None


NO_FILE = FilePart(-1, 0)


class Response(NamedTuple):
    """An answer: `body`, or with status 200 what the request's `Range` wants of `file`."""

    status: int
    body: bytes = b""
    type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    file: FilePart = NO_FILE


def send_response(
    stream: Stream, response: Response, method: str, asked: Mapping[str, str]
) -> None:
    """Send the answer to a request with `method` and the headers `asked`; closes its file.

    Raises:
        WireError: the other side takes it too slowly.
    """
    try:
        if response.file.descriptor < 0:
            stream.extend(_PATIENCE)
            stream.send(_head(response, len(response.body)))
            stream.send(b"" if method == "HEAD" else response.body)
        else:
            _send_file(stream, response, method, asked)
    finally:
        if response.file.descriptor >= 0:
            os.close(response.file.descriptor)
        if response.file.done is not None:
            response.file.done()


def _head(response: Response, length: int) -> bytes:
    reason = _REASONS.get(response.status, "Answer")
    lines = [f"HTTP/1.1 {response.status} {reason}", "Connection: close"]
    if response.status not in {204, 304}:
        lines += [f"Content-Type: {response.type}", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in response.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


def _send_file(stream: Stream, response: Response, method: str, asked: Mapping[str, str]) -> None:
    file = response.file
    wanted = part(asked, file.size, file.tag)
    headers = [*response.headers, ("Accept-Ranges", "bytes")]
    if file.tag:
        headers.append(("ETag", file.tag))
    if wanted.status == 206:
        last = wanted.offset + wanted.length - 1
        headers.append(("Content-Range", f"bytes {wanted.offset}-{last}/{file.size}"))
    elif wanted.status == 416:
        headers.append(("Content-Range", f"bytes */{file.size}"))
    stream.extend(_PATIENCE)
    stream.send(
        _head(response._replace(status=wanted.status, headers=tuple(headers)), wanted.length)
    )
    if method != "HEAD":
        _stream_file(stream, file, wanted.offset, wanted.length)


def _stream_file(stream: Stream, file: FilePart, offset: int, left: int) -> None:
    while left > 0:
        size = min(left, _SLICE)
        if file.pace is not None:
            file.pace(size)
        stream.extend(_PATIENCE + size / _SLOWEST)
        end = offset + size
        while offset < end:
            offset += _slice(stream, file.descriptor, offset, end - offset)
        left -= size


def _slice(stream: Stream, descriptor: int, offset: int, size: int) -> int:
    while True:
        try:
            sent = os.sendfile(stream.connection.fileno(), descriptor, offset, size)
        except BlockingIOError:
            stream.wait(select.POLLOUT)
            continue
        if sent == 0:
            raise WireError("the file is shorter than it was")
        return sent
