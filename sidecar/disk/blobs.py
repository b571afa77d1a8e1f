"""Verified bytes by their digest. A name here is a promise; whoever seals has hashed before."""

from __future__ import annotations

import os
from contextlib import suppress
from stat import S_ISREG

from sidecar.disk import failure, fsops
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner

PUBLIC = 0o444
PRIVATE = 0o440


def has(layout: Layout, digest: str) -> bool:
    """Whether the bytes of a digest are here."""
    return size(layout, digest) >= 0


def size(layout: Layout, digest: str) -> int:
    """Their length, or -1 where they are not here."""
    try:
        found = os.stat(layout.blob(digest), follow_symlinks=False)
    except FileNotFoundError:
        return -1
    return found.st_size if S_ISREG(found.st_mode) else -1


def open_blob(layout: Layout, digest: str) -> int:
    """A descriptor for reading.

    Raises:
        FileNotFoundError: they are not here.
    """
    return os.open(layout.blob(digest), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)


def seal(layout: Layout, owner: Owner, path: str, digest: str, private: bool) -> None:
    """Give a verified file its name and make that survive a power cut; `path` is gone afterwards.

    Where another process was faster its file stays, for trees share it already.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    owner.beat()
    target = layout.blob(digest)
    shelf = os.path.dirname(target)
    with failure.told(path):
        if has(layout, digest):
            fsops.unlink(path)
        else:
            _settle(path, PRIVATE if private else PUBLIC)
            if not os.path.isdir(shelf):
                with suppress(FileExistsError):
                    fsops.make_directory(shelf)
            fsops.rename(path, target)
        fsops.sync_directory(shelf)
        fsops.sync_directory(os.path.dirname(shelf))


def seal_all(
    layout: Layout, owner: Owner, folder: str, files: list[tuple[str, str]], private: bool
) -> None:
    """As `seal`, for the paths and digests of verified files of one folder: synced all at once.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    owner.beat()
    shelves: set[str] = set()
    with failure.told(folder):
        for path, _ in files:
            fsops.chmod_path(path, PRIVATE if private else PUBLIC)
        fsops.sync_below(folder)
        for path, digest in files:
            target = layout.blob(digest)
            shelf = os.path.dirname(target)
            if not has(layout, digest):
                if not os.path.isdir(shelf):
                    with suppress(FileExistsError):
                        fsops.make_directory(shelf)
                fsops.rename(path, target)
            shelves.add(shelf)
        for shelf in sorted(shelves):
            fsops.sync_directory(shelf)
        fsops.sync_directory(layout.store("blobs"))


def publish(layout: Layout, digest: str) -> None:
    """Let all users of the node read a blob that came here for a private artifact.

    Raises:
        FileNotFoundError: it is not here.
    """
    descriptor = open_blob(layout, digest)
    try:
        if os.fstat(descriptor).st_mode & 0o777 != PUBLIC:
            fsops.chmod(descriptor, PUBLIC)
            fsops.sync(descriptor)
    finally:
        os.close(descriptor)


def _settle(path: str, mode: int) -> None:
    """Make a file's bytes and mode final, and leave the page cache to the worker."""
    descriptor = fsops.reopen(path)
    try:
        fsops.chmod(descriptor, mode)
        fsops.sync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        fsops.close(descriptor)
