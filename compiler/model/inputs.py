"""What a plan node consumes: an artifact, a port, a slot or data on a host; never two at once.

Only `Artifact` and `HostData` may reach a long-running service: a port exists only while its
pipeline runs, and a slot is rewritten by the loop that owns it. Pure data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from typing import Literal

from compiler.model.diagnostics import Span
from compiler.model.record import dataclass

ArtifactKind = Literal["model", "dataset", "code"]


@dataclass(frozen=True, slots=True)
class Location:
    """Where bytes live: an absolute URL and, by name only, how to be allowed to read or write.

    `store` is the name under `stores:` or empty for a full URL. `path` is the part below the
    store. Secrets are names of Kubernetes Secrets, never values.
    """

    url: str
    store: str = ""
    path: str = ""
    endpoint: str = ""
    region: str = ""
    read_secret: str = ""
    write_secret: str = ""

    def at(self, texts: Mapping[str, str]) -> Location:
        """The location as one place uses it: placeholders of `write_secret` replaced."""
        if "{" not in self.write_secret:
            return self
        filled = self.write_secret
        for placeholder, text in texts.items():
            filled = filled.replace(placeholder, text)
        return replace(self, write_secret=filled)


@dataclass(frozen=True, slots=True)
class Golden:
    """One known input with its expected output; the sidecar checks a loaded model against it.

    `tolerance` holds (name, value) pairs under the names boxes.iou, boxes.score, tensor.rtol,
    tensor.atol and topk.k.
    """

    input: Location
    expect: Location
    tolerance: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Chunks:
    """Digests of equal parts: `count` parts of `size` bytes; `root` is the digest of the list.

    The list lies at the artifact's URL with `.chunks` appended.
    """

    size: int
    count: int
    root: str


@dataclass(frozen=True, slots=True)
class FileList:
    """The list of a prefix's files that devices fetch: its bytes and how many lines it has."""

    size: int
    entries: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """Immutable bytes with a digest: one variant of one version of a model, dataset or code.

    `sha256` is 64 lower-case hex digits of the stored bytes. `size` and `unpacked` are bytes,
    None where no lock states them. `serve_version` is the positive integer that model servers
    want as a directory name. `unpack` is `tar`, `tar.gz`, `zip` or empty (a single file).
    With `listed` the location is a prefix, and `sha256` the digest of the list of its files.
    """

    kind: ArtifactKind
    name: str
    version: str
    location: Location
    sha256: str
    variant: str = ""
    unpack: str = ""
    size: int | None = None
    unpacked: int | None = None
    chunks: Chunks | None = None
    listed: FileList | None = None
    serve_version: int = 1
    framework: str = ""
    golden: Golden | None = None
    private: bool = False
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Port:
    """An output of a pipeline step; it exists only at run time.

    `type` is what flows (`model`, `dataset`, `metrics`, `file`), `format` its framework or
    dataset format.
    """

    step: str
    name: str
    type: str
    format: str = ""
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Slot:
    """A mutable location with exactly one writer, unique for each site after expansion.

    `location.url` is `host:/path` for a path on the writer's host.
    """

    name: str
    location: Location
    writer: str
    format: str = ""
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class HostData:
    """Bytes already on a host at an absolute `path`: no digest, so reported UNVERIFIED."""

    kind: ArtifactKind
    name: str
    path: str
    format: str = ""
    version: str = ""
    span: Span | None = field(default=None, compare=False)


Input = Artifact | Port | Slot | HostData
StableInput = Artifact | HostData


@dataclass(frozen=True, slots=True)
class Binding:
    """An input under the role it plays for its worker (`model`, `base`, `train`, ...)."""

    role: str
    input: Input


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A network link to another member: not an input, nothing is fetched through it.

    `address` is a host name (`<service>.<namespace>`) or an IP address, `port` a TCP port.
    """

    role: str
    address: str
    port: int
