"""Deletes what no tenant keeps, after a grace for readers. Never deletes what is active.

Nothing goes at first sight: what is not kept is noted with the time, and goes when it is still
not kept `grace` later. Marks are read again under the collector's lock, right before names go;
whoever keeps something writes that under the same lock (`tenants.keeping`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from sidecar.disk import documents, failure, fsops, locks, removal, space
from sidecar.disk import marks as marking
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, alive
from sidecar.model.config import Limits

PARTIAL_AGE = 7 * 86_400


def collect(layout: Layout, owner: Owner, limits: Limits, now: float) -> int:
    """Delete what is not kept any longer; the bytes that this freed. Another collector means 0.

    Raises:
        ReasonError: the disk is read-only or unusable.
    """
    with failure.told(layout.root):
        lock = locks.try_lock(layout.lock("collect"))
        if lock is None:
            return 0
        before = space.used(layout)
        with lock:
            gone = _take(layout, owner, limits, now)
        for path in gone:
            removal.remove(path)
        return max(before - space.used(layout), 0)


def _take(layout: Layout, owner: Owner, limits: Limits, now: float) -> list[str]:
    """Rename away what goes, under the lock; what it is called now."""
    loose = {os.path.relpath(path, layout.root): path for path in _loose(layout, now)}
    seen = _seen(layout, now, limits)
    first = {name: min(seen.get(name, now), now) for name in loose}
    due = {name for name, since in first.items() if name in seen and now - since >= limits.grace}
    gone = [_away(owner, loose[name]) for name in sorted(due)]
    _write_seen(layout, owner, now, {name: first[name] for name in first.keys() - due})
    return gone


def _away(owner: Owner, path: str) -> str:
    scratch = owner.scratch()
    if os.path.isdir(path) and not os.path.islink(path):
        removal.writable(path)
    fsops.rename(path, scratch)
    fsops.sync_directory(os.path.dirname(path))
    return scratch


def _loose(layout: Layout, now: float) -> Iterator[str]:
    """The paths that nothing keeps."""
    marks = marking.marks(layout)
    for name in os.listdir(layout.store("unpacked")):
        if name.partition(".")[0] not in marks.blobs:
            yield layout.store("unpacked", name)
    for name in os.listdir(layout.store("trees")):
        if name.removesuffix(".json") not in marks.trees:
            yield layout.store("trees", name)
    for shelf in os.listdir(layout.store("blobs")):
        for digest in os.listdir(layout.store("blobs", shelf)):
            if digest not in marks.blobs:
                yield layout.blob(digest)
    yield from _old_partials(layout, now)


def _old_partials(layout: Layout, now: float) -> Iterator[str]:
    for name in os.listdir(layout.store("partial")):
        path = layout.store("partial", name)
        token = name.split(".")[1] if name.count(".") == 2 else ""
        if not alive(layout, token) and now - os.stat(path).st_mtime > PARTIAL_AGE:
            yield path


def _seen(layout: Layout, now: float, limits: Limits) -> dict[str, float]:
    """When each path was first found loose; nothing where the clock jumped since."""
    found: dict[str, Any] = documents.read(_state(layout)) or {}
    last, names = found.get("at", 0), found.get("loose", {})
    if not 0 <= now - last <= max(limits.grace, 86_400):
        return {}
    return {name: float(since) for name, since in names.items()}


def _write_seen(layout: Layout, owner: Owner, now: float, loose: dict[str, float]) -> None:
    documents.write(owner, _state(layout), {"at": now, "loose": loose})


def _state(layout: Layout) -> str:
    return layout.store("loose.json")
