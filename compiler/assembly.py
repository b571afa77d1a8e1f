"""Runs the workshop over several processes and makes the output folder hold the result.

Each process drafts, renders, checks and stages its batches and keeps nothing but summaries, so
that memory does not grow with the fleet. What only all of them together show is judged here,
before the first directory is exchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from compiler.adapters.crew import Progress, crew
from compiler.backends.kubernetes import Need
from compiler.caching import Keeper, Kept, UnitCache, open_directories
from compiler.model.cache import CacheRow
from compiler.model.diagnostics import Diagnostic, Diagnostics
from compiler.model.ledger import LEDGER_FILE
from compiler.model.manifest import Unit, UnitRole
from compiler.model.record import dataclass
from compiler.stages.check.check import CheckFacts, Summary, check_across, settled
from compiler.stages.check.policies import Tally, tally_of
from compiler.stages.draft import inputs_used
from compiler.stages.render.patches import report_unused
from compiler.stages.write.hand import Handed, hand, together
from compiler.stages.write.nouns import Staged
from compiler.stages.write.stale import stale_directory, stale_extra
from compiler.stages.write.write import Changes, Difference, Session, WriteOptions, begin, stage
from compiler.workshop import Batch, Built, Workshop, add_needs

FEW_BATCHES = 4
"""Below this many batches one process is faster than starting a second."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to become of the tree: written below `out`, or only compared with what is there.

    With `against`, the files of another output by the names of their content, it is handed back
    and neither written nor compared. `only` limits the directories to those of some sites and
    jobs. `progress` hears how many batches are done.
    """

    out: Path
    options: WriteOptions
    compare: bool = False
    only: frozenset[str] = frozenset()
    progress: Progress | None = None
    against: Mapping[str, str] | None = None

    def wants(self, unit: Unit) -> bool:
        """Whether a directory is part of the goal."""
        return not self.only or (unit.name in self.only and unit.role is not UnitRole.SHARDS)


@dataclass(slots=True)
class Outcome:
    """What a run did. `changes` is None where it wrote nothing; `handed` is what it handed back."""

    changes: Changes | None = None
    differences: list[Difference] = field(default_factory=list)
    directories: int = 0
    objects: int = 0
    handed: Handed = field(default_factory=Handed)


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a process answers for one batch: facts about its directories, never their content."""

    units: tuple[Unit, ...]
    objects: int
    staged: tuple[Staged, ...]
    settled: tuple[str, ...]
    differences: tuple[Difference, ...]
    summaries: tuple[Summary, ...]
    diagnostics: tuple[Diagnostic, ...]
    kinds: dict[str, frozenset[str]]
    rows: tuple[CacheRow, ...] = ()
    needs: Mapping[str, Need] = field(default_factory=dict)
    stopped: bool = False
    settled_names: tuple[str, ...] = ()
    tallies: tuple[Tally, ...] = ()
    handed: Handed = field(default_factory=Handed)


class SameNameError(Exception):
    """Two directories hold an object of one name, and of one of them only the names are known.

    The run is to be repeated with nothing kept and everything judged as a whole.
    """


def produce(
    workshop: Workshop,
    goal: Goal,
    processes: int,
    diagnostics: Diagnostics,
    cache: UnitCache | None = None,
    kept: Sequence[Kept] = (),
    *,
    whole: bool = False,
) -> Outcome:
    """Build everything but what was `kept`, and reach the goal.

    With `whole` every directory is judged together with all others; without, those that are
    sound by themselves are reduced to the names of their objects.

    Raises:
        CompileError: anything that speaks against it; then nothing was changed.
        SameNameError: build again with nothing kept; nothing was changed.
    """
    if goal.compare or goal.against is not None:
        return _Run(workshop, goal, None, diagnostics, cache, kept, whole).all(processes)
    with begin(goal.out, goal.options, diagnostics) as session:
        return _Run(workshop, goal, session, diagnostics, cache, kept, whole).all(processes)


@dataclass(frozen=True, slots=True)
class _Engine:
    """Work for one process: what a cluster's engine reads; `cluster` is its name in the front."""

    front: int
    cluster: str
    units: tuple[Unit, ...]
    key: str = ""


