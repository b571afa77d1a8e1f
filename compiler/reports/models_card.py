"""The card of a model, or of one of its versions, as text for a terminal.

Words facts; it decides nothing, and it shortens lists of sites and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compiler.reports.models_words import metric_words, sites

Facts = Mapping[str, Any]


def render(facts: Facts) -> str:
    """The card of a model with the versions that were asked for."""
    return "".join(f"{line}\n" for line in _card(facts))


def _card(facts: Facts) -> Iterator[str]:
    yield f"{facts['model']}: {facts['task'] or 'no task stated'}"
    for key in ("framework", "license"):
        if facts[key]:
            yield f"  {key}: {facts[key]}"
    if facts["classes"]:
        yield f"  classes: {', '.join(facts['classes'])}"
    yield f"  written at {facts['at']}"
    yield from _wanted(facts)
    for one in facts["versions"]:
        yield ""
        yield from _version(one, placed=facts["deployedKnown"])


def _wanted(facts: Facts) -> Iterator[str]:
    """Which versions are in use, and what a selection said of each."""
    wanted: dict[str, list[str]] = {}
    for environment, version in facts["targets"].items():
        wanted.setdefault(version, []).append(environment)
    for version, environments in wanted.items():
        yield f"  in use: {version} ({', '.join(environments)})"
    for one in facts["selection"]:
        yield f"  selected in {one['environment']}: {one['version']}, {one['reason']}"
        for version, why in one["rejected"].items():
            yield f"    not {version}: {why}"


def _version(one: Facts, *, placed: bool) -> Iterator[str]:
    wanted = f", wanted in {', '.join(one['targetOf'])}" if one["targetOf"] else ""
    yield f"{one['model']}:{one['version']}{wanted}"
    if one["yanked"]:
        yield f"  YANKED: {one['yanked']}"
    if one["edge"]:
        yield f"  a pair: {one['edge']} at the edge, {one['cloud']} in the cloud"
    for build in one["builds"]:
        yield from _build(build)
    yield from _gates(one["gates"])
    lineage = list(_tree(one["lineage"]))
    if len(lineage) > 1:
        yield "  comes from"
        yield from (f"  {line}" for line in lineage[1:])
    if one["descendants"]:
        yield f"  led to {', '.join(one['descendants'])}"
    if one["golden"]:
        yield f"  known input: {one['golden']}"
    yield from _runs(one["runs"], placed)


def _build(build: Facts) -> Iterator[str]:
    name = f"variant {build['variant']}: " if build["variant"] else ""
    if build["uri"]:
        digest = f", sha256 {build['sha256'][:12]}…" if build["sha256"] else ", no digest yet"
        digest = ", UNVERIFIED: bytes of the host" if build["uri"].startswith("host:") else digest
        size = f", {build['size']:,} bytes" if build["size"] is not None else ""
        yield f"  {name}{build['uri']}{digest}{size}"
    kind = [word for word in (build["framework"], build["format"]) if word]
    needs = [f"{key} {_need(value)}" for key, value in build["needs"].items()]
    if kind or needs:
        yield "    " + "; ".join(filter(None, (", ".join(kind), _listed("needs ", needs))))
    for side in ("inputs", "outputs"):
        for tensor in build[side]:
            shape = "×".join("?" if size == -1 else str(size) for size in tensor["shape"])
            yield f"    {side[:-1]} {tensor['name']}: {tensor['datatype']} {shape}"
    for metric in build["metrics"]:
        yield f"    measured: {metric_words(metric)}"


def _need(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{value['name']}" + (f" × {value['count']}" if value.get("count", 1) != 1 else "")
    return " or ".join(value) if isinstance(value, list | tuple) else str(value)


def _listed(words: str, entries: Sequence[str]) -> str:
    return f"{words}{', '.join(entries)}" if entries else ""


def _gates(gates: Sequence[Facts]) -> Iterator[str]:
    for gate in gates:
        variant = f" (variant {gate['variant']})" if gate["variant"] else ""
        profile = f" at {gate['profile']}" if gate["profile"] else ""
        word = "passes" if gate["holds"] else "FAILS"
        yield f"  {word} the gate on {gate['gate']}{profile}{variant}: {gate['why']}"
        if gate["fits"]:
            yield f"    {gate['fits']}"


def _tree(node: Facts, words: str = "") -> Iterator[str]:
    """A version and, indented below it, what it comes from."""
    yanked = f" (yanked: {node['yanked']})" if node.get("yanked") else ""
    yield f"{words}{node['version']}{yanked}"
    below = [f"data {name}" for name in node.get("trainedOn", ())]
    below += [f"job {node['job']}"] if node.get("job") else []
    for line in below:
        yield f"  {line}"
    for key in ("base", "edge", "cloud"):
        if key in node:
            for line in _tree(node[key], f"{key} "):
                yield f"  {line}"


def _runs(runs: Sequence[Facts], placed: bool) -> Iterator[str]:
    if not placed:
        yield "  where it runs is not known: the spec does not compile, see `edgewright check`"
    elif not runs:
        yield "  runs nowhere"
    for run in runs:
        why = f": {run['reason']}" if run["reason"] else ""
        yield f"  runs in {run['job']} ({run['environment']}) at {sites(run['sites'])}{why}"
