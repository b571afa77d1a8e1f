"""What the store takes and what it may still take. Counts blocks; a hard link costs nothing.

A check is a promise only while a `hold` lasts: others of the node see it and leave that much.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from stat import S_ISDIR
from typing import NamedTuple

from sidecar.disk import documents, failure, fsops, locks
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, alive
from sidecar.model.config import Limits
from sidecar.model.reasons import ReasonError

_BESIDES = ("trees", "partial", "staging")
_HOLD = "hold-"
_MANY = 1 << 62


class Room(NamedTuple):
    """Bytes that may still be written, the smaller of what disk and quota leave, and inodes.

    `disk` is free bytes above the floor, `quota` what `maxBytes` leaves, `used` what the store
    takes; what others hold is taken off none of them.
    """

    bytes: int
    inodes: int
    used: int
    disk: int
    quota: int


class Guard:
    """Watches the floor of the disk while bytes come whose number nobody knew before."""

    STEP = 4 << 20

    def __init__(self, layout: Layout, limits: Limits) -> None:
        self._layout = layout
        self._limits = limits
        self._since = 0

    def wrote(self, size: int) -> None:
        """Count; look at the disk each few megabytes.

        Raises:
            ReasonError: `DiskFull`.
        """
        self._since += size
        if self._since >= self.STEP:
            self._since = 0
            if _free(self._layout, self._limits) < 0:
                raise _full(self._layout, self._limits, self.STEP, 0)


def room(layout: Layout, limits: Limits) -> Room:
    """What is left."""
    taken, free = used(layout), _free(layout, limits)
    quota = limits.max_bytes - taken if limits.max_bytes else free
    return Room(min(free, quota), _inodes(layout), taken, free, quota)


def floor(limits: Limits, total: int) -> int:
    """Bytes of a file system of `total` bytes that stay free."""
    return max(limits.min_free, total * limits.min_free_percent // 100)


def require(layout: Layout, limits: Limits, size: int, inodes: int) -> None:
    """Insist that so many bytes and inodes may be written, besides what others hold.

    Raises:
        ReasonError: `QuotaExceeded` where `maxBytes` is in the way by itself, else `DiskFull`, with
            `need` and `free`.
    """
    left, (held, held_inodes) = room(layout, limits), _held(layout)
    if limits.max_bytes and size > left.quota:
        raise _short("QuotaExceeded", "bytes", size, left.quota)
    if size + held > left.bytes:
        raise _full(layout, limits, size, left.bytes - held)
    if inodes + held_inodes > left.inodes:
        raise _short("DiskFull", "inodes", inodes, left.inodes - held_inodes)


@contextmanager
def hold(layout: Layout, owner: Owner, limits: Limits, size: int, inodes: int) -> Iterator[None]:
    """Insist as `require` does, and let no other process have the room until the end.

    Raises:
        ReasonError: as `require`.
    """
    staging, number = os.path.split(owner.scratch())
    path = f"{staging}/{_HOLD}{number}"
    with failure.told(layout.root):
        with locks.take(layout.lock("space")):
            require(layout, limits, size, inodes)
            documents.write(owner, path, {"bytes": size, "inodes": inodes})
        try:
            yield
        finally:
            fsops.unlink(path)


def used(layout: Layout) -> int:
    """Bytes on disk of blobs, trees and what is in the making; a tree's link to a blob is free."""
    blobs: set[int] = set()
    total = sum(_blocks(layout.store("blobs"), lambda found: _note(found, blobs)))
    for name in _BESIDES:
        total += sum(_blocks(layout.store(name), lambda found: found.st_ino not in blobs))
    return total


def _free(layout: Layout, limits: Limits) -> int:
    found = os.statvfs(layout.root)
    return found.f_bavail * found.f_frsize - floor(limits, found.f_blocks * found.f_frsize)


def _inodes(layout: Layout) -> int:
    found = os.statvfs(layout.root)
    return found.f_favail if found.f_files else _MANY


def _held(layout: Layout) -> tuple[int, int]:
    """Bytes and inodes that living processes hold."""
    size = inodes = 0
    for staging in _entries(layout.store("staging")):
        for entry in _entries(staging.path):
            if entry.name.startswith(_HOLD) and alive(layout, staging.name):
                found = documents.read(entry.path) or {}
                size += int(found.get("bytes", 0))
                inodes += int(found.get("inodes", 0))
    return size, inodes


def _full(layout: Layout, limits: Limits, need: int, free: int) -> ReasonError:
    """The floor is named: a disk below it is not full to anybody else who looks at it."""
    found = os.statvfs(layout.root)
    spared = floor(limits, found.f_blocks * found.f_frsize)
    return _short("DiskFull", "bytes", need, free, f" beyond the {spared} that stay free")


def _short(code: str, what: str, need: int, free: int, beyond: str = "") -> ReasonError:
    free = max(free, 0)
    words = f"{need} {what} needed, {free} free{beyond}"
    return ReasonError(code, words, facts={"need": need, "free": free})


def _blocks(path: str, counts: Callable[[os.stat_result], bool]) -> Iterator[int]:
    waiting = [path]
    while waiting:
        for entry in _entries(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            with suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if counts(found):
                    yield found.st_blocks * 512


def _note(found: os.stat_result, blobs: set[int]) -> bool:
    """Count a blob, and remember it where it has other names; blobs are few, unlike files."""
    if found.st_nlink > 1 and not S_ISDIR(found.st_mode):
        blobs.add(found.st_ino)
    return True


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(path) as entries:
        yield from entries
