"""What KServe's storage initializer takes from its environment, in the words of this program.

Names and meanings are those of `kserve_storage`. What would make a download less safe than any
other of ours is refused aloud: a certificate is always verified.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from sidecar.model.config import (
    Config,
    Limits,
    Network,
    Node,
    Peers,
    Server,
    Store,
    Surface,
    Tenant,
)
from sidecar.model.reasons import ReasonError
from sidecar.transfer.credentials import ENVIRONMENT

_RENAMED: Final = {
    "endpoint_url": "AWS_ENDPOINT_URL",
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "region": "AWS_DEFAULT_REGION",
    "ca_bundle": "AWS_CA_BUNDLE",
    "verify_ssl": "S3_VERIFY_SSL",
    "anonymous": "awsAnonymousCredential",
}
_HEX: Final = frozenset("0123456789abcdef")
_NO: Final = frozenset(("0", "false", "no"))


class Place(NamedTuple):
    """Where to fetch from and into; `sha256` is empty where nobody said it."""

    url: str
    target: str
    sha256: str = ""

    @property
    def scheme(self) -> str:
        """The scheme of the URL, `file` for a path."""
        scheme, mark, _ = self.url.partition("://")
        return scheme if mark else "file"


def place(source: str, target: str) -> Place:
    """A pair of arguments; a digest may follow the address as `#sha256=<hex>`."""
    url, _, fragment = source.partition("#sha256=")
    return Place(url, os.path.abspath(target), fragment.lower())


def is_pinned_well(source: str) -> bool:
    """Whether what follows an address as its digest, if anything does, can be one."""
    _, mark, digest = source.partition("#sha256=")
    return not mark or (len(digest) == 64 and _HEX.issuperset(digest.lower()))


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The environment with what STORAGE_CONFIG and STORAGE_OVERRIDE_CONFIG put into it.

    Raises:
        ReasonError: ConfigInvalid, or TlsVerify where certificates are not to be verified.
    """
    found, stored = dict(given), _json(given, "STORAGE_CONFIG")
    stored |= _json(given, "STORAGE_OVERRIDE_CONFIG")
    if stored.get("type") == "s3":
        found |= {_RENAMED[key]: str(stored[key]) for key in _RENAMED if key in stored}
    if found.get("S3_VERIFY_SSL", "1").lower() in _NO:
        words = "S3_VERIFY_SSL is off, which is never done; give the authority by AWS_CA_BUNDLE"
        raise ReasonError("TlsVerify", words)
    return found


def store(found: Mapping[str, str]) -> Store:
    """How S3 is reached and who asks there."""
    endpoint = found.get("AWS_ENDPOINT_URL", "")
    virtual = found.get("S3_USER_VIRTUAL_BUCKET", "").lower() == "true"
    anonymous = found.get("awsAnonymousCredential", "").lower() == "true"
    keyed = bool(found.get("AWS_ACCESS_KEY_ID") and found.get("AWS_SECRET_ACCESS_KEY"))
    return Store(
        name="" if anonymous else "environment",
        endpoint=endpoint,
        region=found.get("AWS_DEFAULT_REGION") or found.get("AWS_REGION") or "us-east-1",
        path_style=bool(endpoint) and ".amazonaws.com" not in endpoint and not virtual,
        credentials=ENVIRONMENT if keyed and not anonymous else "",
    )


def config(found: Mapping[str, str], places: list[Place], root: str) -> Config:
    """A config of nothing but these places, for the transfers to go by."""
    declared = tuple(
        Store(name=str(number), endpoint=one.url.partition("?")[0])
        for number, one in enumerate(places)
        if one.scheme in ("http", "https")
    )
    return Config(
        revision="",
        contract=1,
        tenant=Tenant("kserve", "initializer"),
        node=Node("", "", "", "", "", "", "edge", ""),
        limits=Limits(root, min_free=0, min_free_percent=0),
        network=_network(found),
        stores=(store(found), *declared),
        server=Server(),
        artifacts=(),
        bundles=(),
        release=None,
        outbox=(),
        peers=Peers(),
        reports=None,
        surface=Surface(0, ""),
    )


def headers(found: Mapping[str, str], url: str) -> dict[str, str]:
    """The headers that `<host>-headers` holds for a host.

    Raises:
        ReasonError: ConfigInvalid.
    """
    name = f"{urlsplit(url).hostname}-headers"
    return {str(key): str(value) for key, value in _json(found, name).items()}


def _network(found: Mapping[str, str]) -> Network:
    proxy = _either(found, "HTTPS_PROXY") or _either(found, "HTTP_PROXY")
    spared = _either(found, "NO_PROXY").split(",")
    bundle = found.get("AWS_CA_BUNDLE", "")
    if not bundle and found.get("CA_BUNDLE_CONFIGMAP_NAME"):
        bundle = f"{found.get('CA_BUNDLE_VOLUME_MOUNT_POINT', '')}/cabundle.crt"
    streams = found.get("S3_MAX_FILE_CONCURRENCY", "")
    return Network(
        streams=min(64, max(1, int(streams))) if streams.isdecimal() else 4,
        proxy=proxy if "://" in proxy or not proxy else f"http://{proxy}",
        no_proxy=tuple(one.strip() for one in spared if one.strip()),
        ca_file=bundle,
    )


def _either(found: Mapping[str, str], name: str) -> str:
    return found.get(name) or found.get(name.lower()) or ""


def _json(found: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        value = json.loads(found.get(name) or "{}")
    except ValueError as fault:
        raise ReasonError("ConfigInvalid", f"{name} is no JSON") from fault
    if not isinstance(value, dict):
        raise ReasonError("ConfigInvalid", f"{name} is no JSON object")
    return value
