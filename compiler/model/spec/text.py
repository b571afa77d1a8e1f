"""The machinery of text values: a form, the words that explain it, and checks on top.

`Text` is metadata for `Annotated[str, Text(...)]`. It declares no particular type; those are
in `scalars.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from compiler.model.codes import spec as codes
from compiler.model.record import dataclass
from compiler.model.spec.base import Context, fault, source_text
from compiler.model.spec.placeholders import placeholder_fault
from compiler.model.suggest import did_you_mean

LONGEST = 131_072
"""Characters of the longest text: the kernel takes no longer argument or variable."""
PRINTABLE = r"^[^\x00-\x08\x0b-\x1f\x7f]+$"
PRINTABLE_OR_EMPTY = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"

Check = Callable[[str], PydanticCustomError | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A kind of text value.

    `noun` and `rule` word messages ("a NOUN is RULE"); `pattern` is a regular expression that
    both Rust and ECMA understand. `placeholders` are those allowed, None where braces are
    prose. `numbers` accepts a number and keeps its source text. `reference` names the section
    whose names the value must be one of (checked across the spec by a later stage);
    `vocabulary` names an open list of words, checked against the validation context.
    `program` lets `${NAME}` pass.
    """

    noun: str
    rule: str = "text"
    example: str = ""
    pattern: str = PRINTABLE
    maximum: int = LONGEST
    placeholders: tuple[str, ...] | None = ()
    numbers: bool = False
    reference: str = ""
    vocabulary: str = ""
    program: bool = False
    secret: bool = False
    check: Check | None = None

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        """The validator: the form in native code, the rest in Python only where there is a rest."""
        schema: CoreSchema = core_schema.str_schema(
            pattern=self.pattern, max_length=self.maximum, strict=True
        )
        if self.check is not None or self._braces_possible():
            schema = core_schema.no_info_after_validator_function(self._verify, schema)
        if self.vocabulary:
            schema = core_schema.with_info_after_validator_function(self._known, schema)
        if self.numbers:
            schema = core_schema.no_info_before_validator_function(_text_of_number, schema)
        return schema

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """The JSON Schema: the form, and which names complete it."""
        made: dict[str, Any] = {"type": ["string", "number"] if self.numbers else "string"}
        if not self.numbers:
            made["pattern"] = self.pattern
        if self.reference or self.vocabulary:
            made["x-names"] = self.reference or self.vocabulary
        if self.example:
            made["examples"] = [self.example]
        return made

    def _braces_possible(self) -> bool:
        if self.placeholders is None:
            return False
        return bool(self.placeholders) or re.search(self.pattern, "{x}") is not None

    def _verify(self, value: str) -> str:
        wrong = None
        if self._braces_possible() and "{" in value:
            wrong = placeholder_fault(value, self.placeholders or (), self.program)
        if wrong is None and self.check is not None:
            wrong = self.check(value)
        if wrong is not None:
            raise wrong
        return value

    def _known(self, value: str, info: core_schema.ValidationInfo[Any]) -> str:
        context = info.context
        words = context.vocabularies.get(self.vocabulary) if isinstance(context, Context) else None
        if words and value not in words:
            raise fault(
                codes.UNKNOWN_WORD,
                f"{value} is no {self.noun}; allowed: {', '.join(words)}",
                did_you_mean(value, words),
            )
        return value


def _text_of_number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return source_text(value)
    return value
