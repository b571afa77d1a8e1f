"""What a cluster holds once for the project: the namespace, our definitions, the node role.

The namespace admits privileged pods only where a hostPath, a device or the host's network is
used, and says so. Creates nothing for a site.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from compiler.backends import kubernetes_account
from compiler.backends.kubernetes_scope import labels
from compiler.backends.kubernetes_volumes import privileged
from compiler.model.backend import EmitContext
from compiler.model.fleet import Cluster
from compiler.model.manifest import Draft, Origin, Unit
from compiler.model.member import Member
from compiler.model.plan import Cascade, Distribution, Federation, Loop, Node, Run, Schedule
from compiler.model.record import dataclass
from compiler.model.sync import KEEP

POD_SECURITY = "pod-security.kubernetes.io/enforce"
REASON = "edgewright.io/pod-security-reason"


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """The pod security that pods ask of their namespace: a rank, and the reason in words."""

    rank: int
    reason: str

    @property
    def word(self) -> str:
        """The level as the namespace's label names it."""
        return LEVELS[self.rank]


LEVELS = ("restricted", "baseline", "privileged")
LEAST = Need(0, "every pod is non-root and reads nothing of its host")


def drafts(context: EmitContext, cluster: Cluster, need: Need) -> Iterator[Draft]:
    """The objects of `bootstrap/` for one cluster; `need` is that of all nodes on it."""
    unit = context.bootstrap_unit(cluster)
    origin = Origin(f"fleet.clusters.{cluster.name}", cluster.site, cluster.span)
    yield _namespace(context, unit, origin, need)
    yield from kubernetes_account.drafts(context, cluster, unit, origin)
    if cluster.crds == "install":
        yield from _definitions(unit, origin)


def need_of(nodes: Iterable[Node]) -> Need:
    """The greatest need of all nodes; it does not depend on their order."""
    return max((_need(node) for node in nodes), default=LEAST)


def _need(node: Node) -> Need:
    if isinstance(node, Distribution) or _delivers(node):
        return Need(2, "sidecars keep the artifact store in a hostPath")
    if isinstance(node, Cascade | Federation | Loop):
        return Need(2, "Sedna mounts models and datasets from host paths")
    if any(privileged(member.worker) for member in node.members):
        return Need(2, "workers use host paths, devices or the host's network")
    if any(member.worker.user.uid == 0 for member in node.members):
        return Need(1, "workers run as root")
    return LEAST


def _delivers(node: Node) -> bool:
    work = node.work if isinstance(node, Schedule) else node
    return isinstance(work, Run) or any(map(_has_sidecar, node.members))


def _has_sidecar(member: Member) -> bool:
    return member.delivery is not None and member.delivery.mode == "sidecar"


def _namespace(context: EmitContext, unit: Unit, origin: Origin, need: Need) -> Draft:
    values: dict[str, Any] = {
        "name": context.namespace,
        "labels": {**labels(context), POD_SECURITY: need.word},
        "annotations": {**KEEP, REASON: need.reason},
    }
    return Draft(unit, origin, "kubernetes/namespace.yaml.j2", values)


def _definitions(unit: Unit, origin: Origin) -> Iterator[Draft]:
    # Imported here: a cluster that assumes the definitions never builds them.
    from compiler.model.definitions import crds

    for definition in crds():
        metadata = definition["metadata"]
        kept = {**metadata, "annotations": {**metadata.get("annotations", {}), **KEEP}}
        yield Draft(unit, origin, raw={**definition, "metadata": kept})
