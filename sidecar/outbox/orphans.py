"""Outboxes whose process is gone: found by what lies there, sent by whoever serves the node.

Credentials are named by the path that they are mounted at; where the finder has no such mount, the
files wait.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from sidecar.disk import locks, owner, tenants
from sidecar.disk.layout import Layout
from sidecar.model.config import Limits
from sidecar.outbox.kept import recalled
from sidecar.outbox.spool import Spool


class Orphan(NamedTuple):
    """An outbox that nobody sends; its tenant's lock is held until `lock.release()`."""

    tenant: str
    spools: dict[str, Spool]
    lock: locks.Lock


def find(layout: Layout, own: owner.Owner, limits: Limits, besides: str) -> list[Orphan]:
    """Every outbox with something to send whose tenant nobody holds, but for that of `besides`."""
    return [
        found
        for tenant in tenants.names(layout)
        if tenant != besides and (found := _taken(layout, own, limits, tenant))
    ]


def _taken(layout: Layout, own: owner.Owner, limits: Limits, tenant: str) -> Orphan | None:
    if not any(_owes(layout, tenant, name) for name in _streams(layout, tenant)):
        return None
    lock = locks.try_lock(layout.tenant(tenant, "lock"))
    if lock is None:
        return None
    spools = {}
    for name in _streams(layout, tenant):
        stream = recalled(layout.outbox(tenant, name))
        if stream is not None and stream.name == name:
            spools[name] = Spool(layout, tenant, stream, limits, own)
    if not spools:
        lock.release()
        return None
    return Orphan(tenant, spools, lock)


def _streams(layout: Layout, tenant: str) -> list[str]:
    folder = layout.tenant(tenant, "outbox")
    return [name for name in tenants.listed(folder) if os.path.isdir(f"{folder}/{name}")]


def _owes(layout: Layout, tenant: str, stream: str) -> bool:
    return any(tenants.listed(layout.outbox(tenant, stream, part)) for part in ("new", "uploads"))
