"""Structural schemas of custom resources, made strict: what the API server would drop is an error.

A structural schema permits unknown fields and the API server then prunes them without a
word. Here every object without `x-kubernetes-preserve-unknown-fields` is closed. Two forms
come in: the tree of a definition that the user wrote, and the compact files of
`compiler/schemas`, where equal subtrees are stored once. Nothing here validates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from compiler.model.record import dataclass

Schema = dict[str, Any]

COPIED = (
    "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
    "minProperties", "maxProperties", "uniqueItems", "multipleOf",
)  # fmt: skip
"""Keywords that mean the same in a structural schema and in JSON Schema."""

BOUNDS = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
BASE64 = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
FORMATS = frozenset({"date-time", "date", "email", "hostname", "ipv4", "ipv6", "uri", "uuid"})

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"]}}
METADATA: Schema = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": _TEXT, "namespace": _TEXT, "generateName": _TEXT, "labels": _TEXTS,
            "annotations": _TEXTS,
        "finalizers": {"type": "array", "items": _TEXT, "uniqueItems": True},
        "ownerReferences": {"type": "array"}, "creationTimestamp": {"type": ["string", "null"]},
        "deletionGracePeriodSeconds": {"type": "integer"}, "deletionTimestamp": _TEXT,
        "generation": {"type": "integer"}, "managedFields": {"type": "array"},
        "resourceVersion": _TEXT, "selfLink": _TEXT, "uid": _TEXT,
    },
}  # fmt: skip
"""What the API server knows in an object's `metadata`."""


@dataclass(frozen=True, slots=True)
class CompactFile:
    """One file of compact schemas. `kinds` maps `group/version/Kind` to scope and root node."""

    source: str
    version: str
    kinds: Mapping[str, Mapping[str, Any]]
    nodes: tuple[Mapping[str, Any], ...]

    @classmethod
    def parse(cls, text: str) -> CompactFile:
        """The file's content; a malformed file is a fault of the build and raises KeyError."""
        data = json.loads(text)
        return cls(data["source"], data["version"], data["kinds"], tuple(data["nodes"]))


def strict_compact(file: CompactFile, key: str) -> Schema:
    """The JSON Schema of `group/version/Kind`, self-contained, with a `$defs` entry per node."""
    root = file.kinds[key]["schema"]
    wanted, definitions = [root], {}
    while wanted:
        number = wanted.pop()
        if f"n{number}" not in definitions:
            definitions[f"n{number}"] = strict_node(file.nodes[number], _reference)
            wanted.extend(children(file.nodes[number]))
    top = definitions.pop(f"n{root}")
    return {**_with_type_meta(top), "$defs": definitions}


def strict_tree(schema: Mapping[str, Any]) -> Schema:
    """The JSON Schema of a definition's own `openAPIV3Schema`, which is never recursive."""
    return _with_type_meta(_strict_tree(schema))


def strict_node(node: Mapping[str, Any], child: Callable[[Any], Schema]) -> Schema:
    """One node made strict; `child` turns what stands for a subschema into its schema."""
    out: Schema = {key: node[key] for key in COPIED if key in node}
    out.update(_type(node))
    out.update(_format(node))
    for limit, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if node.get(exclusive) is True and limit in out:
            out[exclusive] = out.pop(limit)
    if node.get("x-kubernetes-list-type") == "set":
        out["uniqueItems"] = True
    if "items" in node:
        out["items"] = child(node["items"])
    if node.get("type") == "object" or "properties" in node:
        out.update(_object(node, child))
    return out


def children(node: Mapping[str, Any]) -> list[Any]:
    """What stands for the subschemas of a node."""
    found = list(node.get("properties", {}).values())
    found.extend(node[key] for key in ("items",) if key in node)
    additional = node.get("additionalProperties")
    return found if additional is None or isinstance(additional, bool) else [*found, additional]


def _reference(number: int) -> Schema:
    return {"$ref": f"#/$defs/n{number}"}


def _strict_tree(schema: Mapping[str, Any]) -> Schema:
    return strict_node(schema, _strict_tree)


def _with_type_meta(root: Schema) -> Schema:
    given = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": METADATA}
    own = {k: v for k, v in root.get("properties", {}).items() if k != "status"}
    required = [name for name in root.get("required", ()) if name != "status"]
    return {**root, "properties": {**own, **given}, "required": required}


def _type(node: Mapping[str, Any]) -> Schema:
    if node.get("x-kubernetes-int-or-string"):
        types = ["integer", "string"]
    elif "type" in node:
        types = [node["type"]]
    else:
        return {}
    if node.get("nullable"):
        types.append("null")
    return {"type": types if len(types) > 1 else types[0]}


def _format(node: Mapping[str, Any]) -> Schema:
    # A number beyond 64 bits is no integer to the API server.
    mixed = node.get("x-kubernetes-int-or-string")
    name = node.get("format") or ("int64" if node.get("type") == "integer" else None)
    if mixed:
        return {"minimum": BOUNDS["int64"][0], "maximum": BOUNDS["int64"][1]}
    if name in BOUNDS:
        low, high = BOUNDS[name]
        low, high = max(node.get("minimum", low), low), min(node.get("maximum", high), high)
        return {"minimum": low, "maximum": high}
    if name == "byte":
        return {"pattern": BASE64}
    return {"format": name} if name in FORMATS else {}


def _object(node: Mapping[str, Any], child: Callable[[Any], Schema]) -> Schema:
    properties = {name: child(value) for name, value in node.get("properties", {}).items()}
    if node.get("x-kubernetes-embedded-resource"):
        properties = {"apiVersion": _TEXT, "kind": _TEXT, "metadata": METADATA, **properties}
    out: Schema = {"properties": properties} if properties else {}
    # The server fills defaults in before it looks for required fields.
    required = [name for name in node.get("required", ()) if not _has_default(node, name)]
    if required:
        out["required"] = required
    additional = node.get("additionalProperties")
    if isinstance(additional, bool) or additional is None:
        keep = additional or node.get("x-kubernetes-preserve-unknown-fields")
        out["additionalProperties"] = bool(keep)
    else:
        out["additionalProperties"] = child(additional)
    return out


def _has_default(node: Mapping[str, Any], name: str) -> bool:
    value = node.get("properties", {}).get(name)
    return isinstance(value, Mapping) and "default" in value
