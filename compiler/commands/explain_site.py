"""Everything that comes to one site and why: where it is written, its jobs, versions and costs.

Gathers what planning and building decided, and asks nobody: what really runs there is told by
`status`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from compiler.commands.explain_fit import fit_facts, fit_lines
from compiler.commands.explain_rollout import (
    flow,
    head,
    refusal,
    rollout_facts,
    step_lines,
    where_text,
)
from compiler.commands.status_wanted import part
from compiler.model.backend import Assignment
from compiler.model.diagnostics import Diagnostics
from compiler.model.fleet import Site
from compiler.model.inputs import Artifact
from compiler.model.lockable import model_references
from compiler.model.manifest import Tree, UnitRole
from compiler.model.member import Member
from compiler.model.plan import Record
from compiler.model.readable import amount, duration
from compiler.pipeline import Prepared
from compiler.stages.compare.sites import first_install
from compiler.stages.plan.inputs import Chooser
from compiler.workflows.reasons import line, models_of, reason_of
from compiler.workshop import Front

_CONDITIONS = ("layer", "site", "host")


def site_facts(prepared: Prepared, front: Front, name: str) -> dict[str, Any]:
    """Everything of a site in one environment that has it."""
    site, resolved = front.context.sites[name], front.resolved
    cluster = front.context.cluster_of(name)
    own = front.planner.at((name,)).assignments
    tree = part(prepared.workshop, (name,), Diagnostics())
    objects = _objects(tree, cluster.target, name)
    environment = resolved.spec.environments.get(resolved.environment)
    return {
        "site": name,
        "environment": resolved.environment,
        "environmentWhere": where_text(environment.where) if environment else "",
        "namespace": front.context.namespace,
        "at": line(site.span),
        "cluster": cluster.name,
        "target": cluster.target,
        "engine": cluster.gitops.engine,
        "layer": site.layer,
        "profile": site.profile.name,
        "hardware": _hardware(site),
        "hosts": [host.name for host in site.hosts],
        "labels": dict(site.labels),
        "link": {
            "rate": site.link_rate, "window": site.link_window, "timezone": site.timezone,
        },
        "overrides": list(_overrides(front, site)),
        "jobs": list(_jobs(front, site, (*front.shared, *own))),
        "costs": _costs(objects),
        "fit": fit_facts(site, objects, resolved),
    }  # fmt: skip


def render(facts: Mapping[str, Any]) -> str:
    """The facts as lines for a terminal."""
    return "\n".join((*_head(facts), *_job_lines(facts), *_cost_lines(facts), *_end(facts))) + "\n"


# Facts.


def _hardware(site: Site) -> str:
    profile = site.profile
    parts = [profile.arch, f"cpu {profile.cpu}", f"memory {profile.memory}"]
    parts += [f"disk {profile.disk}"] if profile.disk else []
    if profile.accelerator:
        parts.append(f"{profile.accelerator.count} × {profile.accelerator.name}")
    return ", ".join(parts)


def _overrides(front: Front, site: Site) -> Iterator[dict[str, Any]]:
    for one in front.resolved.spec.overrides:
        if one.where.matches(site.facts):
            yield {
                "at": line(one.span),
                "where": where_text(one.where),
                "sets": [f"{path}: {value}" for path, value in _leaves(one.set)],
                "reason": one.reason or "",
            }


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every value of a nested mapping with its dotted path."""
    if not isinstance(value, Mapping):
        yield path, flow(value)
        return
    for key, one in value.items():
        yield from _leaves(one, f"{path}.{key}" if path else str(key))


