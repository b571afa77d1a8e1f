"""A member of a plan node: one worker at one place, with its inputs, links and delivery.

Pure data, shared by every node that has workers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from compiler.model.diagnostics import Span
from compiler.model.fleet import Layer
from compiler.model.inputs import Artifact, Binding, Endpoint
from compiler.model.record import dataclass
from compiler.model.worker import Worker


@dataclass(frozen=True, slots=True)
class Place:
    """Where a member runs: any host of `site`, or exactly `host` when it is not empty."""

    cluster: str
    site: str
    layer: Layer
    host: str = ""


@dataclass(frozen=True, slots=True)
class Replicas:
    """How many pods: `count`, or from `minimum` to `maximum` by `cpu` utilisation in percent.

    `maximum` is 0 without autoscaling.
    """

    count: int = 1
    minimum: int = 0
    maximum: int = 0
    cpu: int = 0

    @property
    def autoscaled(self) -> bool:
        """True when a HorizontalPodAutoscaler owns the number."""
        return self.maximum > 0

    @property
    def most(self) -> int:
        """The largest number of pods that can exist."""
        return max(self.count, self.maximum)


@dataclass(frozen=True, slots=True)
class Expose:
    """How others reach the member. `node_ports` maps a port name to a node port."""

    to: Literal["none", "cluster", "mesh", "node", "ingress"] = "none"
    node_ports: Mapping[str, int] = field(default_factory=dict)
    ingress_host: str = ""
    ingress_class: str = ""
    tls_secret: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A joint model's release: the digest over all its parts; edges wait for the cloud's."""

    model: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What the sidecar must bring and how it activates.

    With `mode` native the target system fetches by itself: unverified, and reported so.
    `update` hot swaps files under a running server, rolling restarts pods. `window` is the
    local time `HH:MM-HH:MM` in which to fetch and switch, `timezone` its zone, `rate` text
    such as `20Mbit/s`. `progress_deadline` is seconds.
    """

    mode: Literal["sidecar", "native"] = "sidecar"
    update: Literal["hot", "rolling"] = "rolling"
    artifacts: tuple[Artifact, ...] = ()
    release: Release | None = None
    window: str = ""
    timezone: str = ""
    rate: str = ""
    progress_deadline: int = 600
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One worker group of a node: who (role, worker), where (place) and with what."""

    role: str
    place: Place
    worker: Worker
    inputs: tuple[Binding, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    replicas: Replicas = Replicas()
    expose: Expose = Expose()
    delivery: Delivery | None = None
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """What a worker leaves for the sidecar to push: a stream name and its destination URL."""

    name: str
    url: str
    secret: str = ""
    cap: str = ""
