"""Drafts to directories: leaves first, patch, hash, then names into whoever refers to them.

Each object is final once: its name, its text, its file. Everything wrong with templates, values
and patches is collected; an object that cannot be rendered is left out, and the caller decides
on the diagnostics. Nothing here validates objects against a schema, and nothing here writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any

from compiler.model import emit
from compiler.model.codes import render as codes
from compiler.model.diagnostics import Code, Diagnostics, Related, Span
from compiler.model.hashing import content_name, file_name
from compiler.model.manifest import Directory, Draft, Identity, Naming, Object, Reference, Unit
from compiler.model.record import dataclass
from compiler.stages.render.directory import directory
from compiler.stages.render.patches import PatchError, PatchRule, apply
from compiler.stages.render.skeleton import FillError, Skeleton, StructureError, parse_structure
from compiler.stages.render.templates import Run, Template, TemplateError, Templates
from compiler.stages.render.trace import template_line

SKELETON_LIMIT = 512
"""Structures that one template keeps parsed: far more than real fleets have, and bounded."""


def render(
    drafts: Iterable[Draft],
    templates: Templates,
    diagnostics: Diagnostics,
    *,
    namespace: str,
    patches: Sequence[PatchRule] = (),
) -> list[Directory]:
    """One directory for each unit that has drafts, by path.

    `namespace` is the project's in this environment: file names leave it out. Whether each patch
    met an object is known only over all units: see `patches.report_unused`. One fault of a
    template is reported once, for the first draft that met it.

    Raises:
        LookupError: a draft refers to a key that no draft of its unit has.
        ValueError: drafts refer to each other in a circle.
    """
    reported: set[tuple[Code, Span | None, str]] = set()
    by_unit: dict[Unit, list[Draft]] = {}
    for draft in drafts:
        by_unit.setdefault(draft.unit, []).append(draft)
    found = []
    for unit in sorted(by_unit, key=lambda unit: unit.path):
        work = _Work(templates, diagnostics, namespace, patches, reported)
        found.append(directory(unit, work.objects(by_unit[unit]), diagnostics))
    return found


def check_templates(templates: Templates, diagnostics: Diagnostics) -> None:
    """Report everything wrong with the files of the user's own templates folder, used or not."""
    for error in templates.check():
        for fault in error.faults:
            span = Span(error.file, fault.line, fault.column)
            diagnostics.add(fault.code, fault.message, span, fault.hint)


class _SkippedError(Exception):
    """The object cannot be rendered; why is already reported."""


