"""A worker as the plan knows it: every default applied, every placeholder replaced.

The spec's `worker:` vocabulary, once, for every kind and every backend. Pure data: what a
field becomes in a manifest is the backend's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Literal

from compiler.model.diagnostics import Span
from compiler.model.record import dataclass

Quantities = Mapping[str, str]
"""Resource name (`cpu`, `memory`, `nvidia.com/gpu`) to quantity text, as Kubernetes writes it."""


@dataclass(frozen=True, slots=True)
class EnvironmentVariable:
    """A variable with either a literal `value` or a `secret` and the `key` in it."""

    name: str
    value: str | None = None
    secret: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A text file that the worker finds at `path`; `content` is its final text."""

    path: str
    content: str


@dataclass(frozen=True, slots=True)
class Volume:
    """A directory at `path`: of the host, a claim of `size`, or memory of `size`.

    `source` is the host path for kind `host` and empty otherwise. `create` makes the host
    directory when it is absent; without it the directory must exist.
    """

    path: str
    kind: Literal["host", "claim", "memory"]
    source: str = ""
    size: str = ""
    read_only: bool = False
    create: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """A device file; without a device-plugin `resource` it needs a privileged container."""

    path: str
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Accelerator:
    """`count` units of an extended resource, with the runtime class that exposes them."""

    name: str
    count: int
    resource: str
    runtime_class: str = ""


@dataclass(frozen=True, slots=True)
class ContainerPort:
    """A port that the worker listens on; `name` at most 15 characters, unique per worker."""

    name: str
    port: int
    protocol: str = "TCP"


@dataclass(frozen=True, slots=True)
class User:
    """The user a container runs as, and whether its root file system is read-only."""

    uid: int = 65532
    gid: int = 65532
    read_only_root: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One container's worth of work. `params` is JSON-able and goes to `params.json`.

    `server` names a module of `compiler.servers`, or is empty. `fields` gives the span of
    each field that the author wrote, by its name in the spec.
    """

    name: str
    image: str
    image_pull_policy: str = "IfNotPresent"
    server: str = ""
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: tuple[EnvironmentVariable, ...] = ()
    files: tuple[ConfigFile, ...] = ()
    volumes: tuple[Volume, ...] = ()
    devices: tuple[Device, ...] = ()
    accelerator: Accelerator | None = None
    ports: tuple[ContainerPort, ...] = ()
    requests: Quantities = field(default_factory=dict)
    limits: Quantities = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    user: User = User()
    host_network: bool = False
    implements: tuple[str, ...] = ()
    span: Span | None = field(default=None, compare=False)
    fields: Mapping[str, Span] = field(default_factory=dict, compare=False)

    def field_span(self, name: str) -> Span | None:
        """The line that wrote the field, or the worker's own line."""
        return self.fields.get(name, self.span)
