"""The few shapes that the schemas of our JSON documents are made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def object_(properties: dict[str, Any]) -> dict[str, Any]:
    """An object with all of these keys; further ones may come."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_(items: dict[str, Any]) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": items}


def text(description: str) -> dict[str, Any]:
    """A text."""
    return {"description": description, "type": "string"}


def word(description: str, words: Iterable[str]) -> dict[str, Any]:
    """One of some words."""
    return {"description": description, "enum": [str(one) for one in words]}


def count(description: str) -> dict[str, Any]:
    """A whole number, 0 or more."""
    return {"description": description, "type": "integer", "minimum": 0}


def or_null(one: dict[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    return {"anyOf": [one, {"type": "null"}]}


def map_(values: dict[str, Any]) -> dict[str, Any]:
    """An object whose keys are names."""
    return {"type": "object", "additionalProperties": values}
