"""Outboxes whose process is gone: found by what lies there, sent by whoever serves the node.

Credentials are named by the path that they are mounted at; where the finder has no such mount, the
files wait.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from sidecar.disk import locks, owner, tenants
from sidecar.disk.layout import Layout
from sidecar.model.config import Config, Limits
from sidecar.outbox.kept import recalled
from sidecar.outbox.record import Record
from sidecar.outbox.spool import Spool


class Orphan(NamedTuple):
    """An outbox that nobody sends; its tenant's lock is held until `lock.release()`."""

    tenant: str
    spools: dict[str, Spool]
    record: Record
    lock: locks.Lock


def spools(
    layout: Layout, own: owner.Owner, config: Config, *, unsent: bool = True
) -> dict[str, Spool]:
    """The streams of a config, and `unsent` ones that its tenant had before.

    Raises:
        ReasonError: the disk fails.
    """
    tenant = config.tenant.directory
    streams = {one.name: one for one in config.outbox}
    for name in tenants.unsent(layout, tenant) if unsent else ():
        kept = recalled(layout.outbox(tenant, name))
        if name not in streams and kept is not None and kept.name == name:
            streams[name] = kept
    return {
        name: Spool(layout, tenant, stream, config.limits, own) for name, stream in streams.items()
    }


def find(layout: Layout, own: owner.Owner, limits: Limits, besides: str) -> list[Orphan]:
    """Every outbox with something to send whose tenant nobody holds, but for that of `besides`."""
    return [
        found
        for tenant in tenants.names(layout)
        if tenant != besides and (found := _taken(layout, own, limits, tenant))
    ]


def _taken(layout: Layout, own: owner.Owner, limits: Limits, tenant: str) -> Orphan | None:
    record = Record(layout, tenant, own)
    if not record.due and not any(_owes(layout, tenant, one) for one in _streams(layout, tenant)):
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
    return Orphan(tenant, spools, record, lock)


def _streams(layout: Layout, tenant: str) -> list[str]:
    folder = layout.tenant(tenant, "outbox")
    return [one for one in tenants.listed(folder) if os.path.isdir(f"{folder}/{one}")]


def _owes(layout: Layout, tenant: str, stream: str) -> bool:
    return any(tenants.listed(layout.outbox(tenant, stream, part)) for part in ("new", "uploads"))
