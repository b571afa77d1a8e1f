"""The one way in: an archive's file, its caps and a writer, and the tree is written or nothing.

It finishes no tree: whoever called does, or abandons it when this raises.
"""

from __future__ import annotations

import os
from threading import Event

from sidecar.model.config import Unpack
from sidecar.model.reasons import ReasonError
from sidecar.unpack.guard import Guard, Writer
from sidecar.unpack.source import File, Gzip, Plain
from sidecar.unpack.tar import untar
from sidecar.unpack.zip import unzip


def unpack(path: str, unpack: Unpack, writer: Writer, stop: Event) -> None:
    """Write everything that is in the archive at `path`.

    Raises:
        ReasonError: ArchiveRefused, ArchiveTooLarge or ArchiveBroken, with the entry's name; or
            whatever the writer raises.
        StoppedError: `stop` was set.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        file = File(descriptor, stop)
        guard = Guard(unpack, writer, file)
        if unpack.format == "zip":
            unzip(file, guard)
        else:
            kind = {"tar": Plain, "tar.gz": Gzip}[unpack.format]
            untar(kind(file, guard.most), guard)
        if not guard.files:
            raise ReasonError("ArchiveBroken", "it holds no file")
    finally:
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)
