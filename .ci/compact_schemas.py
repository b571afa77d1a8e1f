"""Turn upstream custom resource definitions into the compiler's compact schemas.

    python .ci/compact_schemas.py DEFINITIONS_DIR OUT_DIR
    python .ci/compact_schemas.py --verify DEFINITIONS_DIR OUT_DIR

DEFINITIONS_DIR has one folder for each system, with its definitions as YAML, and a README.md
whose table names source and version of each folder. A compact schema keeps facts (types,
required, enums, patterns, bounds, list keys, defaults, rules) and drops prose, status and
names of columns. Equal subtrees are stored once: that loses nothing, while a reference to
some Kubernetes version's own pod template would, because each definition carries the pod
template of the version that it was made from. `--verify` makes random objects for every
definition and fails when the two forms judge one of them differently.
"""

from __future__ import annotations

import copy
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from compiler.stages.check.structural import CompactFile, strict_compact

FACTS = (
    "type", "format", "enum", "pattern", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties",
    "maxProperties", "uniqueItems", "multipleOf", "nullable", "default",
    "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource", "x-kubernetes-list-type", "x-kubernetes-list-map-keys",
)  # fmt: skip
TYPE_META = ("apiVersion", "kind", "metadata")
SKIPPED_FILES = ("externalartifacts",)


def main(arguments: list[str]) -> int:
    """Write the compact schemas, or with --verify compare them with the definitions."""
    verify = "--verify" in arguments
    source, out = (Path(a) for a in arguments if a != "--verify")
    return check(source, out) if verify else write(source, out)


def write(source: Path, out: Path) -> int:
    """One file for each folder of `source`, and the index of all kinds."""
    out.mkdir(parents=True, exist_ok=True)
    index: dict[str, str] = {}
    total = 0
    for name, origin, version in table(source):
        document = compact_folder(source / name, origin, version)
        text = dump(document)
        (out / f"{name}.json").write_text(text, encoding="utf-8")
        total += len(text)
        index.update(dict.fromkeys(document["kinds"], f"{name}.json"))
    text = json.dumps(dict(sorted(index.items())), indent=0) + "\n"
    (out / "index.json").write_text(text, encoding="utf-8")
    print(f"{len(index)} kinds, {(total + len(text)) / 1024:.0f} KiB")
    return 0


def table(source: Path) -> Iterator[tuple[str, str, str]]:
    """Folder, project and version from the README's table."""
    row = re.compile(r"\| `([\w-]+)/` \| ([^|]+) \| (v\d+\.\d+\.\d+)")
    for line in (source / "README.md").read_text(encoding="utf-8").splitlines():
        if match := row.match(line):
            yield match[1], match[2].strip(), match[3]


