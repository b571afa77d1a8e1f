"""The identity of a document: the compiler makes the same bytes, so both know a config by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sidecar.model.digest import sha256

_encode = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


def canonical(document: Mapping[str, Any]) -> bytes:
    """Canonical JSON: keys sorted, no white space, no escapes but JSON's own, UTF-8."""
    return _encode(document).encode()


def revision(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON, 64 lower-case hexadecimal digits."""
    digest: str = sha256(canonical(document)).hexdigest()
    return digest
