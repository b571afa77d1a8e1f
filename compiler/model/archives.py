"""What would come out of an archive: bytes and files, counted while it streams by.

Whoever wants the files as well says where they go; nothing is written here. The caps are the
sidecar's, so that an archive which a device would refuse is refused here, where somebody can still
pack it anew.
"""

from __future__ import annotations

import io
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import BinaryIO, Final, Protocol, cast

from compiler.model.contract_parts import UNPACKED_LIMIT
from compiler.model.record import dataclass

MAX_FILES: Final = 100_000
MAX_RATIO: Final = 512
FREE: Final = 64 * 1024 * 1024
"""Up to so many bytes may come out however little there was."""

MAX_NAME: Final = 1024
_EXTENDED: Final = 64 * 1024
_DIRECTORY: Final = 64 * 1024 * 1024
"""The most that the directory of a zip may take."""

_PIECE: Final = 1024 * 1024
_EXTENSIONS: Final = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME)

Range = Callable[[int, int], AbstractContextManager[BinaryIO]]
"""(start, length) -> a stream of those bytes."""
Keep = Callable[[str, int, Callable[[], BinaryIO]], None]
"""Takes the name and size of a file in an archive, and what opens it; it need not be opened."""


class ArchiveError(Exception):
    """The archive is broken, or a device would refuse it; says why."""


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes and number of the files in an archive."""

    unpacked: int
    files: int


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> BinaryIO:
    return cast("BinaryIO", archive.extractfile(member))


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    return cast("BinaryIO", archive.open(info))


class Readable(Protocol):
    """What a tar is read from, front to back. `read_bytes` counts what was taken."""

    read_bytes: int

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes."""
        ...


def count_tar(source: Readable, form: str, keep: Keep | None = None) -> Content:
    """Count what is in a tar or tar.gz while it is read to its end.

    Raises:
        ArchiveError: it is broken or would be refused.
    """
    opened: Readable = _Gunzip(source) if form == "tar.gz" else source
    tally = _Tally(lambda: source.read_bytes)
    try:
        # Not its own gzip mode: that one reads a whole extended header, however large, into memory.
        with tarfile.open(fileobj=opened, mode="r|", tarinfo=_Header) as archive:  # type: ignore[call-overload]
            while (member := archive.next()) is not None:
                archive.members.clear()
                if not (member.isreg() or member.isdir()):
                    raise ArchiveError(f"{_shown(member.name)} is neither a file nor a directory")
                path = tally.add(member.name, member.size if member.isreg() else None)
                if keep and member.isreg():
                    keep(path, member.size, partial(_member, archive, member))
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError) as error:
        raise ArchiveError(f"it is no {form}, or broken: {error}") from error
    return tally.content()


def count_zip(size: int, piece: Range, keep: Keep | None = None) -> Content:
    """Count what is in a zip from the directory at its end.

    Raises:
        ArchiveError: it is broken or would be refused.
    """
    tally = _Tally(lambda: size)
    found: dict[str, zipfile.ZipInfo] = {}
    try:
        ranged = _Ranged(size, piece)
        with zipfile.ZipFile(io.BufferedReader(ranged, _PIECE)) as archive:
            ranged.limit = max(_DIRECTORY, UNPACKED_LIMIT if keep else 0)
            for info in archive.infolist():
                if stat.S_ISLNK(info.external_attr >> 16) or info.flag_bits & 1:
                    raise ArchiveError(f"{_shown(info.filename)} is a link or encrypted")
                path = tally.add(info.filename, None if info.is_dir() else info.file_size)
                found[path] = info
            # Sizes are those of the directory, and none may come out before all of them are judged.
            content = tally.content()
            for path, info in found.items():
                if keep and not info.is_dir():
                    keep(path, info.file_size, partial(_entry, archive, info))
    except (zipfile.BadZipFile, lzma.LZMAError, EOFError, ValueError) as error:
        raise ArchiveError(f"it is no zip, or broken: {error}") from error
    return content


