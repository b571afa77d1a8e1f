"""What the tenants of a store keep: read from their accepted configs, links and records.

It changes nothing. A name that it cannot understand is kept out of the marks and never deleted
for that reason alone, since collectors only touch names of their own form.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from sidecar.disk import documents, tenants
from sidecar.disk.layout import Layout

_HEX = frozenset("0123456789abcdef")


class Marks(NamedTuple):
    """Digests of blobs, names of trees, and releases as `(tenant, group, release)`."""

    blobs: frozenset[str]
    trees: frozenset[str]
    releases: frozenset[tuple[str, str, str]]


def marks(layout: Layout) -> Marks:
    """What must stay, of all tenants together."""
    blobs: set[str] = set()
    trees: set[str] = set()
    releases: set[tuple[str, str, str]] = set()
    for tenant in tenants.names(layout):
        wanted = _wanted(layout, tenant)
        blobs |= wanted
        for group in _listed(layout.tenant(tenant, "slots")):
            for release in _kept(layout, tenant, group, wanted):
                releases.add((tenant, group, release))
                _mark_release(layout.slot(tenant, group, "releases", release), blobs, trees)
    for name in _listed(layout.store("unpacked")):
        if name.partition(".")[0] in blobs:
            trees |= _link_tree(layout.store("unpacked", name))
    return Marks(frozenset(blobs), frozenset(trees), frozenset(releases))


def is_digest(text: str) -> bool:
    """Whether a name has the form of a digest."""
    return len(text) == 64 and _HEX.issuperset(text)


def _wanted(layout: Layout, tenant: str) -> set[str]:
    accepted = documents.read(layout.tenant(tenant, "config", "accepted.json")) or {}
    artifacts = accepted.get("artifacts")
    entries = artifacts if isinstance(artifacts, list) else []
    found = {entry.get("sha256") for entry in entries if isinstance(entry, dict)}
    return {digest for digest in found if isinstance(digest, str) and is_digest(digest)}


def _kept(layout: Layout, tenant: str, group: str, wanted: set[str]) -> set[str]:
    record = documents.read(layout.slot(tenant, group, "record.json")) or {}
    kept = {str(record.get("from", "")), str(record.get("to", ""))}
    for link in ("current", "previous"):
        kept |= _link_name(layout.slot(tenant, group, link))
    folder = layout.slot(tenant, group, "releases")
    for release in _listed(folder):
        digests = _member_digests(f"{folder}/{release}")
        if digests and digests <= wanted:
            kept.add(release)
    return kept & set(_listed(folder))


def _member_digests(release: str) -> set[str]:
    members = (documents.read(f"{release}/release.json") or {}).get("members")
    found = members if isinstance(members, list) else []
    return {str(one.get("digest", "")) for one in found if isinstance(one, dict)}


def _mark_release(path: str, blobs: set[str], trees: set[str]) -> None:
    """By its document and by its links, so that either may be lost."""
    for text in _digests_in(documents.read(f"{path}/release.json")):
        blobs.add(text)
        trees.add(text)
    for kind in _listed(path):
        for name in _listed(f"{path}/{kind}"):
            trees |= _link_tree(f"{path}/{kind}/{name}")


def _digests_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set().union(*map(_digests_in, value.values()))
    if isinstance(value, list):
        return set().union(*map(_digests_in, value))
    return {value} if isinstance(value, str) and is_digest(value) else set()


def _link_tree(path: str) -> set[str]:
    """The tree that a link leads to, or into."""
    try:
        parts = os.readlink(path).split("/")
    except OSError:
        return set()
    return {part for part in parts if is_digest(part)}


def _link_name(path: str) -> set[str]:
    try:
        return {os.path.basename(os.readlink(path))}
    except OSError:
        return set()


def _listed(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []
