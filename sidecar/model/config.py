"""The accepted config as typed data: `contract.schema.json`, with every default filled in.

`contract.typed` makes it from a document that the validator accepted.
Sizes are bytes, times are seconds, digests are 64 lower-case hexadecimal digits.
"""

from __future__ import annotations

from typing import NamedTuple

from sidecar.model.text import redact


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

    @property
    def label(self) -> str:
        """The URL as it may be told."""
        return redact(self.url)


class Chunks(NamedTuple):
    """Digests of equal parts: side data whose own digest is `root`."""

    size: int
    number: int
    root: str


LIST = "manifest"
"""The format of bytes that are a list of a folder's files, each of which is fetched by itself."""


PEERED = 4 << 20
"""Bytes from which a file of a folder is asked of peers: to find out who has a smaller one would
take longer than to fetch it."""


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
