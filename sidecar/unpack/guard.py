"""What may come out of an archive: names, and how much. Every entry goes through here.

Refused are absolute names, names that climb or are empty, names with a backslash or a control
character, names that are no UTF-8 or too long, the same name twice, and two names that are one on a
system without upper case. Caps hold before the bytes they count are written.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Final, Protocol

from sidecar.model.config import Unpack
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.unpack.names import Names
from sidecar.unpack.source import File

MAX_PART: Final = 255
MAX_PATH: Final = 1024
"""Bytes of a whole name; readers put the path of the store before it and have 4,096 for all."""

MAX_RATIO: Final = 512
FREE: Final = 64 * 1024 * 1024
"""Up to so many bytes may come out however little there was."""

_OVERHEAD: Final = 8192
_PART: Final = re.compile(rf"[^/\\\x00-\x1f\x7f]{{1,{MAX_PART}}}")


class Sink(Protocol):
    """A file that is being written."""

    def write(self, view: bytes | memoryview) -> None:
        """Append."""

    def close(self) -> None:
        """Let it count."""


class Writer(Protocol):
    """What `sidecar.disk.trees.TreeWriter` does for an archive."""

    def directory(self, path: str) -> None:
        """A directory and those above it."""

    def file(self, path: str, executable: bool, size: int) -> Sink:
        """A new file."""


class Guard:
    """Judges entries and hands them to the writer. `files` and `bytes` is what came out so far."""

    def __init__(self, unpack: Unpack, writer: Writer, archive: File) -> None:
        self._caps = unpack
        self._writer = writer
        self._archive = archive
        self._names = Names(unpack.max_files)
        self.files = 0
        self.bytes = 0

    @property
    def most(self) -> int:
        """Bytes that the archive can reasonably be, unpacked, with what describes its files."""
        return self._caps.max_bytes + _OVERHEAD * (self._caps.max_files + 256)

    def directory(self, name: bytes) -> None:
        """An entry for a directory, with or without a slash at its end; the top is left out."""
        path = plain(name.removesuffix(b"/") if name != b"/" else name)
        if path:
            self._names.claim(path, directory=True)
            self._writer.directory(path)

    def file(self, name: bytes, mode: int, size: int, pieces: Iterable[bytes | memoryview]) -> None:
        """An entry for a file of exactly `size` bytes; of its mode only the execute bits count."""
        path = plain(name)
        if not path:
            raise refused(name, "it names no file")
        self._names.claim(path, directory=False)
        self._room(name, size)
        self.files += 1
        sink = self._writer.file(path, bool(mode & 0o111), size)
        try:
            for piece in pieces:
                self._archive.check()
                self._measure(name, len(piece))
                sink.write(piece)
        finally:
            sink.close()

    def _room(self, name: bytes, size: int) -> None:
        if self.bytes + size > self._caps.max_bytes:
            words = f"{shown(name)}: more than {self._caps.max_bytes:,} bytes in all"
            raise ReasonError("ArchiveTooLarge", words)

    def _measure(self, name: bytes, length: int) -> None:
        self.bytes += length
        if self.bytes > max(FREE, MAX_RATIO * self._archive.read):
            words = f"{shown(name)}: more than {MAX_RATIO} times what is stored"
            raise ReasonError("ArchiveTooLarge", words)


def plain(name: bytes) -> str:
    """The path that an entry's name stands for, empty for the top itself.

    Raises:
        ReasonError: ArchiveRefused.
    """
    if len(name) > MAX_PATH:
        raise refused(name, f"the name is longer than {MAX_PATH} bytes")
    try:
        path = name.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise refused(name, "the name is no UTF-8") from fault
    # What `tar -C directory .` writes; a dot at any other place is refused.
    path = "" if path == "." else path.removeprefix("./")
    if path:
        for part in path.split("/"):
            _insist(name, part)
    return path


def _insist(name: bytes, part: str) -> None:
    if not part:
        raise refused(name, "the name is absolute or has an empty part")
    if part in (".", ".."):
        raise refused(name, "the name climbs")
    if not _PART.fullmatch(part):
        raise refused(name, "the name has a backslash or a control character, or is too long")
    if len(os.fsencode(part)) > MAX_PART:
        raise refused(name, f"a part of the name is longer than {MAX_PART} bytes")


def refused(name: bytes, words: str) -> ReasonError:
    """What is said of an entry that is never unpacked."""
    return ReasonError("ArchiveRefused", f"{shown(name)}: {words}")


def shown(name: bytes) -> str:
    """A name as it can be printed."""
    return clean(name, 120) or "an entry without a name"
