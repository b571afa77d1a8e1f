"""Versions of objects that were fetched whole once and had another digest: not fetched again.

A blocked artifact is looked at again and again, and each look would cost its whole size. Only
versions that a source names itself (an entity tag) are remembered, beside the partial files.
"""

from __future__ import annotations

from typing import Any

from sidecar.disk import documents
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.reasons import ReasonError


def check(layout: Layout, digest: str, place: str, version: str) -> None:
    """Refuse a version that is known to be wrong.

    Raises:
        ReasonError: DigestMismatch.
    """
    if version and (documents.read(_path(layout, digest)) or {}).get(place) == version:
        raise ReasonError("DigestMismatch", f"{place}: the same bytes as before")


def remember(layout: Layout, owner: Owner, digest: str, identity: dict[str, Any]) -> None:
    """Note the version that just turned out to be wrong, if it has a name."""
    if identity.get("version"):
        known = documents.read(_path(layout, digest)) or {}
        known[identity["place"]] = identity["version"]
        documents.write(owner, _path(layout, digest), known)


def _path(layout: Layout, digest: str) -> str:
    # Named as the record of a partial file whose owner is dead, so that it goes like one.
    return layout.store("partial", f"{digest}.refused.json")
