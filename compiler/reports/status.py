"""The status of a fleet for a terminal and as JSON data.

A fleet of hundreds of sites fits a screen: each job is one line of counts, and sites with the
same fault are one line. Takes judged rows and returns text; shows what was not seen as such,
never as a blank. Nothing here judges.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from compiler.model.codes import world as codes
from compiler.model.diagnostics import Diagnostic
from compiler.model.observed import Engine, EngineState, Finding, Live, Pod, Verdict, Workload
from compiler.model.record import dataclass
from compiler.model.verdicts import Row
from compiler.model.wanted import PROJECT, ROOT, sidecar_revision, template_revision

NAMED_SITES = 4
STEPS = 10
_DIGITS = 8
_NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Source:
    """A cluster as it was asked: `asked` is context and address, `problem` what went wrong.

    `unasked` says why nobody asked it, which is no problem.
    """

    environment: str
    cluster: str
    site: str
    asked: str
    problem: str = ""
    unasked: str = ""


def summary(rows: Sequence[Row], sources: Sequence[Source], *, every: bool) -> str:
    """Counts for each job, then what is not ready; with `every`, the ready ones as well."""
    lines = []
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row.wanted.environment, row.wanted.cluster.name), []).append(row)
    for key, mine in groups.items():
        asked = [one for one in sources if (one.environment, one.cluster) == key]
        lines += [f"{' / '.join(key)}: {_asked(asked)}", *_counts(mine), ""]
    lines += _unasked(sources)
    shown = [row for row in rows if every or row.verdict is not Verdict.READY]
    if shown:
        lines += _table(shown, named=len(groups) > 1, every=every)
    return "\n".join(lines).rstrip("\n") + "\n"


def _unasked(sources: Sequence[Source]) -> Iterator[str]:
    """A line for each cluster that nobody asked; those of many sites count as one."""
    found = dict.fromkeys((one.environment, one.cluster, one.unasked) for one in sources)
    lines = [f"{where} / {name}: not asked: {why}" for where, name, why in found if why]
    yield from [*lines, ""] if lines else ()


def details(row: Row) -> str:
    """Everything that is known of one row."""
    wanted = row.wanted
    title = f"{_place(row)} {wanted.job}: {row.verdict} ({wanted.environment} / {_cluster(row)})"
    found = [("wanted", text) for text in _wanted_lines(row)]
    found += [("engine", _engine_line(one)) for one in row.engines]
    found += [("applied", text) for text in _applied_lines(row)]
    found += [("running", text) for one in row.workloads for text in _workload_lines(one)]
    found += [("running", f"{_NOT_SEEN}: {row.dark['running']}")] if "running" in row.dark else []
    found += [("node", _node_line(one.name, one.ready, one.since)) for one in row.nodes]
    found += [("node", f"{_NOT_SEEN}: {row.dark['node']}")] if "node" in row.dark else []
    found += [("reported", _record_line(one)) for one in row.records if one.get("status")]
    found += [("why", why_words(one.text, one.detail)) for one in row.findings]
    lines, before = [title], ""
    for word, text in found:
        lines.append(f"  {word if word != before else '':<9} {text}")
        before = word
    return "\n".join(lines) + "\n"


def findings(rows: Iterable[Row]) -> Iterator[tuple[str, Finding]]:
    """The worst finding of each row with its place; what is on its way needs nobody."""
    for row in rows:
        if row.verdict is not Verdict.PROGRESSING:
            yield from ((_place(row), one) for one in row.findings[:1])


def steps(
    found: Iterable[tuple[str, Finding]], problems: Iterable[Diagnostic] = ()
) -> list[dict[str, Any]]:
    """What to do next: each fault once, the worst and the most frequent first.

    A command, or, where no cluster could say more, the `hint` of the problem that was met.
    """
    hints = {f"{_NOT_SEEN}: {one.message}": _hint(one) for one in problems}
    grouped: dict[tuple[Verdict, str], tuple[str, list[str]]] = {}
    for place, one in found:
        hint = hints.get(one.text, "")
        if one.verdict is Verdict.PROGRESSING or not (one.step or hint):
            continue
        _, places = grouped.setdefault((one.verdict, one.text), ("" if hint else one.step, []))
        places.append(place)
    ordered = sorted(grouped.items(), key=lambda item: (-item[0][0].weight, -len(item[1][1])))
    return [
        {"verdict": str(verdict), "why": text, "rows": len(places), "command": step or None}
        | ({} if step else {"hint": hints[text]})
        for (verdict, text), (step, places) in ordered
    ]


def _hint(one: Diagnostic) -> str:
    """What to do about a problem; empty where a cluster can be asked what it does not permit."""
    return "" if one.code is codes.FORBIDDEN else one.hint or one.code.remedy


def step_lines(found: Sequence[Mapping[str, Any]]) -> str:
    """The steps for a terminal, or nothing."""
    if not found:
        return ""
    lines = ["What to do next"]
    for one in found[:STEPS]:
        rows = f" (the first of {one['rows']})" if one["rows"] > 1 else ""
        lines += [f"  {one['verdict']}: {one['why']}{rows}", f"    {one['command'] or one['hint']}"]
    if len(found) > STEPS:
        lines.append(f"  and {len(found) - STEPS} more faults; name a site to see its own")
    return "\n".join(lines) + "\n"


def left_out_line(count: int) -> str:
    """What no row is about, or nothing."""
    if not count:
        return ""
    noun = "object carries" if count == 1 else "objects carry"
    return f"{count:,} {noun} no label of ours: the engine speaks for them\n\n"


def as_dict(row: Row) -> dict[str, Any]:
    """One row as JSON data."""
    wanted = row.wanted
    return {
        "environment": wanted.environment,
        "cluster": wanted.cluster.name,
        "target": wanted.cluster.target,
        "job": wanted.job,
        "site": wanted.site or None,
        "verdict": str(row.verdict),
        "why": [
            {"verdict": str(one.verdict), "text": one.text, "detail": one.detail}
            for one in row.findings
        ],
        "wanted": _wanted(row),
        "engine": [_engine(one) for one in row.engines],
        "applied": {
            "objects": len(wanted.objects),
            "missing": list(row.missing),
            "older": list(row.older),
            "notSeen": list(row.unseen),
        },
        "running": [_workload(one) for one in row.workloads],
        "notSeen": dict(row.dark),
        "nodes": [{"name": n.name, "ready": n.ready, "since": n.since} for n in row.nodes],
        "reported": [_record(one) for one in row.records if one.get("status")],
    }


# The summary.


def _asked(sources: Sequence[Source]) -> str:
    reached = [one for one in sources if not one.problem]
    if len(sources) == 1:
        return sources[0].asked if reached else f"{_NOT_SEEN}: {sources[0].problem}"
    lost = len(sources) - len(reached)
    return f"{len(sources):,} clusters" + (f", {lost:,} of them {_NOT_SEEN}" if lost else "")


def _counts(rows: Sequence[Row]) -> Iterator[str]:
    jobs: dict[str, list[Row]] = {}
    for row in rows:
        jobs.setdefault(row.wanted.job, []).append(row)
    width = max(map(len, jobs))
    for job, mine in sorted(jobs.items(), key=lambda item: (item[0] in (ROOT, PROJECT), item[0])):
        verdicts = Counter(row.verdict for row in mine)
        told = ", ".join(f"{count:,} {verdict}" for verdict, count in sorted(
            verdicts.items(), key=lambda item: item[0].weight
        ))  # fmt: skip
        noun = "" if job in (ROOT, PROJECT) else _places(mine)
        revisions = _revisions(mine)
        yield f"  {job:<{width}}  {noun}{told}{revisions}"


def _places(rows: Sequence[Row]) -> str:
    sites = len({row.wanted.site for row in rows if row.wanted.site})
    return f"{sites:,} site{'' if sites == 1 else 's'}: " if sites else ""


def _revisions(rows: Sequence[Row]) -> str:
    """The revisions that the engine applied, the most frequent first."""
    found = Counter(one.revision for row in rows for one in row.engines if one.revision)
    if not found:
        return ""
    told = [f"{name} × {count:,}" for name, count in found.most_common(2)]
    more = f" and {len(found) - 2} more" if len(found) > 2 else ""
    return f" (applied: {next(iter(found)) if len(found) == 1 else ', '.join(told) + more})"


def _table(rows: Sequence[Row], *, named: bool, every: bool) -> Iterator[str]:
    """One line for all rows with the same verdict, job and reason."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        text = row.findings[0].text if row.findings else ""
        where = f"{row.wanted.environment} / {row.wanted.cluster.name}" if named else ""
        alone = row.wanted.site if every else ""
        key = (str(row.verdict.weight), where, row.wanted.job, text, alone)
        groups.setdefault(key, []).append(row)
    ordered = sorted(groups.items(), key=lambda item: (-int(item[0][0]), item[0][1:]))
    cells = [("VERDICT", "JOB", "SITES", "WHY")]
    for (_, where, job, text, _), mine in ordered:
        detail = mine[0].findings[0].detail if len(mine) == 1 and mine[0].findings else ""
        title = f"{job} ({where})" if where else job
        cells.append(
            (
                str(mine[0].verdict),
                title,
                listed([_place(row) for row in mine]),
                why_words(text, detail),
            )
        )
    yield from aligned(cells)