@dataclass(slots=True)
class _Work:
    """The rendering of one unit."""

    templates: Templates
    diagnostics: Diagnostics
    namespace: str
    patches: Sequence[PatchRule]
    reported: set[tuple[Code, Span | None, str]]
    drafts: dict[str, Draft] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    ready: dict[str, Object | None] = field(default_factory=dict)

    def objects(self, drafts: Sequence[Draft]) -> list[Object]:
        """The objects of the unit's drafts that could be rendered, in their order."""
        self.drafts = {draft.key: draft for draft in drafts if draft.key}
        made = [self._object(draft) for draft in drafts]
        return [item for item in made if item is not None]

    def _object(self, draft: Draft) -> Object | None:
        """The object of a draft; one that others refer to is made once."""
        if draft.key in self.ready:
            return self.ready[draft.key]
        if draft.key:
            self.names[draft.key] = ""
        try:
            made: Object | None = self._make(draft)
        except _SkippedError:
            made = None
        if draft.key:
            self.ready[draft.key] = made
            self.names[draft.key] = made.data["metadata"]["name"] if made else ""
        return made

    def _name(self, key: str) -> str:
        """The final name of the draft with a key."""
        if key not in self.drafts:
            raise LookupError(f"no draft of the unit has the key {key!r}")
        if key not in self.ready:
            if key in self.names:
                raise ValueError(f"drafts refer to each other in a circle at {key!r}")
            self._object(self.drafts[key])
        if self.ready[key] is None:
            raise _SkippedError
        return self.names[key]

    def _make(self, draft: Draft) -> Object:
        if draft.raw is not None:
            return self._finish(draft, plain(draft.raw, self._name), None, [], "")
        template, run = self._run(draft)
        holes = [
            value if type(value) in _SCALARS else plain(value, self._name) for value in run.holes
        ]
        try:
            skeleton = _skeleton(template, run.structure)
            data = skeleton.data(holes)
        except StructureError as error:
            line = template_line(template, draft.values, str(error))
            span = Span(template.file, line, 1)
            raise self._fault(codes.TEMPLATE_YAML, str(error), draft, span) from None
        except (FillError, ValueError) as error:
            span = Span(template.file, 1, 1)
            raise self._fault(codes.VALUE_UNFIT, str(error), draft, span) from None
        return self._finish(draft, data, skeleton, holes, draft.template)

    def _run(self, draft: Draft) -> tuple[Template, Run]:
        try:
            template = self.templates.get(draft.template)
            return template, template.run(draft.values)
        except TemplateError as error:
            for fault in error.faults:
                span = Span(error.file, fault.line, fault.column)
                self._fault(fault.code, fault.message, draft, span, fault.hint)
            raise _SkippedError from None

    def _finish(
        self,
        draft: Draft,
        data: dict[str, Any],
        skeleton: Skeleton | None,
        holes: list[Any],
        template: str,
    ) -> Object:
        """Patch, name, write: the object of its data; a skeleton writes what no patch changed."""
        self._check_identity(draft, data)
        patched = self._patched(draft, data)
        skeleton = skeleton if patched is data else None
        try:
            if draft.naming is Naming.CONTENT:
                patched, skeleton = _renamed(patched, skeleton, holes)
            text = skeleton.text(holes) if skeleton is not None else emit.dump(patched)
        except FillError as error:
            raise self._fault(codes.TOO_LARGE, str(error), draft, draft.origin.span) from None
        except (ValueError, TypeError) as error:
            message = f"{_place_of_unfit(patched)}: {error}"
            raise self._fault(codes.VALUE_UNFIT, message, draft, draft.origin.span) from None
        if "\\u" in text or "<<" in text:
            self._check_portable(draft, patched)
        file = file_name(_identity(patched), self.namespace)
        return Object(
            draft.unit, draft.origin, patched, f"{draft.origin.header}\n{text}", file, template
        )

    def _patched(self, draft: Draft, data: dict[str, Any]) -> dict[str, Any]:
        kind = data["kind"]
        for rule in self.patches:
            if rule.matches(draft.origin.subject, kind, data["metadata"]["name"]):
                try:
                    data = plain(apply(rule, data), self._name)
                except PatchError as error:
                    span = error.span(rule)
                    self._fault(error.code, str(error), draft, span, error.hint)
        return data

    def _check_identity(self, draft: Draft, data: Mapping[str, Any]) -> None:
        """apiVersion, kind and name are there, and nothing in them can harm a file's name."""
        metadata = data.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        for path, value in (
            ("apiVersion", data.get("apiVersion")),
            ("kind", data.get("kind")),
            ("metadata.namespace", metadata.get("namespace", "default")),
            ("metadata.name", metadata.get("name")),
        ):
            if type(value) is not str or not _is_identifier(value, path == "apiVersion"):
                there = "is missing" if value is None else f"is {value!r}, which names nothing"
                message = f"{path} {there}"
                span = draft.origin.span
                if not draft.template:
                    raise self._fault(codes.OBJECT_UNNAMED, message, draft, span)
                file = self.templates.get(draft.template).file
                raise self._fault(codes.OBJECT_UNNAMED, message, draft, Span(file, 1, 1))

    def _check_portable(self, draft: Draft, data: Any) -> None:
        for path, text in _texts(data, ""):
            found = _BEYOND_KUSTOMIZE(text)
            if found:
                what = f"U+{ord(found[0]):04X}" if len(found[0]) == 1 else f"the key {found[0]}"
                message = f"{path} holds {what}, which does not survive kustomize"
                raise self._fault(codes.TEXT_BEYOND_KUSTOMIZE, message, draft, draft.origin.span)

    def _fault(
        self, code: Code, message: str, draft: Draft, span: Span | None, hint: str = ""
    ) -> _SkippedError:
        """Report one fault, once for all drafts that meet it; returns what to raise."""
        if (code, span, message) not in self.reported:
            self.reported.add((code, span, message))
            origin = draft.origin
            where = f"{origin.subject} @ {origin.site}" if origin.site else origin.subject
            at = origin.span
            related = (Related(at, f"rendered for {where}"),) if at and at != span else ()
            self.diagnostics.add(code, f"{message} (for {where})", span, hint, related)
        return _SkippedError()


