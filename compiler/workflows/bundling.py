"""Makes a bundle and reads one back: the whole of `edgewright bundle` but its words.

Everything is looked at before the first byte is written, so that what is missing is told at once
and together. The archive depends on spec, templates and lock alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from compiler.model import bundle, contract
from compiler.model import lock as locks
from compiler.model.bundle import Contents, File, Layout, Segment, given
from compiler.model.codes import bundle as codes
from compiler.model.codes import lock as lock_codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.hashing import sha256
from compiler.model.lock import Lock, LockedArtifact
from compiler.model.manifest import Directory, Tree
from compiler.model.record import dataclass
from compiler.model.spec.base import SpecModel
from compiler.stages.lock.hosts import host_of, registry_of
from compiler.stages.pack import contents as parts
from compiler.stages.pack.blobs import Blob, look
from compiler.stages.pack.contents import Bytes, Part, Picture
from compiler.stages.pack.images import layout
from compiler.stages.pack.pack import Packed, Progress, SegmentError, pack
from compiler.stages.pack.tar import Entry, archive
from compiler.stages.pack.verify import verify
from compiler.workflows.asking import World
from compiler.workshop import Front

UNFINISHED = ".partial"
"""What the name of an archive ends with until it is whole."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a site needs, before anybody is asked for it."""

    site: str
    parts: tuple[Part, ...]
    directories: tuple[Directory, ...]
    configs: Mapping[str, Mapping[str, Any]]
    artifacts: tuple[Bytes, ...]
    pictures: tuple[Picture, ...]

    @property
    def hosts(self) -> dict[str, Span | None]:
        """Every host that has some of it, with a line that names it."""
        found = {host_of(one.wanted.location): one.wanted.span for one in self.artifacts}
        found |= {registry_of(one.source): one.span for one in self.pictures}
        found.pop("", None)
        return found

    @property
    def platform(self) -> str:
        """What its containers run on."""
        return f"linux/{self.parts[0].context.sites[self.site].profile.arch}"


@dataclass(frozen=True, slots=True)
class Planned:
    """A bundle before it is written: what it will say, and its bytes in order."""

    contents: Contents
    segments: tuple[Segment, ...]


def needs(
    tree: Tree, fronts: Sequence[Front], site: str, *, images: bool, diagnostics: Diagnostics
) -> Needs:
    """What a site needs of a tree that is compiled for it.

    Raises:
        CompileError: an image has no digest.
    """
    found = tuple(_part(front, site) for front in fronts if site in front.context.sites)
    directories = [(part, parts.directories(tree, part, site)) for part in found]
    everything = tuple(one for _, several in directories for one in several)
    configs = parts.configs(everything, site)
    pictures = tuple(
        one
        for part, several in directories
        for one in (parts.pictures(several, part, site) if images else ())
    )
    _insist_on_digests(pictures, diagnostics)
    diagnostics.raise_errors()
    artifacts = tuple(parts.needed(configs.values(), found))
    return Needs(site, found, everything, configs, artifacts, pictures)


def plan(needed: Needs, world: World, diagnostics: Diagnostics) -> Planned:
    """The archive, with everything in it looked at.

    Raises:
        CompileError: with everything that is missing, in stores and in registries.
    """
    blobs = look(needed.artifacts, world.stores, diagnostics)
    layouts = {}
    if needed.pictures:
        name = f"{bundle.IMAGES}{needed.platform.replace('/', '-')}.tar"
        made = layout(needed.pictures, needed.platform, world.registry, diagnostics)
        layouts[name] = made
    diagnostics.raise_errors()
    files = dict(_files(needed, _lock(needed, blobs)))
    contents = _contents(needed, blobs, files, {name: one for name, (one, _) in layouts.items()})
    entries = [Entry(bundle.CONTENTS, (given(bundle.dump(contents)),))]
    entries += [Entry(name, (given(data),)) for name, data in files.items()]
    entries += [one for blob in blobs.values() for one in blob.entries(world.stores)]
    entries += [Entry(name, segments) for name, (_, segments) in layouts.items()]
    return Planned(contents, archive(entries))


