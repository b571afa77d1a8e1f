"""`edgewright status`: what is wanted beside what is published, applied, accepted and running.

Wanted is what the spec compiles to. The branches say what is published, the sidecars' reports what
they accepted and what runs, and the clusters, where one is named, what is applied. What was not
asked is shown as such. With `--write` the reports become statuses in the clusters; nothing else is
ever changed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from compiler.commands import common, credentials, trust
from compiler.commands.clusters import check_known
from compiler.model.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.model.observed import Verdict

if TYPE_CHECKING:
    from compiler.commands.status_clusters import Asked, Wishes
    from compiler.commands.status_told import Found
    from compiler.commands.status_write import Wrote

NOT_READY = 3
"""Everybody who was asked has answered, and something is not ready."""
DEFAULT = Path("specs")
CLOCK = time.time
"""What tells the time; tests put another in its place."""


@click.command("status")
@click.argument("places", nargs=-1, metavar="[SPEC] [SITE]...")
@common.environment_option
@click.option(
    "--cluster", "clusters", multiple=True, metavar="NAME", help="Only this, or CLUSTER/SITE."
)
@click.option("--job", "jobs", multiple=True, metavar="NAME", help="Only this job; repeatable.")
@click.option(
    "--kubeconfig",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The kubeconfig file. [default: as kubectl finds it]",
)
@click.option("--context", metavar="NAME", help="The context, where one cluster is asked.")
@click.option(
    "--engine-context", metavar="NAME", help="The context of the cluster that Argo CD runs on."
)
@click.option("--no-cluster", is_flag=True, help="Ask no cluster, whatever the spec names.")
@click.option(
    "--remote", default="", metavar="NAME|URL",
    help="Where the published branches are. [default: this clone's remote for each repo.url]",
)  # fmt: skip
@click.option(
    "--write", "writes", is_flag=True,
    help="Write what sidecars reported as the statuses of our records in the clusters.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="With --write: say what would be written.")
@click.option("--all", "every", is_flag=True, help="List what is ready as well, site by site.")
@common.templates_option
@credentials.profile_option
@trust.host_option
@trust.branch_option
@common.format_option
@common.guarded
def command(
    places: tuple[str, ...],
    environments: tuple[str, ...],
    clusters: tuple[str, ...],
    jobs: tuple[str, ...],
    kubeconfig: Path | None,
    context: str | None,
    engine_context: str | None,
    no_cluster: bool,
    remote: str,
    writes: bool,
    dry_run: bool,
    every: bool,
    templates: Path | None,
    profiles: tuple[str, ...],
    hosts: tuple[str, ...],
    main_branch: str | None,
    output_format: str,
) -> None:
    """Show how every model and job of SPEC (default: specs) stands: from Git, reports, clusters.

    Name a SITE to see everything that is known of it. A cluster is asked where --context,
    --kubeconfig or the spec's `context:` names it. Exit code 0: all is ready; 3: something is
    not; 6: something could not be asked. With --write, 0: all statuses are written; 6: not all.
    """
    gc.disable()
    from compiler import pipeline
    from compiler.commands import status_clusters, status_told, status_write
    from compiler.commands.status_wanted import compiled
    from compiler.model import wanted as rows_of
    from compiler.stages.lock.hosts import hosts_of_reports

    if no_cluster and (kubeconfig or context or engine_context or writes):
        raise click.UsageError("--no-cluster asks none; leave out what needs one")
    if dry_run and not writes:
        raise click.UsageError("--dry-run is of --write; without it nothing is written anyway")
    spec, sites = _places(places)
    request = pipeline.Request(
        root=spec, environments=environments, templates=common.own_templates(spec, templates)
    )
    found = compiled(request, sites, Diagnostics())
    for site in sites:
        common.check_name("site", site, found.sites)
    for job in jobs:
        common.check_name("job", job, found.jobs)
    check_known(clusters, [cluster for _, cluster in found.clusters.values()])
    rows = _of_clusters(rows_of.wanted_rows(found.tree, found.clusters), clusters, sites)
    rows = _chosen(rows, sites, jobs)
    _all_chosen(rows, sites, jobs)
    asked = hosts_of_reports(one.resolved for one in found.fronts)
    trust.check(spec, asked, main_branch, hosts, Diagnostics())
    stores = credentials.stores(profiles, (one.resolved for one in found.fronts))
    wishes = status_clusters.Wishes(kubeconfig, context, engine_context, spec, no_cluster)
    if writes:
        told = status_clusters.ask(status_write.of_records(rows), False, wishes)
    else:
        told = status_clusters.ask(rows, bool(sites), wishes)
    models = status_told.told(
        found, rows, told, wishes,
        stores=stores, spec=spec, remote=None if writes else remote, now=CLOCK(),
    )  # fmt: skip
    if writes:
        wrote = status_write.write(models.truths, told, wishes, dry_run=dry_run, now=models.now)
        _finish_write(told, models, wrote, output_format)
    left_out = 0 if sites or clusters else rows_of.unlabelled(found.tree)
    _finish(told, models, wishes, _Shown(output_format, every, bool(sites), left_out))


class _Shown(NamedTuple):
    """How rows are shown, and how many objects no row is about."""

    output_format: str
    every: bool
    detailed: bool
    left_out: int


def _places(places: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    """The spec and the sites: the first word is the spec where such a file or folder exists."""
    if places and Path(places[0]).exists():
        return Path(places[0]), places[1:]
    if places and ("/" in places[0] or "." in places[0]):
        # No site can be called so: it is a path, and nothing is there.
        raise click.UsageError(f"there is no folder {places[0]}")
    return DEFAULT, places


def _of_clusters(rows: Sequence[Any], clusters: Collection[str], sites: Iterable[str]) -> list[Any]:
    """The rows of some clusters, or of all; every site has to be on one of them."""
    kept = [row for row in rows if not clusters or row.cluster.names.intersection(clusters)]
    there = {row.site for row in kept}
    for site in sites:
        on = sorted({row.cluster.place for row in rows if row.site == site})
        if site not in there and on:
            raise click.UsageError(f"site {site} is on cluster {' and '.join(on)}, not on "
                                   f"{' or '.join(clusters)}")  # fmt: skip
    return kept


def _all_chosen(rows: Sequence[Any], sites: Iterable[str], jobs: Iterable[str]) -> None:
    """Whether every name on the command line has a row, so that none is left out in silence."""
    there, running = {row.site for row in rows}, {row.job for row in rows}
    for job in jobs:
        if job not in running:
            raise click.UsageError(f"job {job} has nothing at what else is chosen")
    for site in sites:
        if site not in there:
            raise click.UsageError(f"nothing that is chosen is at site {site}")


def _chosen(rows: Sequence[Any], sites: Collection[str], jobs: Collection[str]) -> list[Any]:
    """The rows of some sites and jobs, with what they share."""
    from compiler.model.wanted import PROJECT, ROOT

    of_jobs = [row for row in rows if not jobs or row.job in (*jobs, ROOT)]
    if not sites:
        return of_jobs
    mine = [row for row in of_jobs if row.site in sites]
    shared = {(row.cluster.target, row.job) for row in mine}
    targets = {row.cluster.target for row in mine}
    return mine + [
        row
        for row in of_jobs
        if not row.site
        and row.job != PROJECT
        and (
            (row.cluster.target, row.job) in shared
            or (row.job == ROOT and row.cluster.target in targets)
        )
    ]


def _finish(asked: Asked, models: Found, wishes: Wishes, shown: _Shown) -> None:
    from compiler.reports import status as report
    from compiler.reports import status_models

    judged = [wishes.with_flags(row) for row in asked.rows]
    problems = (*asked.problems, *models.problems)
    found = [
        *models.moves, *status_models.findings(models.truths), *report.findings(judged),
    ]  # fmt: skip
    next_steps = report.steps(found, problems)
    if _nobody(asked, models):
        next_steps.append(_ASK)
    diagnostics = Diagnostics()
    diagnostics.extend(problems)
    if shown.output_format == "text":
        click.echo(_text(judged, asked, models, shown), nl=False)
        click.echo(report.left_out_line(shown.left_out), nl=False)
        click.echo(report.step_lines(next_steps), nl=False)
    result = {
        **_data(asked, models),
        "rows": [report.as_dict(row) for row in judged],
        "objectsLeftOut": shown.left_out,
        "next": next_steps,
    }
    common.finish(shown.output_format, result, diagnostics, _status(asked, models, problems))


def _finish_write(asked: Asked, models: Found, wrote: Wrote, output_format: str) -> None:
    """Say what was written and nothing else: how the fleet stands is another run's question."""
    diagnostics = Diagnostics()
    diagnostics.extend([*models.problems, *wrote.problems])
    failed = any(one.severity is Severity.ERROR for one in diagnostics.found)
    if output_format == "text":
        for line in wrote.lines():
            click.echo(line)
    result = {
        **_data(asked, models), "rows": [], "objectsLeftOut": 0, "next": [],
        "written": wrote.facts(),
    }  # fmt: skip
    common.finish(output_format, result, diagnostics, common.OUTSIDE_WORLD if failed else 0)


