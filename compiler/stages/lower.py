"""Gives every plan node a backend, lowering what no backend takes; refuses the rest aloud.

For each node the first backend of the preference order that takes it wins; `backend:` on the
job overrides the order. A node that nobody takes is lowered and asked again; a node that
cannot be lowered either is an error that names every backend with its reason. Nothing is
rendered here, and no backend's or kind's rules are known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from compiler.model.backend import (
    Answer,
    Assignment,
    Backend,
    EmitContext,
    FieldAnswer,
    Lowering,
    Refusal,
)
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.fleet import Cluster
from compiler.model.plan import (
    Cascade,
    Distribution,
    Federation,
    Loop,
    Node,
    Pipeline,
    Record,
    Run,
    Schedule,
    Service,
)
from compiler.model.record import dataclass

KNOWN = ("kubernetes", "sedna", "kserve", "argo-workflows", "trainer")
"""Every backend that a spec may name; those without a module are refused as not supported yet."""


def preference(node: Node) -> tuple[str, ...]:
    """Backend names for a node, the best first."""
    if isinstance(node, Service):
        on_edge = node.member.place.layer == "edge"
        return ("kubernetes",) if on_edge else ("kserve", "kubernetes")
    if isinstance(node, Run):
        wants_trainer = node.nodes > 1 or any(s.worker.accelerator for s in node.stages)
        return ("trainer", "kubernetes") if wants_trainer else ("kubernetes",)
    if isinstance(node, Schedule):
        scheduled = isinstance(node.work, Pipeline)
        return ("argo-workflows", "kubernetes") if scheduled else ("kubernetes",)
    if isinstance(node, Loop):
        return ("sedna",) if node.mode == "lifelong" else ("sedna", "kubernetes")
    orders: dict[type[Node], tuple[str, ...]] = {
        Pipeline: ("argo-workflows", "kubernetes"),
        Cascade: ("sedna", "kubernetes"),
        Federation: ("sedna", "kubernetes"),
        Distribution: ("kubernetes",),
        Record: ("kubernetes",),
    }
    return orders[type(node)]


def lower(
    nodes: Iterable[Node],
    context: EmitContext,
    backends: Mapping[str, Backend],
    lowerings: Sequence[Lowering],
    diagnostics: Diagnostics,
) -> tuple[Assignment, ...]:
    """Assign each node, in order; errors are collected and the node left out."""
    asker = _Asker(context, backends, lowerings, diagnostics)
    return tuple(assignment for node in nodes for assignment in asker.assign(node))


@dataclass(slots=True)
class _Asker:
    context: EmitContext
    backends: Mapping[str, Backend]
    lowerings: Sequence[Lowering]
    diagnostics: Diagnostics

    def assign(self, node: Node) -> list[Assignment]:
        taken, refusals = self._ask(node)
        if taken is not None:
            return [self._sound(taken)]
        for lowering in self.lowerings:
            if isinstance(node, lowering.takes) and node.backend in ("", "kubernetes"):
                outcome = lowering.lower(node, self.context)
                if not isinstance(outcome, Refusal):
                    return self._lowered(lowering, outcome, refusals)
                refusals.append((lowering.name, outcome))
        self._refuse(node, refusals)
        return []

    def _lowered(
        self, lowering: Lowering, nodes: tuple[Node, ...], refusals: list[tuple[str, Refusal]]
    ) -> list[Assignment]:
        said = tuple(f"{name}: {refusal.reason}" for name, refusal in refusals)
        made = []
        for node in nodes:
            taken, refused = self._ask(node)
            if taken is None:
                self._refuse(node, [*refusals, *refused])
                continue
            reasons = (*said, f"lowered by {lowering.name}", *taken.reasons)
            lowered = replace(taken, reasons=reasons, lowered_from=lowering.name)
            made.append(self._sound(lowered))
        return made

    def _sound(self, taken: Assignment) -> Assignment:
        found = self.backends[taken.backend].problems(taken.node, self.context)
        self.diagnostics.extend(found)
        return taken

    def _ask(self, node: Node) -> tuple[Assignment | None, list[tuple[str, Refusal]]]:
        refusals: list[tuple[str, Refusal]] = []
        for name in (node.backend,) if node.backend else preference(node):
            refusal = self._refusal(name, node)
            if refusal is None:
                said = tuple(f"{other}: {why.reason}" for other, why in refusals)
                answers = {} if isinstance(node, Record) else self.backends[name].answers(node)
                return Assignment(node=node, backend=name, reasons=said, answers=answers), refusals
            refusals.append((name, refusal))
        return None, refusals

    def _refusal(self, name: str, node: Node) -> Refusal | None:
        backend = self.backends.get(name)
        if backend is None:
            return Refusal("not supported yet")
        if not isinstance(node, backend.takes):
            kind = type(node).__name__
            return Refusal(f"a {kind} is not supported yet on {name}")
        for cluster in self._clusters(node):
            if backend.provides and backend.provides not in cluster.provides:
                return Refusal(
                    f"cluster {cluster.name} does not provide {backend.provides}",
                    f"add {backend.provides} to fleet.clusters.{cluster.name}.provides "
                    "if it is installed there",
                )
            refusal = backend.refusal(node, cluster)
            if refusal is not None:
                return refusal
        return _unpassed(node, backend.answers(node)) if node.members else None

    def _clusters(self, node: Node) -> list[Cluster]:
        if not node.places:
            return list(self.context.clusters.values())
        sites = dict.fromkeys(place.site for place in node.places)
        found = {c.target: c for c in (self.context.cluster_of(site) for site in sites)}
        return list(found.values())

    def _refuse(self, node: Node, refusals: list[tuple[str, Refusal]]) -> None:
        reasons = "; ".join(f"{name}: {refusal.reason}" for name, refusal in refusals)
        hints = [refusal.hint for _, refusal in refusals if refusal.hint]
        spans = [refusal.span for _, refusal in refusals if refusal.span]
        self.diagnostics.add(
            codes.NO_BACKEND,
            f"no backend takes {type(node).__name__} {node.job}: {reasons}",
            spans[0] if spans else node.field_span("backend"),
            hints[0] if hints else "",
        )


def _unpassed(node: Node, answers: Mapping[str, FieldAnswer]) -> Refusal | None:
    # A field that user code must honour counts as refused until the image says that it does.
    for field, answer in answers.items():
        if answer.answer is not Answer.PASSED or not answer.needs or field not in node.fields:
            continue
        for member in node.members:
            if answer.needs not in member.worker.implements:
                return Refusal(
                    f"{field} is handed to user code, and the {member.role} worker does not "
                    f"say that it implements {answer.needs}",
                    f"add implements: [{answer.needs}] to the worker if its image does",
                    node.field_span(field),
                )
    return None
