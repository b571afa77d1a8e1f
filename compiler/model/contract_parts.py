"""The parts of the sidecar's config document: artifacts, stores, network, outbox.

Entries that are equal on many sites are made once and shared: callers must not change them.
Names and numbers are those of `sidecar/contract.schema.json`; nothing here decides what a member
gets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

from compiler.model.fleet import Network, Site
from compiler.model.inputs import Artifact, Location
from compiler.model.layout import ARTIFACTS, AUTHORITIES_FILE, CREDENTIALS
from compiler.model.member import Delivery, Output
from compiler.model.quantity import MILLI, parse_quantity
from compiler.model.record import dataclass
from compiler.model.server import LoadHook, Server, Serving, served
from compiler.model.worker import ContainerPort

UNPACKED_LIMIT = 64 * 1024**3
"""Bytes that an archive may unpack to when no lock states its size."""
LIST = "manifest"
"""The format of a prefix: a list of files that are fetched one by one."""

_RATE = re.compile(r"([0-9]+(?:\.[0-9]+)?)([kMG]?)bit/s", re.ASCII)
_RATE_SCALE = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Piece:
    """An artifact's entry and the loopback port that its hook needs, 0 for none."""

    entry: dict[str, Any]
    hook_port: int = 0


def artifact(
    one: Artifact,
    server: Server,
    serving: Serving,
    span: tuple[str, str, str] | None,
    update: Literal["hot", "rolling"],
) -> Piece:
    """The entry of an artifact for a worker, made once for equal arguments."""
    told = serving if one.kind == "model" and update == "hot" else _NOT_TOLD
    return _artifact(one, server, told, span, update)


def staged(one: Artifact) -> dict[str, Any]:
    """The entry of an artifact that a node only fetches, verifies and unpacks."""
    return {**_bytes(one, peers=True), "view": {"type": "flat"}, "activation": {"update": "stage"}}


def located(place: Location, *, write: bool) -> dict[str, Any]:
    """A URL with the name of its store entry, if it has one."""
    name = store_name(place, place.write_secret if write else place.read_secret)
    return {"url": place.url, "store": name} if name else {"url": place.url}


def store_name(place: Location, secret: str) -> str:
    """The name of the entry in `stores` for a place and a Secret; empty where none is needed."""
    if not (secret or place.endpoint or place.region):
        return ""
    return ".".join(part for part in (place.store, secret) if part) or "anonymous"


def add_store(entries: dict[str, dict[str, Any]], place: Location, secret: str) -> None:
    """Put the entry that `place` refers to into `entries`, unless it is there."""
    name = store_name(place, secret)
    if name and name not in entries:
        entries[name] = _store(name, place.endpoint, place.region, secret)


def home(url: str, stores: Mapping[str, Location]) -> Location:
    """The store that a URL lies in, the longest first; a bare location for any other URL."""
    inside = [one for one in stores.values() if f"{url}/".startswith(one.url.rstrip("/") + "/")]
    return max(inside, key=lambda store: len(store.url), default=Location(url))


def window(text: str, zone: str) -> tuple[str, str, str] | None:
    """`01:00-05:00` and a zone as (from, to, zone), or None for an empty text."""
    if not text:
        return None
    start, _, end = text.partition("-")
    return start, end, zone or "UTC"


def network(settings: Network, site: Site, delivery: Delivery | None) -> dict[str, Any]:
    """How bytes may move at a site; empty where every default holds."""
    rate = (delivery.rate if delivery else "") or site.link_rate
    span = window(site.link_window, site.timezone)
    if span is None and delivery:
        span = window(delivery.window, delivery.timezone or site.timezone)
    return _network(settings, rate, span)


