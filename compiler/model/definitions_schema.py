"""A pydantic model as a structural schema, the form that a CustomResourceDefinition takes.

Structural means: every value has a type, references are written out, an optional field is simply
not required, and nothing but an int-or-string uses `anyOf`. Takes the shapes that our definitions
use and raises on any other; it is no general converter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from compiler.model.definitions_base import Rule

_KEPT = (
    "description", "type", "format", "pattern", "enum", "minimum", "maximum", "minLength",
    "maxLength", "minItems", "maxItems", "minProperties", "maxProperties",
    "x-kubernetes-int-or-string", "x-kubernetes-list-map-keys", "x-kubernetes-list-type",
)  # fmt: skip
_DROPPED = ("title", "default", "$defs", "additionalProperties", "required")


def structural(
    model: type[BaseModel], rules: Mapping[str, tuple[Rule, ...]], path: str
) -> dict[str, Any]:
    """The structural schema of a model. `rules` are CEL rules by dotted path from `path`.

    The rules of a list's or map's items lie at `<path>.items`.

    Raises:
        ValueError: the model uses a shape that structural schemas have no form for, or a rule
            lies at a path that does not exist.
    """
    source = model.model_json_schema(by_alias=True, mode="validation")
    walker = _Walker(source.get("$defs", {}), dict(rules))
    schema = walker.schema(source, path)
    if walker.rules:
        raise ValueError(f"rules at unknown paths: {sorted(walker.rules)}")
    return schema


class _Walker:
    """Rewrites one schema from top to bottom; each rule is used up where it is placed."""

    def __init__(self, definitions: Mapping[str, Any], rules: dict[str, tuple[Rule, ...]]) -> None:
        self.definitions = definitions
        self.rules = rules

    def schema(self, source: Mapping[str, Any], path: str) -> dict[str, Any]:
        source = self.plain(source)
        unknown = set(source) - {*_KEPT, *_DROPPED, "properties", "items", "anyOf", "const"}
        if unknown:
            raise ValueError(f"{path}: {sorted(unknown)} cannot be structural")
        result = {key: source[key] for key in _KEPT if key in source}
        self.children(source, result, path)
        if path in self.rules:
            result["x-kubernetes-validations"] = [dict(rule) for rule in self.rules.pop(path)]
        return result

    def children(self, source: Mapping[str, Any], result: dict[str, Any], path: str) -> None:
        if "anyOf" in source:
            result["anyOf"] = source["anyOf"]
            result.pop("type", None)
        if "properties" in source:
            result["properties"] = {
                name: self.schema(child, f"{path}.{name}")
                for name, child in source["properties"].items()
            }
            if source.get("required"):
                result["required"] = list(source["required"])
        elif isinstance(source.get("additionalProperties"), Mapping):
            values = self.schema(source["additionalProperties"], f"{path}.items")
            result["additionalProperties"] = values
        if "items" in source:
            result["items"] = self.schema(source["items"], f"{path}.items")

    def plain(self, source: Mapping[str, Any]) -> dict[str, Any]:
        """The schema with its reference written out and without the null of an optional field."""
        merged = dict(source)
        if "$ref" in merged:
            target = self.definitions[merged.pop("$ref").rpartition("/")[2]]
            merged = {**self.plain(target), **merged}
        if "anyOf" in merged and "x-kubernetes-int-or-string" not in merged:
            choices = [one for one in merged.pop("anyOf") if one.get("type") != "null"]
            if len(choices) != 1:
                raise ValueError(f"{choices} cannot be structural")
            merged = {**self.plain(choices[0]), **merged}
        if "const" in merged:
            merged["enum"] = [merged.pop("const")]
        return merged
