"""The accepted config as typed data: `contract.schema.json`, with every default filled in.

`config_of` expects a document that the contract's validator accepted; it checks nothing itself.
Sizes are bytes, times are seconds, digests are 64 lower-case hexadecimal digits.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Window(NamedTuple):
    """A daily span of local time in an IANA zone; it crosses midnight when `to` is not later."""

    start: str
    to: str
    zone: str


class Store(NamedTuple):
    """How to reach and be allowed into one store; `credentials` is a directory or empty."""

    name: str = ""
    endpoint: str = ""
    region: str = "us-east-1"
    path_style: bool = False
    credentials: str = ""


ANONYMOUS = Store()


class Source(NamedTuple):
    """One place to fetch from; the URL `peer:` stands for the members of `peers`."""

    url: str
    store: Store = ANONYMOUS


class Chunks(NamedTuple):
    """Digests of equal parts: side data whose own digest is `root`."""

    size: int
    number: int
    root: str


class Unpack(NamedTuple):
    """How bytes are unpacked, and the caps of doing so."""

    format: str
    max_bytes: int
    max_files: int = 100_000


class View(NamedTuple):
    """How the worker finds the bytes: flat, or numbered directories of a model server."""

    type: str
    model: str
    number: int = 0


class Hook(NamedTuple):
    """How the server is told to load; `type` names the protocol."""

    type: str = "none"
    url: str = ""
    model: str = ""
    command: tuple[str, ...] = ()
    signal: str = ""
    process: str = ""
    path: str = ""


class Probe(NamedTuple):
    """A GET that answers 200 once the version serves."""

    url: str
    contains: str = ""
    successes: int = 3
    period: int = 1
    timeout: int = 120


class Golden(NamedTuple):
    """A known input and the output that the loaded version must give."""

    url: str
    input: Source
    expect: Source
    tolerance: tuple[tuple[str, float], ...] = ()


class Activation(NamedTuple):
    """When and how the bytes are switched to: `hot`, `stage` or `activate`."""

    update: str
    hook: Hook = Hook()
    probe: Probe | None = None
    golden: Golden | None = None
    window: Window | None = None


class Artifact(NamedTuple):
    """Immutable bytes with a digest, where they come from and what becomes of them.

    `size` and `unpacked` are -1 where they are not known.
    """

    kind: str
    name: str
    version: str
    variant: str
    sources: tuple[Source, ...]
    sha256: str
    size: int
    unpacked: int
    chunks: Chunks | None
    unpack: Unpack | None
    arch: tuple[str, ...]
    required: bool
    private: bool
    view: View
    link: str
    activation: Activation

    @property
    def key(self) -> str:
        """`kind/name`, unique in a config."""
        return f"{self.kind}/{self.name}"


class Bundle(NamedTuple):
    """Artifacts that change together, as `kind/name` in the order that the server is told."""

    name: str
    members: tuple[str, ...]


class Ask(NamedTuple):
    """Whom to ask whether the other part of a joint model serves, before activating."""

    url: str
    minimum: int = 3
    every: int = 15
    timeout: int = 5


class Release(NamedTuple):
    """This worker's part of a joint model."""

    model: str
    version: str
    digest: str
    ask: Ask | None = None


class Stream(NamedTuple):
    """One directory of the outbox and where its files go; `max_bytes` and `ttl` 0 mean no limit."""

    name: str
    to: str
    store: Store = ANONYMOUS
    priority: int = 0
    max_bytes: int = 0
    overflow: str = "block"
    ttl: int = 0


class Tenant(NamedTuple):
    """Whose config this is; `directory` names it in the store."""

    job: str
    role: str
    revision: str = ""

    @property
    def directory(self) -> str:
        """`<job>.<role>[.<revision>]`."""
        return ".".join(part for part in (self.job, self.role, self.revision) if part)


