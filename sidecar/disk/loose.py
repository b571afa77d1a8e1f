"""What nothing keeps, and since when that was seen. It deletes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

from sidecar.disk import departures, documents, marks
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.disk.tenants import listed
from sidecar.model.config import Limits

_PAUSE = 86_400.0
"""A clock that moved by more between two looks says nothing about a grace."""


def find(layout: Layout, limits: Limits, now: float) -> list[str]:
    """Paths relative to the root: tenants that are gone, then what they and others left."""
    gone = departures.gone(layout, limits.keep_previous, now)
    return [
        *(f"tenants/{tenant}" for tenant in gone),
        *(os.path.relpath(one, layout.root) for one in departures.old_partials(layout, now)),
        *unkept(layout, limits.keep_previous),
    ]


def unkept(layout: Layout, keep: int) -> list[str]:
    """Releases, links, trees and blobs; what leads somewhere before what it leads to.

    Raises:
        OSError: the disk did not answer, so nothing is known.
    """
    kept = marks.marks(layout, keep)
    paths = [*_releases(layout, kept), *_links(layout, kept), *_contents(layout, kept)]
    return [os.path.relpath(path, layout.root) for path in paths]


def read(layout: Layout, limits: Limits, now: float) -> dict[str, float]:
    """When each path was first seen; nothing is known where the clock was moved since."""
    found = documents.read(_state(layout)) or {}
    last, paths = found.get("at"), found.get("loose")
    if not isinstance(last, int | float) or not isinstance(paths, dict):
        return {}
    if not 0 <= now - last <= max(2 * limits.grace, _PAUSE):
        return {}
    return {path: since for path, since in paths.items() if isinstance(since, int | float)}


def write(layout: Layout, owner: Owner, now: float, paths: dict[str, float]) -> None:
    """Note when each path was first seen."""
    documents.write(owner, _state(layout), {"at": now, "loose": paths})


def _releases(layout: Layout, kept: marks.Marks) -> Iterator[str]:
    for tenant in listed(f"{layout.root}/tenants"):
        for group in listed(layout.tenant(tenant, "slots")):
            for release in listed(layout.slot(tenant, group, "releases")):
                if (tenant, group, release) not in kept.releases:
                    yield layout.slot(tenant, group, "releases", release)


def _links(layout: Layout, kept: marks.Marks) -> Iterator[str]:
    for name in listed(layout.store("unpacked")):
        path = layout.store("unpacked", name)
        if name.partition(".")[0] not in kept.blobs or not os.path.exists(path):
            yield path


def _contents(layout: Layout, kept: marks.Marks) -> Iterator[str]:
    for name in listed(layout.store("trees")):
        if name.removesuffix(".json") not in kept.trees:
            yield layout.store("trees", name)
    for shelf in listed(layout.store("blobs")):
        for name in listed(layout.store("blobs", shelf)):
            if name not in kept.blobs:
                yield layout.store("blobs", shelf, name)


def _state(layout: Layout) -> str:
    return layout.store("loose.json")
