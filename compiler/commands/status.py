"""`edgewright status`: what is wanted beside what the clusters say, one verdict for each row.

Wanted is what the spec compiles to; what runs comes from each cluster's API server, by a few
list requests. What could not be asked is shown as such. Changes nothing anywhere.
"""

from __future__ import annotations

import gc
import shlex
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from compiler.commands import common, credentials, trust
from compiler.commands.clusters import check_known, context_of, several
from compiler.model.diagnostics import Diagnostic, Diagnostics, Severity
from compiler.model.observed import Snapshot, Verdict
from compiler.model.suggest import did_you_mean

NOT_READY = 3
"""Every cluster answered, and something is not ready."""
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
@click.option(
    "--reports",
    "with_reports",
    is_flag=True,
    help="Show what the sidecars of each named SITE report, and why they have what they have.",
)
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
    with_reports: bool,
    every: bool,
    templates: Path | None,
    profiles: tuple[str, ...],
    hosts: tuple[str, ...],
    main_branch: str | None,
    output_format: str,
) -> None:
    """Show what the clusters say of every job and site of SPEC (default: specs).

    Name a SITE to see everything that is known of it. Exit code 0: all is ready; 3: something is
    not; 6: something could not be asked.
    """
    gc.disable()
    from compiler import pipeline
    from compiler.commands.status_wanted import compiled
    from compiler.model import wanted as rows_of
    from compiler.stages.lock.hosts import hosts_of_reports

    spec, sites = _places(places)
    request = pipeline.Request(
        root=spec, environments=environments, templates=common.own_templates(spec, templates)
    )
    found = compiled(request, sites, Diagnostics())
    _known("site", sites, found.sites)
    _known("job", jobs, found.jobs)
    check_known(clusters, [cluster for _, cluster in found.clusters.values()])
    rows = _of_clusters(rows_of.wanted_rows(found.tree, found.clusters), clusters, sites)
    rows = _chosen(rows, sites, jobs)
    _all_chosen(rows, sites, jobs)
    wishes = _Wishes(kubeconfig, context, engine_context)
    if with_reports:
        asked = hosts_of_reports(one.resolved for one in found.fronts)
        trust.check(spec, asked, main_branch, hosts, Diagnostics())
    said, unread = _said(found, rows, sites, profiles) if with_reports else ([], [])
    judged, sources, problems = _judged(rows, bool(sites), wishes)
    left_out = 0 if sites or clusters else rows_of.unlabelled(found.tree)
    shown = _Shown(output_format, every, bool(sites), left_out, said)
    _finish(judged, sources, (*problems, *unread), wishes, shown)


class _Shown(NamedTuple):
    """How rows are shown, how many objects no row is about, and what sidecars reported."""

    output_format: str
    every: bool
    detailed: bool
    left_out: int
    said: list[dict[str, Any]]


def _said(
    found: Any, rows: Sequence[Any], sites: Collection[str], profiles: Iterable[str]
) -> tuple[list[dict[str, Any]], tuple[Diagnostic, ...]]:
    """What the sidecars of the sites reported, and why some of it could not be read."""
    from compiler.commands.status_reports import reported

    if not sites:
        raise click.UsageError("--reports speaks of sites: name them")
    diagnostics = Diagnostics()
    stores = credentials.stores(profiles, (one.resolved for one in found.fronts))
    said = reported(found.fronts, rows, sites, stores, CLOCK(), diagnostics)
    return said, diagnostics.in_order()


class _Wishes:
    """How clusters are reached, and how a command line says the same."""

    def __init__(
        self, kubeconfig: Path | None, context: str | None, engine_context: str | None
    ) -> None:
        self.kubeconfig = kubeconfig
        self.context = context
        self.engine_context = engine_context

    def command_line(self, step: str, context: str) -> str:
        """A step with the flags that lead it to the same cluster."""
        program, _, rest = step.partition(" ")
        if program not in ("kubectl", "flux"):
            return step
        flags = [f"--kubeconfig {shlex.quote(str(self.kubeconfig))}"] if self.kubeconfig else []
        flags += [f"--context {shlex.quote(context)}"] if context else []
        return " ".join((program, *flags, rest))


