"""Who uses the store: a directory for each worker, locked by its resident process.

Whatever keeps something in the store (an accepted config, a record's `from` and `to`) is written
inside of `keeping`, so that a collector which runs meanwhile either sees it or is done before.
"""

from __future__ import annotations

import os
from contextlib import suppress
from threading import Event

from sidecar.disk import failure, fsops, locks
from sidecar.disk.layout import Layout


def enter(layout: Layout, tenant: str) -> locks.Lock | None:
    """The lock of a tenant, whose directories are made; None while another process holds it."""
    path = layout.tenant(tenant)
    with failure.told(path):
        while True:
            for directory in (path, *(f"{path}/{name}" for name in _PARTS)):
                if not os.path.isdir(directory):
                    with suppress(FileExistsError):
                        fsops.make_directory(directory)
                    fsops.sync_directory(os.path.dirname(directory))
            with suppress(FileNotFoundError):  # it was dropped in between
                return locks.try_lock(f"{path}/lock")


def keeping(layout: Layout) -> locks.Lock:
    """Held while something is written that keeps blobs or trees; waits for a collector's end."""
    lock = locks.wait_lock(layout.lock("collect"), Event(), 0.02, shared=True)
    assert lock is not None, "nobody sets the event"  # noqa: S101 - for the type alone
    return lock


def names(layout: Layout) -> list[str]:
    """Every tenant, sorted."""
    try:
        return sorted(os.listdir(f"{layout.root}/tenants"))
    except FileNotFoundError:
        return []


_PARTS = ("config", "slots", "views", "quarantine", "outbox")
