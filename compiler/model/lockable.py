"""What of a resolved spec has an entry in the lock: artifacts and images, and where they are used.

Pure: looks at names, never at bytes, and does not know whether an entry is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field

from compiler.model.diagnostics import Span
from compiler.model.fleet import Site
from compiler.model.inputs import Location
from compiler.model.lock import LockedArtifact, LockedImage
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved, View
from compiler.model.selection import selects
from compiler.model.spec.artifacts import CodeSpec, DatasetVersionSpec, VersionFields
from compiler.model.spec.job import JobSpec, workers
from compiler.model.spec.worker import WorkerSpec
from compiler.model.stores import locate

ON_HOST = "host:"
"""How a uri begins whose bytes lie on a host already: nothing can be locked of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockableArtifact:
    """Bytes that a name stands for. `sha256` is what the spec states, or empty."""

    environment: str
    name: str
    uri: str
    location: Location
    unpack: str = ""
    sha256: str = ""
    span: Span | None = field(default=None, compare=False)

    @property
    def prefix(self) -> bool:
        """Whether it is every object below a folder, and not one object."""
        return self.location.url.endswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockableImage:
    """An image reference with a tag; `platforms` maps each that is needed to the sites there."""

    environment: str
    reference: str
    platforms: Mapping[str, tuple[str, ...]]
    span: Span | None = field(default=None, compare=False)


def artifacts(resolved: Resolved) -> Iterator[LockableArtifact]:
    """Every version and variant of models and datasets, and code; a name may come twice."""
    for view in resolved.all_views:
        for name, model in view.models.items():
            for version, entry in model.versions.items():
                yield from _bytes(resolved, f"models/{name}:{version}", entry, entry.unpack)
                for variant, spec in entry.variants.items():
                    known = f"models/{name}:{version}/{variant}"
                    yield from _bytes(resolved, known, spec, spec.unpack or entry.unpack)
        for name, dataset in view.datasets.items():
            for version, data in dataset.versions.items():
                yield from _bytes(resolved, f"datasets/{name}:{version}", data, data.unpack)
    for name, code in resolved.spec.code.items():
        yield from _bytes(resolved, f"code/{name}", code, code.unpack)


def images(resolved: Resolved) -> list[LockableImage]:
    """Every image that is named by tag, with the platforms of the sites where it runs."""
    found: dict[str, dict[str, set[str]]] = {}
    spans: dict[str, Span | None] = {}
    for reference, span, sites in image_uses(resolved):
        spans.setdefault(reference, span)
        for site in sites:
            platform = f"linux/{site.profile.arch}"
            found.setdefault(reference, {}).setdefault(platform, set()).add(site.name)
    return [
        LockableImage(
            environment=resolved.environment,
            reference=reference,
            platforms={name: tuple(sorted(sites)) for name, sites in sorted(platforms.items())},
            span=spans[reference],
        )
        for reference, platforms in sorted(found.items())
    ]


def image_names(resolved: Resolved) -> set[str]:
    """Every image that is used somewhere, by tag or by digest."""
    return {reference for reference, _, sites in uses(resolved) if sites}


def image_uses(resolved: Resolved) -> Iterator[tuple[str, Span | None, list[Site]]]:
    """Every use of an image that is named by tag: the line that names it, and the sites."""
    for reference, span, sites in uses(resolved):
        if sites and "@" not in reference:
            yield reference, span, sites


def uses(resolved: Resolved) -> Iterator[tuple[str, Span | None, list[Site]]]:
    """Every use of an image: the line that names it, and the sites."""
    sidecar = resolved.spec.sidecar
    for view in resolved.all_views:
        here = [site for site in resolved.sites.values() if resolved.view(site.name) is view]
        for job in view.jobs.values():
            placed = list(_placed(job, here))
            for worker, sites in placed:
                if worker.image is not None:
                    yield worker.image, worker.span_of("image"), sites
            if sidecar is not None and job.delivery != "native" and _brings(job, view):
                for sites in [sites for _, sites in placed] or [_selected(job, here)]:
                    yield sidecar.image, sidecar.span_of("image"), sites


def moved_past(entry: LockedArtifact, uri: str, sha256: str) -> str:
    """What the spec says otherwise than its entry of the lock, or nothing."""
    if entry.uri != uri:
        return f"its uri is {uri}, the lock has {entry.uri}"
    if sha256 and sha256 != entry.sha256:
        return f"its sha256 is {sha256[:12]}…, the lock has {entry.sha256[:12]}…"
    return ""


def missing_platforms(wanted: LockableImage, image: LockedImage) -> dict[str, tuple[str, ...]]:
    """The platforms that are needed and not there; none where the registry does not say."""
    if not image.platforms:
        return {}
    return {
        platform: sites
        for platform, sites in wanted.platforms.items()
        if not any(f"{there}/".startswith(f"{platform}/") for there in image.platforms)
    }


def model_references(job: JobSpec) -> tuple[str, ...]:
    """The models that a job names, each as `name` or `name:version`."""
    named = (*getattr(job, "models", ()), getattr(job, "model", None))
    return tuple(one for one in named if isinstance(one, str))


def _bytes(
    resolved: Resolved,
    name: str,
    source: VersionFields | DatasetVersionSpec | CodeSpec,
    unpack: str | None,
) -> Iterator[LockableArtifact]:
    if source.uri is None or source.uri.startswith(ON_HOST):
        return
    yield LockableArtifact(
        environment=resolved.environment,
        name=name,
        uri=source.uri,
        location=locate(resolved.spec.stores, source.uri),
        unpack=unpack or "",
        sha256=source.sha256 or "",
        span=source.span_of("uri"),
    )


def _brings(job: JobSpec, view: View) -> bool:
    """Whether anything that the job names is in a store, and not on its hosts."""
    sets = [*getattr(job, "datasets", ()), getattr(job, "dataset", None)]
    names = {one.partition(":")[0] for one in sets if isinstance(one, str)}
    versions = [
        v for name in names & view.datasets.keys() for v in view.datasets[name].versions.values()
    ]
    return (
        any(not version.uri.startswith(ON_HOST) for version in versions)
        or any(worker.code for _, worker in workers(job))
        or bool(getattr(job, "code", ()))
        or any(_stored(reference, view) for reference in model_references(job))
    )


def _stored(reference: str, view: View) -> bool:
    model = view.models.get(reference.partition(":")[0])
    for entry in model.versions.values() if model else ():
        sources = (entry, *entry.variants.values())
        if any(source.uri and not source.uri.startswith(ON_HOST) for source in sources):
            return True
        if entry.edge and entry.cloud and (_stored(entry.edge, view) or _stored(entry.cloud, view)):
            return True
    return False


def _placed(job: JobSpec, sites: list[Site]) -> Iterator[tuple[WorkerSpec, list[Site]]]:
    for _, worker in workers(job):
        place = getattr(worker, "place", None) or job.place
        yield worker, [site for site in sites if selects(place, site)]
    for step in getattr(job, "steps", {}).values():
        for worker, _ in _placed(step, sites):
            yield worker, _selected(job, sites)


def _selected(job: JobSpec, sites: list[Site]) -> list[Site]:
    return [site for site in sites if selects(job.place, site)]
