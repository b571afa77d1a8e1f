"""Asks branches and stores of reports for a status, and puts beside each model what they tell.

Asks no cluster. Every rollout under way is judged as `promote --if-ready` would judge it, so that
a site that waits for its step can be told for what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compiler.model.diagnostics import Diagnostic, Diagnostics
from compiler.model.observed import Finding, Verdict
from compiler.model.readable import moment
from compiler.model.record import dataclass

if TYPE_CHECKING:
    from compiler.commands.status_clusters import Asked, Wishes
    from compiler.commands.status_reports import Heard
    from compiler.commands.status_wanted import Compiled
    from compiler.model.ports import Stores
    from compiler.model.truth import Truth
    from compiler.model.wanted import Wanted
    from compiler.workflows.publications import Publication
    from compiler.workflows.rolling import Opened, Rollout


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Every model with what is told of it, and what else there is to say.

    `waits` says what a rollout waits for, by environment, job and model. `notes` are lines on
    whom nobody asked, `silent` are the environments without reports, with the reason. `moves`
    are rollouts that may go on or are to be aborted.
    """

    truths: Sequence[Truth]
    rollouts: Sequence[Mapping[str, Any]]
    waits: Mapping[tuple[str, str, str], str]
    branches: Sequence[Mapping[str, Any]]
    silent: Mapping[str, str]
    notes: Sequence[str]
    problems: Sequence[Diagnostic]
    moves: Sequence[tuple[str, Finding]]
    now: float


def told(
    found: Compiled,
    rows: Sequence[Wanted],
    asked: Asked,
    wishes: Wishes,
    *,
    stores: Stores,
    spec: Path,
    remote: str | None,
    now: float,
) -> Found:
    """Ask everybody but the clusters, which were asked already.

    Where `remote` is None no branch is asked either.
    """
    from compiler.commands.status_reports import heard
    from compiler.workflows.publications import publications
    from compiler.workflows.truths import Told, truths
    from compiler.workflows.wishes import wishes as wished

    wanted = wished(found.fronts, rows)
    opened, moving = _moving(found, {(one.environment, one.job) for one in wanted})
    sites: dict[str, set[str]] = {}
    for one in wanted:
        sites.setdefault(one.environment, set()).add(one.site)
    for each in moving:
        sites.setdefault(each.resolved.environment, set()).update(_reached(opened, each))
    diagnostics = Diagnostics()
    reports = heard(found.fronts, sites, stores, diagnostics)
    environments = {one.environment for one in rows}
    resolved = [f.resolved for f in found.fronts if f.context.environment in environments]
    asks = wanted and remote is not None
    branches, problems = publications(spec, resolved, remote or "") if asks else ([], [])
    rollouts = [_rollout(opened, one, reports, now) for one in moving]
    result = truths(
        wanted,
        Told(
            branches=branches,
            rows={(r.wanted.cluster.target, r.wanted.job, r.wanted.site): r for r in asked.rows},
            unasked=asked.unasked,
            reports=reports.reports,
            silent=reports.silent,
            failed=reports.failed,
            moving={_key(one) for one in moving},
            now=now,
        ),
    )
    return Found(
        truths=[_flagged(one, wishes) for one in result],
        rollouts=rollouts,
        waits=dict(_waits(rollouts)),
        branches=[_branch(one, wishes) for one in branches],
        silent=reports.silent,
        notes=list(_notes(branches, reports)),
        problems=(*diagnostics.in_order(), *problems),
        moves=[(site, *wishes.flagged((one,), "")) for site, one in _next(rollouts)],
        now=now,
    )


def _moving(found: Compiled, jobs: Iterable[tuple[str, str]]) -> tuple[Opened, list[Rollout]]:
    """The rollouts of some jobs that are under way; the sites are planned only for those."""
    from compiler.workflows.rolling import Opened, opened_of

    resolved = tuple(front.resolved for front in found.fronts)
    opened = Opened(found.root, found.sources, resolved)
    jobs = set(jobs)
    moving = [
        one for one in opened.rollouts()
        if one.under_way and (one.resolved.environment, one.job) in jobs
    ]  # fmt: skip
    return (opened_of(found.root, found.sources, found.fronts), moving) if moving else (opened, [])


