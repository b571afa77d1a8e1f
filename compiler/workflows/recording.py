"""Writes versions and what was measured of them into a spec, as edits that keep every other byte.

A change is judged before it is written: its names must exist, its digests must be those of the
lock, and the spec as it would be must resolve. What is there already is never changed, save a
record that somebody asks to replace. It plans nothing, so a value that fails a gate is recorded
like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiler import kinds, pipeline
from compiler.adapters import edit
from compiler.adapters.edit import Append, Edit, Remove, Set
from compiler.model import source
from compiler.model.codes import recording as codes
from compiler.model.codes import text as text_codes
from compiler.model.diagnostics import CompileError, Diagnostics, Related, Span
from compiler.model.lock import Lock
from compiler.model.marks import Path as KeyPath
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import MetricSpec, VariantSpec, VersionFields, VersionSpec
from compiler.model.spec.measured import MeasuredSpec
from compiler.model.spec.spec import Spec
from compiler.stages.load import Sources, load, read_lock, shown
from compiler.stages.resolve.references import check_history, check_version
from compiler.stages.validate.validate import validate_model
from compiler.workflows.rolling import Change

_PAIR = re.compile(r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})")
"""A character that JSON writes as two surrogates, which YAML does not know."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A spec that resolves, in every environment."""

    root: Path
    sources: Sources
    spec: Spec
    environments: tuple[Resolved, ...]
    lock: Lock | None


@dataclass(frozen=True, slots=True)
class Place:
    """A version of a model, or a variant of it."""

    model: str
    version: str
    variant: str = ""

    @property
    def path(self) -> KeyPath:
        """Where it is written."""
        variant = ("variants", self.variant) if self.variant else ()
        return ("models", self.model, "versions", self.version, *variant)

    def __str__(self) -> str:
        return f"{self.model}:{self.version}" + (f"/{self.variant}" if self.variant else "")


@dataclass(frozen=True, slots=True)
class Measured:
    """A file of metrics: what it means, and its values as they were written."""

    spec: MeasuredSpec
    data: Mapping[str, Any]

    def metric(self, index: int) -> dict[str, Any]:
        """One metric as it is to be written, with who measured it."""
        found = dict(self.data["metrics"][index])
        return found if "by" in found or not self.spec.by else {**found, "by": self.spec.by}


def open_spec(
    root: Path, diagnostics: Diagnostics, texts: Mapping[str, str] | None = None
) -> Opened:
    """Read a spec and its lock, and resolve every name.

    Raises:
        CompileError: with everything that is wrong in them.
    """
    sources = load(root, diagnostics, texts=texts)
    diagnostics.raise_errors()
    lock = read_lock(root, sources, diagnostics)
    diagnostics.raise_errors()
    request = pipeline.Request(root=root)
    spec, environments = pipeline.resolve_environments(request, sources, lock, diagnostics)
    return Opened(root, sources, spec, environments, lock)


def read_measured(path: Path, diagnostics: Diagnostics) -> Measured:
    """The metrics of a file.

    Raises:
        CompileError: it cannot be read, or is not what the schema says.
    """
    name = shown(path)
    try:
        with path.open("rb") as stream:
            data = stream.read(source.Limits().size + 1)
    except OSError as error:
        diagnostics.fail(text_codes.UNREADABLE, f"{name}: {error.strerror}")
    text = source.decode(name, data, diagnostics)
    documents = source.parse(name, _without_pairs(text), diagnostics) if text is not None else []
    diagnostics.raise_errors()
    if len(documents) != 1 or not isinstance(documents[0].data, source.Map):
        diagnostics.fail(
            text_codes.NOT_A_MAPPING, "the file is not one mapping", Span(name, 1, 1),
            'write {"format": "edgewright-metrics/1", "metrics": […]}',
        )  # fmt: skip
    found = _valid(MeasuredSpec, documents[0].data, diagnostics)
    return Measured(found, documents[0].data)