def _jobs(front: Front, site: Site, assignments: Iterable[Assignment]) -> Iterator[dict[str, Any]]:
    found: dict[str, list[tuple[Assignment, Member]]] = {}
    for one in assignments:
        if not isinstance(one.node, Record):
            for member in one.node.members:
                if member.place.site == site.name:
                    found.setdefault(one.node.job, []).append((one, member))
    chooser = Chooser(front.resolved, Diagnostics())
    for job, mine in sorted(found.items()):
        spec = front.resolved.view(site.name).jobs.get(job) or front.resolved.base.jobs[job]
        members = [member for _, member in mine]
        yield {
            "job": job,
            "kind": spec.kind,
            "at": line(spec.span),
            "because": list(_placed(spec, members)),
            "backends": sorted({one.backend for one, _ in mine}),
            "roles": sorted({member.role for member in members}),
            "updates": sorted({_update(member) for member in members}),
            "models": list(_models(front, chooser, job, site, members)),
            "others": sorted({_other(one) for one in _artifacts(members) if one.kind != "model"}),
            "rollouts": list(_rollouts(front, job, site)),
        }


def _placed(job: Any, members: Iterable[Member]) -> Iterator[str]:
    """Why the job is at the site: its `place:`, or that of its roles here."""
    roles = getattr(job, "workers", None)
    for role in sorted({member.role for member in members}):
        mine = getattr(roles, role, None) or (roles or {}).get(role) if roles else None
        place = getattr(mine, "place", None) or getattr(job, "place", None)
        if place is None:
            yield f"{role}: it has no `place:`, so every site has it"
            continue
        words = [f"{key} {value}" for key in _CONDITIONS if (value := getattr(place, key))]
        words += [f"where {where_text(place.where)}"] if place.where else []
        yield f"{role}: place is {', '.join(words) or 'every site'} ({line(place.span)})"


def _update(member: Member) -> str:
    found = member.delivery
    if found is None or found.mode == "native":
        return f"{member.role}: native, no sidecar brings its bytes"
    window = f", fetches {found.window}" if found.window else ""
    return f"{member.role}: {found.update} update by the sidecar{window}"


def _models(
    front: Front, chooser: Chooser, job: str, site: Site, members: Iterable[Member]
) -> Iterator[dict[str, Any]]:
    seen = set()
    for model in (model for member in members for model in models_of(member)):
        if (model.name, model.version) in seen:
            continue
        seen.add((model.name, model.version))
        told = reason_of(front, chooser, job, site, model)
        artifact = model if isinstance(model, Artifact) else None
        yield {
            "model": model.name,
            "version": model.version,
            "variant": told.variant,
            "because": told.version,
            "hardware": told.hardware,
            "selection": _selection(front, model.name),
            "digest": artifact.sha256 if artifact else None,
            "size": artifact.size if artifact else None,
            "unpacked": artifact.unpacked if artifact else None,
            "at": line(artifact.span if artifact else model.span),
        }


def _selection(front: Front, model: str) -> dict[str, Any] | None:
    """What the lock says of a model that is selected: why, and why each other version is not."""
    resolved = front.resolved
    found = resolved.lock.target(resolved.environment, model) if resolved.lock else None
    if found is None:
        return None
    span = resolved.lock.span(resolved.environment, "targets", model) if resolved.lock else None
    return {
        "version": found.version,
        "reason": found.reason,
        "rejected": dict(found.rejected),
        "at": line(span),
    }


def _artifacts(members: Iterable[Member]) -> Iterator[Artifact]:
    for member in members:
        for binding in member.inputs:
            if isinstance(binding.input, Artifact):
                yield binding.input
        yield from member.delivery.artifacts if member.delivery else ()


def _other(one: Artifact) -> str:
    return f"{one.kind} {one.name}" + (f":{one.version}" if one.version else "")


def _rollouts(front: Front, job: str, site: Site) -> Iterator[dict[str, Any]]:
    spec = front.resolved.view(site.name).jobs.get(job) or front.resolved.base.jobs[job]
    for reference in model_references(spec):
        found = rollout_facts(front, job, reference, [site])
        if found is not None:
            steps = spec.rollout.steps  # type: ignore[attr-defined] # facts are of a rollout
            first = True
            told = []
            for step in steps:
                why = refusal(step, job, site)
                told.append(why or ("takes it" if first else "has it already"))
                first = first and bool(why)
            yield {**found, "here": told}