@dataclass(slots=True)
class _Run:
    workshop: Workshop
    goal: Goal
    session: Session | None
    diagnostics: Diagnostics
    cache: UnitCache | None
    kept: Sequence[Kept]
    whole: bool
    facts: CheckFacts = field(init=False)
    keeper: Keeper | None = field(init=False)
    replies: list[_Reply] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)

    def all(self, processes: int) -> Outcome:
        self.facts = self.workshop.facts
        writes = self.cache is not None and self.session is not None
        self.keeper = Keeper.of(self.cache) if self.cache and writes else None
        batches = self.workshop.batches(self.goal.only)
        few = len(batches) < FEW_BATCHES
        with crew(1 if few else min(processes, len(batches)), self._answer) as hands:
            self.replies += hands.ask(batches, self.goal.progress)
            self.replies += hands.ask(self.workshop.shared_batches(self._needs()))
            self._stop_if_unplanned()
            self._taken()
            self.replies += hands.ask(self._engines())
        self._judge()
        return self._outcome()

    def _stop_if_unplanned(self) -> None:
        """Raise what planning found: what other directories then lack is no fault of theirs."""
        for reply in self.replies:
            if reply.stopped:
                self.diagnostics.extend(reply.diagnostics)
        self.diagnostics.raise_errors()

    def _needs(self) -> dict[str, Need]:
        found: dict[str, Need] = {}
        for reply in self.replies:
            add_needs(found, reply.needs)
        for one in self.kept:
            add_needs(found, {one.unit.target: one.need})
        return found

    def _taken(self) -> None:
        """Take the sites that were kept as if they had been built."""
        names = [n for reply in self.replies for n in reply.settled_names]
        names += [n for one in self.kept for n in _names(one.unit, one.identities)]
        known = set(names)
        if len(known) < len(names):
            raise SameNameError
        for reply in self.replies:
            for one in reply.summaries:
                if not known.isdisjoint(_names(one.unit, map(str, one.identities))):
                    raise SameNameError
        self._take(self.kept)

    def _take(self, kept: Sequence[Kept]) -> None:
        staged: list[Staged] = []
        settled: list[str] = []
        differences: list[Difference] = []
        handed: list[Handed] = []
        for one in kept:
            path = one.unit.path
            self.taken.add(path)
            if self.session is not None and self.session.is_settled(path, one.row.ledger):
                settled.append(path)
                continue
            directory = self.cache.files(one) if self.cache else None
            if directory is None:
                raise SameNameError
            if self.goal.against is not None:
                handed.append(hand(directory, self.goal.against))
            elif self.session is None:
                ledger = directory.files[LEDGER_FILE]
                differences += stale_directory(path, ledger, self.goal.out)
            else:
                staged.append(self.session.lean(stage(directory, self.session.area)))
        self.replies.append(
            _Reply(
                units=tuple(one.unit for one in kept),
                objects=sum(one.objects for one in kept),
                staged=tuple(staged),
                settled=tuple(settled),
                differences=tuple(differences),
                summaries=(),
                diagnostics=(),
                kinds={},
                tallies=tuple(tally_of(one.unit, one.identities) for one in kept),
                handed=together(handed),
            )
        )

    def _engines(self) -> list[_Engine]:
        """What the engines read: taken where it was kept, the rest as work to be done."""
        if self.goal.only:
            return []
        by_target: dict[str, list[Unit]] = {}
        for reply in self.replies:
            for unit in reply.units:
                by_target.setdefault(unit.target, []).append(unit)
        found = [
            _Engine(number, name, tuple(sorted(by_target[cluster.target])))
            for number, front in enumerate(self.workshop.fronts)
            for name, cluster in front.context.clusters.items()
            if cluster.target in by_target
        ]
        return [self._keyed(engine) for engine in found if not self._engine_kept(engine)]

    def _keyed(self, engine: _Engine) -> _Engine:
        key = self.cache.keys[self._apps(engine)] if self.cache else ""
        return replace(engine, key=key)

    def _engine_kept(self, engine: _Engine) -> bool:
        if self.cache is None:
            return False
        front = self.workshop.fronts[engine.front]
        used = inputs_used(front.shared, front.context)
        facts = repr((engine.units, used))
        kept = self.cache.group(self._apps(engine), front.resolved.environment, facts)
        if kept:
            self._take(kept)
        return bool(kept)

    def _apps(self, engine: _Engine) -> str:
        cluster = self.workshop.fronts[engine.front].context.clusters[engine.cluster]
        return f"{cluster.target}/{UnitRole.APPS.value}"

    def _engine(self, engine: _Engine) -> _Reply:
        front = self.workshop.fronts[engine.front]
        cluster = front.context.clusters[engine.cluster]
        built = self.workshop.gitops(front, cluster, engine.units, self.facts)
        reply = self._reply(built)
        if self.keeper is None or built.diagnostics:
            return reply
        rows = self.keeper.keep_group(self._apps(engine), engine.key, built.directories)
        return replace(reply, rows=tuple(rows))

    def _answer(self, work: Batch | _Engine) -> _Reply:
        if isinstance(work, _Engine):
            return self._engine(work)
        return self._reply(self.workshop.build(work, self.facts))

    def _reply(self, built: Built) -> _Reply:
        names = self._settled(built)
        wanted = [d for d in built.directories if self.goal.wants(d.unit)]
        staged: list[Staged] = []
        settled: list[str] = []
        differences: list[Difference] = []
        handed: list[Handed] = []
        for directory in wanted:
            ledger = directory.files[LEDGER_FILE]
            if self.goal.against is not None:
                handed.append(hand(directory, self.goal.against))
            elif self.session is None:
                differences += stale_directory(directory.unit.path, ledger, self.goal.out)
            elif self.session.is_settled(directory.unit.path, ledger):
                settled.append(directory.unit.path)
            else:
                staged.append(self.session.lean(stage(directory, self.session.area)))
        return _Reply(
            units=tuple(d.unit for d in wanted),
            objects=sum(len(d.objects) for d in wanted),
            staged=tuple(staged),
            settled=tuple(settled),
            differences=tuple(differences),
            summaries=() if names else built.summaries,
            diagnostics=built.diagnostics,
            kinds=dict(built.kinds),
            rows=self._rows(built),
            needs=dict(built.needs),
            stopped=built.stopped,
            settled_names=names,
            tallies=built.tallies,
            handed=together(handed),
        )

    def _settled(self, built: Built) -> tuple[str, ...]:
        """The names of a batch's objects, where nothing else needs to be known of it."""
        sites = [summary.unit.name for summary in built.summaries]
        alone = all(s in built.own and self.workshop.is_one_environments(s) for s in sites)
        if self.whole or built.diagnostics or not sites or not alone:
            return ()
        if open_directories(built.summaries) or not settled(built.summaries, self.facts):
            return ()
        return tuple(n for s in built.summaries for n in _names(s.unit, map(str, s.identities)))

    def _rows(self, built: Built) -> tuple[CacheRow, ...]:
        if self.keeper is None or built.diagnostics:
            return ()
        rows = [
            self.keeper.keep(directory, summary, built.own[directory.unit.name])
            for directory, summary in zip(built.directories, built.summaries, strict=False)
            if directory.unit.name in built.own
        ]
        return tuple(row for row in rows if row is not None)

    def _judge(self) -> None:
        for reply in self.replies:
            self.diagnostics.extend(reply.diagnostics)
        if not self.goal.only:
            for front in self.workshop.fronts:
                report_unused(front.patches, _kinds(self.replies), self.diagnostics)
        summaries = [summary for reply in self.replies for summary in reply.summaries]
        check_across(summaries, self.facts, self.diagnostics)
        if not self.goal.only:
            counted = [tally for reply in self.replies for tally in reply.tallies]
            self.workshop.hold_across(counted, self.diagnostics)
        self.diagnostics.raise_errors()

    def _outcome(self) -> Outcome:
        outcome = Outcome(
            directories=sum(len(reply.units) for reply in self.replies),
            objects=sum(reply.objects for reply in self.replies),
        )
        paths = [unit.path for reply in self.replies for unit in reply.units]
        if self.goal.against is not None:
            outcome.handed = together(reply.handed for reply in self.replies)
            return outcome
        if self.session is None:
            outcome.differences = [d for reply in self.replies for d in reply.differences]
            if not self.goal.options.partial:
                roots = self.goal.options.roots
                outcome.differences += stale_extra(paths, self.goal.out, roots)
            outcome.differences.sort()
            return outcome
        staged = [item for reply in self.replies for item in reply.staged]
        settled = [path for reply in self.replies for path in reply.settled]
        outcome.changes = self.session.finish(staged, settled, self.diagnostics)
        self._remember(outcome.changes)
        return outcome

    def _remember(self, changes: Changes) -> None:
        if self.cache is None or self.keeper is None:
            return
        left_out = open_directories(s for reply in self.replies for s in reply.summaries)
        # What is told of a site is told in every run.
        left_out |= self.diagnostics.sites
        rows = [row for reply in self.replies for row in reply.rows]
        adopted = [row for row in rows if left_out.isdisjoint({row.path, _last(row.path)})]
        self.cache.store.adopt(adopted)
        # A row of an older state says nothing of a directory that was written without one.
        told = {row.path for row in adopted} | self.taken
        marks = changes.fingerprints
        self.cache.store.remember({path: marks[path] for path in told & marks.keys()})
        self.cache.store.save()
        self.keeper.close()


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def roots(workshop: Workshop) -> tuple[str, ...]:
    """The folders below the output that the fronts own: `<project>/<environment>`."""
    return tuple(f"{f.context.project}/{f.context.environment}" for f in workshop.fronts)


def _names(unit: Unit, identities: Iterable[str]) -> tuple[str, ...]:
    """Identities with the cluster that they are applied to: the same elsewhere is another."""
    return tuple(f"{unit.target} {identity}" for identity in identities)


def _kinds(replies: Iterable[_Reply]) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for reply in replies:
        for subject, names in reply.kinds.items():
            found[subject] = found.get(subject, frozenset()) | names
    return found
