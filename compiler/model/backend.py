"""What the planner asks of a backend and of a lowering, and what emitting gets to know.

Protocol data only. A backend is a value of `Backend` in its module; it sees plan nodes and the
resolved fleet, and knows no job kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from enum import StrEnum

from compiler.model.diagnostics import Diagnostic, Span
from compiler.model.fleet import Cluster, Network, Registry, Site
from compiler.model.inputs import Location
from compiler.model.manifest import Draft, Unit, UnitRole
from compiler.model.plan import Node
from compiler.model.record import dataclass
from compiler.model.server import Server
from compiler.model.worker import Quantities


class Answer(StrEnum):
    """What becomes of one field of a node on a backend."""

    ENFORCED = "enforced"
    """The target system makes it so."""
    PASSED = "passed"
    """Handed to user code, which must declare what it implements."""
    REFUSED = "refused"
    """Cannot be expressed: a node that sets the field is not taken."""


@dataclass(frozen=True, slots=True)
class FieldAnswer:
    """An answer with its reason; `needs` is the `implements:` word that PASSED asks for."""

    answer: Answer
    reason: str = ""
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a backend does not take a node on a cluster, and what would help."""

    reason: str
    hint: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarSettings:
    """The sidecar's image, the contract version that it speaks, and its resources."""

    image: str
    contract: int
    requests: Quantities
    limits: Quantities


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitContext:
    """What a backend knows besides the node: the project, the fleet, and where objects go.

    `clusters` is keyed by cluster name (by `<cluster>/<site>` where each site is a cluster),
    `sites` by site name. `images` maps an image reference to its digest form where locked.
    `networks` and `registries` are keyed by site, nearest setting already chosen. `servers` maps
    a worker's `server` to its flavour; an empty `server` is the flavour `custom`.
    """

    project: str
    environment: str
    namespace: str
    clusters: Mapping[str, Cluster]
    sites: Mapping[str, Site]
    sidecar: SidecarSettings
    reports: Location | None = None
    stores: Mapping[str, Location] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    registries: Mapping[str, tuple[Registry, ...]] = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    servers: Mapping[str, Server] = field(default_factory=dict)

    def cluster_of(self, site: str) -> Cluster:
        """The cluster that a site's objects are applied to."""
        facts = self.sites[site]
        return self.clusters.get(f"{facts.cluster}/{site}") or self.clusters[facts.cluster]

    def site_unit(self, site: str) -> Unit:
        """Where objects of exactly one site go."""
        return Unit(self.cluster_of(site).target, UnitRole.SITES, site)

    def base_unit(self, cluster: Cluster) -> Unit:
        """Where objects of no site go."""
        return Unit(cluster.target, UnitRole.BASE)

    def job_unit(self, cluster: Cluster, job: str) -> Unit:
        """Where a job's objects that span several sites go."""
        return Unit(cluster.target, UnitRole.JOBS, job)

    def inputs_unit(self, cluster: Cluster, job: str) -> Unit:
        """Where what must exist before a job's own objects goes."""
        return Unit(cluster.target, UnitRole.INPUTS, job)

    def bootstrap_unit(self, cluster: Cluster) -> Unit:
        """Where the namespace and our definitions go."""
        return Unit(cluster.target, UnitRole.BOOTSTRAP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One target. `refusal` returns None when the node is taken on the cluster.

    `answers` covers exactly the node's `FIELDS`. `emit` yields drafts for a node that was
    taken. `problems` reports what the author must change at the node's site before a node that
    was taken is emitted.
    """

    name: str
    takes: tuple[type[Node], ...]
    refusal: Callable[[Node, Cluster], Refusal | None]
    answers: Callable[[Node], Mapping[str, FieldAnswer]]
    emit: Callable[[Node, EmitContext], Iterable[Draft]]
    provides: str = ""
    problems: Callable[[Node, EmitContext], tuple[Diagnostic, ...]] = lambda _, __: ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowering:
    """Rewrites a node that no backend takes into simpler ones, or refuses with a reason."""

    name: str
    takes: type[Node]
    lower: Callable[[Node, EmitContext], tuple[Node, ...] | Refusal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A node with the backend that emits it, and why: one line per backend that was asked.

    `lowered_from` names the lowering that made the node, or is empty.
    """

    node: Node
    backend: str
    reasons: tuple[str, ...] = ()
    answers: Mapping[str, FieldAnswer] = field(default_factory=dict)
    lowered_from: str = ""
