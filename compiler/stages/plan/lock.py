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
from compiler.model.lock import check_numbers
from compiler.model.lockable import (
    LockableArtifact,
    artifacts,
    image_uses,
    images,
    missing_platforms,
    model_references,
    moved_past,
)
from compiler.model.resolved import Resolved, View
from compiler.model.spec.job import workers


def check_lock(environments: Iterable[Resolved], *, locked: bool, diagnostics: Diagnostics) -> None:
    """Report images and artifacts that the lock does not cover; errors when `locked`.

    An image is told once, however many jobs and environments name it.
    """
    images: dict[str, set[Span]] = {}
    for resolved in environments:
        for image, span, _ in image_uses(resolved):
            if not _is_fixed(image, resolved):
                images.setdefault(image, set()).update([span] if span else [])
        _artifacts(resolved, locked, diagnostics)
        _servers(resolved, diagnostics)
        _platforms(resolved, diagnostics)
        if resolved.lock is not None:
            check_numbers(resolved.lock, resolved.environment, diagnostics)
    for image, spans in images.items():
        _image(image, sorted(spans), locked, diagnostics)


def _is_fixed(image: str, resolved: Resolved) -> bool:
    return bool(resolved.lock and resolved.lock.image(resolved.environment, image))


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


def _platforms(resolved: Resolved, diagnostics: Diagnostics) -> None:
    """Report images that were locked before a site asked for its platform."""
    for wanted in images(resolved) if resolved.lock else ():
        name = wanted.reference
        entry = resolved.lock.image(resolved.environment, name) if resolved.lock else None
        if resolved.lock is None or entry is None:
            continue
        at = resolved.lock.span(resolved.environment, "images", name)
        related = Related.at(at, "locked here")
        for platform, sites in missing_platforms(wanted, entry).items():
            text = f"{name} is locked for {', '.join(entry.platforms)}; {platform} is needed"
            hint = f"run `edgewright lock --update {name}`, or place the job on other hardware"
            for site in sites:
                span = resolved.sites[site].span
                diagnostics.add_at_site(
                    codes.PLATFORM_MISSING, text, site, span, wanted.span, hint, related
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
    known = {one.name: one for one in artifacts(resolved)}
    if locked:
        for one in known.values():
            _artifact(one, resolved, diagnostics)
        _rollouts(resolved, diagnostics)
        return
    lock, environment = resolved.lock, resolved.environment
    variants: dict[str, list[LockableArtifact]] = {}
    for name, one in known.items():
        variants.setdefault("/".join(name.split("/")[:2]), []).append(one)
    missing = [
        one
        for name in _used_models(resolved)
        for one in variants.get(name, ())
        if not lock or lock.artifact(environment, one.name) is None
    ]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        diagnostics.add(
            codes.SIZE_UNKNOWN,
            f"the size of {missing[0].name.removeprefix('models/')}{more} is not known; "
            "fit and transfer time were not checked",
            missing[0].span,
        )


def _artifact(one: LockableArtifact, resolved: Resolved, diagnostics: Diagnostics) -> None:
    entry = resolved.lock.artifact(one.environment, one.name) if resolved.lock else None
    hint = "run `edgewright lock`"
    if entry is None:
        where = f" of environment {one.environment}" if resolved.spec.environments else ""
        message = f"{one.name}{where} has no entry in the lock"
        diagnostics.add(codes.NOT_LOCKED, message, one.span, hint)
    elif change := moved_past(entry, one.uri, one.sha256):
        message = f"{one.name} has moved past the lock: {change}"
        diagnostics.add(codes.SPEC_MOVED, message, one.span, hint)


def _rollouts(resolved: Resolved, diagnostics: Diagnostics) -> None:
    """Report rollouts that the lock does not know; one with another target is reported anyhow."""
    lock, environment = resolved.lock, resolved.environment
    for name, job in resolved.base.jobs.items():
        for reference in model_references(job) if getattr(job, "rollout", None) else ():
            if ":" in reference or (lock and lock.rollout(environment, name, reference)):
                continue
            diagnostics.add(
                codes.NOT_LOCKED,
                f"how far {reference} is in the rollout of jobs.{name} has no entry in the lock",
                job.span_of("rollout"),
                "run `edgewright lock`",
            )


def _used_models(resolved: Resolved) -> dict[str, None]:
    """Lock names of the versions in play, without their variants."""
    found: dict[str, None] = {}
    for view in resolved.all_views:
        for reference in _references(view):
            name, _, explicit = reference.partition(":")
            model = view.models.get(name)
            found[f"models/{name}:{explicit or (model.target if model else None)}"] = None
    return found


def _references(view: View) -> Iterator[str]:
    for job in view.jobs.values():
        for reference in model_references(job):
            yield reference
            name, _, explicit = reference.partition(":")
            model = view.models.get(name)
            version = explicit or (model.target if model else None)
            entry = model.versions.get(version) if model and version else None
            if entry is not None and entry.edge and entry.cloud:
                yield entry.edge
                yield entry.cloud
