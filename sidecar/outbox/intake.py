"""A file on its way in: its bytes are copied, hashed and synced before its name exists.

The copy is what makes it ours: the worker's volume is another file system, its files may change
under anybody's hands, and a digest is only worth something over bytes that no one else can reach.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final, NamedTuple

from sidecar.disk import failure, fsops, hashing
from sidecar.outbox.names import Item, Left
from sidecar.outbox.spool import Spool

PIECE: Final = 256 * 1024
_SYNC_EVERY = 32 << 20


class Accepted(NamedTuple):
    """What was accepted; `url` is empty until it is stored."""

    item: Item
    size: int
    url: str


class Intake:
    """One file in the making, in the stream of a spool. End it with `accept` or `abandon`."""

    def __init__(self, spool: Spool) -> None:
        self.size = 0
        self._spool = spool
        self._hash = hashing.sha256()
        self._path = spool.fresh()
        self._synced = 0
        with failure.told(self._path):
            self._descriptor = fsops.create(self._path)

    def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes.

        Raises:
            ReasonError: the stream or the disk has no room for so many.
        """
        self._hash.update(data)
        with failure.told(self._path):
            fsops.write(self._descriptor, data)
            self.size += len(data)
            if self.size - self._synced >= _SYNC_EVERY:
                self._sync()
                self._spool.check(self.size, self.size)

    def accept(self, left: Left) -> Accepted:
        """Make it survive a power cut and give it its name.

        Raises:
            ReasonError: it does not fit, its round is closed, or the disk fails; it is gone then.
        """
        item = Item(self._hash.hexdigest(), left.name, left.round, left.deadline)
        try:
            with failure.told(self._path):
                self._sync()
                fsops.close(self._descriptor)
                self._descriptor = -1
            url = self._spool.add(self._path, item, self.size)
        except BaseException:
            self.abandon()
            raise
        return Accepted(item, self.size, url)

    def abandon(self) -> None:
        """Forget it; after `accept` this does nothing."""
        with suppress(OSError):
            if self._descriptor >= 0:
                fsops.close(self._descriptor)
            fsops.unlink(self._path)
        self._descriptor = -1

    def _sync(self) -> None:
        fsops.sync(self._descriptor)
        # It is read once more, at the pace of the link: until then it only takes memory.
        os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        self._synced = self.size