def _objects(tree: Tree, target: str, name: str) -> list[Mapping[str, Any]]:
    return [
        one.data
        for path, directory in tree.directories.items()
        if path == f"{target}/{UnitRole.SITES.value}/{name}"
        for one in directory.objects
    ]


def _costs(objects: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the site fetches, were it new."""
    found = first_install(objects)
    return {
        "download": found.download,
        "unsized": found.unsized,
        "artifacts": list(found.artifacts),
        "seconds": found.seconds,
        "window": found.window,
        "openings": found.nights,
    }


# Words.


def _head(facts: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"{facts['site']}: {facts['layer']} site of cluster {facts['cluster']} "
        f"(environment {facts['environment']}, namespace {facts['namespace']})"
    )
    yield f"  written at {facts['at']}"
    if facts["environmentWhere"]:
        yield f"  in {facts['environment']} because it takes where {facts['environmentWhere']}"
    yield f"  profile {facts['profile']}: {facts['hardware']}"
    hosts = ", ".join(facts["hosts"]) or "none named: any node that its selector takes"
    yield f"  hosts: {hosts}"
    if facts["labels"]:
        yield f"  labels: {', '.join(f'{k}={v}' for k, v in facts['labels'].items())}"
    link = facts["link"]
    if link["rate"] or link["window"]:
        zone = f" ({link['timezone']})" if link["timezone"] else ""
        window = f", bytes move {link['window']}{zone}" if link["window"] else ""
        yield f"  link: {link['rate'] or 'no rate stated'}{window}"
    for one in facts["overrides"]:
        said = f": {one['reason']}" if one["reason"] else ""
        yield f"  override at {one['at']}{said}"
        yield from (f"    sets {text}" for text in one["sets"])


def _job_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    if not facts["jobs"]:
        yield ""
        yield "No job comes here."
    for job in facts["jobs"]:
        yield ""
        yield f"jobs.{job['job']}: {job['kind']}, written at {job['at']}"
        yield f"  by {', '.join(job['backends'])}"
        yield from (f"  {text}" for text in (*job["because"], *job["updates"]))
        for model in job["models"]:
            yield from (f"  {text}" for text in _model_lines(model))
        yield from (f"  {text}" for text in job["others"])
        for one in job["rollouts"]:
            yield f"  {one['model']}: {head(one)} (written at {one['at']})"
            if not one["over"]:
                yield from (f"    {text}" for text in step_lines(one, one["here"]))


def _model_lines(model: Mapping[str, Any]) -> Iterator[str]:
    variant = f", variant {model['variant']}" if model["variant"] else ""
    size = f", {amount(model['size'])}" if model["size"] is not None else ""
    yield f"model {model['model']}:{model['version']}{variant}{size}"
    if model["because"]:
        yield f"  because {model['because']}"
    if model["hardware"]:
        yield f"  hardware: {model['hardware']}"
    if chosen := model["selection"]:
        yield f"  selected: {chosen['version']}, {chosen['reason']} ({chosen['at']})"
        yield from (f"    not {version}: {why}" for version, why in chosen["rejected"].items())


def _cost_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    costs = facts["costs"]
    yield ""
    yield "What it costs, were the site new"
    if not costs["artifacts"]:
        yield "  nothing to fetch"
    else:
        unsized = f" and {costs['unsized']} of unknown size" if costs["unsized"] else ""
        yield f"  fetches {amount(costs['download'])}{unsized}: {', '.join(costs['artifacts'])}"
    if costs["seconds"] is not None:
        window = (
            f", in {costs['openings']} of its windows {costs['window']}"
            if costs["openings"]
            else ""
        )
        yield f"  {duration(costs['seconds'])} on its link{window}"


def _end(facts: Mapping[str, Any]) -> Iterator[str]:
    yield from fit_lines(facts["fit"])
    yield ""
    yield f"What runs there: edgewright status {facts['site']}"