def aligned(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of cells, each column but the last as wide as its widest."""
    last = len(cells[0]) - 1
    widths = [max(len(line[column]) for line in cells) for column in range(last)]
    for line in cells:
        padded = (f"{text:<{width}}" for text, width in zip(line[:last], widths, strict=True))
        yield f"{'  '.join(padded)}  {line[last]}".rstrip()


def listed(names: Sequence[str]) -> str:
    """The first names, and the number of the others."""
    shown = ", ".join(names[:NAMED_SITES])
    more = len(names) - NAMED_SITES
    return f"{shown} and {more:,} more" if more > 0 else shown


def _place(row: Row) -> str:
    return row.wanted.site or row.wanted.cluster.site or "-"


def _cluster(row: Row) -> str:
    cluster = row.wanted.cluster
    return f"{cluster.name} / {cluster.site}" if cluster.site else cluster.name


def why_words(text: str, detail: str) -> str:
    """A finding in words."""
    return f"{text}: {detail}" if detail else text


# One row.


def _wanted(row: Row) -> dict[str, Any]:
    objects = [one.data for one in row.wanted.objects]
    return {
        "models": [
            {
                "model": spec.get("model"),
                "role": spec.get("role"),
                "version": spec.get("version"),
                "digest": spec.get("digest"),
            }
            for spec in (one["spec"] for one in objects if one["kind"] == "InferenceModel")
        ],
        "sidecarConfigs": _named(objects, sidecar_revision),
        "podTemplates": _named(objects, template_revision),
    }


def _named(objects: Iterable[Mapping[str, Any]], revision: Any) -> list[dict[str, str]]:
    found = ((str(one["metadata"]["name"]), revision(one)) for one in objects)
    return [{"name": name, "revision": text} for name, text in found if text]


def _wanted_lines(row: Row) -> Iterator[str]:
    wanted = _wanted(row)
    for one in wanted["models"]:
        digest = f", sha256 {one['digest'][:_DIGITS]}…" if one["digest"] else ", no digest"
        yield f"model {one['model']} {one['version']}{digest}"
    for one in wanted["sidecarConfigs"]:
        yield f"sidecar config {one['revision'][:_DIGITS]} ({one['name']})"
    for one in wanted["podTemplates"]:
        yield f"pod template {one['revision']} ({one['name']})"


def _engine(one: Engine) -> dict[str, str]:
    return {
        "kind": one.kind,
        "name": one.name,
        "namespace": one.namespace,
        "state": str(one.state),
        "revision": one.revision,
        "message": one.message,
    }


def _engine_line(one: Engine) -> str:
    state = _NOT_SEEN if one.state is EngineState.UNKNOWN else str(one.state)
    at = f" at {one.revision}" if one.revision else ""
    said = f": {one.message}" if one.message else ""
    return f"{one.kind} {one.namespace}/{one.name} {state}{at}{said}"


def _applied_lines(row: Row) -> Iterator[str]:
    count = len(row.wanted.objects)
    wrong = len(row.missing) + len(row.older) + len(row.unseen)
    yield f"{count - wrong} of {count} objects as compiled"
    for word, names in (("missing", row.missing), ("older", row.older), (_NOT_SEEN, row.unseen)):
        if names:
            yield f"{word}: {', '.join(names)}"


def _workload(one: Workload) -> dict[str, Any]:
    return {
        "kind": one.kind,
        "name": one.name,
        "role": one.role,
        "wanted": one.wanted,
        "updated": one.updated,
        "available": one.available,
        "pods": [_pod(pod) for pod in one.pods],
    }


def _pod(one: Pod) -> dict[str, Any]:
    return {
        "name": one.name,
        "node": one.node,
        "phase": one.phase,
        "restarts": one.restarts,
        "reason": one.reason,
        "message": one.message,
    }


def _workload_lines(one: Workload) -> Iterator[str]:
    role = f" ({one.role})" if one.role else ""
    counts = ""
    if one.kind in ("Deployment", "DaemonSet"):
        counts = (
            f": {one.available} of {one.wanted} available, {one.updated} of the newest revision"
        )
    yield f"{one.kind} {one.name}{role}{counts}"
    for pod in one.pods:
        where = f" on {pod.node}" if pod.node else " on no node"
        why = f", {pod.reason}" if pod.reason else ""
        restarts = f", {pod.restarts} restarts" if pod.restarts else ""
        yield f"  pod {pod.name}{where}: {pod.phase}{why}{restarts}"


def _node_line(name: str, ready: bool, since: str) -> str:
    return f"{name} {'ready' if ready else 'not ready'}" + (f" since {since}" if since else "")


def _record(live: Live) -> dict[str, Any]:
    status = live.get("status") or {}
    keys = ("phase", "version", "digest", "reason", "message", "reportedAt")
    return {"kind": live["kind"], "name": live["metadata"]["name"]} | {
        key: status[key] for key in keys if key in status
    }


def _record_line(live: Live) -> str:
    found = _record(live)
    words = [found.get("phase"), found.get("version"), found.get("message")]
    return f"{found['kind']} {found['name']}: {' '.join(str(word) for word in words if word)}"
