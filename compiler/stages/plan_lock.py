"""Compares what a plan uses with its lock: images by tag, artifacts without an entry, numbers.

Part of `plan`. Whether a single artifact moved past its entry is judged where its bytes are
found; here is what only the whole shows.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.model.codes import lock as codes
from compiler.model.diagnostics import Diagnostics, Related, Span
from compiler.model.inputs import Artifact
from compiler.model.lock import Lock, LockedArtifact
from compiler.model.plan import Node, Pipeline, Record, Run, Schedule
from compiler.model.resolved import Resolved
from compiler.model.worker import Worker


def check_lock(
    resolved: Resolved, nodes: Iterable[Node], *, locked: bool, diagnostics: Diagnostics
) -> None:
    """Report images and artifacts that the lock does not cover; errors when `locked`."""
    listed = [node for node in nodes if not isinstance(node, Record)]
    _images(resolved, listed, locked, diagnostics)
    _artifacts(resolved, listed, locked, diagnostics)
    if resolved.lock is not None:
        _serve_versions(resolved.lock, resolved.environment, diagnostics)


def _images(resolved: Resolved, nodes: list[Node], locked: bool, diagnostics: Diagnostics) -> None:
    found: dict[str, Span | None] = {}
    for node in nodes:
        for worker in _workers(node):
            found.setdefault(worker.image, worker.field_span("image"))
    sidecar = resolved.spec.sidecar
    if sidecar is not None:
        found.setdefault(sidecar.image, sidecar.span_of("image"))
    for image, span in found.items():
        lock = resolved.lock
        if "@" in image or (lock and lock.image(resolved.environment, image)):
            continue
        if locked:
            diagnostics.add(
                codes.NOT_LOCKED, f"{image} has no entry in the lock", span, "run `edgewright lock`"
            )
        else:
            diagnostics.add(
                codes.TAG_WITHOUT_DIGEST,
                f"{image} is named by tag; what runs can change without a commit",
                span,
                "write it as NAME@sha256:DIGEST, or run `edgewright lock`",
            )


def _artifacts(
    resolved: Resolved, nodes: list[Node], locked: bool, diagnostics: Diagnostics
) -> None:
    unsized: dict[str, Span | None] = {}
    for node in nodes:
        for member in node.members:
            for binding in member.inputs:
                if isinstance(binding.input, Artifact) and binding.input.size is None:
                    entry = binding.input
                    unsized.setdefault(f"{entry.name}:{entry.version}".rstrip(":"), entry.span)
    if not unsized:
        return
    first, span = next(iter(unsized.items()))
    more = f" and {len(unsized) - 1} more" if len(unsized) > 1 else ""
    if locked:
        diagnostics.add(
            codes.NOT_LOCKED,
            f"{first}{more} {'have' if more else 'has'} no entry in the lock",
            span,
            "run `edgewright lock`",
        )
    else:
        diagnostics.add(
            codes.SIZE_UNKNOWN,
            f"the size of {first}{more} is not known; fit and transfer time were not checked",
            span,
        )


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


def _workers(node: Node) -> list[Worker]:
    found = [member.worker for member in node.members]
    work = node.work if isinstance(node, Schedule) else node
    runs = [work] if isinstance(work, Run) else []
    if isinstance(work, Pipeline):
        runs = [step.run for step in work.steps]
    return found + [companion.worker for run in runs for companion in run.companions]
