"""Reads one artifact through a store: digest, size, content of an archive, digests of its parts.

Bytes go by once and are never kept. A digest that the store itself vouches for is believed where
nothing else needs the bytes.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO, Final

from compiler.model.archives import Content, count_tar, count_zip
from compiler.model.codes import world as codes
from compiler.model.lock import LockedChunks
from compiler.model.lockable import LockableArtifact
from compiler.model.ports import Stores
from compiler.model.record import dataclass
from compiler.model.stored import Stored, StoreError
from compiler.stages.lock.nouns import Measured

CHUNK: Final = 4 * 1024 * 1024
CHUNKED_FROM: Final = 64 * 1024 * 1024
"""Artifacts above this many bytes get digests of their parts."""

_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Read:
    """What was measured, and the list of its chunks' digests, empty where it needs none."""

    measured: Measured
    chunks: bytes = b""


def measure(stores: Stores, wanted: LockableArtifact, stored: Stored) -> Read:
    """Measure one object that the store says is there.

    Raises:
        StoreError: the store does not give it.
        ArchiveError: it is an archive that a device would refuse.
    """
    if stored.sha256 and not wanted.unpack and stored.size <= CHUNKED_FROM:
        return Read(_measured(stored, stored.sha256, stored.size))
    at = wanted.location
    with stores.open(at, etag=stored.etag) as stream:
        reader = _Hashing(stream, parts=stored.size > CHUNKED_FROM)
        content = None
        if wanted.unpack.startswith("tar"):
            content = count_tar(reader, wanted.unpack)
        reader.drain()
    _check_whole(stored, reader)
    if wanted.unpack == "zip":
        content = count_zip(
            reader.read_bytes,
            lambda start, length: stores.open(at, start=start, length=length, etag=stored.etag),
        )
    measured = _measured(stored, reader.whole.hexdigest(), reader.read_bytes, content)
    return Read(measured, reader.chunks())


def _check_whole(stored: Stored, reader: _Hashing) -> None:
    """Refuse bytes that are not all there, or not those that the store vouched for."""
    at = stored.location.url.partition("?")[0]
    if reader.read_bytes != stored.size:
        message = f"{at} has {stored.size} bytes, and {reader.read_bytes} came"
        raise StoreError(codes.STORE_FAILED, message, "run it again")
    if stored.sha256 and reader.whole.hexdigest() != stored.sha256:
        message = f"{at}: the store vouches for {stored.sha256[:12]}… and gives other bytes"
        raise StoreError(codes.STORE_FAILED, message, "store the artifact again")


def chunk_list(read: Read) -> LockedChunks:
    """What the lock says of a list of digests."""
    root = hashlib.sha256(read.chunks).hexdigest()
    return LockedChunks(size=CHUNK, count=len(read.chunks) // 32, root=root)


def _measured(stored: Stored, sha256: str, size: int, content: Content | None = None) -> Measured:
    # A path and a date are no name for bytes: what is local is read each time.
    etag = "" if stored.location.url.startswith("file:") else stored.etag
    return Measured(
        sha256,
        size,
        content.unpacked if content else None,
        content.files if content else None,
        etag=etag,
        version_id=stored.version_id,
    )


class _Hashing:
    """A stream that is hashed while others read it."""

    def __init__(self, stream: BinaryIO, *, parts: bool) -> None:
        self._stream = stream
        self._parts = parts
        self._digests: list[bytes] = []
        self._part, self._room = hashlib.sha256(), CHUNK
        self.whole = hashlib.sha256()
        self.read_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        """Up to so many bytes."""
        data = self._stream.read(size)
        self.whole.update(data)
        self.read_bytes += len(data)
        if self._parts:
            self._feed(memoryview(data))
        return data

    def drain(self) -> None:
        """Read to the end."""
        while self.read(_PIECE):
            pass

    def chunks(self) -> bytes:
        """The digests of all parts, one behind the other."""
        if not self._parts:
            return b""
        rest = [self._part.digest()] if self._room < CHUNK else []
        return b"".join([*self._digests, *rest])

    def _feed(self, data: memoryview) -> None:
        while data:
            part = data[: self._room]
            self._part.update(part)
            self._room -= len(part)
            data = data[len(part) :]
            if not self._room:
                self._digests.append(self._part.digest())
                self._part, self._room = hashlib.sha256(), CHUNK