def added(
    opened: Opened,
    place: Place,
    entry: Mapping[str, Any],
    measured: Measured | None,
    diagnostics: Diagnostics,
) -> Change:
    """The spec with a version, or a variant of one, that it does not have yet.

    Raises:
        CompileError: it is there already, or is wrong.
    """
    there = _entry(opened, place)
    if there is not None:
        diagnostics.fail(
            codes.ALREADY_THERE, f"{place} is there already", there.span,
            f"`edgewright models record {place}` adds metrics to it; other bytes need a new name",
        )  # fmt: skip
    model: type[VersionFields] = VariantSpec if place.variant else VersionSpec
    if not place.variant or place.version in opened.spec.models[place.model].versions:
        made = _valid(model, dict(entry), diagnostics)
    else:
        # The version is new as well, so this build has to have bytes.
        whole = {"variants": {place.variant: dict(entry)}}
        made = _valid(VersionSpec, whole, diagnostics).variants[place.variant]
    for one in opened.environments:
        check_version(one.spec, one.base, made, diagnostics)
    written = dict(entry)
    if measured is not None:
        _check(opened, place, measured, diagnostics)
        written |= _recorded_whole(measured)
    diagnostics.raise_errors()
    return _judged(opened, [Set(place.path, written)], diagnostics)


def recorded(
    opened: Opened, place: Place, measured: Measured, diagnostics: Diagnostics, *, swap: bool
) -> Change:
    """The spec with what was measured of a version that it has; `swap` replaces other values.

    What is recorded already in the same words changes nothing.

    Raises:
        CompileError: something else is recorded, or the file is wrong for this spec.
    """
    there = _entry(opened, place)
    if there is None:
        raise KeyError(str(place))
    _check(opened, place, measured, diagnostics)
    edits = [*_metrics(opened, place, there, measured, diagnostics, swap=swap)]
    for key in ("lineage", "golden"):
        old, new = getattr(there, key), getattr(measured.spec, key)
        if new is None or new == old:
            continue
        if old is not None and not swap:
            _refuse(f"{place} has another {key}", new.span, old.span, diagnostics)
        edits.append(Set((*place.path, key), measured.data[key]))
    diagnostics.raise_errors()
    return _judged(opened, edits, diagnostics)


def _valid(model: type[Any], data: Any, diagnostics: Diagnostics) -> Any:
    found = validate_model(model, data, kinds.REGISTRY, diagnostics)
    diagnostics.raise_errors()
    return found


def _entry(opened: Opened, place: Place) -> VersionFields | None:
    version = opened.spec.models[place.model].versions.get(place.version)
    if version is None or not place.variant:
        return version
    return version.variants.get(place.variant)


def _recorded_whole(measured: Measured) -> dict[str, Any]:
    found = {key: measured.data[key] for key in ("lineage", "golden") if key in measured.data}
    metrics = [measured.metric(index) for index in range(len(measured.spec.metrics))]
    return {**({"metrics": metrics} if metrics else {}), **found}


def _check(opened: Opened, place: Place, measured: Measured, diagnostics: Diagnostics) -> None:
    """Report names that do not exist, data that is not what the lock has, and a mixed up file."""
    spec = measured.spec
    if spec.model not in (None, place.model, f"{place.model}:{place.version}"):
        diagnostics.add(
            codes.OTHER_VERSION,
            f"the file is about {spec.model}, and not about {place.model}:{place.version}",
            spec.span_of("model"),
            f"record it for {spec.model}",
        )
    for one in opened.environments:
        check_history(one.spec, one.base, spec, diagnostics)
        for metric in spec.metrics:
            _check_data(one, metric, diagnostics)


