"""Holds a version against the code around it, and the parts of a joint version against each other.

Part of `plan`: judged wherever a site gets the version. Classes and tensors are compared where both
sides state them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field

from compiler.model.choice import Choice, Level, levels, said
from compiler.model.codes import gates as codes
from compiler.model.diagnostics import Code, Diagnostics, Related, Span
from compiler.model.fleet import Site
from compiler.model.matching import Classes, classes_differ, tensor, tensors_differ
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.artifacts import ModelSpec, VersionSpec
from compiler.model.spec.signature import ProcessingSpec, SignatureSpec, TensorSpec


@dataclass(frozen=True, slots=True)
class _Finding:
    code: Code
    text: str
    span: Span | None
    hint: str
    related: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True)
class _Build:
    """One build by name with the levels that may say something of it."""

    name: str
    by: tuple[Level, ...]

    def classes(self) -> tuple[tuple[str, ...], Span | None]:
        """Its classes and the line that lists them."""
        found = said(self.by, "classes")
        return (found[0], found[1].span_of("classes")) if found else ((), None)

    def tensors(self, side: str) -> tuple[Sequence[TensorSpec], Span | None]:
        """Its inputs or outputs and their line; none where nobody states them."""
        found = said(self.by, "signature")
        return _side(found[0] if found else None, side)

    def step(self, step: str) -> ProcessingSpec | None:
        """The code that runs before or after it."""
        found = said(self.by, step)
        return found[0] if found else None

    def entrance(self) -> tuple[Sequence[TensorSpec], Span | None]:
        """What is sent to it: what its preprocessing takes, where it has any."""
        before = self.step("preprocess")
        return _side(before.signature, "inputs") if before else self.tensors("inputs")


@dataclass(slots=True)
class Matching:
    """Judges what has to go together, for one environment; what was judged once is remembered."""

    resolved: Resolved
    diagnostics: Diagnostics
    judged: dict[tuple[object, ...], tuple[_Finding, ...]] = field(default_factory=dict)

    def check(self, choice: Choice, site: Site) -> None:
        """Report everything around a chosen version that does not fit it, at a site."""
        view = self.resolved.view(site.name)
        key = (id(view), choice.model, choice.version, choice.variant)
        if key not in self.judged:
            self.judged[key] = tuple(self._findings(choice, site))
        for one in self.judged[key]:
            self.diagnostics.add_at_site(
                one.code, one.text, site.name, site.span, one.span, one.hint, one.related
            )

    def _findings(self, choice: Choice, site: Site) -> Iterator[_Finding]:
        models = self.resolved.view(site.name).models
        entry = models[choice.model].versions[choice.version]
        if entry.edge and entry.cloud:
            for edge in self._builds(entry.edge, site):
                for cloud in self._builds(entry.cloud, site):
                    yield from _pair(f"{choice.model}:{choice.version}", entry, edge, cloud)
            return
        build = _Build(str(choice), levels(models[choice.model], choice.version, choice.variant))
        yield from _around(build)

    def _builds(self, reference: str, site: Site) -> Iterator[_Build]:
        """Every build of a part: which one a host gets is decided for the part itself."""
        name, _, version = reference.partition(":")
        model: ModelSpec | None = self.resolved.view(site.name).models.get(name)
        version = version or (model.target if model else None) or ""
        if model is None or version not in model.versions:
            return
        entry = model.versions[version]
        for variant in ([""] if entry.uri else []) + list(entry.variants):
            named = f"{name}:{version}{f'/{variant}' if variant else ''}"
            yield _Build(named, levels(model, version, variant))


def _around(build: _Build) -> Iterator[_Finding]:
    before, after = build.step("preprocess"), build.step("postprocess")
    if before is not None:
        made = _side(before.signature, "outputs")
        subject = f"preprocess of {build.name} makes"
        yield from _tensors(subject, made, (build.name, build.tensors("inputs")))
    if after is not None:
        taken = _side(after.signature, "inputs")
        subject = f"{build.name} makes"
        other = (f"postprocess of {build.name}", taken)
        yield from _tensors(subject, build.tensors("outputs"), other)
        names, line = build.classes()
        one, theirs = Classes(build.name, names), Classes("its postprocess", after.classes)
        at = after.span_of("class_map" if after.class_map else "classes")
        related = Related.at(line, f"the classes of {build.name}")
        yield from _classes("", one, theirs, after.class_map, at, related)


def _pair(name: str, entry: VersionSpec, edge: _Build, cloud: _Build) -> Iterator[_Finding]:
    at = entry.span_of("class_map" if entry.class_map else "edge")
    (left, first), (right, second) = edge.classes(), cloud.classes()
    related = Related.at(first, f"the classes of {edge.name}")
    related += Related.at(second, f"the classes of {cloud.name}")
    one, other = Classes(edge.name, left), Classes(cloud.name, right)
    yield from _classes(f"parts of {name}: ", one, other, entry.class_map, at, related)
    if entry.inputs == "own":
        return
    for found in _tensors(f"{edge.name} takes", edge.entrance(), (cloud.name, cloud.entrance())):
        text = f"parts of {name}: {found.text}, which {cloud.name} takes"
        hint = "write inputs: own in the version if each worker prepares inputs for its own part"
        yield _Finding(found.code, text, entry.span_of("cloud"), hint, _lines(edge, cloud))


def _lines(edge: _Build, cloud: _Build) -> tuple[Related, ...]:
    return tuple(
        line
        for part in (edge, cloud)
        for line in Related.at(part.entrance()[1], f"{part.name} takes this")
    )


def _tensors(
    subject: str,
    makes: tuple[Sequence[TensorSpec], Span | None],
    taker: tuple[str, tuple[Sequence[TensorSpec], Span | None]],
) -> Iterator[_Finding]:
    by, (takes, line) = taker
    if not makes[0] or not takes:
        return
    how = tensors_differ(makes[0], takes)
    if how:
        wanted = ", ".join(tensor(one) for one in takes)
        hint = f"{by} takes {wanted}: use code and a version that fit, or correct the signature"
        related = Related.at(line, f"{by} takes this")
        yield _Finding(codes.INPUTS_DIFFER, f"{subject} {how}", makes[1], hint, related)


def _classes(
    subject: str,
    one: Classes,
    other: Classes,
    known: Mapping[str, str],
    at: Span | None,
    related: tuple[Related, ...],
) -> Iterator[_Finding]:
    how, fits = classes_differ(one, other, known)
    if how:
        yield _Finding(codes.CLASSES_DIFFER, f"{subject}{how}", at, fits, related)


def _side(signature: SignatureSpec | None, side: str) -> tuple[Sequence[TensorSpec], Span | None]:
    if signature is None:
        return (), None
    return getattr(signature, side), signature.span_of(side)
