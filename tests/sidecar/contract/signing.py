"""Envelopes as a publisher makes them, with keys that live as long as a test."""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

REVISION = "ab" * 32
ISSUED, EXPIRES = "2026-11-01T00:00:00Z", "2027-02-01T00:00:00Z"
KIND = "application/vnd.edgewright.config+json"


def statement(**changes: Any) -> bytes:
    """What is signed."""
    stated = {"revision": REVISION, "site": "store-001", "issued": ISSUED, "expires": EXPIRES}
    return json.dumps({**stated, **changes}).encode()


def envelope(payload: bytes, *keys: Ed25519PrivateKey, kind: str = KIND) -> dict[str, Any]:
    """A DSSE envelope of a payload."""
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signatures = [{"sig": base64.b64encode(key.sign(signed)).decode()} for key in keys]
    return {
        "payloadType": kind,
        "payload": base64.b64encode(payload).decode(),
        "signatures": signatures,
    }


def roots(*keys: Ed25519PrivateKey, threshold: int = 1) -> dict[str, Any]:
    """A node's file of keys."""
    raw = [base64.b64encode(key.public_key().public_bytes_raw()).decode() for key in keys]
    return {"threshold": threshold, "keys": [{"ed25519": one} for one in raw]}
