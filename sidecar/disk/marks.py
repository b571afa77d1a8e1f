"""What the tenants of a store keep: read from their accepted configs, links and records.

What was loaded ahead of a config is kept like what a config names. It changes nothing. Where the
disk does not answer it fails as a whole: half an answer would make the rest look like garbage.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from sidecar.disk import documents, tenants
from sidecar.disk.layout import Layout
from sidecar.disk.manifests import Manifest
from sidecar.disk.tenants import listed
from sidecar.model.config import LIST

_HEX = frozenset("0123456789abcdef")

Place = tuple[str, str, str]
"""A release: tenant, group, id."""


class Marks(NamedTuple):
    """Digests of blobs, names of trees, and releases."""

    blobs: frozenset[str]
    trees: frozenset[str]
    releases: frozenset[Place]


def marks(layout: Layout, keep: int) -> Marks:
    """What must stay, of all tenants together; `keep` is how many older releases of each slot.

    Raises:
        OSError: the disk did not answer.
    """
    blobs = {name for name in listed(layout.store("loaded")) if is_digest(name)}
    lists: set[str] = set()
    trees: set[str] = set()
    releases: set[Place] = set()
    for tenant in tenants.names(layout):
        accepted = _accepted(layout, tenant)
        wanted = set(_digests_in(accepted))
        blobs |= wanted
        lists |= set(_lists_in(accepted))
        for group in listed(layout.tenant(tenant, "slots")):
            for release in _kept(layout, tenant, group, wanted, keep):
                releases.add((tenant, group, release))
                place = layout.slot(tenant, group, "releases", release)
                lists |= _mark_release(place, blobs, trees)
    blobs |= _files(layout, lists)
    for name in listed(layout.store("unpacked")):
        if name.partition(".")[0] in blobs:
            trees |= tree_of(layout.store("unpacked", name))
    return Marks(frozenset(blobs), frozenset(trees), frozenset(releases))


def serving(layout: Layout) -> frozenset[str]:
    """Digests of what is active; nothing ever makes room in their place.

    Raises:
        OSError: the disk did not answer.
    """
    blobs: set[str] = set()
    lists: set[str] = set()
    for tenant in tenants.names(layout):
        for group in listed(layout.tenant(tenant, "slots")):
            release = pointed(layout, tenant, group, "current")
            if release:
                place = layout.slot(tenant, group, "releases", release)
                lists |= _mark_release(place, blobs, set())
    return frozenset(blobs | _files(layout, lists))


def is_digest(text: str) -> bool:
    """Whether a name has the form of a digest."""
    return len(text) == 64 and _HEX.issuperset(text)


def tree_of(path: str) -> set[str]:
    """The tree that a link leads to, or into."""
    return {part for part in _target(path).split("/") if is_digest(part)}


def pointed(layout: Layout, tenant: str, group: str, link: str) -> str:
    """The release that a slot's link names, or empty."""
    return os.path.basename(_target(layout.slot(tenant, group, link)))


def _accepted(layout: Layout, tenant: str) -> list[Any]:
    path = layout.tenant(tenant, "config", "accepted.json")
    artifacts = (documents.read(path, strict=True) or {}).get("artifacts")
    return artifacts if isinstance(artifacts, list) else []


def _kept(layout: Layout, tenant: str, group: str, wanted: set[str], keep: int) -> set[str]:
    """What links or record name, what the accepted config could return to, and the newest."""
    record = documents.read(layout.slot(tenant, group, "record.json"), strict=True) or {}
    at_rest = record.get("phase", "idle") == "idle"
    kept = set() if at_rest else {text for text in record.values() if isinstance(text, str)}
    kept |= {pointed(layout, tenant, group, link) for link in ("current", "previous")}
    folder = layout.slot(tenant, group, "releases")
    releases = set(listed(folder))
    for release in releases - kept:
        digests = _member_digests(f"{folder}/{release}")
        if digests and digests <= wanted:
            kept.add(release)
    others = sorted(releases - kept, key=lambda one: _changed(f"{folder}/{one}"), reverse=True)
    return (kept & releases) | set(others[: max(keep - 1, 0)])


def _member_digests(release: str) -> set[str]:
    members = (documents.read(f"{release}/release.json", strict=True) or {}).get("members")
    found = members if isinstance(members, list) else []
    return {str(one.get("digest", "")) for one in found if isinstance(one, dict)}


def _mark_release(path: str, blobs: set[str], trees: set[str]) -> set[str]:
    """By its document and by its links, so that either may be lost; the lists that it names."""
    document = documents.read(f"{path}/release.json", strict=True) or {}
    found = set(_digests_in(document))
    blobs |= found
    trees |= found
    for kind in listed(path):
        for name in listed(f"{path}/{kind}"):
            trees |= tree_of(f"{path}/{kind}/{name}")
    return set(_lists_in(document.get("members")))


def _lists_in(entries: Any) -> Iterator[str]:
    """The digests of what is a list of files, in a config's artifacts or a release's members."""
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, dict):
            unpack = entry.get("unpack")
            form = unpack.get("format") if isinstance(unpack, dict) else entry.get("form")
            if form == LIST:
                yield str(entry.get("sha256") or entry.get("digest"))


def _files(layout: Layout, lists: set[str]) -> set[str]:
    """The files that lists name; a list that is not here yet, or is broken, names none."""
    found: set[str] = set()
    for digest in filter(is_digest, lists):
        with suppress(OSError, ValueError, TypeError):
            found |= {str(one.sha256) for one in Manifest(layout.blob(digest)).files()}
    return found


def _digests_in(value: Any) -> Iterator[str]:
    if isinstance(value, str) and is_digest(value):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _digests_in(inner)


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EINVAL}:  # no link, or none there
            return ""
        raise


def _changed(path: str) -> float:
    return os.stat(path, follow_symlinks=False).st_mtime