class Node(NamedTuple):
    """Where the config belongs; the node's own name comes from the environment."""

    project: str
    environment: str
    namespace: str
    cluster: str
    site: str
    host: str
    layer: str
    arch: str


class Limits(NamedTuple):
    """The store of the node: where it is and how much it may hold. `max_bytes` 0 is no limit."""

    root: str
    max_bytes: int = 0
    min_free: int = 536_870_912
    min_free_percent: int = 25
    keep_previous: int = 1
    grace: int = 600


class Network(NamedTuple):
    """How bytes may move; `rate` 0 is no limit, `low_rate` bytes/s for `low_seconds` is stuck."""

    streams: int = 4
    rate: int = 0
    windows: tuple[Window, ...] = ()
    timeout: int = 30
    low_rate: int = 1024
    low_seconds: int = 60
    proxy: str = ""
    no_proxy: tuple[str, ...] = ()
    ca_file: str = ""


class Server(NamedTuple):
    """The program beside the sidecar; hooks, probes and golden inputs go to `ports` only."""

    name: str = ""
    image: str = ""
    ports: tuple[int, ...] = ()


class Peers(NamedTuple):
    """Exchange with other nodes of the site; `serve` is a port, 0 for nothing offered."""

    serve: int = 0
    members: tuple[str, ...] = ()
    token_file: str = ""


class Reports(NamedTuple):
    """Where the state of this worker is written."""

    url: str
    store: Store = ANONYMOUS
    interval: int = 300


class Surface(NamedTuple):
    """Where the sidecar itself listens."""

    port: int
    socket: str
    metrics: bool = True


class Config(NamedTuple):
    """One accepted config. `revision` is the SHA-256 of its canonical JSON."""

    revision: str
    contract: int
    tenant: Tenant
    node: Node
    limits: Limits
    network: Network
    stores: tuple[Store, ...]
    server: Server
    artifacts: tuple[Artifact, ...]
    bundles: tuple[Bundle, ...]
    release: Release | None
    outbox: tuple[Stream, ...]
    peers: Peers
    reports: Reports | None
    surface: Surface

    def artifact(self, key: str) -> Artifact | None:
        """The artifact of a `kind/name`."""
        return next((one for one in self.artifacts if one.key == key), None)


def config_of(document: dict[str, Any], revision: str) -> Config:
    """The typed form of a valid document."""
    stores = {entry["name"]: _store(entry) for entry in document.get("stores", ())}
    return Config(
        revision=revision,
        contract=document["contract"],
        tenant=Tenant(**document["tenant"]),
        node=Node(**{"host": "", **document["node"]}),
        limits=_limits(document["store"]),
        network=_network(document.get("network", {})),
        stores=tuple(stores.values()),
        server=_server(document.get("server", {})),
        artifacts=tuple(_artifact(entry, stores) for entry in document["artifacts"]),
        bundles=tuple(
            Bundle(entry["name"], tuple(entry["members"])) for entry in document.get("bundles", ())
        ),
        release=_release(document.get("release")),
        outbox=tuple(_stream(entry, stores) for entry in document.get("outbox", ())),
        peers=_peers(document.get("peers", {})),
        reports=_reports(document.get("reports"), stores),
        surface=Surface(**document["surface"]),
    )