def _check_data(resolved: Resolved, metric: MetricSpec, diagnostics: Diagnostics) -> None:
    name = f"datasets/{metric.dataset}"
    locked = resolved.lock.artifact(resolved.environment, name) if resolved.lock else None
    if locked is None or metric.digest in (None, locked.sha256):
        return
    at = resolved.lock.span(resolved.environment, "artifacts", name) if resolved.lock else None
    diagnostics.add(
        codes.OTHER_DATA,
        f"{metric.name} was measured on {metric.dataset} as {(metric.digest or '')[:12]}…, "
        f"and the lock has {locked.sha256[:12]}…",
        metric.span_of("digest"),
        f"measure it on {metric.dataset} as it is locked",
        (Related(at, "locked here"),) if at else (),
    )


def _metrics(
    opened: Opened,
    place: Place,
    there: VersionFields,
    measured: Measured,
    diagnostics: Diagnostics,
    *,
    swap: bool,
) -> Iterator[Edit]:
    path = (*place.path, "metrics")
    for index, new in enumerate(measured.spec.metrics):
        at = next((i for i, old in enumerate(there.metrics) if _alike(opened, old, new)), None)
        if at is None:
            yield Append(path, measured.metric(index))
            continue
        old = there.metrics[at]
        if (old.value.number, old.value.unit) == (new.value.number, new.value.unit):
            continue
        if not swap:
            message = f"{place} has {new.name} {old.value}, and the file says {new.value}"
            _refuse(message, new.span, old.span, diagnostics)
        yield from _replaced((*path, at), old, measured.metric(index))


def _alike(opened: Opened, old: MetricSpec, new: MetricSpec) -> bool:
    """Whether both were measured in the same way; a digest that nobody knows does not differ."""

    def way(one: MetricSpec) -> tuple[object, ...]:
        params = sorted((key, str(getattr(v, "text", v))) for key, v in one.params.items())
        return one.name, one.dataset, one.split, one.profile, params

    digests = {one.digest or _locked(opened, one.dataset) for one in (old, new)} - {None}
    return way(old) == way(new) and len(digests) < 2


def _locked(opened: Opened, dataset: str | None) -> str | None:
    """The digest of a dataset, the same in every environment that has one."""
    names = [one.environment for one in opened.environments]
    found = [opened.lock.artifact(e, f"datasets/{dataset}") for e in names] if opened.lock else []
    return next((entry.sha256 for entry in found if entry), None)


def _replaced(path: KeyPath, old: MetricSpec, new: Mapping[str, Any]) -> Iterator[Edit]:
    """The edits of one metric: only what is of the value, so that its other keys stay."""
    yield Set((*path, "value"), new["value"])
    for key in ("digest", "by"):
        if key in new and new[key] != getattr(old, key):
            yield Set((*path, key), new[key])
        elif key not in new and getattr(old, key) is not None:
            yield Remove((*path, key))


def _refuse(message: str, span: Span | None, old: Span | None, diagnostics: Diagnostics) -> None:
    related = (Related(old, "recorded here"),) if old else ()
    hint = "`--replace` takes what the file says"
    diagnostics.add(codes.RECORDED_OTHERWISE, message, span, hint, related)


def _judged(opened: Opened, edits: Sequence[Edit], diagnostics: Diagnostics) -> Change:
    """The new texts, if the spec with them resolves."""
    sources = opened.sources
    texts = edit.edited_spec(sources.data, sources.texts, edits, diagnostics)
    after = Diagnostics()
    try:
        open_spec(opened.root, after, texts)
    except CompileError as error:
        # Lines of the text as it would be say nothing to whoever looks into the file.
        for one in error.diagnostics:
            moved = one.span is not None and one.span.file in texts
            diagnostics.extend([replace(one, span=None) if moved else one])
        diagnostics.raise_errors()
    return Change(texts, sources.texts)


def _without_pairs(text: str) -> str:
    def character(found: re.Match[str]) -> str:
        return bytes.fromhex(found[1] + found[2]).decode("utf-16-be")

    return _PAIR.sub(character, text)
