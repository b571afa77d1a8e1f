"""The second part of a message, read in pieces: counted, chunked or up to the connection's end."""

from __future__ import annotations

import re

from sidecar.wire.stream import Stream, WireError

_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LINE = 4096


class Body:
    """A body that is read once. `length` is -1 where it is not known before its end.

    `patience` is how many seconds the next piece may take; 0 keeps the stream's own deadline.
    `invite` is sent before the first byte is read: the answer to `Expect: 100-continue`.
    """

    def __init__(
        self, stream: Stream, length: int, *, chunked: bool = False, patience: float = 0
    ) -> None:
        self._stream = stream
        self.length = length
        self._chunked = chunked
        self._left = 0 if chunked else length
        self._patience = patience
        self.invite = b""
        self.done = length == 0 and not chunked

    def read(self, size: int = 65536) -> bytes:
        """From one to `size` bytes; none at the end of the body.

        Raises:
            WireError: it ended too early, too late, or is not chunked as it should be.
        """
        if self.done:
            return b""
        if self.invite:
            self._stream.send(self.invite)
            self.invite = b""
        if self._patience:
            self._stream.extend(self._patience)
        if self._chunked and self._left == 0 and not self._next_chunk():
            return b""
        data = self._stream.read(size if self._left < 0 else min(size, self._left))
        if not data:
            if self._left >= 0:
                raise WireError("the connection ended within a body")
            self.done = True
        elif self._left > 0:
            self._count(len(data))
        return data

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left:
            return
        if self._chunked:
            if self._stream.line(_LINE).strip():
                raise WireError("a chunk without its end")
        else:
            self.done = True

    def _next_chunk(self) -> bool:
        line = self._stream.line(_LINE)
        if not line:
            raise WireError("the connection ended within a body")
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise WireError("a chunk without its length")
        self._left = int(match[1], 16)
        if self._left == 0:
            self._trailers()
        return self._left > 0

    def _trailers(self) -> None:
        for _ in range(100):
            line = self._stream.line(_LINE)
            if not line:
                raise WireError("the connection ended within a body")
            if not line.strip():
                self.done = True
                return
        raise WireError("too many trailers")


def body_of(stream: Stream, headers: dict[str, str], *, unstated: int, patience: float = 0) -> Body:
    """The body that headers announce; one without a word of it has `unstated` bytes.

    Raises:
        WireError: the headers contradict each other or speak of another coding than `chunked`.
    """
    coding = headers.get("transfer-encoding")
    stated = headers.get("content-length")
    if coding is not None:
        if coding.lower() != "chunked" or stated is not None:
            raise WireError("a transfer coding other than chunked alone")
        return Body(stream, -1, chunked=True, patience=patience)
    if stated is not None and not _LENGTH.fullmatch(stated):
        raise WireError("a content length that is none")
    return Body(stream, unstated if stated is None else int(stated), patience=patience)
