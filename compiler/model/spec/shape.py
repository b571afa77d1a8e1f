"""Looks at the models from outside: what a field takes, in words and as a structure.

The source of error messages, of the reference in the docs and of generated tests. It builds
no validators.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from compiler.model.record import dataclass
from compiler.model.spec.amounts import MetricValue, Percentage
from compiler.model.spec.base import AsList, SpecModel, key_of
from compiler.model.spec.free import Params, Raw
from compiler.model.spec.job import AnyJob, AnyStep
from compiler.model.spec.text import Text
from compiler.model.spec.where import WhereField
from compiler.model.spec.worker import Ports, PortSpec

Sort = Literal[
    "model", "job", "step", "mapping", "list", "text", "words", "whole", "number", "truth", "free"
]


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value is: its sort, and what belongs to that sort.

    `model` is the class of sort `model`; `item` the shape of a mapping's values or a list's
    entries, `key` that of a mapping's keys; `text` the form of a text; `words` the allowed
    words; `described` words that say it better than the structure does.
    """

    sort: Sort
    model: type[SpecModel] | None = None
    item: Shape | None = None
    key: Text | None = None
    text: Text | None = None
    words: tuple[str, ...] = ()
    described: str = ""

    def __str__(self) -> str:
        return self.described or _DESCRIBE[self.sort](self)


@dataclass(frozen=True, slots=True)
class FieldShape:
    """A field as its author sees it: the key, its shape, whether it is needed, its default."""

    key: str
    attribute: str
    shape: Shape
    required: bool
    description: str
    default: Any = field(default=None, compare=False)


_FIELDS: dict[type[SpecModel], dict[str, FieldShape]] = {}


def fields(model: type[SpecModel]) -> Mapping[str, FieldShape]:
    """The fields of a model by their key in YAML, in the order of declaration."""
    if model not in _FIELDS:
        hints = get_type_hints(model, include_extras=True)
        _FIELDS[model] = {
            key_of(name): FieldShape(
                key_of(name),
                name,
                shape_of(hints[name]),
                info.is_required() or name in getattr(model, "needed", ()),
                info.description or "",
                None if info.is_required() or info.default_factory else info.default,
            )
            for name, info in model.model_fields.items()
        }
    return _FIELDS[model]


def shape_of(annotation: Any) -> Shape:
    """The shape that an annotation of a field stands for."""
    known = next((shape for known, shape in _KNOWN if annotation == known), None)
    return known or _structure(annotation)


def _structure(annotation: Any) -> Shape:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType):
        return shape_of(next(part for part in arguments if part is not type(None)))
    if origin is dict:
        return Shape("mapping", item=shape_of(arguments[1]), key=shape_of(arguments[0]).text)
    if origin is tuple:
        return Shape("list", item=shape_of(arguments[0]))
    if origin is Literal:
        return Shape("words", words=arguments)
    return _annotated(arguments) if origin is Annotated else _plain(annotation)


def models_below(model: type[SpecModel]) -> Iterator[type[SpecModel]]:
    """A model and every model that its fields lead to, each once; jobs are not entered."""
    seen: dict[type[SpecModel], None] = {}
    waiting = [model]
    while waiting:
        current = waiting.pop(0)
        if current in seen:
            continue
        seen[current] = None
        shapes = [field.shape for field in fields(current).values()]
        for shape in shapes:
            inner: Shape | None = shape
            while inner is not None:
                if inner.model is not None:
                    waiting.append(inner.model)
                inner = inner.item
    yield from seen


def _annotated(arguments: tuple[Any, ...]) -> Shape:
    text = next((entry for entry in arguments[1:] if isinstance(entry, Text)), None)
    if text is not None:
        return Shape("text", text=text)
    inner = shape_of(arguments[0])
    if any(isinstance(entry, AsList) for entry in arguments[1:]):
        return replace(inner, described=f"{inner.item}, or a list of them")
    return inner


def _plain(annotation: Any) -> Shape:
    if isinstance(annotation, type) and issubclass(annotation, SpecModel):
        return Shape("model", model=annotation)
    sorts: dict[Any, Sort] = {bool: "truth", int: "whole", float: "number", str: "text"}
    return Shape(sorts.get(annotation, "free"))


def _model_words(shape: Shape) -> str:
    if shape.model is None:
        return "a mapping"
    return shape.model.shapes or f"a mapping with the keys {', '.join(fields(shape.model))}"


_DESCRIBE: dict[Sort, Any] = {
    "model": _model_words,
    "job": lambda _: "a job: a mapping with kind and the keys of that kind",
    "step": lambda _: "a step: a mapping with worker, or with kind and the keys of that kind",
    "mapping": lambda shape: (
        f"a mapping of {shape.key.noun if shape.key else 'text'} to {shape.item}"
    ),
    "list": lambda shape: f"a list; each entry is {shape.item}",
    "text": lambda shape: _article(shape.text) if shape.text else "text",
    "words": lambda shape: "one of " + ", ".join(map(str, shape.words)),
    "whole": lambda _: "a whole number",
    "number": lambda _: "a number",
    "truth": lambda _: "true or false",
    "free": lambda _: "any value",
}


def _article(text: Text) -> str:
    noun = text.noun
    if noun == "text":
        return "text"
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun} ({text.rule})"


_FREE = Shape("free")
_KNOWN: tuple[tuple[Any, Shape], ...] = (
    (Params, replace(_FREE, described="a mapping with keys of your own")),
    (Raw, replace(_FREE, described="a mapping")),
    (WhereField, replace(_FREE, described="a mapping of labels, or a list of such mappings")),
    (MetricValue, replace(_FREE, described="a number, or a number with a unit such as 24ms")),
    (Percentage, replace(_FREE, described="a percentage such as 95%")),
    (AnyJob, Shape("job")),
    (AnyStep, Shape("step")),
    (
        Ports,
        Shape(
            "mapping",
            item=Shape("model", model=PortSpec),
            described="a list of port numbers, or a mapping {NAME: {port: NUMBER}}",
        ),
    ),
)
