"""`edgewright promote`: a rollout goes one step on, where its sites are ready if that is asked.

Edits the lock, and the target in the spec where a version is given up. Asks the store of reports
and nobody else.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from compiler.commands import common, credentials, trust
from compiler.commands.rollout_words import Move, as_dict, text
from compiler.model.diagnostics import Diagnostics
from compiler.model.readable import moment

if TYPE_CHECKING:
    from compiler.model.ports import Stores
    from compiler.stages.roll import Judgement, Standing
    from compiler.workflows.rolling import Change, Opened, Rollout

NOT_READY = 3
"""The rollout waits, or was aborted."""

CLOCK = time.time
"""What tells the time; tests put another in its place."""


@click.command("promote")
@click.argument("job")
@common.spec_argument
@click.option("--model", default="", metavar="NAME", help="Only this model of the job.")
@click.option("--if-ready", is_flag=True, help="Only where the reports of the sites allow it.")
@common.environment_option
@common.dry_run_option
@common.templates_option
@credentials.profile_option
@trust.host_option
@trust.branch_option
@common.format_option
@common.guarded
def command(
    job: str,
    spec: Path,
    model: str,
    if_ready: bool,
    environments: tuple[str, ...],
    dry_run: bool,
    templates: Path | None,
    profiles: tuple[str, ...],
    hosts: tuple[str, ...],
    main_branch: str | None,
    output_format: str,
) -> None:
    """Take the rollout of JOB one step on, in the lock of SPEC (a folder, default: specs).

    With --if-ready it reads what the sites report. Exit code 3: it has to wait, or too many sites
    failed and the old version is restored.
    """
    gc.disable()
    from compiler import pipeline
    from compiler.stages.lock.hosts import hosts_of_reports
    from compiler.workflows import rolling

    diagnostics = Diagnostics()
    request = pipeline.Request(
        root=spec, environments=environments, templates=common.own_templates(spec, templates)
    )
    opened = rolling.open_spec(request, diagnostics)
    chosen = _chosen(opened, job, model, diagnostics)
    if if_ready:
        asked = hosts_of_reports(one.resolved for one in chosen)
        trust.check(spec, asked, main_branch, hosts, diagnostics)
    resolved = [one.resolved for one in chosen]
    stores = credentials.stores(profiles, resolved) if if_ready else None
    moves = [_move(opened, one, stores, diagnostics) for one in chosen]
    diagnostics.raise_errors()
    change = _change(opened, moves, diagnostics)
    after = rolling.judged(request, change, Diagnostics()) if change.texts else opened
    for move in moves:
        move.moved = rolling.moved_sites(opened, after, move.rollout)
    if not dry_run:
        change.write(diagnostics)
    result = {
        "written": [] if dry_run else list(change.texts),
        "rollouts": [as_dict(move) for move in moves],
    }
    if output_format == "text":
        for move in moves:
            click.echo(text(move, dry_run=dry_run), nl=False)
    held = any(move.word in ("waits", "aborted") for move in moves)
    if held:
        _report_held(moves, diagnostics)
    common.finish(output_format, result, diagnostics, NOT_READY if held else 0)


def _chosen(opened: Opened, job: str, model: str, diagnostics: Diagnostics) -> list[Rollout]:
    """The rollouts that are meant: all of the job that are under way, in one environment."""
    from compiler.model.codes import rollout as codes
    from compiler.model.suggest import did_you_mean

    jobs = sorted({name for one in opened.environments for name in one.base.jobs})
    if job not in jobs:
        raise click.UsageError(f"there is no job {job}. {did_you_mean(job, jobs)}".rstrip())
    found = opened.rollouts(job, model)
    span = next((e.base.jobs[job].span for e in opened.environments if job in e.base.jobs), None)
    if not found:
        of = f" of model {model}" if model else ""
        diagnostics.fail(
            codes.NO_ROLLOUT, f"jobs.{job} has no rollout{of}", span,
            "add rollout: {steps: [{percent: 10}, {percent: 100}]} to the job",
        )  # fmt: skip
    moving = [one for one in found if one.under_way]
    names = sorted({one.resolved.environment for one in moving})
    if len(names) > 1:
        raise click.UsageError(
            f"jobs.{job} is rolled out in {' and '.join(names)}; choose one with --env"
        )
    return moving or found


def _move(
    opened: Opened, rollout: Rollout, stores: Stores | None, diagnostics: Diagnostics
) -> Move:
    """What is to happen to one rollout."""
    from compiler.stages.roll import Answer, advanced, returned

    state = rollout.state
    if state is None or not rollout.under_way:
        return Move(rollout, "settled", state)
    on = advanced(state, rollout.last)
    word = "promoted" if state.step < rollout.last else "finished"
    if stores is None:
        return Move(rollout, word, on)
    standings, judgement, now = _standings(opened, rollout, stores, diagnostics)
    if judgement.answer is Answer.WAIT:
        move = Move(rollout, "waits", state)
    elif judgement.answer is Answer.GO:
        move = Move(rollout, word, on)
    else:
        back = returned(state, state.to, state.from_, rollout.last)
        move = Move(rollout, "aborted", back)
    move.standings, move.judgement, move.now = standings, judgement, now
    return move


def _standings(
    opened: Opened, rollout: Rollout, stores: Stores, diagnostics: Diagnostics
) -> tuple[list[Standing], Judgement, float]:
    """How every site of the steps reached stands, and what may happen by that."""
    from compiler.model.codes import rollout as codes
    from compiler.model.stores import locate
    from compiler.stages.gather import gather
    from compiler.workflows import rolling

    spec = rollout.resolved.spec
    if spec.reports is None:
        diagnostics.fail(
            codes.NO_REPORTS, f"whether jobs.{rollout.job} is ready is not known: there is no "
            "`reports:`", rollout.spec.span, 'write reports: {uri: "STORE:reports/"}',
        )  # fmt: skip
    step = rollout.state.step if rollout.state else 0
    sites = {one.site for one in rolling.expected(opened, rollout, step)}
    at = locate(spec.stores, spec.reports.uri)
    found = gather(stores, at, sites, spec.reports.span_of("uri"), diagnostics)
    now = CLOCK()
    return (*rolling.standings(opened, rollout, found, now), now)


def _change(opened: Opened, moves: Sequence[Move], diagnostics: Diagnostics) -> Change:
    """The edits of spec and lock that the moves ask for."""
    from compiler.workflows import rolling
    from compiler.workflows.retargeting import retargeted

    states, spec, lock = {}, [], []
    for move in moves:
        rollout = move.rollout
        if move.state is None or move.state == rollout.state:
            continue
        states[rollout.resolved.environment, f"{rollout.job}/{rollout.model}"] = move.state
        if move.word == "aborted" and rollout.state is not None:
            failed = "; ".join(dict.fromkeys(_failures(move)))
            back = retargeted(
                opened,
                rollout.model,
                rollout.state.to,
                rollout.state.from_,
                environments=(rollout.resolved.environment,),
                reason=f"aborted: {failed}"[:200],
                yank=rollout.resolved.base.models[rollout.model].select is not None,
            )
            spec += back.spec
            lock += back.lock
            states = {**back.states, **states}
    return rolling.changed(opened, states, spec, lock, diagnostics)


def _failures(move: Move) -> list[str]:
    from compiler.stages.roll import Verdict

    return [f"{one.site}: {one.words}" for one in move.standings if one.verdict is Verdict.FAILED]


def _report_held(moves: Sequence[Move], diagnostics: Diagnostics) -> None:
    """Say as findings why a rollout does not go on."""
    from compiler.model.codes import rollout as codes

    for move in moves:
        rollout, found = move.rollout, move.judgement
        if found is None or rollout.state is None:
            continue
        name = f"{rollout.job}/{rollout.model}"
        if move.word == "aborted":
            diagnostics.add(
                codes.ABORTED,
                f"{name}: {found.why}; {rollout.state.from_} is restored",
                rollout.spec.span_of("abort_above") or rollout.spec.span,
                "; ".join(_failures(move)[:3]),
            )
        elif move.word == "waits":
            diagnostics.add(
                codes.TOO_FEW,
                f"{name} stays at step {rollout.state.step} of {rollout.last}: {found.why}",
                rollout.spec.span,
                _when(move),
            )


def _when(move: Move) -> str:
    found = move.judgement
    if found is not None and found.soaks_until > move.now:
        return f"run it again after {moment(found.soaks_until)}"
    return "see in the table what hinders the sites"
