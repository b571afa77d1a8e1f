"""What the sidecars of some sites reported, beside what they should have and why.

Asks the store of reports and no cluster. One entry for each job and site that brings a model;
what a site did not report is said as such.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from compiler.commands.explain_job import job_facts
from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.ports import Stores
from compiler.model.report import Report, ReportedArtifact
from compiler.model.stores import locate
from compiler.model.wanted import PREFIX, Wanted, sidecar_revision
from compiler.stages.gather import gather
from compiler.workshop import Front

SHORT = 12


def reported(
    fronts: Sequence[Front],
    rows: Iterable[Wanted],
    sites: Collection[str],
    stores: Stores,
    now: float,
    diagnostics: Diagnostics,
) -> list[dict[str, Any]]:
    """Entries in the order of the rows; a store that cannot be asked goes to `diagnostics`."""
    by_name = {front.context.environment: front for front in fronts}
    said = {name: _gathered(front, sites, stores, diagnostics) for name, front in by_name.items()}
    found = []
    for row in rows:
        reports = said.get(row.environment)
        if row.site not in sites or reports is None:
            continue
        facts = job_facts(by_name[row.environment], row.job, row.site)
        models = [one for one in facts["versions"] if one["model"]] if facts else []
        if models:
            mine = [one for one in reports if (one.site, one.job) == (row.site, row.job)]
            found.append(_entry(row, models, mine, now))
    return found


def lines(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """The entries for a terminal."""
    for entry in entries:
        yield f"{entry['site']} {entry['job']}: reported by its sidecars ({entry['environment']})"
        for one in entry["wanted"]:
            variant = f", variant {one['variant']}" if one["variant"] else ""
            yield f"  wanted    {one['model']}:{one['version']}{variant}, because {one['because']}"
        if not entry["reports"]:
            yield "  accepted  not known: nothing was ever reported"
        for said in entry["reports"]:
            yield from _report_lines(said)
        yield ""


def _gathered(
    front: Front, sites: Collection[str], stores: Stores, diagnostics: Diagnostics
) -> list[Report] | None:
    spec = front.resolved.spec
    if spec.reports is None:
        return None
    at = locate(spec.stores, spec.reports.uri)
    try:
        found = gather(stores, at, sites, spec.reports.span_of("uri"), diagnostics)
    except CompileError as error:
        diagnostics.extend(error.diagnostics)
        return None
    mine = (front.resolved.project, front.context.environment)
    return [one for one in found if (one.project, one.environment) == mine]


def _entry(
    row: Wanted, models: Sequence[Mapping[str, Any]], reports: Sequence[Report], now: float
) -> dict[str, Any]:
    wanted = [
        {"model": one["model"], "version": one["version"], "variant": one["variant"] or None,
         "because": one["reason"]}
        for one in models
    ]  # fmt: skip
    configs = {
        str((one.data["metadata"].get("labels") or {}).get(f"{PREFIX}role", "")): revision
        for one in row.objects
        if (revision := sidecar_revision(one.data))
    }
    return {
        "environment": row.environment,
        "site": row.site,
        "job": row.job,
        "wanted": wanted,
        "reports": [_report(one, configs.get(one.role, ""), now) for one in reports],
    }


def _report(one: Report, revision: str, now: float) -> dict[str, Any]:
    return {
        "host": one.host,
        "role": one.role,
        "ageSeconds": max(0, int(now - one.time)),
        "clockAheadSeconds": int(one.ahead),
        "revision": one.revision,
        "wantedRevision": revision or None,
        "accepted": one.revision == revision,
        "rejected": one.rejected or None,
        "reason": ": ".join(filter(None, (one.reason, one.detail))) or None,
        "artifacts": [_artifact(artifact) for artifact in one.artifacts],
    }


def _artifact(one: ReportedArtifact) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "wanted": one.version,
        "running": one.serves or (one.version if one.active == one.wanted else None),
        "state": one.state,
        "phase": one.phase or None,
        "reason": ": ".join(filter(None, (one.reason, one.detail))) or None,
    }


def _report_lines(said: Mapping[str, Any]) -> Iterator[str]:
    age = said["ageSeconds"]
    when = f"{age // 60} min ago" if age < 7200 else f"{age // 3600} h ago"
    yield f"  accepted  {_accepted(said)}; {said['host']} said so {when}"
    if abs(said["clockAheadSeconds"]) > 300:
        yield f"            its clock is {said['clockAheadSeconds']} s ahead of the store's"
    if said["reason"]:
        yield f"            {said['reason']}"
    for one in said["artifacts"]:
        if one["kind"] != "model":
            continue
        running = f"{one['name']}:{one['running']}" if one["running"] else f"no {one['name']}"
        why = f", since {one['reason']}" if one["reason"] else ""
        towards = "" if one["running"] == one["wanted"] else f", on the way to {one['wanted']}"
        yield f"  running   {running}{towards}: {one['state']}{why}"


def _accepted(said: Mapping[str, Any]) -> str:
    if said["accepted"]:
        return "the config that is compiled here"
    if said["rejected"]:
        return f"an earlier config, as the newest was refused: {said['rejected']}"
    other = f"another config than the one compiled here ({said['revision'][:SHORT]}…)"
    return other if said["wantedRevision"] else "a config that is not compiled here"
