"""Whether a node takes a pod, as far as the fleet tells: node selector, affinity, taints.

Answers as the scheduler would for a node with the labels that the fleet states and no others.
What somebody put on a node by hand is not known here, so that a pod which asks for such a label
is taken to go elsewhere. Knows no requests and no ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from compiler.model.fleet import Site
from compiler.model.record import dataclass

_HOSTNAME = "kubernetes.io/hostname"
_OF_KUBEEDGE = ("node-role.kubernetes.io/edge", "node-role.kubernetes.io/agent")
_REPELS = {"NoSchedule", "NoExecute"}


@dataclass(frozen=True, slots=True)
class Node:
    """A host as the scheduler sees it; taints are key, value and effect."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[tuple[str, str, str], ...] = ()


def node_of(site: Site, host: str, *, kubeedge: bool) -> Node:
    """The node of a host; `kubeedge` where KubeEdge joins the edge nodes of the cluster."""
    joined = kubeedge and site.layer == "edge"
    labels = {
        _HOSTNAME: host,
        "kubernetes.io/os": "linux",
        **({"kubernetes.io/arch": site.profile.arch} if site.profile.arch else {}),
        **(dict.fromkeys(_OF_KUBEEDGE, "") if joined else {}),
        **site.node_selector,
    }
    return Node(host, labels, tuple(_taint(text) for text in site.profile.taints))


def named(wanted: Mapping[str, Any]) -> frozenset[str] | None:
    """The only hosts that can admit the pod; None where a term names none, so that any may.

    Asked first, it spares asking thousands of hosts about a pod that is for one.
    """
    terms = _terms(wanted)
    found: set[str] = set()
    for term in terms or ():
        values = [
            one.get("values") or []
            for one in term.get("matchExpressions") or ()
            if one.get("key") == _HOSTNAME and one.get("operator") == "In"
        ]
        if not values:
            return None
        found.update(values[0])
    return frozenset(found) if terms else None


def admits(node: Node, wanted: Mapping[str, Any]) -> bool:
    """Whether the node takes a pod with these `nodeSelector`, `affinity` and `tolerations`."""
    selector = wanted.get("nodeSelector") or {}
    if any(node.labels.get(key) != value for key, value in selector.items()):
        return False
    terms = _terms(wanted)
    if terms is not None and not any(_holds(node, term) for term in terms):
        return False
    tolerations = wanted.get("tolerations") or []
    return all(_tolerated(taint, tolerations) for taint in node.taints if taint[2] in _REPELS)


def _terms(wanted: Mapping[str, Any]) -> Sequence[Mapping[str, Any]] | None:
    affinity = (wanted.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return None if required is None else required.get("nodeSelectorTerms") or []


def _taint(text: str) -> tuple[str, str, str]:
    key_value, _, effect = text.rpartition(":")
    key, _, value = key_value.partition("=")
    return key, value, effect


def _holds(node: Node, term: Mapping[str, Any]) -> bool:
    expressions, fields = term.get("matchExpressions") or [], term.get("matchFields") or []
    of_fields = {"metadata.name": node.name}
    # A term that asks for nothing takes no node.
    return bool(expressions or fields) and (
        all(_matches(node.labels, one) for one in expressions)
        and all(_matches(of_fields, one) for one in fields)
    )


def _matches(labels: Mapping[str, str], expression: Mapping[str, Any]) -> bool:
    value = labels.get(str(expression.get("key")))
    asks = _OPERATORS.get(str(expression.get("operator")))
    return asks is not None and asks(value, expression.get("values") or [])


def _compares(value: str | None, limits: Sequence[str], sign: int) -> bool:
    try:
        return value is not None and (int(value) - int(limits[0])) * sign > 0
    except (ValueError, IndexError):
        return False


_OPERATORS: Mapping[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
    "Gt": lambda value, values: _compares(value, values, 1),
    "Lt": lambda value, values: _compares(value, values, -1),
}


def _tolerated(taint: tuple[str, str, str], tolerations: Sequence[Mapping[str, Any]]) -> bool:
    key, value, effect = taint
    return any(
        one.get("effect") in (None, "", effect)
        and (one.get("key") or key) == key
        and (one.get("operator") == "Exists" or (one.get("value") or "") == value)
        for one in tolerations
    )
