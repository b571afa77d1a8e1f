"""What the check of one directory leaves for the check of the whole cluster.

Small, frozen and picklable: worker processes return it, and a cache may keep it. An object is
meant by its place in `files`, so that a summary from a cache takes fresh `origins` by
`dataclasses.replace` when lines of the spec have moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from compiler.model.manifest import Identity, Origin, Unit
from compiler.model.record import dataclass
from compiler.model.tenants import Placed
from compiler.stages.check.words import Wrong

Labels = tuple[tuple[str, str], ...]
Path = tuple[str | int, ...]
"""The way to a field inside an object; words are made of it only when a fault is reported."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of object number `object`."""

    object: int
    wrong: Wrong


@dataclass(frozen=True, slots=True)
class Reference:
    """Object number `object` names another one at `path`; `port` is what it wants of it."""

    object: int
    path: Path
    group: str
    kind: str
    namespace: str
    name: str
    port: str | int = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """A Service or disruption budget: which pods, and which of their ports by path."""

    object: int
    namespace: str
    labels: Labels
    ports: tuple[tuple[Path, str | int], ...] = ()


@dataclass(frozen=True, slots=True)
class Pods:
    """Equal pods of one object. `requests` are thousandths for each pod by resource name.

    `node` is the host they are bound to, or empty. `phase` groups pods of one object that never
    run at the same time; empty: always. `daemon`: one on each host, of those that `nodes` (what
    the pod says of nodes, by its own keys) admits. `roll` is maxSurge and maxUnavailable as they
    are written, empty where an update ends a pod before it starts one. `worker_memory` is the part
    of the memory that the worker itself requests, `worker_limit` its limit, 0 for none.
    """

    object: int
    path: Path
    namespace: str
    labels: Labels
    count: int
    requests: Mapping[str, int]
    node: str = ""
    daemon: bool = False
    phase: str = ""
    ports: tuple[str | int, ...] = ()
    host_ports: tuple[tuple[str, int], ...] = ()
    nodes: Mapping[str, Any] = field(default_factory=dict)
    roll: tuple[int | str, ...] = ()
    worker_memory: int = 0
    worker_limit: int = 0


@dataclass(frozen=True, slots=True)
class Scale:
    """An autoscaler may raise `kind` `name` to `most` replicas."""

    namespace: str
    kind: str
    name: str
    most: int


@dataclass(frozen=True, slots=True)
class Summary:
    """One directory. `services` maps (namespace, name) to the ports that a Service offers.

    `tenants` are the configs of sidecars in it, which need not run at the site of the directory.
    """

    unit: Unit
    origins: tuple[Origin, ...]
    files: tuple[str, ...]
    raw: tuple[bool, ...]
    identities: tuple[Identity, ...]
    findings: tuple[Finding, ...] = ()
    references: tuple[Reference, ...] = ()
    selections: tuple[Selection, ...] = ()
    pods: tuple[Pods, ...] = ()
    scales: tuple[Scale, ...] = ()
    services: Mapping[tuple[str, str], tuple[str | int, ...]] | None = None
    tenants: tuple[Placed, ...] = ()

    def place(self, number: int) -> str:
        """The generated file of an object, relative to the output folder."""
        return f"{self.unit.path}/{self.files[number]}"
