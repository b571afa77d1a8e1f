"""Moves rollouts: reads what is under way, and edits lock and spec so that it goes on or back.

Every change is judged before it is written: the edited spec must compile. Of several files the
spec is written first and the lock last. In between `compile` refuses, since the spec has moved
past its lock, and the same command run again ends what was begun.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from compiler import pipeline
from compiler.adapters import edit
from compiler.adapters.edit import Edit, Set
from compiler.adapters.saving import replace_text
from compiler.model import emit, source
from compiler.model.backend import Assignment
from compiler.model.choice import reached
from compiler.model.codes import lock as lock_codes
from compiler.model.diagnostics import CompileError, Diagnostic, Diagnostics, Severity
from compiler.model.inputs import Artifact
from compiler.model.lock import Lock, LockedRollout
from compiler.model.lockable import model_references
from compiler.model.member import Member
from compiler.model.plan import Record
from compiler.model.record import dataclass
from compiler.model.report import Report
from compiler.model.resolved import Resolved
from compiler.model.spec.amounts import duration_seconds
from compiler.model.spec.job import RolloutSpec, RolloutStepSpec
from compiler.stages.load import Sources, lock_path, shown
from compiler.stages.roll import Expected, Judgement, Standing, judge, standing
from compiler.workshop import Front

Place = tuple[str, str]
"""A site and a job."""
Content = Mapping[Place, tuple[Member, ...]]
"""The members of every job at every site that sites' own steps decide on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One model of a job with its steps, and how far the lock says it is (None: not at all)."""

    resolved: Resolved
    job: str
    model: str
    spec: RolloutSpec
    state: LockedRollout | None

    @property
    def last(self) -> int:
        """The last step."""
        return len(self.spec.steps) - 1

    @property
    def under_way(self) -> bool:
        """Whether a step or the end is still to come."""
        state = self.state
        return state is not None and (state.step < self.last or state.from_ != state.to)


@dataclass(frozen=True, slots=True)
class Opened:
    """A spec that compiles: its rollouts, and what each job brings to each site."""

    root: Path
    sources: Sources
    environments: tuple[Resolved, ...]
    content: Mapping[str, Content] = field(default_factory=dict)

    @property
    def lock(self) -> Lock:
        """The lock, empty where there is none."""
        return next((one.lock for one in self.environments if one.lock), Lock())

    def rollouts(self, job: str = "", model: str = "") -> list[Rollout]:
        """The rollouts of a job, a model, or both."""
        return [
            one
            for resolved in self.environments
            for one in _rollouts(resolved)
            if job in ("", one.job) and model in ("", one.model)
        ]


def open_spec(request: pipeline.Request, diagnostics: Diagnostics) -> Opened:
    """Read a spec and plan it at every site.

    Raises:
        CompileError: it does not compile.
    """
    resolution = pipeline.resolve_all(request, diagnostics)
    workshop = pipeline.plan_all(resolution, {}, diagnostics)
    content = {}
    for front in workshop.fronts:
        own = front.planner.at(front.planner.names())
        diagnostics.extend(own.diagnostics)
        content[front.context.environment] = _content((*front.shared, *own.assignments))
    diagnostics.raise_errors()
    return Opened(request.root, resolution.sources, resolution.environments, content)


def opened_of(root: Path, sources: Sources, fronts: Iterable[Front]) -> Opened:
    """The same of what somebody has planned already."""
    fronts = tuple(fronts)
    content = {one.context.environment: _content(one.assignments) for one in fronts}
    return Opened(root, sources, tuple(one.resolved for one in fronts), content)


def standings(
    opened: Opened, rollout: Rollout, reports: Iterable[Report], now: float
) -> tuple[list[Standing], Judgement]:
    """How the sites of the steps reached stand by some reports, and what may happen by that."""
    resolved, step = rollout.resolved, rollout.state.step if rollout.state else 0
    mine: dict[str, list[Report]] = {}
    key = (resolved.project, resolved.environment, rollout.job)
    for one in reports:
        if (one.project, one.environment, one.job) == key:
            mine.setdefault(one.site, []).append(one)
    found = [standing(one, mine.get(one.site, ()), now) for one in expected(opened, rollout, step)]
    soak = rollout.spec.steps[step].soak
    judgement = judge(
        found,
        ready=rollout.spec.ready,
        abort_above=rollout.spec.abort_above,
        soak=duration_seconds(soak) if soak else 0.0,
        now=now,
    )
    return found, judgement


