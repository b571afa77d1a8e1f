"""The bytes of an archive in order: plain or through gzip, in pieces of bounded size.

Whatever a length in an archive claims, no more than a piece is ever in memory.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from threading import Event
from typing import Protocol

from sidecar.model.reasons import ReasonError

PIECE = 256 * 1024
_INPUT = 64 * 1024
_FORGET = 8 * 1024 * 1024


class StoppedError(Exception):
    """Unpacking was told to stop."""


class File:
    """The archive's file, read at any offset. `read` is how far it was read in order."""

    def __init__(self, descriptor: int, stop: Event) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.read = 0
        self._stop = stop
        self._forgotten = 0

    def at(self, offset: int, length: int) -> bytes:
        """Exactly so many bytes.

        Raises:
            ReasonError: ArchiveBroken when the file ends before.
        """
        found = os.pread(self.descriptor, length, offset)
        if len(found) != length:
            raise truncated()
        return found

    def next(self, view: memoryview) -> int:
        """Fill a buffer from where reading stands; how many bytes came, 0 at the end."""
        self.check()
        length = os.preadv(self.descriptor, [view], self.read)
        self.read += length
        if self.read - self._forgotten >= _FORGET:
            os.posix_fadvise(self.descriptor, 0, self.read, os.POSIX_FADV_DONTNEED)
            self._forgotten = self.read
        return length

    def check(self) -> None:
        """Stop where that is wanted."""
        if self._stop.is_set():
            raise StoppedError


class Source:
    """Bytes in order. `most` caps all that comes, so that no padding is endless."""

    def __init__(self, file: File, most: int) -> None:
        self._file = file
        self._left = most
        self._held = memoryview(b"")

    def take(self, length: int) -> bytes:
        """Exactly so many bytes, a small number of them.

        Raises:
            ReasonError: ArchiveBroken when the archive ends before.
        """
        found = bytearray()
        for piece in self.stream(length):
            found += piece
        return bytes(found)

    def stream(self, length: int) -> Iterator[memoryview]:
        """So many bytes in pieces, each good until the next one is asked for.

        Raises:
            ReasonError: ArchiveBroken when the archive ends before.
        """
        while length:
            if not self._held and not self._filled():
                raise truncated()
            piece, self._held = self._held[:length], self._held[length:]
            length -= len(piece)
            yield piece

    def skip(self, length: int) -> None:
        """Pass over a few bytes."""
        for _ in self.stream(length):
            pass

    def end(self, padding: int) -> None:
        """Insist that nothing follows but at most `padding` zeros.

        Raises:
            ReasonError: ArchiveBroken otherwise.
        """
        while self._held or self._filled():
            padding -= len(self._held)
            if padding < 0 or bytes(self._held).strip(b"\0"):
                raise ReasonError("ArchiveBroken", "something follows the end of the archive")
            self._held = memoryview(b"")

    def _filled(self) -> bool:
        self._held = self._more()
        self._left -= len(self._held)
        if self._left < 0:
            raise ReasonError("ArchiveTooLarge", "it holds far more than its files")
        return bool(self._held)

    def _more(self) -> memoryview:
        """The next piece, empty at the end."""
        raise NotImplementedError


class Plain(Source):
    """A file as it is."""

    def __init__(self, file: File, most: int) -> None:
        super().__init__(file, most)
        self._buffer = memoryview(bytearray(PIECE))

    def _more(self) -> memoryview:
        return self._buffer[: self._file.next(self._buffer)]


class Gzip(Source):
    """What gzip members hold, one after the other; the library checks the sum of each."""

    def __init__(self, file: File, most: int) -> None:
        super().__init__(file, most)
        self._pieces = self._members(memoryview(bytearray(_INPUT)))

    def _more(self) -> memoryview:
        try:
            return memoryview(next(self._pieces, b""))
        except zlib.error as fault:
            raise ReasonError("ArchiveBroken", f"no gzip: {fault}") from fault

    def _members(self, buffer: memoryview) -> Iterator[bytes]:
        inflate = zlib.decompressobj(wbits=31)
        while length := self._file.next(buffer):
            data: bytes | memoryview = buffer[:length]
            while data:
                if inflate.eof:
                    inflate = zlib.decompressobj(wbits=31)
                yield from inflated(inflate, data)
                data = inflate.unused_data
        if not inflate.eof:
            raise truncated()


class Inflate(Protocol):
    """What the library gives to decompress with."""

    @property
    def unconsumed_tail(self) -> bytes:
        """Input that was too much."""

    @property
    def eof(self) -> bool:
        """Whether the end was reached."""

    def decompress(self, data: bytes | memoryview, length: int, /) -> bytes:
        """The next bytes, at most so many."""


def inflated(inflate: Inflate, data: bytes | memoryview) -> Iterator[bytes]:
    """All that some more input gives, in pieces."""
    while True:
        piece = inflate.decompress(data, PIECE)
        data = inflate.unconsumed_tail
        if piece:
            yield piece
        # A full piece may have left something behind inside, even when all input is used up.
        if inflate.eof or (not data and len(piece) < PIECE):
            return


def truncated() -> ReasonError:
    """What is said of an archive that ends too early."""
    return ReasonError("ArchiveBroken", "it ends before its content does")
