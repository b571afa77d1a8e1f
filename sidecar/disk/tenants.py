"""Who uses the store: a directory for each worker, locked by its resident process.

Whatever keeps something in the store (an accepted config, the target of a record) is written
inside of `keeping`, so that a collector which runs meanwhile either sees it or is done before.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any

from sidecar.disk import documents, failure, fsops, locks
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner

_OWED = ("new", "uploads")
"""What a stream has accepted and not stored, and uploads that are to be gone on with or ended."""

PARTS = ("config", "slots", "views", "quarantine", "outbox")


def enter(layout: Layout, tenant: str) -> locks.Lock | None:
    """The lock of a tenant, whose directories are made; None while another process holds it.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    path = layout.tenant(tenant)
    with failure.told(path):
        while True:
            with suppress(FileNotFoundError):  # a collector may drop it in between
                for directory in (path, *(f"{path}/{name}" for name in PARTS)):
                    _make(directory)
                lock = locks.try_lock(f"{path}/lock")
                if lock is not None:
                    fsops.touch(f"{path}/lock")
                return lock


def accept(layout: Layout, owner: Owner, tenant: str, document: dict[str, Any]) -> None:
    """Keep a config: what it names stays in the store from now on, what only older ones named goes.

    Raises:
        ReasonError: the disk is full, read-only or unusable; the one before is still accepted.
    """
    with keeping(layout):
        documents.write(owner, layout.tenant(tenant, "config", "accepted.json"), document)


def accepted(layout: Layout, tenant: str) -> dict[str, Any] | None:
    """The config that a tenant accepted last."""
    return documents.read(layout.tenant(tenant, "config", "accepted.json"))


def keeping(layout: Layout) -> locks.Lock:
    """Held while something is written that keeps blobs or trees; it waits for a collector's end.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    with failure.told(layout.store("locks")):
        return locks.take(layout.lock("keep"), shared=True)


def names(layout: Layout) -> list[str]:
    """Every tenant, sorted."""
    return listed(f"{layout.root}/tenants")


def unsent(layout: Layout, tenant: str) -> list[str]:
    """The streams of a tenant that hold accepted items."""
    outbox = layout.tenant(tenant, "outbox")
    return [one for one in listed(outbox) if listed(f"{outbox}/{one}/new")]


def owes(layout: Layout, tenant: str) -> bool:
    """Whether something of a tenant's outbox is still to be stored, or ended, at its store."""
    outbox = layout.tenant(tenant, "outbox")
    parts = [f"{outbox}/{stream}/{part}" for stream in listed(outbox) for part in _OWED]
    run = documents.read(f"{outbox}/run.json") or {}
    return any(map(listed, parts)) or run.get("stage") == "accepted"


def listed(path: str) -> list[str]:
    """What is in a directory, sorted; nothing where there is none.

    Raises:
        OSError: the disk did not answer.
    """
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _make(directory: str) -> None:
    if not os.path.isdir(directory):
        with suppress(FileExistsError):
            fsops.make_directory(directory)
        fsops.sync_directory(os.path.dirname(directory))
