"""The optional signed envelope of a config: who vouches for which config, where and how long.

A config is named by its revision, and the envelope signs that name with the site and a span of
time, in the form of DSSE with Ed25519. Which keys count is said by a file of the node, never by
anything that comes with a config; without that file nothing has to be signed. Here are the data and
the rules of time; the mathematics are `sidecar.transfer.signature`.

An envelope has no number that must grow: reverting a commit brings an older envelope back, which is
as good as any until it expires. Expiry freezes and never stops: what was accepted in its time stays
and is finished, also after a restart; only another config is refused.
"""

from __future__ import annotations

import binascii
import re
from typing import Any, Final, NamedTuple

from sidecar.contract.reading import parse
from sidecar.contract.schema import problems
from sidecar.model.reasons import ReasonError

NAME: Final = "envelope.json"
"""The file beside `config.json` in the mounted ConfigMap."""

ROOTS: Final = "/etc/edgewright/trust/keys.json"
"""The node's file of keys that count: `{"threshold": 1, "keys": [{"ed25519": "<base64>"}]}`."""

PAYLOAD_TYPE: Final = "application/vnd.edgewright.config+json"
MAX_BYTES: Final = 64 * 1024
SKEW: Final = 600
"""Seconds by which the clocks of who signs and of the node may differ."""

_KEY_BYTES: Final = 32
_TIME: Final = re.compile(
    r"([0-9]{4})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):([0-5][0-9]):([0-5][0-9])Z"
)
_TEXT: Final = {"type": "string", "minLength": 1, "maxLength": 4096}


def _object(needed: dict[str, Any], more: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"type": "object", "required": list(needed), "properties": needed | (more or {})}


# DSSE lets others add keys of their own; what is signed is closed.
_ENVELOPE: Final = _object(
    {
        "payloadType": {"const": PAYLOAD_TYPE},
        "payload": {"type": "string", "maxLength": 8192},
        "signatures": {
            "type": "array",
            "minItems": 1,
            "maxItems": 32,
            "items": _object({"sig": _TEXT}, {"keyid": {"type": "string", "maxLength": 256}}),
        },
    }
)
_STATEMENT: Final = {
    **_object(
        {
            "revision": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "site": _TEXT,
            "issued": _TEXT,
            "expires": _TEXT,
        }
    ),
    "additionalProperties": False,
}
_KEYS: Final = {
    **_object(
        {
            "threshold": {"type": "integer", "minimum": 1, "maximum": 32},
            "keys": {
                "type": "array",
                "minItems": 1,
                "maxItems": 32,
                "items": {
                    **_object({"ed25519": _TEXT}, {"name": _TEXT}),
                    "additionalProperties": False,
                },
            },
        }
    ),
    "additionalProperties": False,
}


class Statement(NamedTuple):
    """What is signed. Times are seconds since the epoch."""

    revision: str
    site: str
    issued: int
    expires: int


class Envelope(NamedTuple):
    """A statement, the bytes that were signed and the signatures over them."""

    statement: Statement
    signed: bytes
    signatures: tuple[bytes, ...]


class Roots(NamedTuple):
    """The keys that count, and how many of them must have signed."""

    threshold: int
    keys: tuple[bytes, ...]


def read(text: bytes) -> Envelope:
    """The envelope of a text; nothing of it is verified.

    Raises:
        ReasonError: SignatureInvalid.
    """
    found = _document(text, _ENVELOPE, "the envelope")
    payload = _bytes(found["payload"], "the payload")
    stated = _document(payload, _STATEMENT, "what is signed")
    statement = Statement(
        stated["revision"], stated["site"], seconds(stated["issued"]), seconds(stated["expires"])
    )
    signatures = tuple(_bytes(one["sig"], "a signature") for one in found["signatures"])
    return Envelope(statement, encoding(PAYLOAD_TYPE, payload), signatures)


def roots(text: bytes) -> Roots:
    """The keys of the node's file.

    Raises:
        ReasonError: SignatureInvalid; a file that cannot be read trusts nobody.
    """
    found = _document(text, _KEYS, ROOTS)
    keys = tuple(_bytes(one["ed25519"], "a key") for one in found["keys"])
    if len(set(keys)) != len(keys) or any(len(key) != _KEY_BYTES for key in keys):
        raise ReasonError("SignatureInvalid", f"{ROOTS}: a key is no Ed25519 key or stands twice")
    if found["threshold"] > len(keys):
        raise ReasonError("SignatureInvalid", f"{ROOTS}: its threshold can never be reached")
    return Roots(int(found["threshold"]), keys)


def judge(statement: Statement, revision: str, site: str, now: float) -> None:
    """Insist that a verified statement is about this config and this site, at this time.

    Raises:
        ReasonError: SignatureInvalid, or ClockSkew on a node whose clock is before the signing.
    """
    if statement.revision != revision:
        raise ReasonError("SignatureInvalid", "it is for another config")
    if statement.site != site:
        raise ReasonError("SignatureInvalid", f"it is for another site than {site}")
    if statement.expires <= statement.issued:
        raise ReasonError("SignatureInvalid", "it expires before it was issued")
    if now < statement.issued - SKEW:
        raise ReasonError("ClockSkew", "by this clock the config will be signed in the future")
    if frozen(statement, now):
        raise ReasonError("SignatureInvalid", "it has expired")


def frozen(statement: Statement, now: float) -> bool:
    """Whether nothing may be switched to any more; what is active stays."""
    return now >= statement.expires


def encoding(kind: str, payload: bytes) -> bytes:
    """What is signed of a payload: DSSE's pre-authentication encoding."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def seconds(text: str) -> int:
    """Seconds since the epoch of `2027-01-31T00:00:00Z`.

    Raises:
        ReasonError: SignatureInvalid.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ReasonError("SignatureInvalid", "a time is not written as 2027-01-31T00:00:00Z")
    year, month, day, hour, minute, second = map(int, match.groups())
    # Days since the epoch by the civil calendar, with years that begin in March.
    shifted = year - (month < 3)
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    days = shifted * 365 + shifted // 4 - shifted // 100 + shifted // 400 + of_year - 719_468
    return ((days * 24 + hour) * 60 + minute) * 60 + second


def _document(text: bytes, schema: dict[str, Any], what: str) -> Any:
    if len(text) > MAX_BYTES:
        raise ReasonError("SignatureInvalid", f"{what}: more than {MAX_BYTES:,} bytes")
    try:
        found = parse(text)
    except ReasonError as fault:
        raise ReasonError("SignatureInvalid", f"{what}: {fault.detail}") from fault
    faults = problems(found, schema)
    if faults:
        raise ReasonError("SignatureInvalid", f"{what}: {faults[0]}")
    return found


def _bytes(text: str, what: str) -> bytes:
    try:
        plain = text.translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
        return binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
    except (binascii.Error, ValueError) as fault:
        raise ReasonError("SignatureInvalid", f"{what} is no base64") from fault
