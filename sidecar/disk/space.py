"""What the store takes and what it may still take. Counts blocks; a hard link costs nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from sidecar.disk.layout import Layout
from sidecar.model.config import Limits
from sidecar.model.reasons import ReasonError

_COUNTED = ("blobs", "trees", "partial", "staging")


class Room(NamedTuple):
    """Bytes that may still be written, the smaller of what disk and quota leave, and inodes."""

    bytes: int
    inodes: int
    used: int
    disk: int
    quota: int


def room(layout: Layout, limits: Limits) -> Room:
    """What is left. `disk` is free bytes above the floor, `quota` what `maxBytes` leaves."""
    found = os.statvfs(layout.root)
    taken = used(layout)
    free = found.f_bavail * found.f_frsize - floor(limits, found.f_blocks * found.f_frsize)
    quota = limits.max_bytes - taken if limits.max_bytes else free
    inodes = found.f_favail if found.f_files else _MANY
    return Room(min(free, quota), inodes, taken, free, quota)


def floor(limits: Limits, total: int) -> int:
    """Bytes of a file system of `total` bytes that stay free."""
    return max(limits.min_free, total * limits.min_free_percent // 100)


def require(layout: Layout, limits: Limits, size: int, inodes: int) -> None:
    """Insist that so many bytes and inodes may be written.

    Raises:
        ReasonError: `DiskFull` or `QuotaExceeded`, with `need` and `free`.
    """
    left = room(layout, limits)
    if limits.max_bytes and size > left.quota:
        raise _short("QuotaExceeded", "bytes", size, left.quota)
    if size > left.disk:
        raise _short("DiskFull", "bytes", size, left.disk)
    if inodes > left.inodes:
        raise _short("DiskFull", "inodes", inodes, left.inodes)


def used(layout: Layout) -> int:
    """Bytes on disk of blobs, trees and what is in the making."""
    seen: set[tuple[int, int]] = set()
    return sum(_blocks(layout.store(name), seen) for name in _COUNTED)


_MANY = 1 << 62


def _short(code: str, what: str, need: int, free: int) -> ReasonError:
    free = max(free, 0)
    return ReasonError(
        code, f"{need} {what} needed, {free} free", facts={"need": need, "free": free}
    )


def _blocks(path: str, seen: set[tuple[int, int]]) -> int:
    total, waiting = 0, [path]
    while waiting:
        for entry in _entries(waiting.pop()):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(entry.path)
            with suppress(OSError):
                total += _once(entry.stat(follow_symlinks=False), seen)
    return total


def _once(found: os.stat_result, seen: set[tuple[int, int]]) -> int:
    if found.st_nlink > 1:
        if (found.st_dev, found.st_ino) in seen:
            return 0
        seen.add((found.st_dev, found.st_ino))
    return found.st_blocks * 512


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(path) as entries:
        yield from entries
