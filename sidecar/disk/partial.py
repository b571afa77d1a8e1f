"""The bytes of an unfinished fetch, and how many of them can be trusted after anything.

Beside the file lies a record of one JSON object per line, of which the last whole one of a key
counts. A line is only written about bytes that were synced before; the file's own length says
nothing, because space is reserved at the start.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from types import TracebackType
from typing import Any

from sidecar.disk import blobs, failure, fsops
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, alive

CHUNK = 4 << 20


class Partial:
    """An open partial file; `position` is where the next byte goes."""

    def __init__(self, layout: Layout, owner: Owner, digest: str, chunk: int) -> None:
        self.layout = layout
        self.owner = owner
        self.digest = digest
        self.path = layout.partial(digest, owner.token)
        self.descriptor = -1
        self.trusted = 0
        self.position = 0
        self._chunk = chunk
        self._identity: dict[str, Any] = {}
        self._record = -1

    @property
    def identity(self) -> dict[str, Any]:
        """What the bytes came from, as the last fetch described it; empty at the start."""
        return self._identity

    @identity.setter
    def identity(self, identity: dict[str, Any]) -> None:
        if identity != self._identity:
            self._identity = dict(identity)
            self._note({"identity": self._identity})

    def write(self, view: bytes | memoryview) -> None:
        """Append; syncs when a chunk's worth of bytes came since the last time.

        Raises:
            ReasonError: the disk is full, read-only or unusable. `trusted` bytes stay.
        """
        with failure.told(self.path):
            fsops.write_at(self.descriptor, view, self.position)
        self.position += len(view)
        if self.position - self.trusted >= self._chunk:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Sync what was written and trust it from now on.

        Raises:
            ReasonError: the disk failed. Bytes since the last sync are written anew, never synced
                again: after a failed sync the kernel forgets which ones it lost.
        """
        if self.position == self.trusted:
            return
        position, self.position = self.position, self.trusted
        with failure.told(self.path):
            fsops.sync_data(self.descriptor)
        self.position = position
        self._note({"trusted": position})
        self.trusted = position

    def truncate(self, length: int) -> None:
        """Trust no byte from `length` on, and write there next."""
        if length < self.trusted:
            self._note({"trusted": length})
            self.trusted = length
        self.position = length

    def seal(self, private: bool) -> None:
        """Make it the blob of its digest, which the caller has found to be right.

        Raises:
            ReasonError: the disk is full, read-only or unusable.
        """
        with failure.told(self.path):
            if os.fstat(self.descriptor).st_size != self.position:
                fsops.truncate(self.descriptor, self.position)
            self._shut()
            blobs.seal(self.layout, self.owner, self.path, self.digest, private)
            fsops.unlink(_record(self.path))

    def discard(self) -> None:
        """Delete it; nothing of it is wanted."""
        self._shut()
        fsops.unlink(_record(self.path))
        fsops.unlink(self.path)

    def close(self) -> None:
        """Keep it for a later fetch."""
        if self.descriptor >= 0:
            try:
                self.checkpoint()
            finally:
                self._shut()

    def __enter__(self) -> Partial:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _open(self, size: int) -> None:
        try:
            self.descriptor = fsops.create(self.path)
        except FileExistsError:
            if os.stat(self.path).st_mode & 0o600 != 0o600:  # stopped while it was sealed
                fsops.chmod_path(self.path, 0o600)
            self.descriptor = fsops.reopen(self.path)
        self._record = fsops.append(_record(self.path))
        if size > os.fstat(self.descriptor).st_size:
            fsops.allocate(self.descriptor, size)

    def _note(self, line: dict[str, Any]) -> None:
        with failure.told(self.path):
            fsops.write(self._record, json.dumps(line, separators=(",", ":")).encode() + b"\n")
            fsops.sync_data(self._record)

    def _shut(self) -> None:
        for descriptor in (self.descriptor, self._record):
            if descriptor >= 0:
                fsops.close(descriptor)
        self.descriptor = self._record = -1


def open_partial(
    layout: Layout, owner: Owner, digest: str, size: int, chunk: int = CHUNK
) -> Partial:
    """The partial file of a digest, with what a dead owner left of it; `size` -1 is unknown.

    The caller holds the digest's fetch lock.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    partial = Partial(layout, owner, digest, chunk)
    with failure.told(partial.path):
        _adopt(layout, owner, digest)
        found = read_record(partial.path)
        partial._identity = found["identity"]
        try:
            partial._open(size)
        except OSError:
            partial._shut()
            raise
    partial.trusted = min(found["trusted"], os.fstat(partial.descriptor).st_size)
    partial.position = partial.trusted
    return partial


def read_record(path: str) -> dict[str, Any]:
    """What the record beside a partial file says: `trusted` and `identity`."""
    found: dict[str, Any] = {"trusted": 0, "identity": {}}
    with suppress(FileNotFoundError), open(_record(path), "rb") as file:
        for line in file:
            with suppress(ValueError):
                found |= json.loads(line) if line.endswith(b"\n") else {}
    return found


def _record(path: str) -> str:
    return f"{path.removesuffix('.part')}.json"


def _adopt(layout: Layout, owner: Owner, digest: str) -> None:
    """Take over what the dead left of a digest: the longest is ours now, the others go."""
    left = _left(layout, digest, owner)
    left.sort(key=lambda path: read_record(path)["trusted"], reverse=True)
    ours = layout.partial(digest, owner.token)
    for path in left:
        if os.path.exists(ours):
            fsops.unlink(_record(path))
            fsops.unlink(path)
        else:
            _take(path, ours)


def _left(layout: Layout, digest: str, owner: Owner) -> list[str]:
    folder = layout.store("partial")
    tokens = [
        name.split(".")[1]
        for name in os.listdir(folder)
        if name.startswith(digest) and name.endswith(".part")
    ]
    return [
        layout.partial(digest, token)
        for token in tokens
        if token != owner.token and not alive(layout, token)
    ]


def _take(path: str, ours: str) -> None:
    """Record first: a file without one would begin at its first byte again."""
    fsops.unlink(_record(ours))
    fsops.link(_record(path), _record(ours)) if os.path.exists(_record(path)) else None
    fsops.rename(path, ours)
    fsops.sync_directory(os.path.dirname(ours))
    fsops.unlink(_record(path))