def _picked(entry: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {ours: entry[theirs] for theirs, ours in names.items() if theirs in entry}


def _store(entry: dict[str, Any]) -> Store:
    return Store(
        **_picked(
            entry,
            {
                "name": "name",
                "endpoint": "endpoint",
                "region": "region",
                "pathStyle": "path_style",
                "credentials": "credentials",
            },
        )
    )


def _limits(entry: dict[str, Any]) -> Limits:
    return Limits(
        **_picked(
            entry,
            {
                "root": "root",
                "maxBytes": "max_bytes",
                "minFree": "min_free",
                "minFreePercent": "min_free_percent",
                "keepPrevious": "keep_previous",
                "grace": "grace",
            },
        )
    )


def _network(entry: dict[str, Any]) -> Network:
    found = _picked(
        entry, {"streams": "streams", "rate": "rate", "timeout": "timeout", "proxy": "proxy"}
    )
    found |= _picked(entry.get("lowSpeed", {}), {"rate": "low_rate", "seconds": "low_seconds"})
    found |= _picked(entry, {"caFile": "ca_file"})
    return Network(
        windows=tuple(map(_window, entry.get("windows", ()))),
        no_proxy=tuple(entry.get("noProxy", ())),
        **found,
    )


def _window(entry: dict[str, Any]) -> Window:
    return Window(entry["from"], entry["to"], entry["zone"])


def _server(entry: dict[str, Any]) -> Server:
    return Server(entry.get("name", ""), entry.get("image", ""), tuple(entry.get("ports", ())))


def _source(entry: dict[str, Any], stores: dict[str, Store]) -> Source:
    return Source(entry["url"], stores.get(entry.get("store", ""), ANONYMOUS))


def _artifact(entry: dict[str, Any], stores: dict[str, Store]) -> Artifact:
    view, unpack = entry["view"], entry.get("unpack")
    return Artifact(
        kind=entry["kind"],
        name=entry["name"],
        version=entry["version"],
        variant=entry.get("variant", ""),
        sources=tuple(_source(one, stores) for one in entry["sources"]),
        sha256=entry["sha256"],
        size=entry.get("size", -1),
        unpacked=entry.get("unpacked", -1),
        chunks=_chunks(entry.get("chunks")),
        unpack=Unpack(
            unpack["format"],
            unpack["maxBytes"],
            **_picked(unpack, {"maxFiles": "max_files"}),
        )
        if unpack
        else None,
        arch=tuple(entry.get("arch", ())),
        required=entry.get("required", True),
        private=entry.get("private", False),
        view=View(view["type"], view.get("model", entry["name"]), view.get("number", 0)),
        link=entry.get("link", ""),
        activation=_activation(entry["activation"], entry["name"], stores),
    )


def _chunks(entry: dict[str, Any] | None) -> Chunks | None:
    return Chunks(entry["size"], entry["count"], entry["root"]) if entry else None


def _activation(entry: dict[str, Any], name: str, stores: dict[str, Store]) -> Activation:
    hook, probe, golden = entry.get("hook"), entry.get("probe"), entry.get("golden")
    return Activation(
        update=entry["update"],
        hook=Hook(**{"model": name, **hook, "command": tuple(hook.get("command", ()))})
        if hook
        else Hook(model=name),
        probe=Probe(**probe) if probe else None,
        golden=Golden(
            golden["url"],
            _source(golden["input"], stores),
            _source(golden["expect"], stores),
            tuple((one["name"], float(one["value"])) for one in golden.get("tolerance", ())),
        )
        if golden
        else None,
        window=_window(entry["window"]) if "window" in entry else None,
    )


def _release(entry: dict[str, Any] | None) -> Release | None:
    if entry is None:
        return None
    ask = entry.get("ask")
    return Release(entry["model"], entry["version"], entry["digest"], Ask(**ask) if ask else None)


def _stream(entry: dict[str, Any], stores: dict[str, Store]) -> Stream:
    found = _picked(
        entry,
        {
            "name": "name",
            "to": "to",
            "priority": "priority",
            "maxBytes": "max_bytes",
            "overflow": "overflow",
            "ttl": "ttl",
        },
    )
    return Stream(store=stores.get(entry.get("store", ""), ANONYMOUS), **found)


def _peers(entry: dict[str, Any]) -> Peers:
    return Peers(entry.get("serve", 0), tuple(entry.get("members", ())), entry.get("tokenFile", ""))


def _reports(entry: dict[str, Any] | None, stores: dict[str, Store]) -> Reports | None:
    if entry is None:
        return None
    store = stores.get(entry.get("store", ""), ANONYMOUS)
    return Reports(entry["url"], store, entry.get("interval", 300))
