"""AWS Signature Version 4, the part of it that requests to S3 and its like need.

Signs the host and what the caller marked with `x-amz-`; the payload is named by its digest, by the
digest of nothing, or not at all where TLS guards it.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

EMPTY = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
_PLAIN = "-._~"


class Keys(NamedTuple):
    """What a signature is made with; `token` is empty for permanent keys."""

    access: str
    secret: str
    token: str = ""


def signed(
    method: str,
    url: str,
    headers: Mapping[str, str],
    keys: Keys,
    *,
    host: str,
    region: str,
    payload: str,
    now: float,
    service: str = "s3",
) -> dict[str, str]:
    """The headers that allow the request; `host` is the Host header as it is sent."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    added = {"x-amz-date": moment, "x-amz-content-sha256": payload}
    if keys.token:
        added["x-amz-security-token"] = keys.token
    marked = {name.lower(): value for name, value in headers.items()} | added
    marked = {name: value for name, value in marked.items() if name.startswith("x-amz-")}
    marked["host"] = host
    names = ";".join(sorted(marked))
    asked = _canonical(method, url, marked, names, payload)
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(asked.encode()).hexdigest()
    text = "\n".join(("AWS4-HMAC-SHA256", moment, scope, digest))
    signature = _hmac(_key(keys.secret, moment[:8], region, service), text).hex()
    added["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={keys.access}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return added


def _canonical(method: str, url: str, marked: dict[str, str], names: str, payload: str) -> str:
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    quoted = sorted((quote(name, safe=_PLAIN), quote(value, safe=_PLAIN)) for name, value in pairs)
    query = "&".join(f"{name}={value}" for name, value in quoted)
    lines = [f"{name}:{' '.join(marked[name].split())}" for name in sorted(marked)]
    return "\n".join((method, parts.path or "/", query, *lines, "", names, payload))


def _key(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