def _reached(opened: Opened, rollout: Rollout) -> set[str]:
    from compiler.workflows.rolling import expected

    step = rollout.state.step if rollout.state else 0
    return {one.site for one in expected(opened, rollout, step)}


def _key(one: Rollout) -> tuple[str, str, str]:
    return one.resolved.environment, one.job, one.model


def _rollout(opened: Opened, one: Rollout, reports: Heard, now: float) -> dict[str, Any]:
    """A rollout under way, and what may happen to it by the reports."""
    from compiler.workflows.rolling import standings

    state = one.state
    environment = one.resolved.environment
    silent = reports.silent.get(environment, "")
    _, judged = standings(opened, one, reports.reports.get(environment, ()), now)
    return {
        "environment": environment,
        "job": one.job,
        "model": one.model,
        "from": state.from_ if state else None,
        "to": state.to if state else None,
        "step": state.step if state else 0,
        "last": one.last,
        "answer": None if silent else str(judged.answer),
        "why": silent or judged.why,
        "soaksUntil": moment(judged.soaks_until) if judged.soaks_until > now else None,
        "ready": judged.ready,
        "failed": judged.failed,
        "reporting": judged.reporting,
        "sites": judged.sites,
    }


def _waits(rollouts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[tuple[str, str, str], str]]:
    for one in rollouts:
        yield (one["environment"], one["job"], one["model"]), _wait(one)


def _wait(one: Mapping[str, Any]) -> str:
    nearer = "its next step" if one["step"] < one["last"] else "its end"
    at = f"the rollout is at step {one['step']} of {one['last']}"
    if one["answer"] == "abort":
        return f"{at} and is to be aborted: {one['why']}"
    if one["answer"] == "go":
        return f"{at}; {nearer} may be taken"
    until = f" until {one['soaksUntil']}" if one["soaksUntil"] else ""
    return f"{at}; {nearer} waits: {one['why']}{until}"


def _next(rollouts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, Finding]]:
    """What may happen to a rollout now, as findings."""
    for one in rollouts:
        if one["answer"] in ("go", "abort"):
            verdict = Verdict.DEGRADED if one["answer"] == "abort" else Verdict.OLDER
            text = f"{one['job']} / {one['model']}: {_wait(one)}"
            more = f" --model {one['model']} --env {one['environment']}"
            yield (
                "",
                Finding(verdict, text, "", f"edgewright promote {one['job']} --if-ready{more}"),
            )


def _flagged(truth: Truth, wishes: Wishes) -> Truth:
    from dataclasses import replace

    context = wishes.context or truth.wish.cluster.context
    return replace(truth, findings=wishes.flagged(truth.findings, context))


def _branch(one: Publication, wishes: Wishes) -> dict[str, Any]:
    commit = one.commit
    return {
        "repository": one.url,
        "branch": one.branch,
        "commit": commit.sha if commit else None,
        "date": commit.date if commit else None,
        "source": one.source or None,
        "trailers": dict(commit.trailers) if commit else {},
        "notAsked": one.why or None,
        "step": wishes.command_line(one.step, "") or None,
    }


def _notes(branches: Iterable[Publication], reports: Heard) -> Iterator[str]:
    """Who was not asked, and what would change that."""
    for one in branches:
        if one.why and not one.failed:
            mend = f" ({one.step})" if one.step else ""
            yield f"branch {one.branch}: not asked: {one.why}{mend}"
        elif one.commit:
            made = f" of spec commit {one.source[:9]}" if one.source else ""
            yield f"branch {one.name}: published {one.commit.date}{made}"
        elif not one.why:
            yield f"branch {one.branch}: nothing is published there"
    for environment, why in reports.silent.items():
        if environment not in reports.failed:
            yield f"reports of {environment}: not asked: {why}"
