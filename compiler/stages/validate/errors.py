"""Turns what pydantic found wrong into diagnostics at the author's lines.

Part of `validate`. Finds the place and the words; decides nothing about what is allowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from compiler.model.codes import all_codes
from compiler.model.codes import spec as codes
from compiler.model.codes import text as text_codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.kind import Kinds
from compiler.model.record import dataclass
from compiler.model.spec.base import NOTHING, SpecModel
from compiler.model.spec.job import JobSpec, StepSpec
from compiler.model.spec.shape import FieldShape, Shape, fields
from compiler.stages.validate import keys
from compiler.stages.validate.words import Finding, finding, put, shortened

Path = tuple[str | int, ...]

_AT_KEY = {"E1302", "E1303", "E1305", "E1201", "E1202", "E1203"}
_BOTH_WAYS = ("requests", "limits")
MOST_PROBLEMS: Final = 500
"""More of them have one cause nearly always, and nobody reads on."""


@dataclass(frozen=True, slots=True)
class Spot:
    """A value as its author wrote it: the path of written keys, its shape, its owner.

    `owner` is the model whose key it is. `is_key` is set where the key itself is wrong.
    """

    path: Path
    value: Any
    shape: Shape
    owner: type[SpecModel] | None
    is_key: bool = False

    @property
    def name(self) -> str:
        """The nearest key with the index of a list's entry, for messages."""
        words = [shortened(step) for step in self.path if isinstance(step, str)]
        last = self.path[-1] if self.path else ""
        suffix = f"[{last}]" if isinstance(last, int) else ""
        return (words[-1] if words else "the spec") + suffix


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds values in the data by the path that an error has.

    `prefix` is the path of the data itself within the spec, for messages.
    """

    root: Shape
    data: Any
    prefix: tuple[str, ...]
    kinds: Kinds

    def spot(self, loc: Sequence[str | int], given: Any) -> Spot:
        """The place of an error; steps that the author did not write are passed over."""
        shape, value, owner, path = self.root, self.data, None, list[str | int]()
        skipped = False
        above = shape
        for step in loc:
            if step == "[key]":
                return Spot(tuple(path), path[-1] if path else "", above, owner, is_key=True)
            above = shape
            model = self.model(shape, value)
            owner = model or owner
            shape = self._below(shape, model, step)
            if _has(value, step):
                value = value[step]
                path.append(step)
            else:
                skipped = True
        if skipped and isinstance(value, dict | list):
            path, value = _same_object(path, value, given)
        return Spot(tuple(path), value, shape, owner)

    def words(self, path: Path) -> str:
        """A path for people, such as `jobs.watch.worker.args[0]`."""
        text = ""
        for step in (*self.prefix, *path):
            text += f"[{step}]" if isinstance(step, int) else f".{shortened(step)}"
        return text.lstrip(".") or "the spec"

    def span(self, path: Path) -> Span | None:
        """The place of a value."""
        marks = getattr(self.data, "marks", None)
        found: Span | None = marks.at(path) if marks is not None else None
        return found

    def key_span(self, path: Path) -> Span | None:
        """The place of the key that a value has, or of the nearest key above it."""
        marks = getattr(self.data, "marks", None)
        if marks is None or not path:
            return marks.span if marks is not None else None
        for step in path[:-1]:
            if marks.entry(step) is None:
                break
            marks = marks.child(step)
        found: Span = marks.key_span(path[-1])
        return found

    def missing(self, path: Path, shape: FieldShape, diagnostics: Diagnostics) -> None:
        """Report that a key is missing, at the key of the mapping that lacks it."""
        example = shape.shape.text.example if shape.shape.text else ""
        found = Finding(
            codes.MISSING_KEY,
            f"{self.words(path[:-1])} needs the key {shape.key}: {_lower(shape.description)}",
            f"Example: {shape.key}: {example}" if example else f"It takes {shape.shape}.",
        )
        put(diagnostics, found, self.key_span(path[:-1]))

    def model(self, shape: Shape, value: Any) -> type[SpecModel] | None:
        """The model of a value; for a job or step, that of its kind."""
        if shape.sort not in ("job", "step"):
            return shape.model
        name = value.get("kind") if isinstance(value, dict) else None
        if isinstance(name, str) and name in self.kinds.names:
            return self.kinds.load(name).spec
        return StepSpec if shape.sort == "step" else JobSpec

    def _below(self, shape: Shape, model: type[SpecModel] | None, step: str | int) -> Shape:
        if model is not None:
            found = fields(model).get(str(step))
            return found.shape if found else Shape("free")
        return shape.item or (shape if shape.sort == "free" else Shape("free"))


def report(errors: Sequence[Any], finder: Finder, diagnostics: Diagnostics) -> set[Path]:
    """Add a diagnostic for every error of a pydantic `ValidationError`, up to `MOST_PROBLEMS`.

    Returns the places of keys that are there under a wrong word, so that nobody calls them
    missing as well.
    """
    explained: set[Path] = set()
    if len(errors) > MOST_PROBLEMS:
        diagnostics.add(
            text_codes.TOO_MANY_PROBLEMS,
            f"{len(errors):,} values are wrong; the first {MOST_PROBLEMS} are listed",
        )
        errors = errors[:MOST_PROBLEMS]
    for error in errors:
        if error["type"] == "extra_forbidden":
            explained.add(_unknown(error["loc"], finder, diagnostics))
        elif error["type"] != "missing" and not _only_faulty(error):
            _wrong(error, finder, diagnostics)
    for error in errors:
        if error["type"] == "missing":
            _missing(error["loc"], finder, explained, diagnostics)
    return explained


def _only_faulty(error: Any) -> bool:
    # A list whose every entry is wrong counts as empty; the entries tell what is wrong.
    return error["type"] == "too_short" and bool(error["input"])


def _missing(
    loc: Sequence[str | int], finder: Finder, explained: set[Path], diagnostics: Diagnostics
) -> None:
    above = finder.spot(loc[:-1], None)
    model, path = finder.model(above.shape, above.value), (*above.path, str(loc[-1]))
    if model is not None and path not in explained:
        finder.missing(path, fields(model)[str(loc[-1])], diagnostics)


def _unknown(loc: Sequence[str | int], finder: Finder, diagnostics: Diagnostics) -> Path:
    above = finder.spot(loc[:-1], None)
    model = finder.model(above.shape, above.value) or above.owner
    key = str(loc[-1])
    found = keys.unknown(key, model, finder.words(above.path), above.value, finder.kinds)
    put(diagnostics, found, finder.key_span((*above.path, key)))
    return (*above.path, found.meant)


def _wrong(error: Any, finder: Finder, diagnostics: Diagnostics) -> None:
    spot = finder.spot(error["loc"], error["input"])
    empty = error["input"] is NOTHING or error["input"] is None
    found = _fault(error) if error["type"] == "fault" and not empty else finding(error, spot)
    at_key = spot.is_key or (found.code.id in _AT_KEY and isinstance(error["input"], dict))
    span = finder.key_span(spot.path) if at_key else finder.span(spot.path)
    put(diagnostics, found, span)


def _fault(error: Any) -> Finding:
    context, given = error["ctx"], error["input"]
    message, hint = context["message"], context["hint"]
    if isinstance(given, str) and len(given) > 1:
        message, hint = (text.replace(given, shortened(given)) for text in (message, hint))
    return Finding(all_codes()[context["code"]], message, hint)


def _has(value: Any, step: str | int) -> bool:
    if isinstance(value, dict):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and step < len(value)


def _same_object(path: list[str | int], value: Any, given: Any) -> tuple[list[str | int], Any]:
    entries = value.items() if isinstance(value, dict) else enumerate(value)
    same = [(key, entry) for key, entry in entries if entry is given]
    return ([*path, same[0][0]], same[0][1]) if len(same) == 1 else (path, value)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].rstrip(".")
