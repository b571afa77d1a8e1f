"""A validator of the subset of JSON Schema in which `contract.schema.json` is written.

The words it knows: type, properties, required, additionalProperties, items, enum, const, pattern,
minimum, maximum, minLength, maxLength, minItems, maxItems, uniqueItems, $ref, description. It
judges as draft 2020-12 does: a number without a fraction is an integer, a boolean is never a
number. Patterns must match the whole text. An unknown word in a schema is a bug and raises.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Final

Schema = dict[str, Any]
KNOWN: Final = frozenset(
    (
        "type", "properties", "required", "additionalProperties", "items", "enum", "const",
        "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
        "uniqueItems", "$ref", "description", "$schema", "$id", "$defs",
    )
)  # fmt: skip


def contract() -> Schema:
    """The contract's schema, read anew: it is needed seldom and takes as much room as a config."""
    # The loader reads from a directory and from a zip file alike; importlib.resources would cost
    # the resident process three more modules.
    folder = __file__.rsplit("contract", 1)[0]
    data: bytes = __spec__.loader.get_data(f"{folder}contract.schema.json")  # type: ignore[union-attr]
    found: Schema = json.loads(data)
    return found


def problems(document: object, schema: Schema | None = None) -> list[str]:
    """Everything that is wrong, each as `$.path: what`; empty for a valid document."""
    top = contract() if schema is None else schema
    return [f"{path}: {words}" for path, words in _faults(document, top, top, "$")]


def whole(value: Any, schema: Schema, top: Schema) -> Any:
    """A valid value with integers where the schema wants them and the text says `4.0`."""
    schema = _resolved(schema, top)
    if isinstance(value, dict):
        parts = schema.get("properties", {})
        return {key: whole(one, parts.get(key, {}), top) for key, one in value.items()}
    if isinstance(value, list):
        return [whole(one, schema.get("items", {}), top) for one in value]
    if isinstance(value, float) and (schema.get("type") == "integer" or "const" in schema):
        return int(value)
    return value


def _resolved(schema: Schema, top: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    rest = {key: value for key, value in schema.items() if key != "$ref"}
    return {**top["$defs"][schema["$ref"].rpartition("/")[2]], **rest}


def _faults(value: object, schema: Schema, top: Schema, path: str) -> Iterator[tuple[str, str]]:
    if not schema.keys() <= KNOWN:
        raise ValueError(f"the schema uses {sorted(schema.keys() - KNOWN)}")
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        yield from _faults(value, top["$defs"][name], top, path)
    if "type" in schema and not _TYPES[schema["type"]](value):
        yield path, f"must be of type {schema['type']}"
        return
    yield from ((path, words) for words in _scalar(value, schema))
    if isinstance(value, dict):
        yield from _object(value, schema, top, path)
    elif isinstance(value, list):
        yield from _list(value, schema, top, path)


def _scalar(value: object, schema: Schema) -> Iterator[str]:
    if "const" in schema and _identity(value) != _identity(schema["const"]):
        yield f"must be {json.dumps(schema['const'])}"
    if "enum" in schema and _identity(value) not in map(_identity, schema["enum"]):
        yield f"must be one of {', '.join(map(json.dumps, schema['enum']))}"
    if isinstance(value, str):
        yield from _text(value, schema)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _bounds(value, schema, ("minimum", "maximum"), "")


def _object(
    value: dict[str, Any], schema: Schema, top: Schema, path: str
) -> Iterator[tuple[str, str]]:
    parts = schema.get("properties", {})
    for key in schema.get("required", ()):
        if key not in value:
            yield path, f"lacks {key}"
    for key, one in value.items():
        if key in parts:
            yield from _faults(one, parts[key], top, f"{path}.{key}")
        elif schema.get("additionalProperties", True) is False:
            yield path, f"unknown key {json.dumps(key[:64])}"


def _list(value: list[Any], schema: Schema, top: Schema, path: str) -> Iterator[tuple[str, str]]:
    for words in _bounds(len(value), schema, ("minItems", "maxItems"), " entries"):
        yield path, words
    if schema.get("uniqueItems") and len(set(map(_identity, value))) != len(value):
        yield path, "must not hold an entry twice"
    for index, one in enumerate(value):
        yield from _faults(one, schema.get("items", {}), top, f"{path}[{index}]")


def _text(value: str, schema: Schema) -> Iterator[str]:
    long = list(_bounds(len(value), schema, ("minLength", "maxLength"), " characters"))
    yield from long
    # What is too long is not matched as well: the time of a match stays bounded.
    if not long and "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        yield f"must match {schema['pattern']}"


def _bounds(value: float, schema: Schema, words: tuple[str, str], unit: str) -> Iterator[str]:
    least, most = schema.get(words[0]), schema.get(words[1])
    if least is not None and value < least:
        yield f"must be at least {least}{unit}"
    if most is not None and value > most:
        yield f"must be at most {most}{unit}"


def _identity(value: object) -> object:
    """What two values share that JSON counts as equal; `1` is `1.0` and is not `true`."""
    if isinstance(value, bool):
        return "boolean", value
    if isinstance(value, list):
        return "array", tuple(map(_identity, value))
    if isinstance(value, dict):
        return "object", frozenset((key, _identity(one)) for key, one in value.items())
    return value


_TYPES: Final[dict[str, Callable[[object], bool]]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ),
}