class _Tally:
    def __init__(self, stored: Callable[[], int]) -> None:
        self._stored = stored
        self._names: set[str] = set()
        self.unpacked = self.files = 0

    def add(self, name: str, size: int | None) -> str:
        """One more entry, and the path it has; without a size it is a directory."""
        path = name.removeprefix("./").rstrip("/")
        if path in ("", "."):
            return ""
        _judge(name, path)
        if path in self._names and size is not None:
            raise ArchiveError(f"{_shown(name)} is there twice")
        self._names.add(path)
        if len(self._names) > MAX_FILES:
            raise ArchiveError(f"it has more than {MAX_FILES:,} entries")
        if size is None:
            return path
        self.files += 1
        self.unpacked += size
        if self.unpacked > UNPACKED_LIMIT:
            raise ArchiveError(f"more than {UNPACKED_LIMIT:,} bytes would come out of it")
        return path

    def content(self) -> Content:
        if not self.files:
            raise ArchiveError("it holds no file")
        if self.unpacked > max(FREE, MAX_RATIO * self._stored()):
            raise ArchiveError(f"more than {MAX_RATIO} times what is stored would come out of it")
        return Content(self.unpacked, self.files)


def _judge(name: str, path: str) -> None:
    if len(name.encode(errors="replace")) > MAX_NAME:
        raise ArchiveError(f"a name has more than {MAX_NAME} bytes")
    odd = any(ord(sign) < 32 or sign in "\\\x7f" for sign in path)
    if odd or any(part in ("", ".", "..") for part in path.split("/")):
        raise ArchiveError(f"the name {_shown(name)} is absolute, climbs or has odd characters")


def _shown(name: str) -> str:
    return ascii(name[:120])


class _Header(tarfile.TarInfo):
    """A header of a tar; one that announces more text than a name needs is refused unread."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        made = super().frombuf(buf, encoding, errors)
        if made.type in _EXTENSIONS and made.size > _EXTENDED:
            raise ArchiveError(f"an extended header of {made.size:,} bytes")
        return made


class _Gunzip:
    """A gzip's content, in pieces: what is announced is never believed."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._pieces = self._inflated()
        self._left = b""
        self.read_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes; fewer only at the end."""
        parts, missing = [], size
        while missing > 0:
            part = self._left[:missing] or next(self._pieces, b"")
            if not part:
                break
            self._left = self._left[missing:] if self._left else part[missing:]
            parts.append(part[:missing])
            missing -= len(parts[-1])
        return b"".join(parts)

    def _inflated(self) -> Iterator[bytes]:
        inflate, data = zlib.decompressobj(31), b""
        while data or (data := self._source.read(_PIECE)):
            piece = inflate.decompress(data, _PIECE)
            self.read_bytes += len(piece)
            if self.read_bytes > max(FREE, (MAX_RATIO + 1) * self._source.read_bytes):
                raise ArchiveError(f"more than {MAX_RATIO} times what is stored would come out")
            if piece:
                yield piece
            data = inflate.unconsumed_tail
            if inflate.eof:
                # Gzip files may be put one behind the other.
                data = inflate.unused_data or data
                if not data and not (data := self._source.read(_PIECE)):
                    return
                inflate = zlib.decompressobj(31)
        raise EOFError("it ends too early")


class _Ranged(io.RawIOBase):
    """A stored file of which only the ranges that are asked for are fetched."""

    def __init__(self, size: int, piece: Range) -> None:
        self._size, self._piece = size, piece
        self._at = self._taken = 0
        self.limit = _DIRECTORY

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + (0, self._at, self._size)[whence]
        if self._at < 0:
            raise ValueError("before the beginning")
        return self._at

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        self._taken += length
        if self._taken > self.limit:
            raise ArchiveError(f"more than {self.limit:,} bytes of it were read")
        with self._piece(self._at, length) as stream:
            data = stream.read(length)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
