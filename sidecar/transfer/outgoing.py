"""What is stored somewhere: a whole file of known digest, read anew for every try.

The bytes are hashed once more as they leave, and the last of them is held back until the digest is
right: what rotted on disk never ends up under the name of what it was.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from sidecar.disk import documents, fsops
from sidecar.disk.owner import Owner
from sidecar.model.config import Source, Store
from sidecar.model.reasons import ReasonError
from sidecar.transfer.exchange import Body

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_LOOK_EVERY = 1.0


class Stored(NamedTuple):
    """Where something lies now; `already` says that it lay there before."""

    url: str
    already: bool = False


class State:
    """What is remembered of an upload between two tries; without a path, until this one ends."""

    def __init__(self, path: str = "", owner: Owner | None = None) -> None:
        self._path = path if owner else ""
        self._owner = owner
        self._kept: dict[str, Any] = {}

    def read(self) -> dict[str, Any]:
        """What was remembered, or nothing."""
        return (documents.read(self._path) if self._path else self._kept) or {}

    def write(self, document: dict[str, Any]) -> None:
        """Remember this, so that a power cut does not undo it."""
        if self._path and self._owner:
            documents.write(self._owner, self._path, document)
        self._kept = document

    def clear(self) -> None:
        """Forget it."""
        if self._path:
            fsops.unlink(self._path)
        self._kept = {}


class Outgoing(NamedTuple):
    """A file that is to lie at a URL, where nothing else may lie already."""

    source: Source
    path: str
    sha256: str
    size: int
    state: State

    def body(self, context: Context) -> Body:
        """The whole file; its last bytes only come when its digest is right."""
        return Body(lambda: _open(self, context, 0, self.size, self.sha256), self.size)

    def part(self, context: Context, start: int, length: int) -> Body:
        """A part of it, unchecked."""
        return Body(lambda: _open(self, context, start, length, ""), length)


class Written(NamedTuple):
    """Bytes that are to lie at a URL, in the place of what lay there where `replace` says so."""

    source: Source
    data: bytes
    type: str
    replace: bool


def outgoing(url: str, store: Store, path: str, sha256: str, state: State) -> Outgoing:
    """A file on its way to a URL.

    Raises:
        ReasonError: NotFound, because it is not there or not readable.
    """
    try:
        size = os.stat(path, follow_symlinks=False).st_size
    except OSError as fault:
        raise ReasonError("NotFound", f"{path}: {fault.strerror}") from fault
    return Outgoing(Source(url, store), path, sha256, size, state)


def digests(out: Outgoing, context: Context, start: int, length: int) -> tuple[str, bytes]:
    """SHA-256 in hexadecimal and MD5 of a part, which is what services compare."""
    strong, weak = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with _open(out, context, start, length, "") as file:
        while data := file.read(262_144):
            strong.update(data)
            weak.update(data)
    return strong.hexdigest(), weak.digest()


def verify(out: Outgoing, context: Context) -> None:
    """Hash the whole file.

    Raises:
        ReasonError: DigestMismatch.
    """
    with _open(out, context, 0, out.size, out.sha256) as file:
        while file.read(262_144):
            pass


class _Reader(io.RawIOBase):
    """A part of a file, read at the pace and in the windows of the context."""

    def __init__(self, descriptor: int, out: Outgoing, context: Context, part: _Part) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._out = out
        self._context = context
        self._offset, self._left = part.start, part.length
        self._hash = hashlib.sha256() if part.sha256 else None
        self._looked = 0.0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self._look()
        wanted = self._left if size < 0 else min(size, self._left)
        data = os.pread(self._descriptor, wanted, self._offset) if wanted else b""
        self._offset += len(data)
        self._left -= len(data)
        if self._hash is not None and data:
            self._hash.update(data)
            if not self._left and self._hash.hexdigest() != self._out.sha256:
                label = self._out.source.label
                raise ReasonError("DigestMismatch", f"{label}: changed on this disk")
        return data

    def close(self) -> None:
        if not self.closed:
            os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(self._descriptor)
        super().close()

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOK_EVERY:
            self._looked = now
            self._context.allow(first=False)


class _Part(NamedTuple):
    start: int
    length: int
    sha256: str


def _open(out: Outgoing, context: Context, start: int, length: int, sha256: str) -> BinaryIO:
    try:
        descriptor = os.open(out.path, _FILE)
    except OSError as fault:
        raise ReasonError("NotFound", f"{out.path}: {fault.strerror}") from fault
    reader: Any = _Reader(descriptor, out, context, _Part(start, length, sha256))
    found: BinaryIO = reader
    return found
