"""The JSON Schema of the whole language, for editors, with a repository's own names in it.

Says less than validation does: what needs more than one value at a time is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from compiler.model.kind import Kinds
from compiler.model.spec.base import key_of
from compiler.model.spec.job import JobSpec, StepSpec
from compiler.model.spec.spec import Spec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VERSIONED = ("models", "datasets")


def build(kinds: Kinds, names: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The schema of one file of a spec, in the 2020-12 dialect of JSON Schema.

    `names` maps a section (`models`, `datasets`, `code`, `stores`, `jobs`, `sites`, `profiles`,
    `clusters`) or a vocabulary (`servers`, `backends`, `formats`) to the names there are;
    what is left out accepts any name. No key of the root is required, since several files
    make one spec.
    """
    known = {"kinds": kinds.names, **names}
    by_kind = {name: kinds.load(name).spec for name in kinds.names}
    mode: JsonSchemaMode = "validation"
    models: list[type[BaseModel]] = [Spec, StepSpec, *by_kind.values()]
    wanted = [(model, mode) for model in models]
    _, generated = models_json_schema(wanted, ref_template="#/$defs/{model}")
    definitions = generated["$defs"]
    for name, model in by_kind.items():
        definitions[model.__name__]["properties"]["kind"] = {"const": name}
    root = definitions.pop("Spec")
    root.pop("required", None)
    _set_entries(root["properties"]["jobs"], _job(by_kind))
    steps = {name: by_kind[name] for name in kinds.names if kinds.load(name).step}
    if "PipelineSpec" in definitions:
        _set_entries(definitions["PipelineSpec"]["properties"]["steps"], _step(steps))
    whole = {"$schema": DIALECT, **root}
    whole["$defs"] = _reached(whole, definitions)
    named: dict[str, Any] = _with_names(whole, known)
    return {**named, "title": "edgewright spec"}


def document(model: type[BaseModel], title: str) -> dict[str, Any]:
    """The schema of a document of its own, in the same dialect; names in it are any names."""
    made = model.model_json_schema(ref_template="#/$defs/{model}")
    plain: dict[str, Any] = _with_names(made, {})
    return {"$schema": DIALECT, **plain, "title": title}


def _set_entries(mapping: dict[str, Any], entry: dict[str, Any]) -> None:
    for pattern in mapping["patternProperties"]:
        mapping["patternProperties"][pattern] = entry


def _job(by_kind: Mapping[str, type[JobSpec]]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {"kind": {"enum": list(by_kind)}},
        "allOf": [_if_kind(name, model, model.needed) for name, model in by_kind.items()],
    }


def _step(by_kind: Mapping[str, type[JobSpec]]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"kind": {"enum": list(by_kind)}},
        "allOf": [_if_kind(name, model, ()) for name, model in by_kind.items()],
        "if": {"required": ["kind"]},
        "else": {"$ref": "#/$defs/StepSpec"},
    }


def _if_kind(name: str, model: type[JobSpec], needed: Sequence[str]) -> dict[str, Any]:
    then: dict[str, Any] = {"$ref": f"#/$defs/{model.__name__}"}
    if needed:
        then["required"] = [key_of(attribute) for attribute in needed]
    return {"if": {"properties": {"kind": {"const": name}}, "required": ["kind"]}, "then": then}


def _reached(root: Any, definitions: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions that the root leads to, by name."""
    found: dict[str, Any] = {}
    waiting = [root]
    while waiting:
        for name in re.findall(r"#/\$defs/(\w+)", repr(waiting.pop())):
            if name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
    return dict(sorted(found.items()))


def _with_names(node: Any, names: Mapping[str, Sequence[str]]) -> Any:
    if isinstance(node, list):
        return [_with_names(entry, names) for entry in node]
    if not isinstance(node, dict):
        return node
    made = {key: _with_names(value, names) for key, value in _plainer(node).items()}
    section = made.pop("x-names", None)
    if isinstance(section, str) and names.get(section):
        made.update(_names(section, sorted(names[section])))
    return made


def _plainer(node: dict[str, Any]) -> dict[str, Any]:
    """Without what only Python needs: null for keys that are left out, generated titles."""
    shapes = [entry for entry in node.get("anyOf", ()) if entry != {"type": "null"}]
    optional = len(shapes) < len(node.get("anyOf", ()))
    made = {
        key: value
        for key, value in node.items()
        if not (key == "title" and isinstance(value, str))
        and not (key == "default" and value is None)
        and not (key == "anyOf" and optional)
    }
    if "patternProperties" in node:
        made["additionalProperties"] = False
    if optional:
        made.update(shapes[0] if len(shapes) == 1 else {"anyOf": shapes})
    return {**made, **{key: node[key] for key in ("description",) if key in node}}


def _names(section: str, names: Sequence[str]) -> dict[str, Any]:
    if section not in _VERSIONED:
        return {"enum": list(names)}
    versioned = "|".join(re.escape(name) for name in names)
    return {"anyOf": [{"enum": list(names)}, {"pattern": f"^(?:{versioned}):.+$"}]}
