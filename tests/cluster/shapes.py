"""Values that keep a structural schema, and for each word of it a value that breaks just that.

Walks the schema of a CustomResourceDefinition as a tree has it. Judges nothing: whether a value
is right is the server's to say. Rules in CEL are not for here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
Steps = tuple[str | int, ...]
KEY = "key"
"""The key that an example of a map has."""
_BY_PATTERN = {"^/": "/data", "^[0-9a-f]{64}$": "0" * 64, "^[A-Z][A-Z0-9]*$": "FP32"}
_BY_TYPE: Mapping[str, Any] = {"string": "a", "integer": 1, "number": 1, "boolean": True}
_TIME = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Breach:
    """A value at `steps` that breaks the schema's `word`; `field` is what a server must name."""

    word: str
    steps: Steps
    value: Any
    field: str


def example(schema: Json) -> Any:
    """The smallest value that keeps the schema."""
    if "enum" in schema:
        return schema["enum"][0]
    if "x-kubernetes-int-or-string" in schema:
        return "1500m"
    if schema.get("format") == "date-time":
        return _TIME
    if "pattern" in schema:
        return _BY_PATTERN[schema["pattern"]]
    if schema["type"] == "array":
        return [example(schema["items"])]
    if schema["type"] == "object":
        return _object(schema)
    return _BY_TYPE[schema["type"]]


def _object(schema: Json) -> Any:
    if "additionalProperties" in schema:
        return {KEY: example(schema["additionalProperties"])}
    return {name: example(schema["properties"][name]) for name in schema.get("required", ())}


def leading_to(schema: Json, steps: Steps, value: Any) -> Any:
    """The smallest value that keeps the schema but for `value`, which lies at `steps`."""
    if not steps:
        return value
    inner = leading_to(child(schema, steps[0]), steps[1:], value)
    if isinstance(steps[0], int):
        return [inner]
    return {**({} if "additionalProperties" in schema else _object(schema)), steps[0]: inner}


def child(schema: Json, step: str | int) -> Json:
    """The schema of what lies one step below."""
    if isinstance(step, int):
        found: Json = schema["items"]
    elif "properties" in schema:
        found = schema["properties"][step]
    else:
        found = schema["additionalProperties"]
    return found


def breaches(schema: Json, steps: Steps = ()) -> Iterator[Breach]:
    """One breach for each word at each place of a schema."""
    for word, value in _values(schema):
        yield Breach(word, steps, value, written(steps))
    for name in schema.get("required", ()):
        left = {key: value for key, value in _object(schema).items() if key != name}
        yield Breach("required", steps, left, written((*steps, name)))
    for name, child in schema.get("properties", {}).items():
        yield from breaches(child, (*steps, name))
    for step, word in ((0, "items"), (KEY, "additionalProperties")):
        if word in schema:
            yield from breaches(schema[word], (*steps, step))


def _values(schema: Json) -> Iterator[tuple[str, Any]]:
    whole = example(schema)
    yield "type", [] if isinstance(whole, Mapping) else {}
    if "enum" in schema:
        yield "enum", f"{whole}?"
    if "pattern" in schema:
        yield "pattern", "?"
    if schema.get("format") == "date-time":
        yield "format", "yesterday"
    yield from _bounds(schema, whole)


def _bounds(schema: Json, whole: Any) -> Iterator[tuple[str, Any]]:
    if "minimum" in schema:
        yield "minimum", schema["minimum"] - 1
    if "maximum" in schema:
        yield "maximum", schema["maximum"] + 1
    if "minLength" in schema:
        yield "minLength", ""
    if "maxLength" in schema:
        yield "maxLength", "1" * (schema["maxLength"] + 1)
    if "maxItems" in schema:
        yield "maxItems", whole * (schema["maxItems"] + 1)
    if "maxProperties" in schema:
        (value,) = whole.values()
        yield "maxProperties", {f"k{n}": value for n in range(schema["maxProperties"] + 1)}


def written(steps: Steps) -> str:
    """A place as a server writes it: `spec.versions[0].url`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")
