"""Turns the jobs of one environment into plan nodes, by asking each job's kind.

Works in parts, so that no process needs the whole plan at once, and checks that what comes back
is sound. Chooses no backend.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import field

from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostic, Diagnostics
from compiler.model.gating import Standing
from compiler.model.invariants import slot_conflicts, violations
from compiler.model.kind import Kinds
from compiler.model.plan import Node, Record
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.selection import selects
from compiler.model.spec.job import JobSpec
from compiler.stages.plan.gates import check_datasets
from compiler.stages.plan.inputs import Chooser
from compiler.stages.plan.job import NO_PLACE, JobPlanning
from compiler.stages.plan.records import project_records
from compiler.stages.plan.worker import ReadText, WorkerBuilder


def plan(
    resolved: Resolved, kinds: Kinds, read: ReadText, diagnostics: Diagnostics
) -> tuple[Node, ...]:
    """Every node of an environment: what sites share, then each site's own."""
    planner = Planner(resolved, kinds, read)
    nodes = (*planner.shared(), *planner.at(planner.names()))
    diagnostics.extend(planner.drain())
    return nodes


@dataclass(slots=True)
class Planner:
    """Plans one environment in parts, so that no process needs all of it at once.

    What the parts have in common (workers, artifacts) is made once for each planner.
    """

    resolved: Resolved
    kinds: Kinds
    read: ReadText
    found: Diagnostics = field(default_factory=Diagnostics)
    builder: WorkerBuilder = field(init=False)
    chooser: Chooser = field(init=False)

    def __post_init__(self) -> None:
        """Make what the parts share."""
        one = self.resolved
        self.builder = WorkerBuilder(one.project, one.environment, self.read, self.found)
        self.chooser = Chooser(one, self.found)

    def shared(self) -> tuple[Node, ...]:
        """The nodes of jobs that may join several sites, and the project's own records.

        Also judges what needs no site: kinds and keys that nothing compiles yet, places.
        """
        nodes: list[Node] = []
        for name, job in self.resolved.base.jobs.items():
            kind = self.kinds.load(job.kind)
            if kind.plan is None:
                self._unsupported(name, job)
            else:
                only = frozenset[str]() if kind.by_site else None
                nodes.extend(kind.plan(job, self._context(name, job, only)))
        nodes.extend(project_records(self.resolved, self.chooser))
        check_datasets(self.resolved, self.found)
        self.chooser.privacy.check_writes()
        _check(nodes, self.found)
        return tuple(nodes)

    def at(self, sites: Collection[str]) -> tuple[Node, ...]:
        """The nodes that belong to one of these sites alone."""
        nodes: list[Node] = []
        for name, job in self.resolved.base.jobs.items():
            kind = self.kinds.load(job.kind)
            if kind.plan is not None and kind.by_site:
                nodes.extend(kind.plan(job, self._context(name, job, sites)))
        _check(nodes, self.found)
        return tuple(nodes)

    def names(self) -> tuple[str, ...]:
        """The sites that have nodes of their own, in name order."""
        places = [
            job.place
            for job in self.resolved.base.jobs.values()
            if self.kinds.load(job.kind).by_site and job.place != NO_PLACE
        ]
        return tuple(
            name
            for name, site in self.resolved.sites.items()
            if any(selects(place, site) for place in places)
        )

    def standings(self) -> tuple[Standing, ...]:
        """How the versions that were chosen so far stand with the gates of their models."""
        return tuple(self.chooser.gates.stood)

    def drain(self) -> tuple[Diagnostic, ...]:
        """What was found since the last call."""
        found = self.found.in_order()
        self.found.found.clear()
        return found

    def _context(self, name: str, job: JobSpec, only: Collection[str] | None) -> JobPlanning:
        return JobPlanning(name, job, self.resolved, self.builder, self.chooser, self.found, only)

    def _unsupported(self, name: str, job: JobSpec) -> None:
        self.found.add(
            codes.NOT_SUPPORTED_YET,
            f"jobs.{name}: {job.kind} is not supported yet: its fields are checked, "
            "but nothing compiles it",
            job.key_span_of("kind"),
            "remove the job, or set it to null in the environments that are compiled",
        )


def _check(nodes: Iterable[Node], diagnostics: Diagnostics) -> None:
    checked = [node for node in nodes if not isinstance(node, Record)]
    for node in checked:
        for problem in violations(node):
            diagnostics.add(codes.NODE_NOT_SOUND, f"jobs.{node.job}: {problem}", node.span)
    for conflict, span in slot_conflicts(checked):
        hint = "give one of the jobs another deploy.uri"
        diagnostics.add(codes.NODE_NOT_SOUND, conflict, span, hint)
