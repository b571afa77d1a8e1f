"""Verified bytes by their digest. A name here is a promise; whoever seals has hashed before."""

from __future__ import annotations

import os
from contextlib import suppress
from stat import S_ISREG

from sidecar.disk import failure, fsops
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner


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

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    del owner  # `path` lies in its staging or is its partial file
    target = layout.blob(digest)
    shelf = os.path.dirname(target)
    with failure.told(path):
        descriptor = fsops.reopen(path)
        try:
            fsops.chmod(descriptor, 0o440 if private else 0o444)
            fsops.sync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            fsops.close(descriptor)
        if not os.path.isdir(shelf):
            with suppress(FileExistsError):
                fsops.make_directory(shelf)
        fsops.rename(path, target)
        fsops.sync_directory(shelf)
        fsops.sync_directory(os.path.dirname(shelf))