def _places(places: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
    """The spec and the sites: the first word is the spec where such a file or folder exists."""
    if places and Path(places[0]).exists():
        return Path(places[0]), places[1:]
    if places and ("/" in places[0] or "." in places[0]):
        # No site can be called so: it is a path, and nothing is there.
        raise click.UsageError(f"there is no folder {places[0]}")
    return DEFAULT, places


def _known(noun: str, names: Iterable[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            hint = did_you_mean(name, sorted(known))
            raise click.UsageError(f"there is no {noun} {name}. {hint}".rstrip())


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


def _judged(rows: Sequence[Any], narrow: bool, wishes: _Wishes) -> tuple[Any, ...]:
    """Rows, sources and problems, after every cluster was asked."""
    from compiler.adapters.cluster_state import ask_all
    from compiler.model.verdicts import View, judge
    from compiler.model.wanted import narrowed, questions
    from compiler.reports.status import Source

    sites = narrowed(rows) if narrow else frozenset()
    asked = questions(rows, sites)
    contexts = _contexts(rows, wishes)
    lacking = {target: found for target, found in contexts.items() if isinstance(found, Diagnostic)}
    wished = {t: (contexts[t], asked[t]) for t in asked if t not in lacking}
    replies = ask_all(wished, wishes.kubeconfig)
    snapshots = {target: reply.snapshot for target, reply in replies.items()}
    names = {target: reply.name for target, reply in replies.items()}
    problems = [problem for reply in replies.values() for problem in reply.problems]
    for target, diagnostic in lacking.items():
        snapshots[target] = Snapshot(unasked=diagnostic.message)
        names[target] = ""
        problems.append(diagnostic)
    views = {target: View.of(snapshot) for target, snapshot in snapshots.items()}
    engines, more = _engine_views(rows, asked, wishes)
    problems += more
    judged = [
        judge(row, views[row.cluster.target], engines.get(row.cluster.target), sites)
        for row in rows
    ]
    sources = [
        Source(
            environment=row.environment,
            cluster=row.cluster.name,
            site=row.cluster.site,
            asked=names[row.cluster.target],
            problem="" if names[row.cluster.target] else _first(snapshots[row.cluster.target]),
        )
        for row in {row.cluster.target: row for row in rows}.values()
    ]
    return judged, sources, tuple(dict.fromkeys(problems))


def _first(snapshot: Snapshot) -> str:
    answers = [one.problem for one in snapshot.answers.values() if one.problem]
    return answers[0] if answers else snapshot.unasked


def _contexts(rows: Sequence[Any], wishes: _Wishes) -> dict[str, Any]:
    """The context of each target, or what is to be said where there is none."""
    clusters = {row.cluster.target: row.cluster for row in rows}
    others = several(clusters.values(), wishes.context)
    return {
        target: context_of(cluster, wishes.context, others=others)
        for target, cluster in clusters.items()
    }


def _engine_views(
    rows: Sequence[Any], asked: Mapping[str, Any], wishes: _Wishes
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


def _finish(
    judged: Sequence[Any],
    sources: Sequence[Any],
    problems: tuple[Diagnostic, ...],
    wishes: _Wishes,
    shown: _Shown,
) -> None:
    from compiler.reports import status as report

    unseen = any(one.severity is Severity.ERROR for one in problems)
    seen = all(row.verdict is not Verdict.UNKNOWN for row in judged) and not unseen
    ready = all(row.verdict is Verdict.READY for row in judged)
    status = (0 if ready else NOT_READY) if seen else common.OUTSIDE_WORLD
    judged = [_with_flags(row, wishes) for row in judged]
    next_steps = report.steps(judged, problems)
    diagnostics = Diagnostics()
    diagnostics.extend(problems)
    if shown.output_format == "text":
        text = "".join(f"{report.details(row)}\n" for row in judged) if shown.detailed else ""
        click.echo(text or f"{report.summary(judged, sources, every=shown.every)}\n", nl=False)
        for line in _reported_lines(shown.said):
            click.echo(line)
        click.echo(report.left_out_line(shown.left_out), nl=False)
        click.echo(report.step_lines(next_steps), nl=False)
    result = {
        "clusters": [
            {
                "environment": one.environment,
                "cluster": one.cluster,
                "site": one.site or None,
                "asked": one.asked or None,
                "problem": one.problem or None,
            }
            for one in sources
        ],
        "rows": [report.as_dict(row) for row in judged],
        "objectsLeftOut": shown.left_out,
        "reported": shown.said,
        "next": next_steps,
    }
    common.finish(shown.output_format, result, diagnostics, status)


def _reported_lines(said: list[dict[str, Any]]) -> list[str]:
    from compiler.commands.status_reports import lines

    return list(lines(said)) if said else []


def _with_flags(row: Any, wishes: _Wishes) -> Any:
    """A row whose steps can be run as they are printed."""
    cluster = row.wanted.cluster
    context = wishes.context or cluster.context
    findings = tuple(
        replace(one, step=wishes.command_line(one.step, context)) for one in row.findings
    )
    return replace(row, findings=findings)
