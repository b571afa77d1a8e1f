"""Deletes what no tenant keeps, after a grace for readers. Never deletes what is active.

Nothing goes at first sight: what is not kept is noted with the time, and goes when it is still
not kept `grace` later. What is kept is read again under a lock, right before names go; whoever
keeps something writes that under the same lock (`tenants.keeping`).

Locks are taken in this order: `collect` (one collector), `keep`, the lock of a tenant.
"""

from __future__ import annotations

import os
from contextlib import suppress

from sidecar.disk import departures, failure, loaded, locks, loose, owner, removal, space
from sidecar.disk.departures import away
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.disk.tenants import listed
from sidecar.model.config import Limits

_LOCK_AGE = 86_400
_PASSING = ("fetch-", "unpack-")


def collect(layout: Layout, own: Owner, limits: Limits, now: float) -> int:
    """Delete what is not kept any longer; the bytes that this freed.

    Where another collector is at work it does nothing. Where space is short it also gives up
    older versions and what was loaded unwanted, then partial files of the dead.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    with failure.told(layout.root):
        lock = locks.try_lock(layout.lock("collect"))
        if lock is None:
            return 0
        with lock:
            owner.sweep(layout)
            before = space.used(layout)
            _usual(layout, own, limits, now)
            if _is_short(layout, limits):
                _delete(_older(layout, own, limits, now))
            if _is_short(layout, limits):
                _delete(_abandoned(layout, own, now))
            _tidy_locks(layout, now)
            return max(before - space.used(layout), 0)


def due(layout: Layout, limits: Limits, now: float) -> list[str]:
    """What `collect` would delete now for being loose, relative to the root. Changes nothing."""
    seen = loose.read(layout, limits, now)
    found = loose.find(layout, limits, now)
    return [path for path in found if path in seen and now - seen[path] >= limits.grace]


def _usual(layout: Layout, own: Owner, limits: Limits, now: float) -> None:
    """Delete what has been loose for a grace, and note what became loose since."""
    with locks.take(layout.lock("keep")):
        loaded.forget(layout, now)
        if limits.keep_previous == 0:
            departures.spare_previous(layout, limits, now)
        going, seen = due(layout, limits, now), loose.read(layout, limits, now)
        gone = [new for path in going for new in _take(layout, own, path)]
        rest = {path: seen.get(path, now) for path in loose.find(layout, limits, now)}
    _delete(gone)  # before anything is written, for which there may be no room yet
    loose.write(layout, own, now, rest)


def _older(layout: Layout, own: Owner, limits: Limits, now: float) -> list[str]:
    """Take away versions that only a rollback could want. They were replaced a grace ago."""
    with locks.take(layout.lock("keep")):
        before = set(loose.unkept(layout, limits.keep_previous))
        replaced = [f"tenants/{tenant}" for tenant in departures.gone(layout, 0, now)]
        gone = [new for path in replaced for new in _take(layout, own, path)]
        departures.spare_previous(layout, limits, now)
        loaded.forget(layout, now, age=limits.grace)
        freed = [path for path in loose.unkept(layout, 0) if path not in before]
        return gone + [new for path in freed for new in _take(layout, own, path)]


def _abandoned(layout: Layout, own: Owner, now: float) -> list[str]:
    with locks.take(layout.lock("keep")):
        return [away(own, path) for path in departures.old_partials(layout, now, age=None)]


def _take(layout: Layout, own: Owner, path: str) -> list[str]:
    """Take one loose path out of its place; what that is called now."""
    top, _, tenant = path.partition("/")
    if top == "tenants" and "/" not in tenant:
        return departures.drop(layout, own, tenant)
    return [away(own, f"{layout.root}/{path}")]


def _is_short(layout: Layout, limits: Limits) -> bool:
    return space.room(layout, limits).bytes < 0


def _delete(paths: list[str]) -> None:
    for path in paths:
        removal.remove(path)


def _tidy_locks(layout: Layout, now: float) -> None:
    """Remove locks of single artifacts that nobody has made for a day."""
    for name in listed(layout.store("locks")):
        path = layout.lock(name)
        with suppress(FileNotFoundError):
            if name.startswith(_PASSING) and now - os.stat(path).st_mtime > _LOCK_AGE:
                lock = locks.try_lock(path)
                if lock is not None:
                    lock.remove()
