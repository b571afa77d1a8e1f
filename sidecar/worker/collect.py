"""Deletes what no tenant of the store needs, and more where somebody lacks room."""

from __future__ import annotations

import os
import time
from typing import Any

from sidecar.disk import blobs, collect, failure, loose, marks, space
from sidecar.disk.layout import Layout
from sidecar.model.config import Limits
from sidecar.worker.bench import Bench, Note


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.collect`.

    Raises:
        ReasonError: the disk is read-only or unusable.
    """
    del note
    layout, limits, need = bench.layout, bench.config.limits, int(body.get("need", 0))
    with failure.told(layout.root):
        # What no collecting can make room for is no reason to give a way back up.
        wanted = _with_room(limits, layout.root, need if _can_fit(layout, limits, need) else 0)
        freed = collect.collect(layout, bench.owner, wanted, time.time())
        waiting = loose.read(layout, limits, time.time())
    return {"freed": freed, "loose": bool(waiting)}


def _can_fit(layout: Layout, limits: Limits, need: int) -> bool:
    """Whether so much could be free if nothing were in the store but what is active."""
    room = space.room(layout, limits)
    active = sum(max(blobs.size(layout, one), 0) for one in marks.serving(layout))
    return need <= room.bytes + room.used - active


def _with_room(limits: Limits, root: str, need: int) -> Limits:
    """Limits that are only kept once so much is free: whoever breaks them gives more away."""
    found = os.statvfs(root)
    floor = space.floor(limits, found.f_blocks * found.f_frsize)
    return limits._replace(
        min_free=floor + need,
        max_bytes=max(1, limits.max_bytes - need) if limits.max_bytes else 0,
    )
