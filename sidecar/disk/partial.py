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

from sidecar.disk import blobs, failure, fsops, partials, space
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Limits

CHUNK = 4 << 20


class Partial:
    """An open partial file. One thread uses it.

    `trusted` bytes from the start survive everything, `position` is where the next byte goes.
    """

    def __init__(self, layout: Layout, owner: Owner, digest: str, chunk: int = CHUNK) -> None:
        self.digest = digest
        self.path = layout.partial(digest, owner.token)
        self.descriptor = -1
        self.trusted = 0
        self.position = 0
        self._layout = layout
        self._owner = owner
        self._chunk = chunk
        self._identity: dict[str, Any] = {}
        self._record = -1
        self._guard: space.Guard | None = None

    @property
    def identity(self) -> dict[str, Any]:
        """What the bytes came from, as the last fetch described it; empty at the start."""
        return self._identity

    @identity.setter
    def identity(self, identity: dict[str, Any]) -> None:
        if identity != self._identity:
            self._note({"identity": identity})
            self._identity = dict(identity)

    def write(self, view: bytes | memoryview) -> None:
        """Append; syncs when a chunk's worth of bytes came since the last time.

        Raises:
            ReasonError: the disk is full, read-only or unusable. `trusted` bytes stay.
        """
        if self._guard is not None:
            self._guard.wrote(len(view))
        with failure.told(self.path):
            fsops.write_at(self.descriptor, view, self.position)
        self.position += len(view)
        if self.position - self.trusted >= self._chunk:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Sync what was written and trust it from now on.

        Raises:
            ReasonError: the disk failed. Bytes since the last sync are then written anew, never
                synced again: after a failed sync the kernel forgets which ones it lost.
        """
        position, self.position = self.position, self.trusted
        if position == self.trusted:
            return
        self._owner.beat()
        with failure.told(self.path):
            fsops.sync_data(self.descriptor)
        self._note({"trusted": position})
        self.trusted = self.position = position

    def truncate(self, length: int) -> None:
        """Trust no byte from `length` on, and write there next."""
        if length < self.trusted:
            self._note({"trusted": length})
            self.trusted = length
        self.position = min(length, self.position)

    def seal(self, private: bool) -> None:
        """Make it the blob of its digest, which the caller has found to be right.

        Raises:
            ReasonError: the disk is full, read-only or unusable.
        """
        with failure.told(self.path):
            if os.fstat(self.descriptor).st_size != self.position:
                fsops.truncate(self.descriptor, self.position)
            self._shut()
            blobs.seal(self._layout, self._owner, self.path, self.digest, private)
            fsops.unlink(partials.record_path(self.path))

    def discard(self) -> None:
        """Delete it; nothing of it is wanted."""
        self._shut()
        partials.delete(self.path)

    def close(self) -> None:
        """Keep it for a later fetch; a second call does nothing."""
        try:
            if self.descriptor >= 0:
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
        if error is None:
            self.close()
        else:
            with suppress(Exception):  # the first error is the one to tell
                self.close()

    def open(self, size: int, limits: Limits | None) -> None:
        """Open or make the files, and reserve what is missing to `size`; see `open_partial`."""
        try:
            self._open()
            if self._lacks(size):
                self._reserve(size, limits)
            if limits is not None and (size < 0 or self._lacks(size)):
                self._guard = space.Guard(self._layout, limits)
        except BaseException:
            self._shut()
            raise
        found = partials.read_record(self.path)
        self._identity = found["identity"]
        self.trusted = min(found["trusted"], os.fstat(self.descriptor).st_size)
        self.position = self.trusted

    def _open(self) -> None:
        if not partials.usable(self.path):
            partials.delete(self.path)
        try:
            self.descriptor = fsops.create(self.path)
        except FileExistsError:
            if os.stat(self.path).st_mode & 0o600 != 0o600:  # stopped while it was sealed
                fsops.chmod_path(self.path, 0o600)
            self.descriptor = fsops.reopen(self.path)
        self._record = fsops.append(partials.record_path(self.path))
        fsops.sync_directory(os.path.dirname(self.path))

    def _lacks(self, size: int) -> int:
        """Bytes that are not reserved yet."""
        return max(size - os.fstat(self.descriptor).st_blocks * 512, 0)

    def _reserve(self, size: int, limits: Limits | None) -> None:
        if limits is None:
            fsops.allocate(self.descriptor, size)
            return
        with space.hold(self._layout, self._owner, limits, self._lacks(size), 0):
            fsops.allocate(self.descriptor, size)

    def _note(self, line: dict[str, Any]) -> None:
        text = json.dumps(line, separators=(",", ":"))
        with failure.told(self.path):
            # the end of line before keeps a line apart from one that a full disk cut off
            fsops.write(self._record, f"\n{text}\n".encode())
            fsops.sync_data(self._record)

    def _shut(self) -> None:
        for descriptor in (self.descriptor, self._record):
            if descriptor >= 0:
                fsops.close(descriptor)
        self.descriptor = self._record = -1


def open_partial(
    layout: Layout,
    owner: Owner,
    digest: str,
    size: int,
    chunk: int = CHUNK,
    *,
    limits: Limits | None = None,
) -> Partial:
    """The partial file of a digest, with what a dead owner left of it; `size` -1 is unknown.

    The caller holds the digest's fetch lock. With `limits` the space is checked and reserved in
    one step, so that two fetches never share the same room.

    Raises:
        ReasonError: the disk is full, read-only or unusable, or the quota does not allow it.
    """
    partial = Partial(layout, owner, digest, chunk)
    with failure.told(partial.path):
        partials.adopt(layout, owner, digest)
        partial.open(size, limits)
    return partial
