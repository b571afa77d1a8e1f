"""Versions that failed here: kept by what failed together, so that any part of it may mend it.

The key is a digest over the artifacts, how the server is told and asked, and the server's image.
An entry changes nothing by itself; the state machine refuses to activate what is listed.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from sidecar.disk import documents, fsops
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Artifact, Server
from sidecar.model.digest import sha256

KEPT = 64
"""Entries of a tenant; the oldest goes first."""


class Entry(NamedTuple):
    """Why and when a version failed."""

    group: str
    reason: str
    detail: str
    at: float


def gate(artifacts: tuple[Artifact, ...], server: Server) -> str:
    """The key of a group's artifacts as they would be verified now."""
    parts = [
        [one.key, one.sha256, one.view, one.unpack, *_checks(one)]
        for one in sorted(artifacts, key=lambda one: one.key)
    ]
    text = json.dumps([parts, server.image], separators=(",", ":"))
    return str(sha256(text.encode()).hexdigest())


def find(layout: Layout, tenant: str, key: str) -> Entry | None:
    """The entry of a key, or None where it may be tried."""
    document = documents.read(_path(layout, tenant, key))
    if document is None:
        return None
    at = document.get("at", 0.0)
    group, reason, detail = (str(document.get(name, "")) for name in ("group", "reason", "detail"))
    return Entry(group, reason, detail, float(at) if isinstance(at, int | float) else 0.0)


def add(layout: Layout, owner: Owner, tenant: str, key: str, entry: Entry) -> None:
    """List a key and make that last."""
    directory = layout.tenant(tenant, "quarantine")
    documents.write(owner, _path(layout, tenant, key), entry._asdict())
    names = sorted(_names(directory), key=lambda name: _age(f"{directory}/{name}"))
    for name in names[:-KEPT]:
        fsops.unlink(f"{directory}/{name}")


def clear(layout: Layout, tenant: str, group: str) -> None:
    """Let what failed in a group be tried again."""
    directory = layout.tenant(tenant, "quarantine")
    for name in _names(directory):
        document = documents.read(f"{directory}/{name}")
        if document is None or document.get("group") == group:
            fsops.unlink(f"{directory}/{name}")


def _checks(one: Artifact) -> list[Any]:
    golden = one.activation.golden
    sample = [golden.url, golden.input.url, golden.expect.url, golden.tolerance] if golden else None
    return [one.activation.hook, one.activation.probe, sample]


def _path(layout: Layout, tenant: str, key: str) -> str:
    return layout.tenant(tenant, "quarantine", f"{key}.json")


def _names(directory: str) -> list[str]:
    try:
        return [name for name in os.listdir(directory) if name.endswith(".json")]
    except OSError:
        return []


def _age(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0
