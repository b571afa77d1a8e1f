"""The clusters' part of a status: which of them are asked, how, and what each row comes to.

A cluster is asked where the command line or the spec names a context for it. Where only the spec
does and this machine knows no such context, it is not asked, which is no fault.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from compiler.commands.clusters import context_of, several
from compiler.model.codes import world as codes
from compiler.model.diagnostics import Diagnostic
from compiler.model.observed import Snapshot
from compiler.model.record import dataclass

_HERE = (codes.KUBECONFIG, codes.CONTEXT)
"""What is wrong on this machine and not with a cluster."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The judged rows, each cluster as it was asked or was not, and what stood in the way.

    `contexts` are those of the clusters that have answered, by target.
    """

    rows: Sequence[Any]
    sources: Sequence[Any]
    problems: tuple[Diagnostic, ...]
    contexts: Mapping[str, str]

    @property
    def unasked(self) -> str:
        """Why a cluster was not asked; empty where all were."""
        return next((one.unasked for one in self.sources if one.unasked), "")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How clusters are reached, and how a command line says the same."""

    kubeconfig: Path | None
    context: str | None
    engine_context: str | None
    spec: Path = Path("specs")
    never: bool = False

    @property
    def named(self) -> bool:
        """Whether the command line itself says whom to ask."""
        return bool(self.kubeconfig or self.context or self.engine_context)

    def with_flags(self, row: Any) -> Any:
        """A row of a cluster whose steps can be run as they are printed."""
        context = self.context or row.wanted.cluster.context
        return replace(row, findings=self.flagged(row.findings, context))

    def flagged(self, findings: Sequence[Any], context: str) -> tuple[Any, ...]:
        """Findings whose steps lead to the cluster of a context."""
        return tuple(replace(one, step=self.command_line(one.step, context)) for one in findings)

    def command_line(self, step: str, context: str) -> str:
        """A step with what leads it to the same cluster, or to the same spec."""
        program, _, rest = step.partition(" ")
        if program == "edgewright" and str(self.spec) != "specs":
            return f"{step} {shlex.quote(str(self.spec))}"
        if program not in ("kubectl", "flux"):
            return step
        flags = [f"--kubeconfig {shlex.quote(str(self.kubeconfig))}"] if self.kubeconfig else []
        flags += [f"--context {shlex.quote(context)}"] if context else []
        return " ".join((program, *flags, rest))


def ask(rows: Sequence[Any], narrow: bool, wishes: Wishes) -> Asked:
    """Ask the clusters of some rows; rows of those that are not asked are left out."""
    from compiler.adapters.cluster_state import ask_all
    from compiler.model.verdicts import View, judge
    from compiler.model.wanted import narrowed, questions
    from compiler.reports.status import Source

    sites = narrowed(rows) if narrow else frozenset()
    asked = questions(rows, sites)
    contexts = _contexts(rows, wishes)
    unasked = {target: found.why for target, found in contexts.items() if isinstance(found, _Not)}
    lacking = {target: found for target, found in contexts.items() if isinstance(found, Diagnostic)}
    wished = {t: (contexts[t], asked[t]) for t in asked if t not in lacking and t not in unasked}
    replies = ask_all(wished, wishes.kubeconfig) if wished else {}
    if not wishes.named:
        for target, reply in list(replies.items()):
            if reply.problems and all(one.code in _HERE for one in reply.problems):
                unasked[target] = reply.problems[0].message
                del replies[target]
    snapshots = {target: reply.snapshot for target, reply in replies.items()}
    names = {target: reply.name for target, reply in replies.items()}
    problems = [problem for reply in replies.values() for problem in reply.problems]
    for target, diagnostic in lacking.items():
        snapshots[target] = Snapshot(unasked=diagnostic.message)
        names[target] = ""
        problems.append(diagnostic)
    views = {target: View.of(snapshot) for target, snapshot in snapshots.items()}
    there = [row for row in rows if row.cluster.target not in unasked]
    engines, more = _engine_views(there, asked, wishes)
    problems += more
    judged = [
        judge(row, views[row.cluster.target], engines.get(row.cluster.target), sites)
        for row in there
    ]
    sources = [
        Source(
            environment=row.environment,
            cluster=row.cluster.name,
            site=row.cluster.site,
            asked=names.get(row.cluster.target, ""),
            problem=_problem(row.cluster.target, names, snapshots),
            unasked=unasked.get(row.cluster.target, ""),
        )
        for row in {row.cluster.target: row for row in rows}.values()
    ]
    answered = {target: wished[target][0] for target, name in names.items() if name}
    return Asked(judged, sources, tuple(dict.fromkeys(problems)), answered)


@dataclass(frozen=True, slots=True)
class _Not:
    """A cluster that is not asked, and why."""

    why: str


def _problem(target: str, names: Mapping[str, str], snapshots: Mapping[str, Snapshot]) -> str:
    if target not in snapshots or names[target]:
        return ""
    answers = [one.problem for one in snapshots[target].answers.values() if one.problem]
    return answers[0] if answers else snapshots[target].unasked


def _contexts(rows: Sequence[Any], wishes: Wishes) -> dict[str, Any]:
    """The context of each target, or what is to be said where there is none."""
    clusters = {row.cluster.target: row.cluster for row in rows}
    others = several(clusters.values(), wishes.context)
    found: dict[str, Any] = {}
    for target, cluster in clusters.items():
        if wishes.never:
            found[target] = _Not("--no-cluster was given")
        elif wishes.named or cluster.context:
            found[target] = context_of(cluster, wishes.context, others=others)
        else:
            where = f"write `context:` at fleet.clusters.{cluster.name}, or add --context NAME"
            found[target] = _Not(f"no context is named: {where}")
    return found


def _engine_views(
    rows: Sequence[Any], asked: Mapping[str, Any], wishes: Wishes
) -> tuple[dict[str, Any], list[Diagnostic]]:
    """For each target whose Argo CD runs elsewhere, what that cluster said."""
    from compiler.adapters.cluster_state import ask_all
    from compiler.model.verdicts import View

    if not wishes.engine_context:
        return {}, []
    targets = {row.cluster.target for row in rows if row.cluster.argocd_elsewhere}
    argocd = [
        question
        for target in sorted(targets)
        for question in asked[target]
        if question.api_version == "argoproj.io/v1alpha1"
    ]
    wish = {"engine": (wishes.engine_context, list(dict.fromkeys(argocd)))}
    reply = ask_all(wish, wishes.kubeconfig)["engine"]
    view = View.of(reply.snapshot)
    return dict.fromkeys(targets, view), list(reply.problems)
