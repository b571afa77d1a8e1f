"""What every part of the spec is: a frozen model that knows where its author wrote it.

An attribute is the snake_case of its key in YAML, always; a key that Python reserves gets a
trailing underscore (`from` is `from_`). Nothing here knows any particular key, reads files
or words a message for the user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidatorFunctionWrapHandler,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from compiler.model.diagnostics import Code, Span
from compiler.model.marks import Marks as Marks  # noqa: PLC0414 - models hand them out
from compiler.model.record import dataclass


@cache
def key_of(attribute: str) -> str:
    """The YAML key of an attribute: `read_only` gives `readOnly`, `from_` gives `from`."""
    first, *rest = attribute.rstrip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


class SpecModel(BaseModel):
    """A mapping of the spec: frozen, no unknown keys, with a source position per value.

    Built by `model_validate` from the reader's mappings, whose `marks` it keeps; built from
    plain dicts it has no positions. Equality and hash ignore positions.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", defer_build=True, alias_generator=key_of, strict=False
    )

    shapes: ClassVar[str] = ""
    """The ways of writing it, for messages, where there are several."""

    @model_validator(mode="wrap")
    @classmethod
    def _keep_marks(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        model = handler(_without_null(data))
        marks = getattr(data, "marks", None)
        if marks is not None:
            model.__dict__["_marks"] = marks
        return model

    @property
    def marks(self) -> Marks | None:
        """The reader's positions of this mapping; None when it was not read from a file."""
        found: Marks | None = self.__dict__.get("_marks")
        return found

    @property
    def span(self) -> Span | None:
        """The place of this mapping."""
        return self.marks.span if self.marks else None

    def span_of(self, attribute: str, *path: str | int) -> Span | None:
        """The place of a field's value, or of a part of it; this mapping's where it is absent.

        `attribute` is the Python name, the rest of the path are keys and indexes as written.
        """
        return self.marks.at((key_of(attribute), *path)) if self.marks else None

    def key_span_of(self, attribute: str) -> Span | None:
        """The place of a field's key; this mapping's where the field is absent."""
        if self.marks is None:
            return None
        written = key_of(attribute)
        return self.marks.key_span(written) if self.wrote(attribute) else self.marks.span

    def wrote(self, attribute: str) -> bool:
        """True when the author wrote this field, False when its value is the default."""
        return attribute in self.model_fields_set


def _without_null(data: Any) -> Any:
    if not isinstance(data, dict) or None not in data.values():
        return data
    return Shaped({key: NOTHING if value is None else value for key, value in data.items()}, data)


@dataclass(frozen=True, slots=True)
class Context:
    """What validation needs from outside the models: job kinds, open vocabularies.

    `job` turns the mapping of a job into its model (a kind's class is chosen by name, so only
    the kinds in use are loaded). `vocabularies` maps `servers`, `backends` and `formats` to
    the words that exist; an absent vocabulary accepts any name.
    """

    job: Callable[[Any, Context, bool], Any] | None = None
    vocabularies: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Shaped(dict[str, Any]):
    """A mapping that a validator made from a shorter way of writing; keeps the `marks`."""

    __slots__ = ("marks",)

    def __init__(self, entries: Mapping[str, Any], source: Any = None) -> None:
        super().__init__(entries)
        self.marks = getattr(source, "marks", None)


def fault(code: Code, message: str, hint: str = "") -> PydanticCustomError:
    """An error for a validator to raise; it reaches the author under `code`, at its value."""
    message, hint = (t.encode("utf-8", "backslashreplace").decode() for t in (message, hint))
    return PydanticCustomError(
        "fault", "{message}", {"message": message, "hint": hint, "code": code.id}
    )


def source_text(value: Any) -> str | None:
    """A scalar as its author wrote it; None for a mapping, a list or nothing at all."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(getattr(value, "text", value))
    return None


class AsList:
    """Metadata of a list that may be written as its one entry: `x` for `[x]`."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The list's validator, after a single value has become a list."""
        return core_schema.no_info_before_validator_function(_as_list, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema with both shapes."""
        made = handler(schema)
        return {"anyOf": [made["items"], made]}


Entry = TypeVar("Entry")
OneOrMany = Annotated[tuple[Entry, ...], AsList()]
"""A list of entries, which may be written as one entry alone."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str | int | float) else value


class _Nothing:
    """What a key without a value holds: refused by every type, also by optional ones."""

    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()


def chosen(model: SpecModel, attributes: Sequence[str]) -> list[str]:
    """Which of the attributes hold a value, in the order given."""
    return [name for name in attributes if getattr(model, name) is not None]
