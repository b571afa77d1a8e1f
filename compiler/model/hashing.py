"""What is derived from an object's content and identity: hashes, final names, file names, ids.

Pure functions of data. Nothing here knows units, opens files or decides who gets which name.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from json import JSONEncoder
from typing import Any

from compiler.model import names
from compiler.model.manifest import Identity

FILE_NAME_LIMIT = 200
"""Bytes. File systems take 255; the rest is room for the names of staged copies."""

HASH_DIGITS = 8
_SHA1_LENGTH = 40


def content_name(base: str, data: Mapping[str, Any]) -> str:
    """`base-` and eight hex digits of the object's content without its name, 63 characters at most.

    Raises:
        ValueError: the data holds something that is no JSON.
    """
    metadata = {key: value for key, value in data["metadata"].items() if key != "name"}
    digest = sha256(canonical_json({**data, "metadata": metadata}))
    return names.with_suffix(base, digest[:HASH_DIGITS])


def canonical_json(data: Any) -> bytes:
    """JSON with sorted keys, no white space and only ASCII: equal data, equal bytes.

    Raises:
        ValueError: NaN or an infinity.
        TypeError: anything else that is no JSON.
    """
    return _CANONICAL(data).encode("ascii")


def sha256(data: bytes) -> str:
    """64 hex digits of the sha256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def blob_id(data: bytes, like: str = "") -> str:
    """What Git calls these bytes, by the hash that made an id `like` it; SHA-1 without one."""
    name = "sha1" if len(like) in (0, _SHA1_LENGTH) else "sha256"
    found = hashlib.new(name, b"blob %d\0" % len(data), usedforsecurity=False)
    found.update(data)
    return found.hexdigest()


def file_name(identity: Identity, namespace: str) -> str:
    """`<kind>[.<group>]-[<namespace>-]<name>.yaml` in lower case, 200 bytes at most.

    The namespace is left out when it is `namespace`, the project's own. Characters that file
    systems treat specially become `_`; such a name, and a longer one, ends in a hash of the
    full text.
    """
    kind = f"{identity.kind}.{identity.group}" if identity.group else identity.kind
    between = f"{identity.namespace}-" if identity.namespace not in ("", namespace) else ""
    full = f"{kind}-{between}{identity.name}".lower()
    safe = full if _FILE_SAFE(full) else _FILE_FOREIGN.sub("_", full)
    if safe is full and len(full) + len(_SUFFIX) <= FILE_NAME_LIMIT:
        return f"{full}{_SUFFIX}"
    limit = FILE_NAME_LIMIT - len(_SUFFIX)
    return f"{names.with_suffix(safe, names.short_hash(full), limit)}{_SUFFIX}"


def object_id(identity: Identity) -> str:
    """`kind.group/namespace/name` as the ledger has it; core kinds have no group."""
    kind = f"{identity.kind}.{identity.group}" if identity.group else identity.kind
    return f"{kind}/{identity.namespace}/{identity.name}"


_SUFFIX = ".yaml"
_CANONICAL = JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode
_FILE_SAFE = re.compile(r"[a-z0-9._-]+").fullmatch
_FILE_FOREIGN = re.compile(r"[^a-z0-9._-]")
