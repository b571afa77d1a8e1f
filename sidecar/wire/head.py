"""The first part of a message: its start line, its header lines and what they say of the body.

Refuses what two readers could understand in two ways: folded lines, two lengths, a length beside
a transfer coding, control characters.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sidecar.wire.stream import Stream, WireError

HEAD_BYTES = 16 * 1024
HEAD_LINES = 100

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(rb"[\t -~\x80-\xff]*")
_REQUEST = re.compile(r"([A-Z]{1,16}) (/[!-~]*) HTTP/1\.([01])")
_STATUS = re.compile(r"HTTP/1\.[01] ([1-5][0-9][0-9])(?: .*)?")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")


class Head(NamedTuple):
    """A start line and headers with names in lower case."""

    start: str
    headers: dict[str, str]


class Asked(NamedTuple):
    """A request line: `path` and `query` are decoded."""

    method: str
    path: str
    query: dict[str, str]


def read_head(stream: Stream) -> Head | None:
    """The next head; None where the other side is done without a word.

    Raises:
        WireError: it is too large, or no head of HTTP/1.1.
    """
    start = stream.line(HEAD_BYTES)
    if not start:
        return None
    headers: dict[str, str] = {}
    left = HEAD_BYTES - len(start)
    for _ in range(HEAD_LINES + 1):
        line = stream.line(max(0, left))
        if not line:
            raise WireError("the connection ended within a head")
        left -= len(line)
        line = line.rstrip(b"\r\n")
        if not line:
            return Head(start.rstrip(b"\r\n").decode("latin-1"), headers)
        _add(headers, line)
    raise WireError(f"more than {HEAD_LINES} header lines")


def _add(headers: dict[str, str], line: bytes) -> None:
    name, colon, value = line.partition(b":")
    value = value.strip(b" \t")
    if not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise WireError("a header line that is none")
    key, text = name.decode("ascii").lower(), value.decode("latin-1")
    if key in headers:
        if key in {"content-length", "transfer-encoding", "host", "range"}:
            raise WireError(f"two headers {key}")
        text = f"{headers[key]}, {text}"
    headers[key] = text


def request_line(start: str) -> Asked:
    """What a request asks for.

    Raises:
        WireError: it is no request line of HTTP/1.x, or its path is no clean UTF-8.
    """
    match = _REQUEST.fullmatch(start)
    if match is None:
        raise WireError("no request line of HTTP/1.1")
    path, _, query = match[2].partition("?")
    pairs = (part.partition("=") for part in query.split("&") if part)
    return Asked(
        match[1],
        unescape(path),
        {unescape(name): unescape(value.replace("+", " ")) for name, _, value in pairs},
    )


def status_line(start: str) -> int:
    """The status of an answer.

    Raises:
        WireError: it is no status line of HTTP/1.x.
    """
    match = _STATUS.fullmatch(start)
    if match is None:
        raise WireError("no answer of HTTP/1.1")
    return int(match[1])


def unescape(text: str) -> str:
    """The text with its percent escapes resolved.

    Raises:
        WireError: an escape is broken, or there is a control character or broken UTF-8 behind it.
    """
    try:
        found = _ESCAPE.sub(lambda escape: bytes.fromhex(escape[1].decode()), text.encode("ascii"))
        plain = found.decode()
    except (AttributeError, UnicodeError):
        raise WireError("a broken escape in the address") from None
    if not plain.isprintable():
        raise WireError("a control character in the address")
    return plain


def escape(text: str) -> str:
    """One part of a path with all but letters, digits and `-._~` as percent escapes."""
    plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    return "".join(chr(byte) if byte in plain else f"%{byte:02X}" for byte in text.encode())