def _data(asked: Asked, models: Found) -> dict[str, Any]:
    from compiler.model.status_schema import FORMAT
    from compiler.reports import status_models

    return {
        "format": FORMAT,
        "models": [status_models.as_dict(one, models.now) for one in models.truths],
        "rollouts": list(models.rollouts),
        "branches": list(models.branches),
        "reports": dict(models.silent),
        "clusters": [_source(one) for one in asked.sources],
        "written": None,
    }


def _status(asked: Asked, models: Found, problems: Sequence[Diagnostic]) -> int:
    from compiler.reports import status_models

    unseen = any(one.severity is Severity.ERROR for one in problems)
    unseen |= any(row.verdict is Verdict.UNKNOWN for row in asked.rows)
    unseen |= status_models.unknown(models.truths)
    if unseen or _nobody(asked, models):
        return common.OUTSIDE_WORLD
    ready = all(row.verdict is Verdict.READY for row in asked.rows)
    return 0 if ready and status_models.all_ready(models.truths) else NOT_READY


def _nobody(asked: Asked, models: Found) -> bool:
    """Whether there was nobody to ask that knows what runs."""
    return not asked.rows and all(one.verdict is Verdict.UNKNOWN for one in models.truths)


_ASK = {
    "verdict": str(Verdict.UNKNOWN),
    "why": "nobody was asked that knows what runs",
    "rows": 0,
    "command": None,
    "hint": 'Add --context NAME, or let sidecars report: reports: {uri: "STORE:reports/"}',
}


def _text(judged: Sequence[Any], asked: Asked, models: Found, shown: _Shown) -> str:
    from compiler.reports import status as report
    from compiler.reports import status_models

    lines = [status_models.rollout_line(one) for one in models.rollouts]
    rollouts = "".join(f"{line}\n" for line in lines) + ("\n" if lines else "")
    if shown.detailed:
        parts = [status_models.details(one, models.waits) for one in models.truths]
        parts += [report.details(row) for row in judged]
        return "".join(f"{part}\n" for part in parts) + rollouts
    summary = status_models.summary(models.truths, every=shown.every)
    notes = "".join(f"{note}\n" for note in models.notes) + ("\n" if models.notes else "")
    clusters = report.summary(judged, asked.sources, every=shown.every)
    return f"{summary}{rollouts}{notes}{clusters}\n"


def _source(one: Any) -> Mapping[str, Any]:
    return {
        "environment": one.environment,
        "cluster": one.cluster,
        "site": one.site or None,
        "asked": one.asked or None,
        "problem": one.problem or None,
        "notAsked": one.unasked or None,
    }
