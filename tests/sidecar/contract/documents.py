"""Config documents: one by hand that uses every part of the contract, and any number by dice."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "sidecar" / "contract.schema.json").read_text()
)
DIGEST = "3b" * 32


def document() -> dict[str, Any]:
    """A valid document with every optional part."""
    return {
        "contract": 1,
        "tenant": {"job": "watch-shelves", "role": "serve"},
        "node": {
            "project": "store-vision",
            "environment": "prod",
            "namespace": "store-vision",
            "cluster": "hub",
            "site": "store-001",
            "host": "edge-001a",
            "layer": "edge",
            "arch": "amd64",
        },
        "store": {"root": "/var/lib/edgewright", "maxBytes": 2**33, "keepPrevious": 1},
        "network": {
            "streams": 4,
            "rate": 2_500_000,
            "windows": [{"from": "01:00", "to": "05:00", "zone": "Europe/Vienna"}],
            "proxy": "http://proxy:3128",
            "noProxy": ["10.0.0.0/8"],
            "caFile": "/etc/edgewright/ca/ca.crt",
        },
        "stores": [
            {
                "name": "main.s3-reader",
                "endpoint": "https://s3.eu.example.com",
                "region": "eu-west-1",
                "pathStyle": True,
                "credentials": "/etc/edgewright/credentials/s3-reader",
            }
        ],
        "server": {"name": "ovms", "image": "registry.example.com/ovms:1", "ports": [8000, 9000]},
        "artifacts": [model(), code()],
        "bundles": [{"name": "watch-shelves", "members": ["code/shelf-io", "model/shelf"]}],
        "release": {
            "model": "shelf-pair",
            "version": "2.0",
            "digest": DIGEST,
            "ask": {"url": f"http://shelf-cloud.store-vision:9471/v1/releases/{DIGEST}"},
        },
        "outbox": [
            {"name": "hard", "to": "s3://vision-artifacts/hard/", "store": "main.s3-reader"}
        ],
        "peers": {"serve": 9472, "members": ["http://10.20.1.5:9472"]},
        "reports": {"url": "s3://vision-artifacts/reports/", "store": "main.s3-reader"},
        "surface": {"port": 9471, "socket": "/edgewright/run/sidecar.sock"},
    }


def model(name: str = "shelf", number: int = 1, **changes: Any) -> dict[str, Any]:
    """An artifact that a model server is told about."""
    base = "http://127.0.0.1:8000"
    place = {"url": "s3://vision-artifacts/shelf/1.3.0.tar.gz", "store": "main.s3-reader"}
    entry: dict[str, Any] = {
        "name": name,
        "kind": "model",
        "version": "1.3.0",
        "sources": [{"url": "peer:"}, place],
        "sha256": DIGEST,
        "size": 9_000_000,
        "unpacked": 20_000_000,
        "chunks": {"size": 4_194_304, "count": 3, "root": DIGEST},
        "unpack": {"format": "tar.gz", "maxBytes": 20_000_000, "maxFiles": 100},
        "arch": ["amd64", "arm64"],
        "view": {"type": "ovms", "model": name, "number": number},
        "link": f"/edgewright/models/{name}",
        "activation": {
            "update": "hot",
            "hook": {"type": "ovms", "url": base, "model": name},
            "probe": {"url": f"{base}/v2/models/{name}/versions/{number}/ready", "contains": "x"},
            "golden": {
                "url": f"{base}/v2/models/{name}/infer",
                "input": dict(place),
                "expect": dict(place),
                "tolerance": [{"name": "boxes.iou", "value": 0.9}],
            },
            "window": {"from": "23:00", "to": "03:00", "zone": "Europe/Vienna"},
        },
    }
    return {**entry, **changes}


def code(name: str = "shelf-io", **changes: Any) -> dict[str, Any]:
    """An artifact that is a directory of scripts."""
    entry: dict[str, Any] = {
        "name": name,
        "kind": "code",
        "version": "3",
        "sources": [{"url": "https://files.example.com/io-3.zip"}],
        "sha256": "77" * 32,
        "view": {"type": "flat"},
        "link": f"/edgewright/code/{name}",
        "activation": {"update": "hot"},
    }
    return {**entry, **changes}


def text_of(value: object) -> bytes:
    """The text of a document, as a compiler or an editor would write it."""
    return json.dumps(value).encode()


# By dice.

WORDS = {
    "^([01][0-9]|2[0-3]):[0-5][0-9]$": ("00:00", "23:59"),
    "^(model|dataset|code|file)/[a-z0-9]([-a-z0-9._]*[a-z0-9])?$": ("model/a", "code/b.c-d"),
    "^(peer:|(s3|http|https|oci|file)://[^@/]*(/.*)?)$": (
        "peer:",
        "s3://b/k",
        "oci://r/x@sha256:1",
    ),
    "^(s3|http|https|oci|file)://[^@/]*(/.*)?$": ("file:///a", "https://h:1/ü", "s3://b"),
    "^/[^\\u0000]*$": ("/", "/a b/c"),
    "^/edgewright/(models|datasets|code|files)/[a-z0-9]([-a-z0-9._]*[a-z0-9])?$": (
        "/edgewright/models/a",
        "/edgewright/files/b",
    ),
    "^[0-9a-f]{10}$": ("0123456789",),
    "^[0-9a-f]{64}$": (DIGEST,),
    "^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$": ("UTC", "Etc/GMT+5"),
    "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$": ("a", "a-b.c"),
    "^[a-z0-9]([-a-z0-9._]*[a-z0-9])?$": ("a", "a_b"),
    "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$": ("a", "a-b"),
    "^[a-zA-Z0-9-]+$": ("eu-west-1",),
    "^[a-zA-Z0-9]([-a-zA-Z0-9._]*[a-zA-Z0-9])?$": ("A", "main.s3"),
    "^http://127\\.0\\.0\\.1:[1-9][0-9]{0,4}(/[!-~]*)?$": ("http://127.0.0.1:1",),
    "^https?://[^@/]+(/[!-~]*)?$": ("http://h", "https://h/a?b"),
}
ODD: tuple[Any, ...] = (
    None, True, False, 0, -0.0, 1, 1.0, 1.5, -1, 2**53, 2**53 - 1, 1e300, 10**30, "", " ", "a",
    "a\n", "\n", "a/b", "..", "1", "ü", "İ", "\u2028", "\U0001f600", "x" * 254, "x" * 5000, [],
    [[]], {}, {"a": 1}, [1, 1.0], [1, True], ["a", "a"], [0, False], [{}, {}], [[1], [1.0]], "S3://B/k",
    "http://127.0.0.1:99999/", "https://user:word@h/", "24:00", DIGEST.upper(), DIGEST + "\n",
)  # fmt: skip


def drawn(dice: random.Random) -> Any:
    """A document made from the schema by dice, valid or spoiled in a few places."""
    found = _value(SCHEMA, dice)
    for _ in range(dice.choice((0, 0, 1, 1, 1, 2, 3))):
        found = _spoiled(found, dice)
    return found


def _value(schema: dict[str, Any], dice: random.Random) -> Any:
    if "$ref" in schema:
        return _value(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], dice)
    if "const" in schema:
        return dice.choice((schema["const"], float(schema["const"])))
    if "enum" in schema:
        return dice.choice(schema["enum"])
    return MAKERS[schema["type"]](schema, dice)


def _object(schema: dict[str, Any], dice: random.Random) -> Any:
    needed = schema.get("required", ())
    parts = [(key, one) for key, one in schema["properties"].items()]
    dice.shuffle(parts)
    return {key: _value(one, dice) for key, one in parts if key in needed or dice.random() < 0.5}


def _array(schema: dict[str, Any], dice: random.Random) -> Any:
    count = max(schema.get("minItems", 0), dice.choice((0, 1, 1, 2, 3)))
    found = [_value(schema["items"], dice) for _ in range(min(count, schema.get("maxItems", 9)))]
    return list(dict.fromkeys(found)) if schema.get("uniqueItems") else found


def _string(schema: dict[str, Any], dice: random.Random) -> Any:
    if "pattern" in schema:
        return dice.choice(WORDS[schema["pattern"]])
    return dice.choice(("a", "some words", "ü" * schema.get("minLength", 1)))


def _integer(schema: dict[str, Any], dice: random.Random) -> Any:
    least, most = schema["minimum"], schema.get("maximum", 2**53 - 1)
    found = dice.choice((least, most, min(least + 1, most), dice.randint(least, most)))
    return float(found) if dice.random() < 0.1 else found


MAKERS: dict[str, Callable[[dict[str, Any], random.Random], Any]] = {
    "object": _object,
    "array": _array,
    "string": _string,
    "boolean": lambda _, dice: dice.random() < 0.5,
    "integer": _integer,
    "number": lambda _, dice: dice.choice((0, 1, 0.25, -3.5, 1e9)),
}


def _spoiled(value: Any, dice: random.Random) -> Any:
    """The value with one place changed."""
    value = copy.deepcopy(value)
    places = list(_places(value))
    if not places:
        return dice.choice(ODD)
    holder, key = dice.choice(places)
    change = dice.randrange(6)
    if change == 0:
        del holder[key]
    elif change == 1 and isinstance(holder, dict):
        holder[dice.choice(("name", "sha256", "x", "", "$ref", "type"))] = dice.choice(ODD)
    elif change == 2 and isinstance(holder, list):
        holder[:0] = [copy.deepcopy(dice.choice(holder))] * dice.choice((1, 1, 20, 70))
    elif change == 3 and isinstance(holder[key], str):
        holder[key] = dice.choice((holder[key] + dice.choice("aZ/@ \n\0"), holder[key][1:]))
    elif change == 4 and isinstance(holder[key], int):
        holder[key] = dice.choice((holder[key] + 1, -holder[key], float(holder[key]), 0.5))
    else:
        holder[key] = dice.choice(ODD)
    return value


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key, one in value.items():
            yield value, key
            yield from _places(one)
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield value, index
            yield from _places(one)
