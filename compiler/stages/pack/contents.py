"""What one site needs, read from what is compiled for it: directories, configs, bytes, images.

A cluster of the site's own needs all of its directories. Of a cluster that the site shares with
others it is the namespace, the site's own directory, and those of the jobs that span the site.
Directories of the engines are left out: nothing reconciles from Git where no network is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import Any

from compiler.model.backend import EmitContext
from compiler.model.contract import held
from compiler.model.contract_parts import LIST
from compiler.model.diagnostics import Span
from compiler.model.image_reference import split
from compiler.model.inputs import Chunks
from compiler.model.lock import Lock, LockedArtifact
from compiler.model.lockable import LockableArtifact, artifacts, uses
from compiler.model.manifest import Directory, Tree, UnitRole
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved

ORDER = (UnitRole.BOOTSTRAP, UnitRole.BASE, UnitRole.INPUTS, UnitRole.JOBS, UnitRole.SITES)
"""The order in which directories are applied."""
_SPANNING = (UnitRole.INPUTS, UnitRole.JOBS)
_CONTAINERS = ("containers", "initContainers")
_MIRRORED = "edgewright.io/mirrored"


@dataclass(frozen=True, slots=True)
class Part:
    """One environment that has the site; `jobs` are those with a place there."""

    resolved: Resolved
    context: EmitContext
    jobs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Bytes:
    """An artifact that a config names, and where the spec says that its bytes lie.

    With `listed` that is a prefix, and the digest is that of the list of its files.
    """

    sha256: str
    names: tuple[str, ...]
    wanted: LockableArtifact
    entry: LockedArtifact | None
    chunks: Chunks | None = None
    listed: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """An image as pods name it, `reference`, where it comes from, and the tag it has in the spec.

    `environment` and `tag` are its place in the lock; empty where the spec names a digest. `span`
    is a line of the spec that names it, if one does.
    """

    reference: str
    source: str
    environment: str = ""
    tag: str = ""
    span: Span | None = field(default=None, compare=False)


def directories(tree: Tree, part: Part, site: str) -> list[Directory]:
    """The directories that are applied for a site, in their order."""
    cluster = part.context.cluster_of(site)
    found = [
        one
        for one in tree.directories.values()
        if one.unit.target == cluster.target
        and (cluster.each_site or _is_sites(one, site, part.jobs))
        and one.unit.role in ORDER
    ]
    return sorted(found, key=lambda one: (ORDER.index(one.unit.role), one.unit.name))


def configs(found: Iterable[Directory], site: str) -> dict[str, dict[str, Any]]:
    """The sidecars' configs for a site by the name of their ConfigMap."""
    documents = {
        one.identity.name: document
        for directory in found
        for one in directory.objects
        if (document := held(one.data))
    }
    return {name: one for name, one in documents.items() if one["node"]["site"] == site}


def needed(documents: Iterable[Mapping[str, Any]], parts: Iterable[Part]) -> list[Bytes]:
    """The artifacts that some configs name, each once, by digest."""
    known: dict[str, list[tuple[LockableArtifact, LockedArtifact | None]]] = {}
    for part in parts:
        for one in artifacts(part.resolved):
            entry = _entry(part.resolved.lock, one)
            known.setdefault(entry.sha256 if entry else one.sha256, []).append((one, entry))
    named = {str(entry["sha256"]): entry for one in documents for entry in one["artifacts"]}
    found = []
    for sha256, entry in sorted(named.items()):
        wanted, locked = known[sha256][0]
        names = tuple(sorted({one.name for one, _ in known[sha256]}))
        chunks = Chunks(**entry["chunks"]) if "chunks" in entry else None
        listed = (entry.get("unpack") or {}).get("format") == LIST
        found.append(Bytes(sha256, names, wanted, locked, chunks, listed))
    return found


def pictures(found: Iterable[Directory], part: Part, site: str) -> list[Picture]:
    """The images of a site's containers. Of what spans several sites, only what runs here."""
    own = part.context.cluster_of(site).each_site
    images = part.context.images
    tags = {pinned: tag for tag, pinned in images.items()}
    spans = {
        images.get(one, one): span
        for one, span, sites in uses(part.resolved)
        if any(there.name == site for there in sites)
    }
    pictures: dict[str, Picture] = {}
    for directory in found:
        everything = own or directory.unit.role is UnitRole.SITES
        for one in directory.objects:
            for reference, source in _images(one.data):
                if everything or source in spans:
                    tag = tags.get(source, "")
                    environment = part.resolved.environment if tag else ""
                    span = spans.get(source)
                    pictures[reference] = Picture(reference, source, environment, tag, span)
    return [pictures[name] for name in sorted(pictures)]


def _is_sites(one: Directory, site: str, jobs: frozenset[str]) -> bool:
    role, name = one.unit.role, one.unit.name
    if role is UnitRole.SITES:
        return name == site
    return role is UnitRole.BOOTSTRAP or (role in _SPANNING and name in jobs)


def _entry(lock: Lock | None, one: LockableArtifact) -> LockedArtifact | None:
    return lock.artifact(one.environment, one.name) if lock else None


def _images(data: Any, sources: Mapping[str, str] | None = None) -> Iterator[tuple[str, str]]:
    """Every image of a container anywhere in an object, and where it comes from."""
    sources = sources or {}
    if isinstance(data, Mapping):
        sources = {**sources, **_mirrored(data)}
        for key, value in data.items():
            if key in _CONTAINERS and isinstance(value, list):
                for one in value:
                    if isinstance(one, Mapping) and isinstance(one.get("image"), str):
                        image = str(one["image"])
                        yield image, sources.get(split(image)[1], image)
            yield from _images(value, sources)
    elif isinstance(data, list):
        for one in data:
            yield from _images(one, sources)


def _mirrored(data: Mapping[str, Any]) -> dict[str, str]:
    """Where the images of a pod template come from that a mirror stands in for, by their path."""
    metadata = data.get("metadata")
    notes = (metadata.get("annotations") or {}) if isinstance(metadata, Mapping) else {}
    text = str(notes.get(_MIRRORED, ""))
    return {split(one)[1]: one for one in text.split(",") if one}
