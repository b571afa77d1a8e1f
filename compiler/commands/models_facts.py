"""What a spec and its lock say of the versions of models, as data for a list and for cards.

Only gathers: whether a gate holds is decided where gates are judged, what is chosen by selection.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compiler.model import metrics
from compiler.model.gating import judge
from compiler.model.lock import LockedArtifact
from compiler.model.metrics import Digests, Measurement
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import ModelSpec, VersionFields, VersionSpec
from compiler.model.spec.signature import SignatureSpec
from compiler.workflows.recording import Opened


def targets(opened: Opened, name: str) -> dict[str, str]:
    """The version that each environment wants; an environment without one is left out."""
    found = {}
    for one in opened.environments:
        spec = one.base.models.get(name)
        locked = opened.lock.target(one.environment, name) if opened.lock else None
        version = (spec.target if spec else None) or (locked.version if locked else None)
        if version:
            found[one.environment] = version
    return found


def version_facts(opened: Opened, name: str, version: str) -> dict[str, Any]:
    """Everything of one version but where it runs."""
    model = opened.spec.models[name]
    entry = model.versions[version]
    lineage = entry.lineage
    return {
        "model": name,
        "version": version,
        "task": model.task,
        "license": entry.license or model.license,
        "yanked": entry.yanked,
        "targetOf": [env for env, wanted in targets(opened, name).items() if wanted == version],
        "builds": [
            _build(opened, name, version, variant, build, model) for variant, build in builds(entry)
        ],
        "edge": entry.edge,
        "cloud": entry.cloud,
        "base": lineage.base if lineage else None,
        "trainedOn": list(lineage.trained_on) if lineage else [],
        "job": lineage.job if lineage else None,
        "golden": entry.golden.input if entry.golden else None,
    }


def builds(entry: VersionSpec) -> Iterator[tuple[str, VersionFields]]:
    """The version itself, where it has bytes or parts, and each of its variants."""
    if entry.uri is not None or entry.pair:
        yield "", entry
    yield from entry.variants.items()


def measured(
    opened: Opened, name: str, version: str, variant: str = ""
) -> tuple[tuple[Measurement, str | None], ...]:
    """The values of a build that are its own, each with who measured it."""
    entry = opened.spec.models[name].versions[version]
    source: VersionFields = entry.variants[variant] if variant else entry
    found = metrics.of(source, digests(opened))
    return tuple(zip(found, (one.by for one in source.metrics), strict=True))


def digests(opened: Opened) -> Digests:
    """What tells the bytes of datasets apart, by the first environment that has them locked."""
    one = opened.environments[0]
    return metrics.digests(opened.lock, one.environment)


def gates(opened: Opened, resolved: Resolved, name: str, version: str) -> Iterator[dict[str, Any]]:
    """Whether the version would pass each gate of its model if sites got it now."""
    model = resolved.base.models[name]
    entry = model.versions[version]
    known = metrics.defined(resolved.spec.metrics)
    asked = metrics.digests(opened.lock, resolved.environment)
    wanted = targets(opened, name).get(resolved.environment, "")
    before = model.versions.get(wanted) if wanted != version else None
    for gate in model.gates:
        for variant, _ in builds(entry):
            chosen = entry.variants.get(variant)
            old = (
                metrics.measurements(before, before.variants.get(variant), asked)
                if before
                else None
            )
            verdict = judge(gate, metrics.measurements(entry, chosen, asked), old, known)
            yield {
                "gate": gate.metric,
                "variant": variant,
                "profile": gate.profile,
                "holds": verdict.holds,
                "why": verdict.why,
                "fits": "" if verdict.holds else verdict.fits,
                "at": place(gate.span),
            }


def ancestors(opened: Opened, name: str, version: str) -> Iterator[tuple[str, str]]:
    """The versions that a version comes from, nearest first; each is there."""
    current = f"{name}:{version}"
    while current:
        bare, _, at = current.partition(":")
        model = opened.spec.models.get(bare)
        at = at or (model.target if model else None) or ""
        entry = model.versions.get(at) if model else None
        if entry is None:
            return
        if (bare, at) != (name, version):
            yield bare, at
        current = (entry.lineage.base if entry.lineage else None) or ""


def place(span: Any) -> str:
    """A line of the spec as text; empty where there is none."""
    return f"{span.file}:{span.line}" if span else ""


def _build(
    opened: Opened, name: str, version: str, variant: str, build: VersionFields, model: ModelSpec
) -> dict[str, Any]:
    entry = model.versions[version]
    locked = _locked(opened, name, version, variant)
    signature = build.signature or entry.signature or model.signature
    needs = build.needs or entry.needs
    return {
        "variant": variant,
        "uri": build.uri or entry.uri,
        "sha256": locked.sha256 if locked else build.sha256,
        "size": locked.size if locked else None,
        "framework": build.framework or entry.framework or model.framework,
        "format": build.format or entry.format or model.format,
        "classes": list(_first(build.classes, entry.classes, model.classes)),
        "inputs": _tensors(signature, "inputs"),
        "outputs": _tensors(signature, "outputs"),
        "needs": needs.model_dump(by_alias=True, exclude_defaults=True) if needs else {},
        "metrics": [_metric(one, by) for one, by in measured(opened, name, version, variant)],
        "at": place(build.span),
    }


def _first(*choices: Sequence[str] | None) -> Sequence[str]:
    return next((one for one in choices if one is not None), ())


def _locked(opened: Opened, name: str, version: str, variant: str) -> LockedArtifact | None:
    key = f"models/{name}:{version}" + (f"/{variant}" if variant else "")
    lock = opened.lock
    found = [lock.artifact(one.environment, key) for one in opened.environments] if lock else []
    return next((one for one in found if one is not None), None)


def _tensors(signature: SignatureSpec | None, side: str) -> list[dict[str, Any]]:
    tensors = getattr(signature, side) if signature else ()
    return [{"name": t.name, "datatype": t.datatype, "shape": list(t.shape)} for t in tensors]


def _metric(one: Measurement, by: str | None) -> Mapping[str, Any]:
    return {
        "name": one.name,
        "value": one.value.text,
        "number": one.value.number,
        "unit": one.value.unit,
        "dataset": one.dataset,
        "digest": one.data if one.data != one.dataset else "",
        "split": one.split,
        "profile": one.profile,
        "params": dict(one.params),
        "by": by,
        "at": place(one.span),
    }
