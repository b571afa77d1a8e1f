"""Compares what a spec uses with its lock: images by tag, artifacts without an entry, numbers.

Part of `plan`, but looks at the spec alone and at no site, so that its findings are the same
however much of the plan is made. Whether a single artifact moved past its entry is judged where
its bytes are found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from compiler import servers
from compiler.model.codes import lock as codes
from compiler.model.codes import plan as plan_codes
from compiler.model.diagnostics import Diagnostics, Related, Span
from compiler.model.lock import Lock, LockedArtifact
from compiler.model.resolved import Resolved, View
from compiler.model.spec.artifacts import VersionFields
from compiler.model.spec.job import workers


def check_lock(environments: Iterable[Resolved], *, locked: bool, diagnostics: Diagnostics) -> None:
    """Report images and artifacts that the lock does not cover; errors when `locked`.

    An image is told once, however many jobs and environments name it.
    """
    images: dict[str, set[Span]] = {}
    for resolved in environments:
        for image, span in _images(resolved):
            if not _is_fixed(image, resolved):
                images.setdefault(image, set()).update([span] if span else [])
        _artifacts(resolved, locked, diagnostics)
        _servers(resolved, diagnostics)
        if resolved.lock is not None:
            _serve_versions(resolved.lock, resolved.environment, diagnostics)
    for image, spans in images.items():
        _image(image, sorted(spans), locked, diagnostics)


def _images(resolved: Resolved) -> Iterator[tuple[str, Span | None]]:
    for view in resolved.all_views:
        for job in view.jobs.values():
            for _, worker in workers(job):
                if worker.image is not None:
                    yield worker.image, worker.span_of("image")
    sidecar = resolved.spec.sidecar
    if sidecar is not None and _artifact_names(resolved):
        yield sidecar.image, sidecar.span_of("image")


def _is_fixed(image: str, resolved: Resolved) -> bool:
    lock = resolved.lock
    return "@" in image or bool(lock and lock.image(resolved.environment, image))


def _image(image: str, spans: Sequence[Span], locked: bool, diagnostics: Diagnostics) -> None:
    span, others = next(iter(spans), None), len(spans) - 1
    also = f", here and in {others} more place{'s' if others > 1 else ''}," if others > 0 else ""
    if locked:
        diagnostics.add(
            codes.NOT_LOCKED,
            f"{image}{also} has no entry in the lock",
            span,
            "run `edgewright lock`",
        )
        return
    diagnostics.add(
        codes.TAG_WITHOUT_DIGEST,
        f"{image}{also} is named by tag; what runs can change without a commit",
        span,
        "write it as NAME@sha256:DIGEST, or run `edgewright lock`",
    )


def _servers(resolved: Resolved, diagnostics: Diagnostics) -> None:
    for view in resolved.all_views:
        for job in view.jobs.values():
            for _, worker in workers(job):
                server = servers.server(worker.server or "")
                if server.warning:
                    diagnostics.add(
                        plan_codes.SERVER_WARNING,
                        f"{server.name}: {server.warning}",
                        worker.span_of("server"),
                    )


def _artifacts(resolved: Resolved, locked: bool, diagnostics: Diagnostics) -> None:
    lock, environment = resolved.lock, resolved.environment
    missing = {
        name: span
        for name, span in _artifact_names(resolved).items()
        if not lock or lock.artifact(environment, name) is None
    }
    if not missing:
        return
    first, span = next(iter(missing.items()))
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    if locked:
        verb = "have" if more else "has"
        diagnostics.add(
            codes.NOT_LOCKED,
            f"{first}{more} {verb} no entry in the lock",
            span,
            "run `edgewright lock`",
        )
        return
    diagnostics.add(
        codes.SIZE_UNKNOWN,
        f"the size of {first.removeprefix('models/')}{more} is not known; "
        "fit and transfer time were not checked",
        span,
    )


def _artifact_names(resolved: Resolved) -> dict[str, Span | None]:
    """Lock names of what the jobs' models may be: every variant of the versions in play."""
    found: dict[str, Span | None] = {}
    for view in resolved.all_views:
        for reference in _references(view):
            name, _, explicit = reference.partition(":")
            model = view.models.get(name)
            version = explicit or (model.target if model else None)
            entry = model.versions.get(version) if model and version else None
            if entry is None:
                continue
            sources: list[tuple[str, VersionFields]] = [("", entry)]
            sources += [(f"/{variant}", spec) for variant, spec in entry.variants.items()]
            for suffix, source in sources:
                if source.uri is not None and not source.uri.startswith("host:"):
                    found.setdefault(f"models/{name}:{version}{suffix}", source.span_of("uri"))
    return found


def _references(view: View) -> Iterator[str]:
    for job in view.jobs.values():
        for reference in (*getattr(job, "models", ()), getattr(job, "model", None)):
            if not isinstance(reference, str):
                continue
            yield reference
            name, _, explicit = reference.partition(":")
            model = view.models.get(name)
            version = explicit or (model.target if model else None)
            entry = model.versions.get(version) if model and version else None
            if entry is not None and entry.edge and entry.cloud:
                yield entry.edge
                yield entry.cloud


def _serve_versions(lock: Lock, environment: str, diagnostics: Diagnostics) -> None:
    seen: dict[tuple[str, int], tuple[str, str]] = {}
    for name, entry in sorted(lock.of(environment, "artifacts").items()):
        if not isinstance(entry, LockedArtifact) or entry.serve_version is None:
            continue
        key = (name.partition(":")[0], entry.serve_version)
        first, digest = seen.setdefault(key, (name, entry.sha256))
        if digest == entry.sha256:
            continue
        other = lock.span(environment, "artifacts", first)
        diagnostics.add(
            codes.SERVE_VERSION_TWICE,
            f"{first} and {name} both have serveVersion {entry.serve_version}",
            lock.span(environment, "artifacts", name),
            "run `edgewright lock --repair`",
            (Related(other, "first used here"),) if other else (),
        )
