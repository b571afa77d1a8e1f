"""The sidecar's config document: what one worker or node must hold, as plain JSON data.

`sidecar/contract.schema.json` says what each field means; this module fills it from a member of
the plan. It holds no secret, counter or time, reads no file and validates nothing: the check
stage does that for every document that is emitted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from hashlib import sha256
from typing import Any

from compiler.model import contract_parts as parts
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.fleet import Network, Site
from compiler.model.inputs import Artifact, Location
from compiler.model.layout import CONFIG_FILE, RUN, STORE
from compiler.model.member import Delivery, Member, Release
from compiler.model.record import dataclass
from compiler.model.server import Server

VERSIONS = (1,)
"""The contract versions that can be emitted, newest first: the newest and the one before it.

There is one so far.
"""
MAX_BYTES = 512 * 1024
SOCKET = f"{RUN}/sidecar.sock"
SURFACE_PORT = 9471
MIN_FREE_PERCENT = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a document says besides its member; one value serves all members of a site.

    `stores` finds the endpoint of an output's URL. `surface_port` is unique per node under
    hostNetwork. `peers` are base URLs of the other nodes of the site, `peer_port` is 0 where
    nothing is served to them. `store_root` is the store as the sidecar's container sees it.
    `release_port` is the surface port of the cloud part that an edge part asks. `images` has the
    digest form of an image reference where it is locked: other bytes are another server.
    """

    project: str
    environment: str
    namespace: str
    site: Site
    network: Network = field(default_factory=Network)
    reports: Location | None = None
    stores: Mapping[str, Location] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    store_root: str = STORE
    surface_port: int = SURFACE_PORT
    peers: tuple[str, ...] = ()
    peer_port: int = 0
    release_port: int = SURFACE_PORT
    contract: int = 1


def config(job: str, member: Member, server: Server, facts: Facts) -> dict[str, Any]:
    """The document of a member whose delivery is by sidecar. Shared parts are not to be changed.

    Raises:
        ValueError: the member has no delivery by sidecar.
    """
    delivery = member.delivery
    if delivery is None or delivery.mode != "sidecar":
        raise ValueError(f"{job}.{member.role} has no delivery by sidecar")
    hot = delivery.update == "hot"
    worker = member.worker
    ports = worker.ports or server.ports
    serving = server.serving(delivery.artifacts, ports, hot=hot)
    window = parts.window(delivery.window, delivery.timezone)
    pieces = [
        parts.artifact(one, server, serving, window, delivery.update)
        for one in sorted(delivery.artifacts, key=_by_name)
    ]
    document = _frame(job, member.role, facts, delivery)
    if not hot:
        document["tenant"]["revision"] = _slots(delivery.artifacts)
    if member.place.host:
        document["node"]["host"] = member.place.host
    document["server"] = {
        "name": server.name,
        "image": facts.images.get(worker.image, worker.image),
        "ports": parts.hook_ports(ports, pieces),
    }
    document["artifacts"] = [piece.entry for piece in pieces]
    bundles = _bundles(job, delivery.artifacts)
    if bundles:
        document["bundles"] = bundles
    if delivery.release:
        document["release"] = _release(delivery.release, member, facts.release_port)
    if member.outputs:
        document["outbox"] = [parts.stream(one, facts.stores) for one in member.outputs]
    _add_stores(document, delivery.artifacts, member, facts)
    return document


def node_config(job: str, artifacts: Sequence[Artifact], facts: Facts) -> dict[str, Any]:
    """The document of the node role: fetch and verify `artifacts`, serve them to peers."""
    document = _frame(job, "node", facts, None)
    document["artifacts"] = [parts.staged(one) for one in sorted(artifacts, key=_by_name)]
    _add_stores(document, artifacts, None, facts)
    return document


def canonical(document: Mapping[str, Any]) -> str:
    """The document as canonical JSON: keys sorted, no white space, no escapes but JSON's own."""
    return _canonical(document)


def revision(document: Mapping[str, Any]) -> str:
    """The document's identity: SHA-256 of its canonical JSON, 64 lower-case hex digits."""
    return sha256(_canonical(document).encode()).hexdigest()


