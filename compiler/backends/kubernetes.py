"""Plain Kubernetes with our sidecar: Service, Run, Schedule of a Run, Distribution and Record.

Takes what one pod on one host can do and refuses the rest with a reason; `kubernetes_*` modules
hold the parts. Works the same on KubeEdge, k3s and any conformant cluster. Templates lie in
`templates/kubernetes`.
"""

from __future__ import annotations

from collections.abc import Iterable

from compiler.backends import (
    kubernetes_distribution,
    kubernetes_project,
    kubernetes_record,
    kubernetes_run,
    kubernetes_service,
)
from compiler.backends.kubernetes_answers import answers
from compiler.backends.kubernetes_project import LEAST, Need, need_of
from compiler.backends.kubernetes_refusals import problems, refusal
from compiler.model.backend import Backend, EmitContext
from compiler.model.fleet import Cluster
from compiler.model.manifest import Draft
from compiler.model.plan import Distribution, Node, Record, Run, Schedule, Service

__all__ = ["BACKEND", "LEAST", "Need", "need_of", "problems", "project_drafts"]


def emit(node: Node, context: EmitContext) -> Iterable[Draft]:
    """The drafts of a node that was taken.

    Raises:
        TypeError: the node is of a kind that this backend does not take.
    """
    if isinstance(node, Service):
        return kubernetes_service.drafts(node, context)
    if isinstance(node, Record):
        return kubernetes_record.drafts(node, context)
    if isinstance(node, Run):
        return kubernetes_run.run_drafts(node, context)
    if isinstance(node, Schedule):
        return kubernetes_run.schedule_drafts(node, context)
    if isinstance(node, Distribution):
        return kubernetes_distribution.drafts(node, context)
    raise TypeError(f"the kubernetes backend does not take a {type(node).__name__}")


def project_drafts(context: EmitContext, cluster: Cluster, need: Need) -> Iterable[Draft]:
    """What a cluster holds once: namespace, definitions. `need` is that of all nodes on it."""
    return kubernetes_project.drafts(context, cluster, need)


BACKEND = Backend(
    name="kubernetes",
    takes=(Service, Run, Schedule, Distribution, Record),
    refusal=refusal,
    answers=answers,
    emit=emit,
    problems=problems,
)
