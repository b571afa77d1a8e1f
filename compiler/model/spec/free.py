"""Values whose keys are the author's own: params, and raw Kubernetes YAML.

Keeps the reader's objects as they are, so that source text and positions survive; checks
only what would be wrong in any such value.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import InitErrorDetails, ValidationError

from compiler.model.codes import spec as codes
from compiler.model.spec.base import fault
from compiler.model.spec.placeholders import BY_SITE, placeholder_fault

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def _check(value: Any, placeholders: bool) -> Any:
    if not isinstance(value, dict):
        raise fault(codes.WRONG_TYPE, "a mapping is needed here", "Example: {size: 640}")
    errors: list[InitErrorDetails] = []
    _walk(value, (), errors, placeholders)
    if errors:
        raise ValidationError.from_exception_data("free", errors)
    return value


def _walk(
    value: Any, at: tuple[str | int, ...], errors: list[InitErrorDetails], placeholders: bool
) -> None:
    if isinstance(value, dict):
        for key, entry in value.items():
            _text(key, (*at, key), errors, placeholders=False)
            _walk(entry, (*at, key), errors, placeholders)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            _walk(entry, (*at, index), errors, placeholders)
    elif isinstance(value, str):
        _text(value, at, errors, placeholders)


def _text(
    text: str, at: tuple[str | int, ...], errors: list[InitErrorDetails], placeholders: bool
) -> None:
    found = _CONTROL.search(text)
    wrong = placeholder_fault(text, BY_SITE) if placeholders and "{" in text else None
    if found:
        wrong = fault(
            codes.CONTROL_CHARACTER,
            f"the text holds the control character U+{ord(found.group()):04X}",
        )
    if wrong is not None:
        errors.append({"type": wrong, "loc": at, "input": text})


_OBJECT = WithJsonSchema({"type": "object"})

Params = Annotated[dict[str, Any], PlainValidator(lambda value: _check(value, True)), _OBJECT]
"""A mapping of the author's own; placeholders are replaced in its texts."""
Raw = Annotated[dict[str, Any], PlainValidator(lambda value: _check(value, False)), _OBJECT]
"""A mapping that is taken as it is."""
