"""Deletes what no tenant of the store needs, and what dead processes left behind."""

from __future__ import annotations

import time
from typing import Any

from sidecar.disk import collect, failure, owner
from sidecar.worker.bench import Bench, Note


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.collect`.

    Raises:
        ReasonError: the disk is read-only or unusable.
    """
    del body, note
    with failure.told(bench.layout.root):
        owner.sweep(bench.layout)
        freed = collect.collect(bench.layout, bench.owner, bench.config.limits, time.time())
    return {"freed": freed}
