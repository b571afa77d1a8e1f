"""What there is to say of one job: sites, backends with reasons, fields, versions, warnings.

Gathers facts from a prepared spec and words them. Decides nothing: every reason that it shows
was given by the planner, a backend or the one function that chooses versions.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from compiler.model.backend import Assignment
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.inputs import Artifact, HostData
from compiler.model.member import Member
from compiler.model.plan import Record
from compiler.stages.plan.inputs import Chooser
from compiler.workflows.reasons import line, models_of, reason_of
from compiler.workshop import Front

NAMED_SITES = 6
Entry = TypeVar("Entry")


def job_facts(front: Front, name: str, site: str = "") -> dict[str, Any] | None:
    """Everything of a job in one environment; None where the environment has no such job.

    `site` limits the answer to one site; empty stands for all.
    """
    job = front.resolved.base.jobs.get(name)
    if job is None:
        return None
    mine = [
        one for one in front.assignments
        if one.node.job == name and not isinstance(one.node, Record) and _touches(one, site)
    ]  # fmt: skip
    members = [
        member for one in mine for member in one.node.members if site in ("", member.place.site)
    ]
    sites = dict.fromkeys(member.place.site for member in members)
    return {
        "environment": front.context.environment,
        "job": name,
        "kind": job.kind,
        "at": line(job.span),
        "namespace": front.context.namespace,
        "sites": list(sites),
        "backends": list(_backends(front, mine)),
        "versions": list(_versions(front, name, members)),
        "delivery": list(_deliveries(members)),
        "warnings": list(_warnings(members)),
        "fields": list(_fields(mine)),
    }


def render(facts: Mapping[str, Any]) -> str:
    """The facts as lines for a terminal."""
    count = len(facts["sites"])
    lines = [
        f"jobs.{facts['job']}: {facts['kind']}, environment {facts['environment']}, "
        f"namespace {facts['namespace']}",
        f"  written at {facts['at']}",
        f"  {_count(count, 'site')}: {_named(facts['sites'])}" if count else "  no site here",
    ]
    lines += _section("Backends", facts["backends"], _backend_lines)
    lines += _section("Models", facts["versions"], _version_lines)
    lines += _section("Delivery", facts["delivery"], _delivery_lines)
    lines += _section("Say it aloud", facts["warnings"], _warning_lines)
    if facts["fields"]:
        width = max(len(field["field"]) for field in facts["fields"])
        lines += ["", "Fields: what becomes of each (* written in the spec)"]
        lines += [_field_line(field, width) for field in facts["fields"]]
    return "\n".join(lines) + "\n"


# Facts.


def _touches(assignment: Assignment, site: str) -> bool:
    return not site or any(place.site == site for place in assignment.node.places)


def _backends(front: Front, assignments: Iterable[Assignment]) -> Iterator[dict[str, Any]]:
    def key(one: Assignment) -> tuple[Any, ...]:
        sites = dict.fromkeys(place.site for place in one.node.places)
        clusters = dict.fromkeys(front.context.cluster_of(site).name for site in sites)
        return tuple(clusters), type(one.node).__name__, one.backend, one.lowered_from, one.reasons

    for (clusters, node, backend, lowered, reasons), group in _grouped(assignments, key).items():
        yield {
            "clusters": list(clusters),
            "node": node,
            "backend": backend,
            "count": len(group),
            "loweredBy": lowered,
            "reasons": [reason for reason in reasons if not reason.startswith("lowered by ")],
            "chosen": "backend: in the spec" if group[0].node.backend else "",
        }


def _versions(front: Front, name: str, members: Iterable[Member]) -> Iterator[dict[str, Any]]:
    chooser = Chooser(front.resolved, Diagnostics())
    rows: dict[tuple[str, ...], dict[str, None]] = {}
    for member in members:
        site = front.context.sites[member.place.site]
        for found in models_of(member):
            told = reason_of(front, chooser, name, site, found)
            row = (found.name, found.version, told.variant, told.version, told.hardware)
            rows.setdefault((*row, _where_from(found)), {})[site.name] = None
    for (model, version, variant, reason, why, source), sites in sorted(rows.items()):
        yield {
            "model": model,
            "version": version,
            "variant": variant,
            "reason": reason,
            "variantReason": why,
            "from": source,
            "sites": list(sites),
        }


def _where_from(found: Artifact | HostData) -> str:
    if isinstance(found, HostData):
        return f"host:{found.path}, UNVERIFIED: bytes of the host have no digest"
    return f"{found.location.url}, sha256 {found.sha256[:12]}…"


def _deliveries(members: Iterable[Member]) -> Iterator[dict[str, Any]]:
    def key(member: Member) -> tuple[Any, ...]:
        found = member.delivery
        if found is None:
            return (member.role, "native", "", "")
        return (member.role, found.mode, found.update, found.window)

    for (role, mode, update, window), group in _grouped(members, key).items():
        unverified = mode == "native" and any(member.inputs for member in group)
        yield {
            "role": role,
            "mode": mode,
            "update": update,
            "window": window,
            "unverified": unverified,
            "sites": list(dict.fromkeys(member.place.site for member in group)),
        }


def _warnings(members: Iterable[Member]) -> Iterator[str]:
    def key(member: Member) -> tuple[str, ...]:
        return member.role, *(d.path for d in member.worker.devices if not d.resource)

    for (role, *devices), group in _grouped(members, key).items():
        sites = _named(list(dict.fromkeys(member.place.site for member in group)))
        if devices:
            yield (
                f"PRIVILEGED: {role} runs in a privileged container for {', '.join(devices)}, "
                f"which has no device-plugin resource in the profile ({sites})"
            )
        if any(member.worker.user.uid == 0 for member in group):
            yield f"ROOT: {role} runs as uid 0 ({sites})"
        if any(member.worker.host_network for member in group):
            yield f"HOST NETWORK: {role} shares the network of its host ({sites})"


def _fields(assignments: Iterable[Assignment]) -> Iterator[dict[str, Any]]:
    found: dict[tuple[str, str, str, str, str], Span | None] = {}
    for one in assignments:
        for field, answer in one.answers.items():
            key = (field, answer.answer.value, answer.reason, answer.needs, one.backend)
            written = _written(one, field)
            found[key] = found.get(key) or written
    several = len({backend for *_, backend in found}) > 1
    for (field, word, reason, needs, backend), span in found.items():
        yield {
            "field": field,
            "answer": word,
            "reason": reason,
            "needs": needs,
            "backend": backend if several else "",
            "at": line(span),
        }


def _written(assignment: Assignment, field: str) -> Span | None:
    """The line that wrote a field of the node, or of any of its workers."""
    if not field.startswith("worker."):
        return assignment.node.fields.get(field)
    key = field.removeprefix("worker.")
    spans = (member.worker.fields.get(key) for member in assignment.node.members)
    return next((span for span in spans if span is not None), None)


# Words.


def _section(title: str, rows: list[Any], lines: Callable[[Any], Iterator[str]]) -> list[str]:
    return ["", title, *(f"  {line}" for row in rows for line in lines(row))] if rows else []


def _backend_lines(row: Mapping[str, Any]) -> Iterator[str]:
    clusters = ", ".join(row["clusters"]) or "no cluster"
    made = f", lowered by {row['loweredBy']}" if row["loweredBy"] else ""
    yield f"{row['backend']} on {clusters}: {_count(row['count'], row['node'])}{made}"
    if row["chosen"]:
        yield f"  chosen by {row['chosen']}"
    yield from (f"  not {reason}" for reason in row["reasons"])


def _version_lines(row: Mapping[str, Any]) -> Iterator[str]:
    variant = f", variant {row['variant']}" if row["variant"] else ""
    yield (
        f"{row['model']}:{row['version']}{variant}: "
        f"{_count(len(row['sites']), 'site')} ({_named(row['sites'])})"
    )
    why = [text for text in (row["reason"], row["variantReason"]) if text]
    if why:
        yield f"  because {'; '.join(why)}"
    yield f"  from {row['from']}"


def _delivery_lines(row: Mapping[str, Any]) -> Iterator[str]:
    if row["mode"] == "native":
        how = "native: the backend or the host brings the bytes"
        how += ", UNVERIFIED" if row["unverified"] else ""
    else:
        how = f"sidecar: fetched, verified by sha256, {row['update']} update"
    when = f", fetches {row['window']}" if row["window"] else ""
    yield f"{row['role']}: {how}{when} ({_named(row['sites'])})"


def _warning_lines(row: str) -> Iterator[str]:
    yield row


def _field_line(row: Mapping[str, Any], width: int) -> str:
    mark = "*" if row["at"] else " "
    needs = f" (needs implements: {row['needs']})" if row["needs"] else ""
    backend = f" [{row['backend']}]" if row["backend"] else ""
    return f"{mark} {row['field']:<{width}}  {row['answer']:<8}  {row['reason']}{needs}{backend}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _named(names: list[str]) -> str:
    shown = ", ".join(names[:NAMED_SITES])
    more = len(names) - NAMED_SITES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _grouped(entries: Iterable[Entry], key: Callable[[Entry], Hashable]) -> dict[Any, list[Entry]]:
    found: dict[Any, list[Entry]] = {}
    for entry in entries:
        found.setdefault(key(entry), []).append(entry)
    return found