def write(
    planned: Planned, output: Path, progress: Progress | None, diagnostics: Diagnostics
) -> Packed:
    """Write the archive, and put it in its place once it is whole.

    Raises:
        CompileError: something did not come, or cannot be written; the next run goes on from there.
    """
    unfinished = output.with_name(f"{output.name}{UNFINISHED}")
    try:
        packed = pack(planned.segments, unfinished, progress)
        unfinished.replace(output)
    except SegmentError as fault:
        error, segment = fault.error, fault.segment
        diagnostics.add(error.code, f"{segment.name}: {error.message}", segment.span, error.hint)
    except BlockingIOError:
        message = f"{unfinished}: another process is writing it"
        diagnostics.add(codes.UNWRITABLE, message, None, "wait for it, or use another --output")
    except OSError as error:
        diagnostics.add(codes.UNWRITABLE, f"{output}: {error.strerror}", None)
    else:
        return packed
    diagnostics.raise_errors()
    raise AssertionError("an error was added")


def read_back(path: Path, diagnostics: Diagnostics) -> Contents | None:
    """What an archive holds, all of it hashed; what is wrong with it is reported."""
    try:
        with path.open("rb") as file:
            return verify(file, diagnostics)
    except OSError as error:
        diagnostics.add(codes.NO_BUNDLE, f"{path}: {error.strerror}", None)
    return None


def _part(front: Front, site: str) -> Part:
    here = front.planner.at((site,)).assignments
    jobs = frozenset(
        one.node.job
        for one in (*front.shared, *here)
        if any(place.site == site for place in one.node.places)
    )
    return Part(front.resolved, front.context, jobs)


def _insist_on_digests(pictures: Iterable[Picture], diagnostics: Diagnostics) -> None:
    for one in pictures:
        if "@sha256:" not in one.source:
            message = f"{one.source} has no entry in the lock"
            diagnostics.add(lock_codes.NOT_LOCKED, message, one.span, "run `edgewright lock`")


def _files(needed: Needs, lock: str) -> Iterator[tuple[str, bytes]]:
    """Every small file of the archive, in its order."""
    yield bundle.LOCK, lock.encode()
    for name, document in sorted(needed.configs.items()):
        yield f"{bundle.CONFIGS}{name}.json", contract.text(document).encode()
    for one in needed.directories:
        for name, data in sorted(one.files.items()):
            yield f"{bundle.MANIFESTS}{one.unit.path}/{name}", data


def _contents(
    needed: Needs,
    blobs: Mapping[str, Blob],
    files: Mapping[str, bytes],
    images: Mapping[str, Layout],
) -> Contents:
    first = needed.parts[0]
    return Contents(
        project=first.resolved.project,
        environments=tuple(part.resolved.environment for part in needed.parts),
        site=needed.site,
        cluster=first.context.cluster_of(needed.site).place,
        apply=tuple(f"{bundle.MANIFESTS}{one.unit.path}" for one in needed.directories),
        artifacts={sha256: one.held for sha256, one in blobs.items()},
        files={name: File(size=len(data), sha256=sha256(data)) for name, data in files.items()},
        images=images,
    )


def _lock(needed: Needs, blobs: Mapping[str, Blob]) -> str:
    """The lock's entries for what is in the bundle; made from the spec where there is none."""
    entries: dict[tuple[str, str, str], SpecModel] = {
        (one.wanted.environment, "artifacts", one.wanted.name): one.entry
        or LockedArtifact(uri=one.wanted.uri, sha256=one.sha256, size=blobs[one.sha256].size)
        for one in needed.artifacts
    }
    for part in needed.parts:
        for one in needed.pictures:
            known = part.resolved.lock and part.resolved.lock.image(one.environment, one.tag)
            if known and one.environment == part.resolved.environment:
                entries[one.environment, "images", one.tag] = known
    return locks.dump(Lock(entries))
