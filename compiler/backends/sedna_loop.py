"""A Loop on Sedna: one IncrementalLearningJob at one host, with its Models and its Dataset.

Sedna never updates a running loop, so the job's name ends in a hash of its content: a change is
a new job, and the reconciler removes the old one. Metrics carry an index, since Sedna compares a
bare list as zero; times are text; the poll period is written out, or its default would differ
from Git for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.backends.sedna_cascade import config, mining
from compiler.backends.sedna_inputs import Inputs, labels, location_url
from compiler.backends.sedna_pod import host, pod
from compiler.model.backend import EmitContext
from compiler.model.manifest import Draft, Naming, Origin
from compiler.model.names import name
from compiler.model.plan import Gate, Loop

NAME_LIMIT = 38
"""With the hash 47: Sedna makes pods `<name>-inference-<five>`, whose names label and host."""

DEFAULT_POLL = 60


def drafts(node: Loop, context: EmitContext) -> Iterator[Draft]:
    """Models and Dataset, then the workers' texts, then the job.

    Raises:
        ValueError: the loop lacks what `refusal` insists on.
    """
    if node.initial is None or node.deploy is None or node.gate is None:
        raise ValueError(f"the loop {node.name} was not asked for its refusal")
    site = node.infer.place.site
    inputs = Inputs(node, context.cluster_of(site), context, site)
    where = host(node.infer, context.sites[site])
    values: dict[str, Any] = {
        "initial_model": inputs.model(node.initial),
        "initial_evaluation_model": "",
        "dataset": {
            "name": inputs.dataset(node.dataset, node.dataset.host or where),
            "train_share": node.dataset.split["train"],
        },
        "deploy": {
            "model": inputs.model(node.deploy),
            "hot": node.hot_poll > 0,
            "poll": node.hot_poll or DEFAULT_POLL,
        },
        "trigger": _trigger(node),
        "gate": condition(node.gate),
        "hard_examples": mining(node.hard_examples),
        "results": {
            "directory": location_url(node.results),
            "secret": node.results.write_secret,
        },
    }
    if node.initial_evaluation is not None:
        values["initial_evaluation_model"] = inputs.model(node.initial_evaluation)
    yield from inputs.drafts()
    yield from _job(node, context, values)


def condition(gate: Gate) -> dict[str, Any]:
    """A gate as Sedna's comparison of the first value of a metric, or of its change."""
    operator, sign = _COMPARISONS[gate.comparison]
    delta = "_delta" if gate.comparison in ("improves_by", "no_worse_by") else ""
    metric = gate.metric if gate.metric.endswith("]") else f"{gate.metric}{delta}[0]"
    return {"operator": operator, "threshold": sign * gate.value, "metric": metric}


_COMPARISONS = {
    "at_least": (">=", 1),
    "at_most": ("<=", 1),
    "improves_by": (">", 1),
    "no_worse_by": (">=", -1),
}


def _trigger(node: Loop) -> dict[str, Any]:
    start, _, end = node.trigger.window.partition("-")
    window = {"start": start, "end": end} if end else {}
    return {
        "every": node.trigger.every,
        "new_samples": node.trigger.new_samples,
        "window": window,
    }


def _job(node: Loop, context: EmitContext, values: dict[str, Any]) -> Iterator[Draft]:
    site = node.infer.place.site
    unit, origin = context.site_unit(site), Origin(f"jobs.{node.job}", site, node.span)
    own = name(node.name, limit=NAME_LIMIT)
    common = {"namespace": context.namespace, "labels": labels(context, node, site)}
    for role, member in (("train", node.train), ("evaluate", node.evaluate), ("infer", node.infer)):
        made = config(unit, origin, member, own, common)
        if made:
            yield made
        key = made.key if made else ""
        values[role] = {"pod": pod(member, context, host_network=True, config=key)}
    template = "sedna/incrementallearningjob.yaml.j2"
    yield Draft(unit, origin, template, {"name": own, **common, **values}, naming=Naming.CONTENT)
