"""A Cascade on Sedna: one JointInferenceService for each edge, since it has one edge place.

A service keeps its name when its content changes: Sedna updates its workers in place, and a
deleted one would take the cloud worker down with it. It lies in `jobs/`, its Models in
`inputs/`: a service that starts before its Model stays failed for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.backends.sedna_inputs import Inputs, labels
from compiler.backends.sedna_pod import pod, texts
from compiler.model.backend import EmitContext
from compiler.model.fleet import Cluster
from compiler.model.manifest import Draft, Naming, Origin, Unit
from compiler.model.member import Member
from compiler.model.names import name
from compiler.model.plan import Cascade, HardExamples

NAME_LIMIT = 46
"""Sedna makes the Deployment `<name>-deployment-cloud` and labels of the same length."""


def drafts(node: Cascade, context: EmitContext) -> Iterator[Draft]:
    """Models first, then for each edge its texts and its service."""
    cluster = context.cluster_of(node.cloud.place.site)
    inputs = Inputs(node, cluster, context, site="")
    services = [
        draft for edge in node.edges for draft in _service(node, edge, cluster, inputs, context)
    ]
    yield from inputs.drafts()
    yield from services


def service_name(node: Cascade, edge: Member) -> str:
    """The name of an edge's service, and the stem of all that Sedna makes of it."""
    return name(node.name, edge.place.site, edge.place.host, limit=NAME_LIMIT)


def mining(given: HardExamples | None) -> dict[str, Any]:
    """The values `hard_examples` of a template."""
    params = given.params if given else {}
    return {
        "algorithm": given.algorithm if given else "",
        "parameters": [{"key": key, "value": value} for key, value in params.items()],
    }


def config(
    unit: Unit, origin: Origin, member: Member, own: str, common: dict[str, Any]
) -> Draft | None:
    """The draft of a member's texts, or None where it has none; its key is its own name."""
    data = texts(member.worker)
    if not data:
        return None
    values = {"name": name(own, member.role), **common, "data": data}
    template = "sedna/configmap.yaml.j2"
    return Draft(unit, origin, template, values, name(own, member.role), Naming.CONTENT)


def _service(
    node: Cascade, edge: Member, cluster: Cluster, inputs: Inputs, context: EmitContext
) -> Iterator[Draft]:
    unit = context.job_unit(cluster, node.job)
    own = service_name(node, edge)
    site = edge.place.site
    origin = Origin(f"jobs.{node.job}", site, node.span)
    common = {"namespace": context.namespace, "labels": labels(context, node, site)}
    sides: dict[str, Any] = {}
    for side, member in (("edge", edge), ("cloud", node.cloud)):
        made = config(unit, origin, member, own, common)
        if made:
            yield made
        key = made.key if made else ""
        sides[side] = {
            "model": inputs.model(next(b.input for b in member.inputs if b.role == "model")),
            "pod": pod(member, context, host_network=False, config=key),
        }
    values = {"name": own, **common, **sides, "hard_examples": mining(node.hard_examples)}
    yield Draft(unit, origin, "sedna/jointinferenceservice.yaml.j2", values)
