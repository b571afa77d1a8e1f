"""Marks of bytes that were put into the store ahead of the config that wants them.

Without a mark a collector would take what no config names. A mark ends after the same time as an
untouched tenant, and at once where space is short. It keeps bytes and never makes them wanted.
"""

from __future__ import annotations

import os
from contextlib import suppress

from sidecar.disk import fsops, marks
from sidecar.disk.layout import Layout
from sidecar.disk.tenants import keeping, listed

AGE = 14 * 86_400


def mark(layout: Layout, digest: str) -> None:
    """Keep a digest from now on, whether its bytes are here yet or not.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    with keeping(layout):
        path = layout.loaded(digest)
        try:
            fsops.close(fsops.create(path))
            fsops.sync_directory(os.path.dirname(path))
        except FileExistsError:
            fsops.touch(path)


def forget(layout: Layout, now: float, *, age: float = AGE) -> None:
    """End the marks of an age; the caller collects."""
    for name in listed(layout.store("loaded")):
        path = layout.loaded(name)
        with suppress(FileNotFoundError):
            if not marks.is_digest(name) or now - os.stat(path).st_mtime >= age:
                fsops.unlink(path)
