"""Tenants that are gone for good, and what can be spared when space is short.

A tenant goes when its lock is free, and either nothing of it was touched for 14 days or more than
`keepPrevious` newer revisions of the same job and role are good. As long as its outbox owes
something to a store that stays whole, and says itself where to send what; the node role does.

Where space is short, versions that were replaced longer than a grace ago go too, and then what
dead processes left of unfinished fetches. What is active never goes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from sidecar.disk import documents, fsops, locks, marks, partials, removal, tenants
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, alive
from sidecar.model.config import Limits

TENANT_AGE = 14 * 86_400
PARTIAL_AGE = 7 * 86_400


def away(owner: Owner, path: str) -> str:
    """Take something out of its place by one rename; what it is called now."""
    scratch = owner.scratch()
    if os.path.isdir(path) and not os.path.islink(path):
        removal.writable(path)  # or it could not move
    fsops.rename(path, scratch)
    fsops.sync_directory(os.path.dirname(path))
    return scratch


def gone(layout: Layout, keep: int, now: float) -> list[str]:
    """The tenants that are to be dropped, `keep` older revisions of each job and role excepted."""
    return [
        tenant
        for tenant in tenants.names(layout)
        if _stale(layout, tenant, now) or _replaced(layout, tenant, keep)
        if not locks.held(layout.tenant(tenant, "lock"))
        if tenants.listed(layout.tenant(tenant)) != ["lock", "outbox"]
        or not tenants.owes(layout, tenant)
    ]


def drop(layout: Layout, owner: Owner, tenant: str) -> list[str]:
    """Take a tenant away, but for an outbox that owes; what its parts are called now."""
    lock = locks.try_lock(layout.tenant(tenant, "lock"))
    if lock is None:
        return []
    with lock:
        if not tenants.owes(layout, tenant):
            return [away(owner, layout.tenant(tenant))]
        parts = tenants.listed(layout.tenant(tenant))
        rest = [one for one in parts if one not in {"lock", "outbox"}]
        return [away(owner, layout.tenant(tenant, one)) for one in rest]


def old_partials(layout: Layout, now: float, *, age: float | None = PARTIAL_AGE) -> Iterator[str]:
    """The files that dead owners left of fetches that nobody went on with, of any age for None."""
    for left in partials.listed(layout):
        if not alive(layout, left.token):
            for path in (left.path, partials.record_path(left.path)):
                old = age is None or now - _mtime(path) >= age
                if old and os.path.exists(path):
                    yield path
    folder = layout.store("partial")
    for name in sorted(os.listdir(folder)):  # versions that a fetch found to be wrong
        if name.endswith(".refused") and (age is None or now - _mtime(f"{folder}/{name}") >= age):
            yield f"{folder}/{name}"


def spare_previous(layout: Layout, limits: Limits, now: float) -> bool:
    """Forget the version before the active one wherever a slot is at rest; whether any was."""
    spared = False
    for tenant in tenants.names(layout):
        for group in tenants.listed(layout.tenant(tenant, "slots")):
            if _settled(layout, tenant, group, now - limits.grace):
                fsops.unlink(layout.slot(tenant, group, "previous"))
                fsops.sync_directory(layout.slot(tenant, group))
                spared = True
    return spared


def _settled(layout: Layout, tenant: str, group: str, before: float) -> bool:
    """Whether a slot has a version before the active one and was at rest since a moment."""
    if not marks.pointed(layout, tenant, group, "previous"):
        return False
    if not marks.pointed(layout, tenant, group, "current"):
        return False
    record = documents.read(layout.slot(tenant, group, "record.json")) or {}
    flipped = os.lstat(layout.slot(tenant, group, "current")).st_mtime
    return record.get("phase", "idle") == "idle" and flipped <= before


def _stale(layout: Layout, tenant: str, now: float) -> bool:
    return now - _touched(layout, tenant) >= TENANT_AGE


def _replaced(layout: Layout, tenant: str, keep: int) -> bool:
    job, role, revision = _parts(tenant)
    if not revision:
        return False
    ours = _accepted_at(layout, tenant)
    newer = [
        other
        for other in tenants.names(layout)
        if _parts(other)[:2] == (job, role)
        and other != tenant
        and _accepted_at(layout, other) > ours
        and _good(layout, other)
    ]
    return len(newer) > keep


def _good(layout: Layout, tenant: str) -> bool:
    """Whether every slot of a tenant has an active version and is at rest."""
    groups = tenants.listed(layout.tenant(tenant, "slots"))
    records = [documents.read(layout.slot(tenant, one, "record.json")) or {} for one in groups]
    return (
        bool(groups)
        and all(marks.pointed(layout, tenant, one, "current") for one in groups)
        and all(record.get("phase", "idle") == "idle" for record in records)
    )


def _parts(tenant: str) -> tuple[str, str, str]:
    job, role, revision = [*tenant.split(".", 2), "", ""][:3]
    return job, role, revision


def _accepted_at(layout: Layout, tenant: str) -> float:
    return _mtime(layout.tenant(tenant, "config", "accepted.json"))


def _touched(layout: Layout, tenant: str) -> float:
    groups = tenants.listed(layout.tenant(tenant, "slots"))
    streams = tenants.listed(layout.tenant(tenant, "outbox"))
    paths = [
        layout.tenant(tenant),
        *(layout.tenant(tenant, name) for name in ("lock", "config", "journal.ndjson", "slots")),
        *(layout.slot(tenant, group) for group in groups),
        *(layout.outbox(tenant, stream, "new") for stream in streams),
    ]
    return max(map(_mtime, paths))


def _mtime(path: str) -> float:
    try:
        return os.stat(path, follow_symlinks=False).st_mtime
    except (FileNotFoundError, NotADirectoryError):
        return 0.0