def users(opened: Opened, model: str) -> list[Rollout]:
    """Every job that has a model, by environment, with or without a rollout of it."""
    return [
        one
        for resolved in opened.environments
        for one in _rollouts(resolved, every=True)
        if one.model == model
    ]


def pinned(opened: Opened, rollout: Rollout) -> list[str]:
    """The sites of a job at which an override decides on the model."""
    resolved = rollout.resolved
    return [
        site
        for site, job in opened.content.get(resolved.environment, {})
        if job == rollout.job and resolved.pins(site, rollout.model)
    ]


def open_half(request: pipeline.Request, model: str, diagnostics: Diagnostics) -> Opened:
    """Like `open_spec`, also where the target of a model has moved past its rollouts in the lock.

    That is what a rollback leaves that was killed between the spec and the lock.

    Raises:
        CompileError: the spec does not compile for another reason.
    """
    try:
        return open_spec(request, diagnostics)
    except CompileError as error:
        if any(one.code is not lock_codes.SPEC_MOVED for one in _errors(error)):
            raise
        resolution = pipeline.resolve_all(request, Diagnostics())
        opened = Opened(request.root, resolution.sources, resolution.environments)
        moved = [one for one in opened.rollouts(model=model) if _behind(one)]
        if not moved:
            raise
        diagnostics.found.clear()
        return opened