def plain(value: Any, name_of: Any) -> Any:
    """A value as dicts, lists and base types, with each `Reference` replaced by a final name."""
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is Reference:
        return name_of(value.key)
    if isinstance(value, Mapping):
        return {
            key: item if type(item) in _SCALARS else plain(item, name_of)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [item if type(item) in _SCALARS else plain(item, name_of) for item in value]
    return _base(value)


def _base(value: Any) -> Any:
    """A scalar of a subclass, such as a number that knows its source text, as its base type."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    return float.__float__(value) if isinstance(value, float) else value


def _skeleton(template: Template, structure: str) -> Skeleton:
    """The parsed structure, from the template's own store where it was met before."""
    skeleton = template.derived.get(structure)
    if skeleton is None:
        if len(template.derived) >= SKELETON_LIMIT:
            template.derived.clear()
        skeleton = template.derived[structure] = parse_structure(structure)
    found: Skeleton = skeleton
    return found


def _renamed(
    data: dict[str, Any], skeleton: Skeleton | None, holes: list[Any]
) -> tuple[dict[str, Any], Skeleton | None]:
    """The data under the name of its content, and its skeleton if that can write the name."""
    metadata = data["metadata"]
    name = content_name(metadata["name"], data)
    renamed = {**data, "metadata": {**metadata, "name": name}}
    if skeleton is None or skeleton.name_hole is None:
        return renamed, None
    holes[skeleton.name_hole] = name
    return renamed, skeleton


def _identity(data: Mapping[str, Any]) -> Identity:
    group, _, _ = data["apiVersion"].rpartition("/")
    metadata = data["metadata"]
    return Identity(group, data["kind"], metadata.get("namespace", ""), metadata["name"])


@lru_cache(maxsize=8192)
def _is_identifier(text: str, may_have_slash: bool) -> bool:
    return (
        len(text) <= 253 and _IDENTIFIER(text) is not None and ("/" not in text or may_have_slash)
    )


def _place_of_unfit(data: Any, path: str = "") -> str:
    """The path of the first value that the emitter refuses."""
    if isinstance(data, dict):
        items = [(f"{path}.{key}" if path else str(key), key, item) for key, item in data.items()]
    elif isinstance(data, list):
        items = [(f"{path}[{at}]", "", item) for at, item in enumerate(data)]
    else:
        return path
    for place, key, item in items:
        try:
            emit.dump({key: item})
        except ValueError:
            return _place_of_unfit(item, place) if isinstance(item, dict | list) else place
    return path


def _texts(data: Any, path: str) -> Iterable[tuple[str, str]]:
    """Every text of an object with its path: keys at the path of their mapping."""
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, item in data.items():
            shown = key if key.isprintable() else ascii(key)
            place = f"{path}.{shown}" if path else shown
            yield place, f"{_KEY}{key}"
            yield from _texts(item, place)
    elif isinstance(data, list):
        for at, item in enumerate(data):
            yield from _texts(item, f"{path}[{at}]")


_SCALARS = frozenset({str, int, bool, float, type(None)})
_KEY = "\x00"
_BEYOND_KUSTOMIZE = re.compile(f"[\x7f-\x9f\ufffe\uffff]|(?<=^{_KEY})<<$").search
_IDENTIFIER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9:._/-]*[A-Za-z0-9])?").fullmatch
