"""Where a pod may run: node affinity, node selector and tolerations of a place.

On KubeEdge, edge work asks for the edge node role and cloud work for its absence, since edge
nodes carry no taint; elsewhere the site's hosts or node selector tell. Chooses no host itself.
"""

from __future__ import annotations

from typing import Any

from compiler.backends.kubernetes_scope import Scope

EDGE_ROLE = "node-role.kubernetes.io/edge"
HOSTNAME = "kubernetes.io/hostname"
ARCH = "kubernetes.io/arch"

_STAY = tuple(
    {"key": f"node.kubernetes.io/{state}", "operator": "Exists", "effect": "NoExecute"}
    for state in ("not-ready", "unreachable")
)
"""Without these the control plane evicts after 300 s what an offline node keeps running."""


def placement(scope: Scope, *, spread: bool = False) -> dict[str, Any]:
    """`affinity`, `nodeSelector` and `tolerations` of a pod; None where there is nothing to say.

    `spread` puts every pod of the node on a host of its own.
    """
    terms = _expressions(scope)
    affinity: dict[str, Any] = {}
    if terms:
        required = {"nodeSelectorTerms": [{"matchExpressions": terms}]}
        affinity["nodeAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": required}
    if spread:
        apart = {"labelSelector": {"matchLabels": scope.selector}, "topologyKey": HOSTNAME}
        affinity["podAntiAffinity"] = {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}
    return {
        "affinity": affinity or None,
        "nodeSelector": _selector(scope) or None,
        "tolerations": tolerations(scope) or None,
    }


def hosts(scope: Scope) -> list[str]:
    """The host names that the place allows; empty where only labels tell."""
    if scope.place.host:
        return [scope.place.host]
    return [host.name for host in scope.site.hosts]


def _expressions(scope: Scope) -> list[dict[str, Any]]:
    terms: list[dict[str, Any]] = []
    if scope.cluster.kubeedge:
        operator = "Exists" if scope.place.layer == "edge" else "DoesNotExist"
        terms.append({"key": EDGE_ROLE, "operator": operator})
    allowed = hosts(scope)
    if allowed:
        terms.append({"key": HOSTNAME, "operator": "In", "values": allowed})
    return terms


def _selector(scope: Scope) -> dict[str, str]:
    selector = dict(scope.site.node_selector)
    # A host is known by name; a pool is not, and the image and the variant fit one architecture.
    if not hosts(scope) and scope.site.profile.arch:
        selector.setdefault(ARCH, scope.site.profile.arch)
    return selector


def tolerations(scope: Scope) -> list[dict[str, str]]:
    """The profile's taints, and on the edge the loss of the connection."""
    found = [_toleration(taint) for taint in scope.site.profile.taints]
    if scope.place.layer == "edge":
        found.extend(_STAY)
    return found


def _toleration(taint: str) -> dict[str, str]:
    key_value, _, effect = taint.rpartition(":")
    key, equals, value = key_value.partition("=")
    if equals and value:
        return {"key": key, "operator": "Equal", "value": value, "effect": effect}
    if equals:
        # Of an empty value the API server keeps nothing, and means the same.
        return {"key": key, "operator": "Equal", "effect": effect}
    return {"key": key, "operator": "Exists", "effect": effect}