def text(document: Mapping[str, Any]) -> str:
    """The document for a ConfigMap: one line per key and per listed thing, for reviewers."""
    lines = (f"{_canonical(key)}: {_block(document[key])}" for key in sorted(document))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def held(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """The config that a ConfigMap holds; None for any other object, and for what is no config."""
    texts = data.get("data") if data.get("kind") == "ConfigMap" else None
    found = texts.get(CONFIG_FILE) if isinstance(texts, Mapping) else None
    try:
        document = json.loads(found) if isinstance(found, str) else None
    except ValueError:
        return None
    known = isinstance(document, dict) and {"contract", "tenant"} <= document.keys()
    return document if known else None


def secrets(document: Mapping[str, Any]) -> dict[str, str]:
    """Secret name to the directory where its volume must be mounted, sorted by name."""
    paths = {entry["credentials"] for entry in document.get("stores", ()) if "credentials" in entry}
    return {path.rpartition("/")[2]: path for path in sorted(paths)}


def emits(version: int, diagnostics: Diagnostics, span: Span | None = None) -> bool:
    """Whether the contract version of `sidecar.contract` can be emitted; reports when not."""
    if version in VERSIONS:
        return True
    allowed = " or ".join(str(one) for one in VERSIONS)
    diagnostics.add(
        codes.CONTRACT_VERSION,
        f"contract {version} cannot be emitted; it is {allowed}",
        span,
        hint=f"Write contract: {VERSIONS[0]} and deploy a sidecar image that speaks it.",
    )
    return False


def too_large(subject: str, size: int) -> str:
    """What to say of a document whose text in the ConfigMap is above `MAX_BYTES`."""
    return f"the sidecar config of {subject} has {size:,} bytes; at most {MAX_BYTES:,} fit"


_canonical = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


def _by_name(artifact: Artifact) -> tuple[str, str]:
    return artifact.kind, artifact.name


def _frame(job: str, role: str, facts: Facts, delivery: Delivery | None) -> dict[str, Any]:
    site = facts.site
    document: dict[str, Any] = {
        "contract": facts.contract,
        "tenant": {"job": job, "role": role},
        "node": {
            "project": facts.project,
            "environment": facts.environment,
            "namespace": facts.namespace,
            "cluster": site.cluster,
            "site": site.name,
            "layer": site.layer,
            "arch": site.profile.arch,
        },
        "store": {
            "root": facts.store_root,
            "minFreePercent": MIN_FREE_PERCENT,
            "keepPrevious": site.profile.previous,
        },
        "surface": {"port": facts.surface_port, "socket": SOCKET},
    }
    network = parts.network(facts.network, site, delivery)
    if network:
        document["network"] = network
    if facts.reports:
        document["reports"] = parts.located(facts.reports, write=True)
    peers = _peers(facts)
    if peers:
        document["peers"] = peers
    return document


def _peers(facts: Facts) -> dict[str, Any]:
    peers: dict[str, Any] = {"serve": facts.peer_port} if facts.peer_port else {}
    if facts.peers:
        peers["members"] = sorted(facts.peers)
    return peers


def _slots(artifacts: Sequence[Artifact]) -> str:
    """Ten hex digits that name the slots of a rolling worker: one set for each set of bytes."""
    names = sorted(f"{one.kind}/{one.name} {one.sha256} {one.serve_version}" for one in artifacts)
    return sha256("\n".join(names).encode()).hexdigest()[:10]


def _bundles(job: str, artifacts: Sequence[Artifact]) -> list[dict[str, Any]]:
    """One bundle where models come with code: old code must never meet a new model."""
    kinds = {one.kind for one in artifacts}
    if not {"model", "code"} <= kinds:
        return []
    members = [f"{one.kind}/{one.name}" for one in artifacts if one.kind in ("model", "code")]
    return [{"name": job, "members": sorted(members)}]


def _release(release: Release, member: Member, port: int) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "model": release.model,
        "version": release.version,
        "digest": release.digest,
    }
    cloud = next((one for one in member.endpoints if one.role == "cloud"), None)
    if cloud:
        address = f"http://{cloud.address}:{port}/v1/releases/{release.digest}"
        entry["ask"] = {"url": address}
    return entry


def _add_stores(
    document: dict[str, Any],
    artifacts: Sequence[Artifact],
    member: Member | None,
    facts: Facts,
) -> None:
    entries: dict[str, dict[str, Any]] = {}
    for one in artifacts:
        parts.add_store(entries, one.location, one.location.read_secret)
        if one.golden:
            parts.add_store(entries, one.golden.input, one.golden.input.read_secret)
            parts.add_store(entries, one.golden.expect, one.golden.expect.read_secret)
    for output in member.outputs if member else ():
        parts.add_store(entries, parts.home(output.url, facts.stores), output.secret)
    if facts.reports:
        parts.add_store(entries, facts.reports, facts.reports.write_secret)
    if entries:
        document["stores"] = [entries[name] for name in sorted(entries)]


def _block(value: Any) -> str:
    if not isinstance(value, list) or not value:
        return _canonical(value)
    return "[\n  " + ",\n  ".join(map(_canonical, value)) + "\n]"
