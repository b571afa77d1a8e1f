"""What plain Kubernetes makes of each field of a node, and why it does not take one.

`refusal` needs only the node and the cluster; `problems` also looks at the site and reports what
the author must change there. Nothing here emits.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.backends import kubernetes_files as files
from compiler.model.backend import Answer, EmitContext, FieldAnswer, Refusal
from compiler.model.diagnostics import Diagnostic
from compiler.model.fleet import Cluster
from compiler.model.member import Member
from compiler.model.plan import Node, Service

_ENFORCED = FieldAnswer(Answer.ENFORCED)


def answers(node: Node) -> Mapping[str, FieldAnswer]:
    """One answer for each of the node's fields."""
    return {field: _ANSWERS.get(field, _ENFORCED) for field in node.FIELDS}


_ANSWERS: dict[str, FieldAnswer] = {}


def refusal(node: Node, cluster: Cluster) -> Refusal | None:
    """Why the node is not taken on the cluster, or None."""
    if isinstance(node, Service):
        return _member(node, node.member, cluster)
    return None


def problems(node: Node, context: EmitContext) -> tuple[Diagnostic, ...]:
    """What the author must change at the node's site."""
    return ()


def _member(node: Node, member: Member, cluster: Cluster) -> Refusal | None:
    problem = files.problem(member.worker)
    if problem:
        return Refusal(problem, span=node.field_span("worker.files"))
    return None
