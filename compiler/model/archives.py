"""What would come out of an archive: bytes and files, counted while it streams by.

Whoever wants the files as well says where they go; nothing is written here. The caps are the
sidecar's, so that an archive which a device would refuse is refused here, where somebody can still
pack it anew.
"""

from __future__ import annotations

import io
import stat
import tarfile
import unicodedata
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
MAX_PART: Final = 255
_EXTENDED: Final = 64 * 1024
_DIRECTORY: Final = 64 * 1024 * 1024
"""The most that the directory of a zip may take."""

_PIECE: Final = 1024 * 1024
_END: Final = 2 * tarfile.BLOCKSIZE
_KINDS: Final = (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE)
_ENCRYPTED, _UTF8 = 0x2041, 0x800
_BROKEN: Final = (EOFError, OSError, ValueError, IndexError, OverflowError, RecursionError)
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
    opened = _Ending(_Gunzip(source) if form == "tar.gz" else source)
    end = 0
    tally = _Tally(lambda: source.read_bytes)
    try:
        # Not its own gzip mode: that one reads a whole extended header, however large, into memory.
        with tarfile.open(fileobj=opened, mode="r|", tarinfo=_Header) as archive:  # type: ignore[call-overload]
            while (member := archive.next()) is not None:
                archive.members.clear()
                if member.type not in _KINDS or _sparse(member):
                    raise ArchiveError(f"{_shown(member.name)} is neither a file nor a directory")
                end = member.offset_data + -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
                path = tally.add(member.name, None if member.isdir() else member.size)
                if keep and not member.isdir():
                    keep(path, member.size, partial(_member, archive, member))
        opened.finish(end)
    except (tarfile.TarError, zlib.error, *_BROKEN) as error:
        raise ArchiveError(f"it is no {form}, or broken: {error}") from error
    return tally.content()


def count_zip(size: int, piece: Range, keep: Keep | None = None) -> Content:
    """Count what is in a zip from the directory at its end.

    Raises:
        ArchiveError: it is broken or would be refused.
    """
    tally = _Tally(lambda: size)
    found: dict[str, zipfile.ZipInfo] = {}
    packed = 0
    try:
        ranged = _Ranged(size, piece)
        with zipfile.ZipFile(io.BufferedReader(ranged, _PIECE)) as archive:
            ranged.limit = max(_DIRECTORY, UNPACKED_LIMIT if keep else 0)
            for info in archive.infolist():
                name = _zip_name(info)
                path = tally.add(name, None if info.is_dir() else info.file_size)
                found[path] = info
                packed += info.compress_size
            if packed > size:
                raise ArchiveError("its entries overlap")
            # Sizes are those of the directory, and none may come out before all of them are judged.
            content = tally.content()
            for path, info in found.items():
                if keep and not info.is_dir():
                    keep(path, info.file_size, partial(_entry, archive, info))
    except (zipfile.BadZipFile, NotImplementedError, *_BROKEN) as error:
        raise ArchiveError(f"it is no zip, or broken: {error}") from error
    return content


def _sparse(member: tarfile.TarInfo) -> bool:
    return member.size < 0 or any(key.startswith("GNU.sparse") for key in member.pax_headers)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """The name of an entry that a device would take.

    Raises:
        ArchiveError: it would not.
    """
    mode = info.external_attr >> 16
    plain = stat.S_IFMT(mode) in (0, stat.S_IFREG, stat.S_IFDIR)
    packed = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    if not plain or not packed or info.flag_bits & _ENCRYPTED:
        raise ArchiveError(f"{_shown(info.filename)} is a link, encrypted or packed in another way")
    if info.orig_filename != info.filename or not info.filename:
        raise ArchiveError(f"the name {_shown(info.orig_filename)} is odd")
    if info.is_dir() and info.file_size:
        raise ArchiveError(f"{_shown(info.filename)} is a directory with bytes of its own")
    if info.flag_bits & _UTF8:
        return info.filename
    return info.filename.encode("cp437").decode("utf-8")


class _Tally:
    def __init__(self, stored: Callable[[], int]) -> None:
        self._stored = stored
        self._names: dict[str, tuple[str, bool]] = {}
        self.unpacked = self.files = 0

    def add(self, name: str, size: int | None) -> str:
        """One more entry, and the path it has; without a size it is a directory."""
        path = "" if name == "." else name.removeprefix("./").removesuffix("/")
        if not path:
            if size is not None or name == "/":
                raise ArchiveError(f"{_shown(name)} names no file")
            return ""
        _judge(name, path)
        for at, sign in enumerate(path):
            if sign == "/":
                self._claim(path[:at], directory=True)
        self._claim(path, directory=size is None)
        if size is None:
            return path
        self.files += 1
        self.unpacked += size
        if self.unpacked > UNPACKED_LIMIT:
            raise ArchiveError(f"more than {UNPACKED_LIMIT:,} bytes would come out of it")
        return path

    def _claim(self, path: str, *, directory: bool) -> None:
        """Take a name; one that differs by case or composed letters alone is the same."""
        folded, mine = _fold(path), (path, directory)
        known = self._names.setdefault(folded, mine)
        if known is not mine and (known != mine or not directory):
            raise ArchiveError(f"{_shown(path)} is there twice, or differs by case only")
        if len(self._names) > MAX_FILES:
            raise ArchiveError(f"it has more than {MAX_FILES:,} entries")

    def content(self) -> Content:
        if not self.files:
            raise ArchiveError("it holds no file")
        if self.unpacked > max(FREE, MAX_RATIO * self._stored()):
            raise ArchiveError(f"more than {MAX_RATIO} times what is stored would come out of it")
        return Content(self.unpacked, self.files)


def _fold(path: str) -> str:
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def _judge(name: str, path: str) -> None:
    try:
        parts = [len(part.encode()) for part in path.split("/")]
    except UnicodeEncodeError:
        raise ArchiveError(f"the name {_shown(name)} is no UTF-8") from None
    if len(name.encode()) > MAX_NAME or max(parts) > MAX_PART:
        raise ArchiveError(f"a name has more than {MAX_NAME} bytes, or {MAX_PART} in one part")
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


class _Ending:
    """A stream that must end as a tar does: with two blocks of zeros, and nothing behind them."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._filled = 0
        self.read_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes."""
        data = self._source.read(size)
        if filled := len(data.rstrip(b"\0")):
            self._filled = self.read_bytes + filled
        self.read_bytes += len(data)
        return data

    def finish(self, end: int) -> None:
        """Read what is left; the last entry's blocks end at `end`.

        Raises:
            EOFError: there is no end there, or something behind it.
        """
        while self.read(_PIECE):
            pass
        if self._filled > end:
            raise EOFError("there is something behind its last entry")
        if self.read_bytes < end + _END:
            raise EOFError("it ends too early")


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
