"""Pack: the segments of an archive into a file, each byte hashed on its way.

The archive is the same whoever makes it, so what lies there of an earlier run that was cut off is
the beginning of this one: it is read again, and only what lacks is asked for. Bytes that are not
what they are named by are taken away again, so that a file never holds them for longer than it
takes to know.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Final

from compiler.model.bundle import Segment
from compiler.model.codes import bundle as codes
from compiler.model.codes import world
from compiler.model.record import dataclass
from compiler.model.stored import StoreError

PIECE: Final = 1 << 20
Progress = Callable[[int, int], None]


class SegmentError(Exception):
    """A segment could not be had: which one, and why."""

    def __init__(self, segment: Segment, error: StoreError) -> None:
        super().__init__(error.message)
        self.segment = segment
        self.error = error


@dataclass(frozen=True, slots=True)
class Packed:
    """A finished archive: its bytes, its digest, and how many bytes were there already."""

    size: int
    sha256: str
    kept: int


def pack(segments: Sequence[Segment], path: Path, progress: Progress | None = None) -> Packed:
    """Make a file hold some segments and nothing else.

    What it has of them already is kept. When this raises, what is complete stays for the next run.

    Raises:
        SegmentError: a store or registry did not give a segment, or other bytes.
        BlockingIOError: somebody else is writing the same file.
        OSError: the system refuses; there may be too little room.
    """
    total = sum(one.size for one in segments)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    with open(descriptor, "r+b", buffering=0) as file:  # noqa: PTH123 - it is open already
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _insist_on_place(path, descriptor)
        _insist_on_room(path, total - os.fstat(descriptor).st_size)
        writer = _Writer(file, total, progress)
        for one in segments:
            writer.take(one)
        file.truncate(total)
        os.fsync(descriptor)
    return Packed(total, writer.whole.hexdigest(), writer.kept)


def _insist_on_place(path: Path, descriptor: int) -> None:
    """Whoever had the lock before may have put the file in its place: then it is no more ours."""
    if not (path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor))):
        raise BlockingIOError(None, "it is finished by another process")


def _insist_on_room(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        message = f"{needed:,} bytes are needed and {free:,} are free"
        raise OSError(None, message)


class _Writer:
    """Goes through a file once, from its first byte to its last."""

    def __init__(self, file: IO[bytes], total: int, progress: Progress | None) -> None:
        self._file, self._total, self._progress = file, total, progress
        self._at = 0
        self._continues = True
        self.whole = hashlib.sha256()
        self.kept = 0

    def take(self, segment: Segment) -> None:
        """Make the file go on with a segment."""
        if segment.source is None:
            self._given(segment.data)
            return
        own, whole = hashlib.sha256(), self.whole.copy()
        start, have = self._at, self._kept(segment.size, own)
        if have == segment.size and own.hexdigest() == segment.sha256:
            return
        if 0 < have < segment.size and self._came(segment, have, own):
            return
        if have:
            # What lay there was of another bundle, or of a damaged disk.
            self._back(start, whole.copy())
        if not self._came(segment, 0, hashlib.sha256()):
            self._back(start, whole)
            message = f"the store gives other bytes than {segment.sha256[:12]}…"
            raise SegmentError(segment, StoreError(codes.OTHER_BYTES, message))

    def _came(self, segment: Segment, have: int, own: hashlib._Hash) -> bool:
        """Fetch a segment from an offset on; whether its bytes are the right ones."""
        try:
            self._fetch(segment, have, own)
        except StoreError as error:
            raise SegmentError(segment, error) from error
        return own.hexdigest() == segment.sha256

    def _given(self, data: bytes) -> None:
        there = self._file.read(len(data)) if self._continues else b""
        if there == data:
            self.kept += len(data)
        else:
            self._cut(self._at)
            self._write(data)
        self._pass(data)

    def _kept(self, size: int, own: hashlib._Hash) -> int:
        """How many bytes of a segment lie there, hashed; the file stands behind them."""
        have = 0
        while self._continues and have < size:
            data = self._file.read(min(PIECE, size - have))
            if not data:
                self._continues = False
                break
            own.update(data)
            self._pass(data)
            have += len(data)
        self.kept += have
        return have

    def _fetch(self, segment: Segment, start: int, own: hashlib._Hash) -> None:
        self._cut(self._at)
        left = segment.size - start
        if segment.source is None or not left:
            return
        with segment.source(start) as stream:
            while left:
                data = stream.read(min(PIECE, left))
                if not data:
                    message = f"{segment.name} has fewer bytes than {segment.size:,}"
                    raise StoreError(world.STORE_FAILED, message, "run it again")
                own.update(data)
                self._write(data)
                self._pass(data)
                left -= len(data)

    def _back(self, start: int, whole: hashlib._Hash) -> None:
        """Take a segment away again."""
        self.kept = min(self.kept, start)
        self._at, self.whole = start, whole
        self._cut(start)

    def _cut(self, at: int) -> None:
        self._continues = False
        self._file.seek(at)
        self._file.truncate(at)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def _pass(self, data: bytes) -> None:
        self.whole.update(data)
        self._at += len(data)
        if self._progress:
            self._progress(self._at, self._total)
