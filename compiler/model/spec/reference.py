"""Walks the models and tells what each key is: the source of the spec reference in the docs.

Yields facts in the order of declaration; how they are laid out is the reader's business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from compiler.model.kind import Kinds
from compiler.model.record import dataclass
from compiler.model.spec.base import SpecModel
from compiler.model.spec.placeholders import shown
from compiler.model.spec.shape import FieldShape, Shape, fields
from compiler.model.spec.spec import Spec


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the language.

    `path` is dotted, with NAME for an author's own name and `[]` for a list's entry. `default`
    is `required`, or YAML text, or empty where leaving it out means nothing. `placeholders`
    is empty where none is allowed.
    """

    path: str
    type: str
    default: str
    description: str
    placeholders: str = ""
    example: str = ""


def entries(kinds: Kinds) -> Iterator[Entry]:
    """Every key of the spec, then every key of each kind of job below `jobs.NAME (KIND)`.

    A model that was described before is not described again: the type of its key says where.
    """
    described: dict[type[SpecModel], str] = {}
    yield from _model("", Spec, described)
    for name in kinds.names:
        yield from _model(f"jobs.NAME ({name})", kinds.load(name).spec, described)


def _model(
    path: str, model: type[SpecModel], described: dict[type[SpecModel], str]
) -> Iterator[Entry]:
    described[model] = path
    for field in fields(model).values():
        at = f"{path}.{field.key}" if path else field.key
        below, inner = _innermost(at, field.shape)
        seen = described.get(inner.model) if inner.model else None
        yield Entry(
            at,
            f"like {seen}" if seen is not None and inner.model else _type(field.shape),
            _default(field),
            field.description,
            shown(inner.text.placeholders) if inner.text and inner.text.placeholders else "",
            inner.text.example if inner.text else "",
        )
        if inner.model is not None and seen is None:
            yield from _model(below, inner.model, described)


def _innermost(path: str, shape: Shape) -> tuple[str, Shape]:
    while shape.item is not None:
        path += ".NAME" if shape.sort == "mapping" else "[]"
        shape = shape.item
    return path, shape


def _type(shape: Shape) -> str:
    if shape.sort == "model" and shape.model is not None:
        return shape.model.shapes or "mapping"
    if shape.sort in ("mapping", "list") and not shape.described and shape.item is not None:
        outer = "mapping of names to" if shape.sort == "mapping" else "list of"
        return f"{outer} {_type(shape.item)}"
    if shape.sort == "text" and shape.text is not None:
        return (
            shape.text.noun
            if shape.text.noun == "text"
            else f"{shape.text.noun}: {shape.text.rule}"
        )
    return str(shape)


def _default(field: FieldShape) -> str:
    if field.required:
        return "required"
    return "" if field.default in (None, (), {}) else _yaml(field.default)


def _yaml(value: Any) -> str:
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