def expected(opened: Opened, rollout: Rollout, step: int) -> list[Expected]:
    """What the sites of the steps up to `step` should have; those with an override are left out."""
    resolved, steps = rollout.resolved, rollout.spec.steps
    names = _parts(resolved, rollout)
    found = []
    for (site, job), members in sorted(opened.content[resolved.environment].items()):
        if job != rollout.job or resolved.pins(site, rollout.model):
            continue
        here = resolved.sites[site]
        digests: dict[str, set[str]] = {}
        for artifact in _models(members):
            if artifact.name in names:
                digests.setdefault(artifact.name, set()).add(artifact.sha256)
        if digests and reached(steps, step, job, here):
            added = step == 0 or not reached(steps, step - 1, job, here)
            found.append(Expected(site=site, digests=digests, added=added))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A site of a job whose models become others. `size` is in bytes, None where it is unknown.

    `keeps` says that its store keeps the version before.
    """

    site: str
    hot: bool
    keeps: bool
    size: int | None
    engine: str
    rate: str
    window: str


def moved_sites(old: Opened, new: Opened, rollout: Rollout) -> list[Moved]:
    """Where the models of the rollout's job become others, with the bytes that are new there."""
    resolved = rollout.resolved
    environment = resolved.environment
    before = old.content.get(environment, {})
    found = []
    for (site, job), members in sorted(new.content.get(environment, {}).items()):
        had = {artifact.sha256 for artifact in _models(before.get((site, job), ()))}
        fresh = {a.sha256: a for a in _models(members) if a.sha256 not in had}
        if job != rollout.job or not fresh:
            continue
        sizes = [artifact.size for artifact in fresh.values()]
        deliveries = [member.delivery for member in members if member.delivery]
        found.append(
            Moved(
                site=site,
                hot=any(one.update == "hot" for one in deliveries),
                keeps=resolved.sites[site].profile.previous > 0,
                size=None if None in sizes else sum(size or 0 for size in sizes),
                engine=resolved.cluster_of(resolved.sites[site]).gitops.engine,
                rate=resolved.sites[site].link_rate,
                window=resolved.sites[site].link_window,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """New texts of files, in the order in which they are written: spec, then lock."""

    texts: Mapping[str, str]
    old: Mapping[str, str]

    def write(self, diagnostics: Diagnostics) -> None:
        """Replace the files, one after the other.

        Raises:
            CompileError: somebody wrote one of them meanwhile, or the system refuses.
        """
        for name, text in self.texts.items():
            replace_text(Path(name), name, self.old.get(name, ""), text, diagnostics)


def changed(
    opened: Opened,
    states: Mapping[tuple[str, str], LockedRollout],
    spec: Sequence[Edit],
    lock: Sequence[Edit],
    diagnostics: Diagnostics,
) -> Change:
    """The texts with edits of the spec and of the lock, and with states of rollouts.

    States are by environment and `JOB/MODEL`.

    Raises:
        CompileError: a place cannot be edited.
    """
    texts = opened.sources.texts
    name = shown(lock_path(opened.root))
    found = edit.edited_spec(opened.sources.data, texts, spec, diagnostics)
    text = texts.get(name, "")
    if states or lock:
        text = edit.edited(name, text, lock, diagnostics)
    for (environment, rollout), state in sorted(states.items()):
        text = _with_state(name, text, f"{environment}.rollouts.{rollout}", state, diagnostics)
    if text != texts.get(name, ""):
        found[name] = text
    return Change(found, texts)


def judged(request: pipeline.Request, change: Change, diagnostics: Diagnostics) -> Opened:
    """The spec as it would be.

    Raises:
        CompileError: it would not compile.
    """
    return open_spec(replace(request, texts={**request.texts, **change.texts}), diagnostics)


def _errors(error: CompileError) -> list[Diagnostic]:
    return [one for one in error.diagnostics if one.severity is Severity.ERROR]


def _behind(rollout: Rollout) -> bool:
    target = rollout.resolved.base.models[rollout.model].target
    return rollout.state is not None and target not in (None, rollout.state.to)


_AT_ONCE = RolloutSpec(steps=(RolloutStepSpec(percent=100),))
"""How a model spreads where a job has no rollout."""


def _rollouts(resolved: Resolved, *, every: bool = False) -> list[Rollout]:
    found = []
    for name, job in resolved.base.jobs.items():
        spec: RolloutSpec | None = getattr(job, "rollout", None) or (_AT_ONCE if every else None)
        for reference in model_references(job):
            if spec is None or ":" in reference:
                continue
            lock = resolved.lock
            state = lock.rollout(resolved.environment, name, reference) if lock else None
            found.append(
                Rollout(resolved=resolved, job=name, model=reference, spec=spec, state=state)
            )
    return found


def _content(assignments: Sequence[Assignment]) -> Content:
    found: dict[Place, tuple[Member, ...]] = {}
    for one in assignments:
        if isinstance(one.node, Record):
            continue
        # The cloud part of a pair serves every live version, whatever its own site's step is.
        for member in (member for member in one.node.members if member.role != "cloud"):
            place = (member.place.site, one.node.job)
            found[place] = (*found.get(place, ()), member)
    return found


def _parts(resolved: Resolved, rollout: Rollout) -> Collection[str]:
    """The names that reports have for a model: its own, or those of its parts."""
    model = resolved.base.models[rollout.model]
    parts = {rollout.model}
    for version in model.versions.values():
        parts |= {part.partition(":")[0] for part in (version.edge, version.cloud) if part}
    return parts


def _models(members: Sequence[Member]) -> list[Artifact]:
    return [
        binding.input
        for member in members
        for binding in member.inputs
        if isinstance(binding.input, Artifact) and binding.input.kind == "model"
    ]


def _with_state(
    file: str, text: str, key: str, state: LockedRollout, diagnostics: Diagnostics
) -> str:
    """The lock's text with the state of one rollout; other blocks stay byte for byte."""
    fields = state.model_dump(by_alias=True, exclude_none=True)
    (document,) = source.parse(file, text, diagnostics)
    old = document.data.get(key)
    if old is None:
        return _with_block(text, document.data, key, fields)
    edits: list[Edit] = [
        Set((key, name), value) for name, value in fields.items() if old.get(name) != value
    ]
    edits += [edit.Remove((key, name)) for name in old if name not in fields]
    return edit.edited(file, text, edits, diagnostics)


def _with_block(text: str, data: source.Map, key: str, fields: Mapping[str, object]) -> str:
    """The lock's text with one more block, in its order and between blank lines."""
    block = emit.dump({key: dict(sorted(fields.items()))})
    following = next((name for name in sorted(data) if name != "lock" and name > key), None)
    if following is None:
        return f"{text.rstrip(chr(10))}\n\n{block}"
    lines = text.splitlines(keepends=True)
    at = data.marks.key_span(following).line - 1
    return "".join((*lines[:at], block, "\n", *lines[at:]))