def definitions(folder: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """`group/version/Kind`, the definition's spec, and the version's schema."""
    for path in sorted(folder.glob("*.yaml")):
        if any(part in path.name for part in SKIPPED_FILES):
            continue
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        for version in spec["versions"]:
            if version["served"]:
                key = f"{spec['group']}/{version['name']}/{spec['names']['kind']}"
                yield key, spec, version["schema"]["openAPIV3Schema"]


def compact_folder(folder: Path, origin: str, version: str) -> dict[str, Any]:
    """The compact document of one system."""
    nodes: dict[str, int] = {}
    kinds = {}
    for key, spec, schema in definitions(folder):
        kinds[key] = {"scope": spec["scope"], "schema": intern(without_status(schema), nodes)}
    return {"source": origin, "version": version, "kinds": dict(sorted(kinds.items())),
            "nodes": [json.loads(text) for text in nodes]}  # fmt: skip


def without_status(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of what people write; the API server ignores status on that path."""
    root = copy.copy(schema)
    drop = ("apiVersion", "kind", "metadata", "status")
    root["properties"] = {k: v for k, v in schema["properties"].items() if k not in drop}
    root["required"] = [k for k in schema.get("required", ()) if k not in drop]
    return root


def intern(schema: dict[str, Any], nodes: dict[str, int]) -> int:
    """The number of the node for `schema`, its children interned before it."""
    node: dict[str, Any] = {f: schema[f] for f in FACTS if schema.get(f) not in (None, [], {})}
    properties = schema.get("properties", {})
    if properties:
        node["properties"] = {k: intern(v, nodes) for k, v in sorted(properties.items())}
    # The server fills defaults in before it looks for required fields.
    required = [k for k in schema.get("required", ()) if "default" not in properties.get(k, {})]
    if required:
        node["required"] = sorted(required)
    if "items" in schema:
        node["items"] = intern(schema["items"], nodes)
    more = schema.get("additionalProperties")
    if more is not None:
        node["additionalProperties"] = intern(more, nodes) if isinstance(more, dict) else more
    rules = [rule_facts(r) for r in schema.get("x-kubernetes-validations", ())]
    if rules:
        node["rules"] = rules
    return nodes.setdefault(json.dumps(node, sort_keys=True), len(nodes))


def rule_facts(rule: dict[str, Any]) -> dict[str, Any]:
    """A CEL rule on one line, with its short message and whether it needs no older object."""
    facts = {"rule": " ".join(rule["rule"].split())}
    if "message" in rule:
        facts["message"] = rule["message"]
    if rule.get("optionalOldSelf"):
        facts["optionalOldSelf"] = True
    return facts


def dump(document: dict[str, Any]) -> str:
    """One node a line: a changed fact upstream is a changed line here."""
    lines = (json.dumps(n, sort_keys=True, separators=(",", ":")) for n in document["nodes"])
    nodes = ",\n".join(lines)
    head = {k: v for k, v in document.items() if k != "nodes"}
    return json.dumps(head, indent=1)[:-2] + ',\n "nodes": [\n' + nodes + "\n]}\n"


def check(source: Path, out: Path, seed: int = 7, rounds: int = 60) -> int:
    """Judge random objects by both forms; 1 when any judgement differs."""
    chance = random.Random(seed)
    judged = refused = differing = 0
    for name, _, _ in table(source):
        document = CompactFile.parse((out / f"{name}.json").read_text(encoding="utf-8"))
        for key, _, schema in definitions(source / name):
            root = without_status(schema)
            full = jsonschema.Draft202012Validator(defaulted(root))
            compact = jsonschema.Draft202012Validator(strict_compact(document, key))
            for turn in range(rounds):
                candidate = sample_object(root, chance, 0.0 if turn % 2 else 0.02)
                candidate |= {"apiVersion": "a/b", "kind": "K", "metadata": {"name": "n"}}
                own = {k: v for k, v in candidate.items() if k not in TYPE_META}
                expected = full.is_valid(own) and kept(root, own)
                got = compact.is_valid(candidate)
                judged, refused = judged + 1, refused + (not expected)
                if expected != got:
                    differing += 1
                    print(f"{key}: definition says {expected}, compact schema says {got}")
    print(f"{judged} objects judged, {refused} refused by the definitions, {differing} differ")
    return 1 if differing or not refused else 0


def defaulted(schema: Any) -> Any:
    """The definition's schema with what has a default no longer required; lists go through."""
    if isinstance(schema, list):
        return [defaulted(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: defaulted(value) for key, value in schema.items()}
    properties = out.get("properties")
    if isinstance(properties, dict) and isinstance(out.get("required"), list):
        given = [k for k in out["required"] if "default" not in properties.get(k, {})]
        out["required"] = given
    return out


def kept(schema: dict[str, Any], value: Any) -> bool:
    """Whether the API server would keep every field of `value` and every list that is a set."""
    if isinstance(value, list):
        unique = len({json.dumps(v, sort_keys=True) for v in value}) == len(value)
        if schema.get("x-kubernetes-list-type") == "set" and not unique:
            return False
        return all(kept(schema.get("items", {}), item) for item in value)
    if not isinstance(value, dict):
        return True
    properties, more = schema.get("properties", {}), schema.get("additionalProperties")
    open_ended = schema.get("x-kubernetes-preserve-unknown-fields") or more
    below = more if isinstance(more, dict) else {"x-kubernetes-preserve-unknown-fields": True}
    return all(
        kept(properties[name], item)
        if name in properties
        else bool(open_ended) and kept(below, item)
        for name, item in value.items()
    )


def sample(schema: dict[str, Any], chance: random.Random, fault: float) -> Any:
    """A value for `schema`; each node is spoiled with probability `fault`."""
    if chance.random() < fault:
        return chance.choice([None, 7, -1, "no such", [], {}, {"strange": 1}, ["x"], True])
    if schema.get("enum"):
        return chance.choice(schema["enum"])
    if schema.get("x-kubernetes-int-or-string"):
        return chance.choice([1, "50%"])
    kind = schema.get("type")
    if kind == "object":
        return sample_object(schema, chance, fault)
    if kind == "array":
        return [sample(schema["items"], chance, fault) for _ in range(chance.choice([0, 1, 1, 2]))]
    text = chance.choice(["a", "10m", "2026-01-01T00:00:00Z", "https://x.example"])
    plain = {"integer": chance.choice([0, 1, 80]), "number": 0.5, "boolean": True, "string": text}
    return "YQ==" if schema.get("format") == "byte" else plain.get(kind or "", text)


def sample_object(schema: dict[str, Any], chance: random.Random, fault: float) -> dict[str, Any]:
    """Every required property, some of the others, now and then a foreign one."""
    properties = schema.get("properties", {})
    required = set(schema.get("required", ()))
    share = min(1.0, 3 / (len(properties) or 1))
    names = [n for n in properties if n in required or chance.random() < share]
    value = {n: sample(properties[n], chance, fault) for n in names if chance.random() >= fault / 2}
    if isinstance(schema.get("additionalProperties"), dict):
        value["key"] = sample(schema["additionalProperties"], chance, fault)
    if chance.random() < fault:
        value["fieldThatNobodyKnows"] = 1
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
