"""Versions of objects that were fetched whole once and had another digest: not fetched again.

A blocked artifact is looked at again and again, and each look would cost its whole size. Only
versions that a source names itself (an entity tag) are remembered, beside the partial files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sidecar.disk import documents
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.reasons import ReasonError


def known(layout: Layout, digest: str) -> dict[str, str]:
    """The version that each place had when its bytes were wrong."""
    return {str(k): str(v) for k, v in (documents.read(_path(layout, digest)) or {}).items()}


def check(place: str, version: str, refused: Mapping[str, str]) -> None:
    """Refuse a version that is known to be wrong.

    Raises:
        ReasonError: DigestMismatch.
    """
    if version and refused.get(place) == version:
        raise ReasonError("DigestMismatch", f"{place}: the same bytes as before")


def remember(layout: Layout, owner: Owner, digest: str, identity: dict[str, Any]) -> None:
    """Note the version that just turned out to be wrong, if it has a name."""
    if identity.get("version"):
        versions = {**known(layout, digest), identity["place"]: identity["version"]}
        documents.write(owner, _path(layout, digest), versions)


def _path(layout: Layout, digest: str) -> str:
    return layout.store("partial", f"{digest}.refused")
