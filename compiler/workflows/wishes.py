"""What is wanted of each model at each site, read from what is compiled, with the reason for it.

The version is the one that the compiled InferenceModel names, so that no second place decides it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from compiler.model.diagnostics import Diagnostics
from compiler.model.lock import LockedArtifact
from compiler.model.plan import Record
from compiler.model.truth import Wish
from compiler.model.wanted import PREFIX, Wanted, sidecar_revision
from compiler.stages.plan.inputs import Chooser
from compiler.workflows.reasons import Reason, models_of, reason_of
from compiler.workshop import Front

RING = "ring"
"""The label by which sites are counted; rollouts begin with it by custom."""
_RUNS = {"Deployment": "deploy", "DaemonSet": "ds"}


def wishes(fronts: Sequence[Front], rows: Iterable[Wanted]) -> list[Wish]:
    """Every model of some rows, each job, site and model once, in the order of the rows."""
    by_name = {front.context.environment: front for front in fronts}
    rows = [row for row in rows if row.site]
    sites = {row.site for row in rows}
    reasons = {name: _reasons(front, sites) for name, front in by_name.items()}
    known = {name: _known(front) for name, front in by_name.items()}
    found: dict[tuple[str, str, str, str], Wish] = {}
    for row in rows:
        front = by_name[row.environment]
        for one in row.objects:
            if one.identity.kind != "InferenceModel":
                continue
            spec = one.data["spec"]
            key = (row.environment, row.job, row.site, str(spec["model"]))
            if key not in found:
                told = reasons[row.environment].get(key[1:])
                path = f"{one.unit.path}/{one.file}"
                found[key] = _wish(front, row, spec, path, told, known[row.environment])
    return list(found.values())


def _reasons(front: Front, sites: Collection[str]) -> dict[tuple[str, str, str], Reason]:
    """Why each job has each model at each of some sites, by job, site and model."""
    chooser = Chooser(front.resolved, Diagnostics())
    mine = [site for site in front.planner.names() if site in sites]
    found: dict[tuple[str, str, str], Reason] = {}
    for one in (*front.shared, *front.planner.at(mine).assignments):
        if isinstance(one.node, Record):
            continue
        for member in one.node.members:
            name = member.place.site
            for model in models_of(member) if name in sites else ():
                key = (one.node.job, name, model.name)
                if key not in found:
                    site = front.context.sites[name]
                    found[key] = reason_of(front, chooser, one.node.job, site, model)
    return found


def _known(front: Front) -> dict[str, dict[str, str]]:
    """The versions that the spec and the lock know, by model and digest."""
    found: dict[str, dict[str, str]] = {}
    for view in front.resolved.all_views:
        for name, model in view.models.items():
            mine = found.setdefault(name, {})
            for version, entry in model.versions.items():
                digests = [entry.sha256, *(one.sha256 for one in entry.variants.values())]
                mine.update({digest: version for digest in digests if digest})
    lock = front.resolved.lock
    for key, locked in lock.of(front.context.environment, "artifacts").items() if lock else ():
        kind, _, rest = key.partition("/")
        if kind == "models" and isinstance(locked, LockedArtifact):
            name, _, version = rest.partition(":")
            found.setdefault(name, {})[locked.sha256] = version.partition("/")[0]
    return found


def _wish(
    front: Front,
    row: Wanted,
    spec: Mapping[str, Any],
    record: str,
    told: Reason | None,
    known: Mapping[str, Mapping[str, str]],
) -> Wish:
    site = front.context.sites[row.site]
    name = str(spec["model"])
    model = front.resolved.view(row.site).models.get(name)
    versions = model.versions if model else {}
    return Wish(
        environment=row.environment,
        cluster=row.cluster,
        job=row.job,
        role=str(spec.get("role") or ""),
        site=row.site,
        ring=site.labels.get(RING, ""),
        model=name,
        version=str(spec.get("version") or ""),
        variant=str(spec.get("variant") or ""),
        digest=str(spec.get("digest") or ""),
        because=told.version if told else "",
        hardware=told.hardware if told else "",
        delivery=str(spec.get("delivery") or ""),
        files={f"{one.unit.path}/{one.file}": one.text for one in row.objects},
        record=record,
        configs=_configs(row),
        workload=_workload(row),
        known=known.get(name, {}),
        yanked={version: one.yanked for version, one in versions.items() if one.yanked},
    )


def _configs(row: Wanted) -> dict[str, str]:
    return {
        str((one.data["metadata"].get("labels") or {}).get(f"{PREFIX}role", "")): found
        for one in row.objects
        if (found := sidecar_revision(one.data))
    }


def _workload(row: Wanted) -> str:
    """What `kubectl exec` calls the pods of a row; empty where nothing runs for long."""
    names = (
        f"{_RUNS[one.identity.kind]}/{one.identity.name}"
        for one in row.objects
        if one.identity.kind in _RUNS
    )
    return next(names, "")
