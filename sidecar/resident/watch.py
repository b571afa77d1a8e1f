"""Sees a mounted config change: by looking at it every two seconds, so no event can be missed.

A kubelet replaces a ConfigMap's directory by moving the link `..data`; a plain file has its time,
size and inode. What is read is never judged here.
"""

from __future__ import annotations

import os
from contextlib import suppress

PERIOD = 2.0
_LIMIT = 512 * 1024 + 1

Mark = tuple[str, int, int, int, int]
_MISSING: Mark = ("", 0, 0, 0, 0)


class Watch:
    """The config at a path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._link = f"{os.path.dirname(path)}/..data"
        self._seen: Mark | None = None

    def changed(self) -> bool:
        """Whether the file is another one than at the last call; the first call says yes."""
        mark = self._mark()
        changed = mark != self._seen
        self._seen = mark
        return changed

    def read(self) -> bytes | None:
        """The text, cut one byte beyond what a config may have; None where it cannot be read."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return None
        with suppress(OSError), open(descriptor, "rb") as file:
            return file.read(_LIMIT)
        return None

    def _mark(self) -> Mark:
        target = ""
        with suppress(OSError):
            target = os.readlink(self._link)
        try:
            found = os.stat(self.path)
        except OSError:
            return (target, *_MISSING[1:])
        return (target, found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