def stream(output: Output, stores: Mapping[str, Location]) -> dict[str, Any]:
    """An outbox stream; `cap` is a quantity of bytes."""
    entry: dict[str, Any] = {"name": output.name, "to": output.url}
    store = store_name(home(output.url, stores), output.secret)
    if store:
        entry["store"] = store
    if output.cap:
        entry["maxBytes"] = max(1, parse_quantity(output.cap) // MILLI)
    return entry


def hook_ports(ports: Sequence[ContainerPort], pieces: Iterable[Piece]) -> list[int]:
    """The ports that hooks may be sent to: the job's TCP ports and what its hooks need."""
    found = {port.port for port in ports if port.protocol == "TCP"}
    found.update(piece.hook_port for piece in pieces if piece.hook_port)
    return sorted(found)


def bytes_per_second(rate: str) -> int:
    """A link rate such as `20Mbit/s` in whole bytes per second, at least 1.

    Raises:
        ValueError: it is no link rate; the spec's types refuse it earlier.
    """
    match = _RATE.fullmatch(rate)
    if match is None:
        raise ValueError(f"{rate!r} is not a rate such as 20Mbit/s")
    return max(1, int(float(match[1]) * _RATE_SCALE[match[2]] / 8))


_NOT_TOLD = Serving()


@lru_cache(maxsize=4096)
def _artifact(
    one: Artifact,
    server: Server,
    serving: Serving,
    span: tuple[str, str, str] | None,
    update: Literal["hot", "rolling"],
) -> Piece:
    activation: dict[str, Any] = {"update": "hot" if update == "hot" else "activate"}
    hook = _hook(one, server, serving)
    if hook:
        activation |= _told(one, hook)
    if span:
        activation["window"] = _span(span)
    entry = _bytes(one, peers=False)
    entry["view"] = _view(one, server)
    entry["link"] = f"{ARTIFACTS[one.kind]}/{one.name}"
    entry["activation"] = activation
    return Piece(entry, hook.port if hook else 0)


def _hook(one: Artifact, server: Server, serving: Serving) -> LoadHook | None:
    if not serving.hot or one.kind != "model":
        return None
    return server.hook(serving, served(one), one.serve_version)


def _told(one: Artifact, hook: LoadHook) -> dict[str, Any]:
    base = f"http://127.0.0.1:{hook.port}"
    probe = {"url": base + hook.ready}
    if hook.contains:
        probe["contains"] = hook.contains
    told: dict[str, Any] = {
        "hook": {"type": hook.type, "url": base, "model": one.name},
        "probe": probe,
    }
    if one.golden and hook.infer:
        told["golden"] = _golden(one, base + hook.infer)
    return told


def _golden(one: Artifact, url: str) -> dict[str, Any]:
    golden = one.golden
    if golden is None:
        return {}
    entry: dict[str, Any] = {
        "url": url,
        "input": located(golden.input, write=False),
        "expect": located(golden.expect, write=False),
    }
    if golden.tolerance:
        entry["tolerance"] = [{"name": name, "value": value} for name, value in golden.tolerance]
    return entry


def _view(one: Artifact, server: Server) -> dict[str, Any]:
    if one.kind != "model" or server.view == "flat":
        return {"type": "flat"}
    return {"type": server.view, "model": one.name, "number": one.serve_version}


def _bytes(one: Artifact, *, peers: bool) -> dict[str, Any]:
    source = located(one.location, write=False)
    entry: dict[str, Any] = {
        "name": one.name,
        "kind": one.kind,
        "version": one.version or one.sha256[:12],
        "sources": [{"url": "peer:"}, source] if peers and not one.private else [source],
        "sha256": one.sha256,
    }
    optional = {
        "variant": one.variant or None,
        "size": one.listed.size if one.listed else one.size,
        "unpacked": one.unpacked,
        "chunks": _chunks(one),
        "unpack": _unpack(one),
        "private": one.private or None,
    }
    entry.update((key, value) for key, value in optional.items() if value is not None)
    return entry


def _chunks(one: Artifact) -> dict[str, Any] | None:
    chunks = one.chunks
    return {"size": chunks.size, "count": chunks.count, "root": chunks.root} if chunks else None


def _unpack(one: Artifact) -> dict[str, Any] | None:
    if one.listed:
        most = max(1, one.unpacked or UNPACKED_LIMIT)
        return {"format": LIST, "maxBytes": most, "maxFiles": one.listed.entries}
    if not one.unpack:
        return None
    return {"format": one.unpack, "maxBytes": max(1, one.unpacked or UNPACKED_LIMIT)}


@lru_cache(maxsize=4096)
def _store(name: str, endpoint: str, region: str, secret: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name}
    if endpoint:
        entry["endpoint"] = endpoint
        entry["pathStyle"] = ".amazonaws.com" not in endpoint
    if region:
        entry["region"] = region
    if secret:
        entry["credentials"] = f"{CREDENTIALS}/{secret}"
    return entry


@lru_cache(maxsize=4096)
def _network(settings: Network, rate: str, span: tuple[str, str, str] | None) -> dict[str, Any]:
    entry: dict[str, Any] = {}
    if rate:
        entry["rate"] = bytes_per_second(rate)
    if span:
        entry["windows"] = [_span(span)]
    if settings.proxy:
        entry["proxy"] = settings.proxy
    if settings.no_proxy:
        entry["noProxy"] = list(settings.no_proxy)
    if settings.ca_config_map:
        entry["caFile"] = AUTHORITIES_FILE
    return entry


def _span(span: tuple[str, str, str]) -> dict[str, str]:
    start, end, zone = span
    return {"from": start, "to": end, "zone": zone}
