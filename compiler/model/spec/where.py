"""`where`: which sites a part of the spec applies to, as alternatives of conditions.

Matches facts that it is given; it knows no fleet, so it cannot tell whether anything matches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import InitErrorDetails, ValidationError

from compiler.model.codes import spec as codes
from compiler.model.diagnostics import Span
from compiler.model.marks import Marks
from compiler.model.record import dataclass
from compiler.model.spec.base import fault
from compiler.model.spec.placeholders import placeholder_fault

_SHAPES = "a value, a list of values, {not: value} or {not: [values]}"


@dataclass(frozen=True, slots=True)
class Condition:
    """One key with the values it may have, or must not have (`negated`)."""

    key: str
    values: tuple[str, ...]
    negated: bool = False

    def holds(self, facts: Mapping[str, str]) -> bool:
        """Whether a site with these facts fulfils it; an absent label fulfils `not`."""
        return (facts.get(self.key) in self.values) is not self.negated


@dataclass(frozen=True, slots=True)
class Where:
    """Alternatives, of which any may hold; all conditions of an alternative must hold.

    `source` is the mapping or list as written. Its `marks` give positions.
    """

    alternatives: tuple[tuple[Condition, ...], ...]
    source: Any = field(default=None, compare=False, repr=False)

    def matches(self, facts: Mapping[str, str]) -> bool:
        """Whether a site with these facts is selected."""
        return any(
            all(condition.holds(facts) for condition in conditions)
            for conditions in self.alternatives
        )

    @property
    def span(self) -> Span | None:
        """The place of the mapping or list."""
        marks: Marks | None = getattr(self.source, "marks", None)
        return marks.span if marks else None

    def span_at(self, *path: str | int) -> Span | None:
        """The place of a part, by the keys and indexes as written."""
        marks: Marks | None = getattr(self.source, "marks", None)
        return marks.at(path) if marks else None

    def keys(self) -> tuple[str, ...]:
        """Every key that a condition is about, once, in order."""
        return tuple(dict.fromkeys(c.key for group in self.alternatives for c in group))


def parse_where(value: Any) -> Where:
    """A `Where` from a mapping or a list of mappings.

    Raises:
        ValidationError: with every part that has none of the allowed shapes.
    """
    if isinstance(value, Where):
        return value
    errors: list[InitErrorDetails] = []
    if isinstance(value, dict) and value:
        alternatives: tuple[tuple[Condition, ...], ...] = (_conditions(value, (), errors),)
    elif isinstance(value, list) and value:
        alternatives = tuple(_alternative(entry, n, errors) for n, entry in enumerate(value))
    else:
        raise fault(
            codes.WRONG_SHAPE,
            "where is a mapping of labels (all hold) or a list of such mappings (any holds)",
            "Example: {region: [north, west], ring: {not: lab}}. Without `where`, all is selected.",
        )
    if errors:
        raise ValidationError.from_exception_data("Where", errors)
    return Where(alternatives, value)


def _alternative(entry: Any, index: int, errors: list[InitErrorDetails]) -> tuple[Condition, ...]:
    if isinstance(entry, dict) and entry:
        return _conditions(entry, (index,), errors)
    _refuse(entry, (index,), errors, "each entry of a where list is a mapping of labels")
    return ()


def _conditions(
    entry: Mapping[str, Any], at: tuple[str | int, ...], errors: list[InitErrorDetails]
) -> tuple[Condition, ...]:
    return tuple(_condition(key, value, (*at, key), errors) for key, value in entry.items())


def _condition(
    key: str, value: Any, at: tuple[str | int, ...], errors: list[InitErrorDetails]
) -> Condition:
    negated = isinstance(value, dict) and list(value) == ["not"]
    if negated:
        value, at = value["not"], (*at, "not")
    values = value if isinstance(value, list) else [value]
    if not values or isinstance(value, dict):
        _refuse(value, at, errors, f"{key} takes {_SHAPES}")
        return Condition(key, (), negated)
    for index, entry in enumerate(values):
        _check_value(key, entry, (*at, index) if value is values else at, errors)
    return Condition(key, tuple(str(entry) for entry in values), negated)


def _check_value(
    key: str, entry: Any, at: tuple[str | int, ...], errors: list[InitErrorDetails]
) -> None:
    if not isinstance(entry, str):
        errors.append({"type": "string_type", "loc": at, "input": entry})
        return
    wrong = placeholder_fault(entry, ())
    if wrong is not None:
        errors.append({"type": wrong, "loc": at, "input": entry})
    elif not entry:
        _refuse(entry, at, errors, f"{key} takes {_SHAPES}; an empty text selects nothing")


def _refuse(
    value: Any, at: tuple[str | int, ...], errors: list[InitErrorDetails], message: str
) -> None:
    errors.append({"type": fault(codes.WRONG_SHAPE, message), "loc": at, "input": value})


_VALUES = {
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]
}
_MAPPING = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "anyOf": [
            *_VALUES["anyOf"],
            {
                "type": "object",
                "properties": {"not": _VALUES},
                "required": ["not"],
                "additionalProperties": False,
            },
        ]
    },
}

WhereField = Annotated[
    Where,
    PlainValidator(parse_where),
    WithJsonSchema({"anyOf": [_MAPPING, {"type": "array", "items": _MAPPING, "minItems": 1}]}),
]
