"""`edgewright graph`: models and datasets, jobs, and groups of sites as a Mermaid flowchart.

Sites are counted, never drawn one by one: a fleet of thousands stays one picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sized
from pathlib import Path
from typing import Any

import click

from compiler.commands import common
from compiler.model.diagnostics import Diagnostics
from compiler.model.suggest import did_you_mean

MOST_GROUPS = 24
"""Boxes of sites that one picture can hold and still be read."""


@click.command("graph")
@common.spec_argument
@common.environment_option
@click.option("--job", "jobs", multiple=True, metavar="NAME", help="Only this job; repeatable.")
@common.format_option
@common.guarded
def command(
    spec: Path, environments: tuple[str, ...], jobs: tuple[str, ...], output_format: str
) -> None:
    """Draw SPEC (default: specs) as a Mermaid flowchart: models, jobs, and where they run.

    Paste it into a Markdown file between ```mermaid and ```, or into a pull request.
    """
    from compiler import pipeline
    from compiler.reports import mermaid

    diagnostics = Diagnostics()
    request = pipeline.Request(root=spec, environments=environments)
    fronts = pipeline.prepare(request, diagnostics).workshop.fronts
    known = dict.fromkeys(name for front in fronts for name in front.resolved.base.jobs)
    for name in jobs:
        if name not in known:
            hint = did_you_mean(name, known)
            raise click.UsageError(
                f"there is no job {name}; there are: {', '.join(known)}. {hint}".rstrip()
            )
    text = mermaid.render(picture(fronts, jobs or tuple(known)))
    if output_format == "text":
        click.echo(text, nl=False)
        return
    common.finish(output_format, {"mermaid": text}, diagnostics, 0)


def picture(fronts: Iterable[Any], jobs: Iterable[str]) -> Any:
    """What is drawn of some jobs over all environments, as a `mermaid.Picture`."""
    from compiler.reports.mermaid import Picture

    fronts, wanted = list(fronts), dict.fromkeys(jobs)
    uses: dict[tuple[str, str, str], dict[str, set[tuple[str, str]]]] = {}
    sites: dict[str, dict[tuple[str, str], Any]] = {name: {} for name in wanted}
    backends: dict[str, dict[str, None]] = {name: {} for name in wanted}
    kinds: dict[str, str] = {}
    for front in fronts:
        environment = front.context.environment
        for name in wanted:
            if name in front.resolved.base.jobs:
                kinds.setdefault(name, front.resolved.base.jobs[name].kind)
        for one in front.assignments:
            if one.node.job not in wanted or not one.answers:
                continue
            backends[one.node.job][one.backend] = None
            for place in one.node.places:
                sites[one.node.job][environment, place.site] = front.context.sites[place.site]
            for kind, name, version, site in _inputs(one.node):
                found = uses.setdefault((kind, name, one.node.job), {})
                found.setdefault(version, set()).add((environment, site))
    groups = _groups([site for found in sites.values() for site in found.items()], len(fronts) > 1)
    totals = Counter(groups.values())
    runs = {
        (name, group): "" if count == totals[group] else f"{count:,}"
        for name, mine in sites.items()
        for group, count in Counter(groups[key] for key in mine).items()
    }
    words = {name: f"{kinds.get(name, '')} on {', '.join(backends[name])}" for name in wanted}
    return Picture(words, {key: _versions(found) for key, found in uses.items()}, runs)


def _versions(found: Mapping[str, Sized]) -> str:
    """The versions in use; several are shown with the number of their sites."""
    if len(found) == 1:
        return next(iter(found))
    return ", ".join(f"{version} × {len(where):,}" for version, where in sorted(found.items()))


def _inputs(node: Any) -> Iterator[tuple[str, str, str, str]]:
    """Kind, name, version and site of every model and dataset that a node consumes."""
    for member in node.members:
        site = member.place.site
        for binding in member.inputs:
            if getattr(binding.input, "kind", "") in ("model", "dataset"):
                yield binding.input.kind, binding.input.name, binding.input.version, site
    shares = [getattr(node, "dataset", None)]
    shares += [participant.share for participant in getattr(node, "participants", ())]
    for share in shares:
        if share is not None:
            yield "dataset", share.name, getattr(share.input, "version", ""), share.host


def _groups(found: Iterable[tuple[tuple[str, str], Any]], named: bool) -> dict[Any, Any]:
    """The group of each (environment, site): by profile, by cluster, or what is left together."""
    from compiler.reports.mermaid import Group

    sites = dict(found)
    keys = {key: (key[0], site.cluster, site.profile.name) for key, site in sites.items()}
    if len(set(keys.values())) > MOST_GROUPS:
        keys = {key: (key[0], site.cluster, "") for key, site in sites.items()}
    counts = Counter(keys.values())
    kept = {key for key, _ in counts.most_common(MOST_GROUPS)}
    rest = Group("other clusters", f"{len(counts) - len(kept):,} more clusters")
    made = {}
    for key in sorted(kept):
        environment, cluster, profile = key
        title = f"{environment} / {cluster}" if named else cluster
        count = f"{counts[key]:,} site{'' if counts[key] == 1 else 's'}"
        made[key] = Group(title, f"{profile}: {count}" if profile else count)
    return {key: made.get(group, rest) for key, group in keys.items()}
