"""An archive as files: read once from front to back, within the caps that the sidecar has.

What counting may read again, everything but images, is kept in one temporary file without a
name. Of an image the digest is kept where a split needs it; its bytes are found by reading the
archive again.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import BinaryIO, Final

from compiler.datasets.lines import chunks
from compiler.datasets.listing import is_image
from compiler.model.archives import ArchiveError, Keep, count_tar, count_zip
from compiler.model.codes import dataset as codes
from compiler.model.counted import UncountableError
from compiler.model.ports import Files
from compiler.model.stored import Stored

_PIECE: Final = 1 << 20


@contextmanager
def unpacked(files: Files, form: str, *, digests: bool) -> Iterator[Files]:
    """The files in the one archive that `files` holds; as they are where `form` is empty.

    `digests` says that those of images will be asked for.

    Raises:
        UncountableError: it is broken, or the sidecar would refuse it.
    """
    if not form:
        yield files
        return
    with tempfile.TemporaryFile() as kept:
        found = _Archive(files, form, kept)
        found.index(digests=digests)
        yield found


class _Archive:
    def __init__(self, files: Files, form: str, kept: BinaryIO) -> None:
        self._files, self._form, self._kept = files, form, kept
        stored = list(files.names())
        if len(stored) != 1:
            raise UncountableError(
                codes.DATASET_NO_FILE,
                f"unpack: {form} speaks of one archive, and there are {len(stored):,} files",
                "write the uri of the archive itself, without a slash at its end",
            )
        self._stored = stored[0]
        self._entries: dict[str, tuple[Stored, int]] = {}

    def names(self) -> Iterator[Stored]:
        """Every file, in name order."""
        return (self._entries[name][0] for name in sorted(self._entries))

    def open(self, name: str, *, start: int = 0) -> AbstractContextManager[BinaryIO]:
        """A stream of one file's bytes."""
        stored, offset = self._entries[name]
        if offset >= 0:
            return io.BufferedReader(_Part(self._kept.fileno(), offset, stored.size, start))
        data = io.BytesIO(self._again(name))
        data.seek(start)
        return data

    def index(self, *, digests: bool) -> None:
        """Read the archive once: what is in it, and the bytes that counting needs."""

        def keep(name: str, size: int, opened: Callable[[], BinaryIO]) -> None:
            offset, digest = -1, ""
            if not is_image(name):
                offset = self._kept.tell()
                with opened() as stream:
                    shutil.copyfileobj(stream, self._kept, _PIECE)
            elif digests:
                digest = _digest(opened)
            stored = Stored(self._stored.location, name, size, sha256=digest)
            self._entries[name] = (stored, offset)

        self._read(keep)
        self._kept.flush()

    def _again(self, name: str) -> bytes:
        found: list[bytes] = []

        def keep(other: str, _: int, opened: Callable[[], BinaryIO]) -> None:
            if other == name:
                with opened() as stream:
                    found.append(stream.read())
                raise _FoundError

        with suppress(_FoundError):
            self._read(keep)
        return b"".join(found)

    def _read(self, keep: Keep) -> None:
        name = self._stored.name
        try:
            if self._form == "zip":
                count_zip(self._stored.size, self._range, keep)
                return
            with self._files.open(name) as stream:
                count_tar(_Counting(stream), self._form, keep)
        except ArchiveError as error:
            raise UncountableError(
                codes.DATASET_ARCHIVE, str(error), "pack it again, with plain files only", file=name
            ) from None

    @contextmanager
    def _range(self, start: int, length: int) -> Iterator[BinaryIO]:
        with self._files.open(self._stored.name, start=start) as stream:
            parts = []
            while length and (data := stream.read(length)):
                parts.append(data)
                length -= len(data)
            yield io.BytesIO(b"".join(parts))


def _digest(opened: Callable[[], BinaryIO]) -> str:
    total = hashlib.sha256()
    with opened() as stream:
        for data in chunks(stream):
            total.update(data)
    return total.hexdigest()


class _FoundError(Exception):
    """The file that was looked for was read; the rest of the archive does not matter."""


class _Counting:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self.read_bytes = stream, 0

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self.read_bytes += len(data)
        return data


class _Part(io.RawIOBase):
    """A part of a file, read at its place, so that several can be read at the same time."""

    def __init__(self, file: int, offset: int, size: int, start: int) -> None:
        super().__init__()
        self._file, self._at, self._end = file, offset + start, offset + size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = os.pread(self._file, min(len(buffer), max(0, self._end - self._at)), self._at)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
