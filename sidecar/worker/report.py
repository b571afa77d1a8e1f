"""Stores this tenant's report: one small object for each site, host and tenant, the newest only."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sidecar.transfer import upload
from sidecar.worker.bench import Bench, Note
from sidecar.worker.send import host


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.report`.

    Raises:
        ReasonError: why it is not stored; nothing else waits for it.
    """
    del note
    reports = bench.config.reports
    if reports is not None:
        upload.put_bytes(
            _url(bench, reports.url), reports.store, body["text"].encode(), bench.context
        )
    return {}


def _url(bench: Bench, prefix: str) -> str:
    """`<prefix>/<site>/<host>/<tenant>.json`."""
    parts = (bench.config.node.site, host(bench), f"{bench.config.tenant.directory}.json")
    return "/".join((prefix.rstrip("/"), *(quote(part, safe="") for part in parts)))
