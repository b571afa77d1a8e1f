"""Judges a sidecar config inside a ConfigMap: its size, its schema, the names that it refers to.

The compiler makes these documents, so a fault is either a name or URL of the author's that no
device can use, or a fault of the compiler's own. Whether a host holds what it names is not judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs

import compiler
from compiler.model.codes import plan as codes
from compiler.model.contract import MAX_BYTES, too_large
from compiler.model.contract_parts import LIST
from compiler.model.layout import CONFIG_FILE
from compiler.stages.check.words import Wrong, path_text

_FAULTS_SHOWN = 5


def check_contract(document: Mapping[str, Any], size: int) -> Iterator[Wrong]:
    """Every fault of a sidecar config whose text has so many bytes."""
    if size > MAX_BYTES:
        yield Wrong(codes.CONFIG_TOO_LARGE, too_large("this worker", size))
    validator = _validator()
    yield from _prefixes(document)
    if validator.is_valid(document):
        for text in (*_unlisted_stores(document), *_undeclared_ports(document)):
            yield Wrong(codes.CONFIG_BROKEN, f"data[{CONFIG_FILE!r}]: {text}")
        return
    errors = validator.iter_errors(document)
    for _, error in zip(range(_FAULTS_SHOWN), errors, strict=False):
        where = path_text(tuple(error.instance_path))
        text = f"data[{CONFIG_FILE!r}]: {where} breaks the rule {error.kind.name}"
        yield Wrong(codes.CONFIG_BROKEN, text, _meaning(error.schema_path))


def _prefixes(document: Mapping[str, Any]) -> Iterator[Wrong]:
    for one in document.get("artifacts", ()):
        if one.get("unpack", {}).get("format") == LIST:
            continue
        for url in (source.get("url", "") for source in one.get("sources", ())):
            if url.endswith("/"):
                text = f"{one['kind']} {one['name']} is every object below {url}"
                hint = "run `edgewright lock --push-chunks`, which puts the list of its files there"
                yield Wrong(codes.PREFIX_DELIVERED, f"data[{CONFIG_FILE!r}]: {text}", hint)


def _unlisted_stores(document: Mapping[str, Any]) -> Iterator[str]:
    listed = {store["name"] for store in document.get("stores", ())}
    used = [source for one in document["artifacts"] for source in one["sources"]]
    used += [*document.get("outbox", ()), document.get("reports", {})]
    missing = {one["store"] for one in used if "store" in one} - listed
    for name in sorted(missing):
        yield f"the store {name} is referred to and not listed"


def _undeclared_ports(document: Mapping[str, Any]) -> Iterator[str]:
    declared = set(document.get("server", {}).get("ports", ()))
    for one in document["artifacts"]:
        for step in ("hook", "probe", "golden"):
            url = one["activation"].get(step, {}).get("url", "")
            port = url.split("/")[2].rpartition(":")[2] if url else ""
            if port and int(port) not in declared:
                yield f"the {step} of {one['name']} goes to port {port}, which is not declared"


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema())


@cache
def schema() -> dict[str, Any]:
    """The contract: of an installed package, or of the source tree that this module lies in."""
    shipped = files("compiler") / "schemas" / "sidecar-contract.json"
    if shipped.is_file():
        text = shipped.read_text(encoding="utf-8")
    else:
        root = Path(compiler.__file__).parents[1]
        text = (root / "sidecar" / "contract.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _meaning(path: list[str | int]) -> str:
    """The description of the field whose rule broke, the nearest one above it."""
    node: Any = schema()
    meaning = ""
    for step in path:
        if isinstance(node, Mapping) and "$ref" in node:
            node = schema()["$defs"][node["$ref"].rpartition("/")[2]]
            if step == "$ref":
                continue
        node = node[step]
        if isinstance(node, Mapping) and isinstance(node.get("description"), str):
            meaning = node["description"]
    return meaning
