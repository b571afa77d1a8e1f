"""Why Sedna does not take a learning loop: the parts of a loop that it reads differently.

`sedna_refusals` asks; what holds of every worker is there.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.backends import sedna_inputs as inputs
from compiler.model.backend import Refusal
from compiler.model.inputs import Artifact, Input
from compiler.model.plan import Loop

LOOK = 60
"""Seconds between two looks at a dataset; Sedna reads the period that is written and drops it."""

_WHOLE = 1e-9


def loop_refusals(node: Loop) -> Iterator[Refusal]:
    """Every reason that lies in the loop itself."""
    yield from _models(node)
    yield from _dataset(node)
    yield from _split(node)
    yield from _trigger(node)
    yield from _gate(node)
    yield from _results(node)


def _models(node: Loop) -> Iterator[Refusal]:
    if node.initial is None:
        yield Refusal(
            "Sedna's loop starts from a model, and the job has none",
            "name the model to start from",
            node.field_span("model"),
        )
    else:
        yield from _readable(node, node.initial, "model")
    if node.initial_evaluation is not None:
        yield from _readable(node, node.initial_evaluation, "initialEvalModel")
    yield from _slot(node)


def _readable(node: Loop, given: Input, field: str) -> Iterator[Refusal]:
    if problem := inputs.problem(given):
        yield Refusal(*problem, node.field_span(field))


def _slot(node: Loop) -> Iterator[Refusal]:
    span = node.field_span("deploy")
    if node.deploy is None:
        yield Refusal("Sedna's loop needs a place to hand its model over", "write deploy:", span)
        return
    found = inputs.scheme(inputs.url(node.deploy))
    if found and found not in inputs.DATA_SCHEMES:
        yield Refusal(
            f"Sedna cannot hand a model over at {found}://",
            "write to an S3 store, or to host:/PATH",
            span,
        )
    if not inputs.model_format(node.deploy):
        yield Refusal(
            "Sedna deploys the trained file whose extension is the slot's format; it has none",
            "write deploy: {uri: ..., format: pb}",
            span,
        )


def _dataset(node: Loop) -> Iterator[Refusal]:
    share, span = node.dataset, node.field_span("dataset")
    if share.format != "txt":
        yield Refusal(
            f"Sedna splits a dataset of the format txt only, and {share.name} is {share.format}",
            "convert it to one sample per line, with format: txt",
            span,
        )
    if isinstance(share.input, Artifact) and share.input.unpack:
        yield Refusal(
            f"Sedna reads a dataset from one file, and {share.name} is an archive",
            "store the list of samples as a text file",
            span,
        )
    found = inputs.scheme(inputs.url(share.input))
    if found and found not in inputs.DATA_SCHEMES:
        yield Refusal(
            f"Sedna cannot watch a dataset at {found}://",
            "keep it on the host, or in an S3 store",
            span,
        )


def _split(node: Loop) -> Iterator[Refusal]:
    share, span = node.dataset, node.field_span("splits")
    parts = dict(share.split)
    if share.seed is not None:
        yield Refusal(
            "Sedna splits by position and knows no seed",
            "leave seed: out; the first samples train, the rest evaluate",
            span,
        )
    if len(parts) != 2 or "train" not in parts or abs(sum(parts.values()) - 1) > _WHOLE:
        yield Refusal(
            "Sedna splits a dataset in two: train and the rest, which add up to 1",
            "write splits: {parts: {train: 0.8, test: 0.2}}",
            span,
        )


def _trigger(node: Loop) -> Iterator[Refusal]:
    if node.trigger.every != LOOK:
        yield Refusal(
            f"Sedna looks at a dataset every {LOOK} seconds, whatever is written",
            f"write every: {LOOK}s",
            node.trigger.span or node.field_span("trigger"),
        )


def _gate(node: Loop) -> Iterator[Refusal]:
    gate = node.gate
    if gate is None:
        yield Refusal(
            "Sedna hands a model over only when a metric says so, and the job has no gate",
            "write gate: {metric: NAME, improvesBy: 0}",
            node.field_span("gate"),
        )
    elif gate.unit or gate.dataset or gate.split or gate.profile:
        yield Refusal(
            "Sedna compares the plain number that evaluation reports: no unit, dataset, split or "
            "profile",
            "leave them out of the gate",
            gate.span or node.field_span("gate"),
        )


def _results(node: Loop) -> Iterator[Refusal]:
    found = inputs.scheme(inputs.location_url(node.results))
    if found and found not in inputs.DATA_SCHEMES:
        yield Refusal(
            f"Sedna cannot write results to {found}://",
            "write to an S3 store, or to host:/PATH",
            node.field_span("results"),
        )
