"""Hashes a blob that is in doubt, or the one whose turn it is; what rotted leaves the store."""

from __future__ import annotations

from typing import Any

from sidecar.disk import failure, scrub
from sidecar.worker.bench import Bench, Note


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.scrub`.

    Raises:
        ReasonError: the disk is read-only or unusable.
    """
    del note
    with failure.told(bench.layout.root):
        blob = body["blob"] or scrub.next_blob(bench.layout)
        intact = not blob or scrub.check(bench.layout, blob)
    return {"blob": blob, "intact": intact}
