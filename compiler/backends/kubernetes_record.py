"""A Record node as an object of our own definitions: InferenceModel, TrainingModel or Dataset.

The record's facts are the object's `spec` as they are. A record of the project exists once: in
the first cluster by name, one that is not a single site's if there is any.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.backends.kubernetes_scope import labels, scope
from compiler.model.backend import EmitContext
from compiler.model.fleet import Cluster
from compiler.model.manifest import Draft, Origin
from compiler.model.plan import Record

TEMPLATE = "kubernetes/record.yaml.j2"


def drafts(node: Record, context: EmitContext) -> Iterator[Draft]:
    """The one object of the record."""
    values = {"kind": node.kind, "spec": node.facts}
    if node.place is not None:
        yield scope(node, node.place, context).draft("record", values)
        return
    own = {
        "name": node.name,
        "namespace": context.namespace,
        "labels": labels(context),
        **values,
    }
    unit = context.base_unit(home(context))
    yield Draft(unit, Origin(_subject(node), span=node.span), TEMPLATE, own)


def home(context: EmitContext) -> Cluster:
    """The cluster that holds what belongs to the project as a whole."""
    clusters = [context.clusters[key] for key in sorted(context.clusters)]
    return next((cluster for cluster in clusters if not cluster.each_site), clusters[0])


def _subject(node: Record) -> str:
    section = "datasets" if node.kind == "Dataset" else "models"
    return f"{section}.{node.name}" if not node.job else f"jobs.{node.job}"
