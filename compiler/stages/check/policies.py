"""Holds the user's policies over the output: expressions of CEL, with the values that broke them.

A policy sees what its `per:` says and nothing else, so that a list never grows with the fleet: one
object; the objects of one site; of a cluster and of the fleet the sites with their counts. A policy
that has no value on what it sees is an error of its own, never a pass.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from compiler.model.codes import gates as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.fleet import Cluster, Site
from compiler.model.manifest import Directory, Unit, UnitRole
from compiler.model.record import dataclass
from compiler.model.resolved import Resolved
from compiler.model.spec.sections import PolicySpec
from compiler.stages.check.cel import CelError, Evidence, evidence_of
from compiler.stages.check.cel_values import Program

SCOPES: Mapping[str, tuple[str, ...]] = {
    "object": ("object", "site", "project", "environment"),
    "site": ("objects", "site", "project", "environment"),
    "cluster": ("cluster", "sites", "kinds", "project", "environment"),
    "fleet": ("clusters", "sites", "kinds", "project", "environment"),
}
"""What a policy sees, by its `per:`."""
SHOWN = 4
LONG = 70
_COUNTED = frozenset((UnitRole.BASE, UnitRole.INPUTS, UnitRole.JOBS, UnitRole.SITES))


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy, ready to be held."""

    spec: PolicySpec
    program: Program
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many objects of each kind a directory has."""

    unit: Unit
    kinds: Mapping[str, int]


def read_policies(
    specs: Iterable[PolicySpec], texts: Mapping[str, str], diagnostics: Diagnostics
) -> tuple[Policy, ...]:
    """Compile policies; what is wrong in one is reported at its place in the line."""
    found = []
    for spec in specs:
        try:
            program, evidence = evidence_of(spec.assert_, SCOPES[spec.per])
        except CelError as error:
            span = _place(spec.span_of("assert_"), spec.assert_, error.at, texts)
            message = f"policy {spec.name}: {error}"
            hint = f"per: {spec.per} sees {', '.join(SCOPES[spec.per])}"
            diagnostics.add(codes.POLICY_MALFORMED, message, span, hint)
        else:
            found.append(Policy(spec, program, evidence))
    return tuple(found)


class Holder:
    """Holds the policies of one environment over what is built of it."""

    @classmethod
    def of(cls, resolved: Resolved, texts: Mapping[str, str], diagnostics: Diagnostics) -> Holder:
        """A holder of an environment's policies; `texts` are the spec's files by name."""
        policies = read_policies(resolved.spec.policies, texts, diagnostics)
        return cls(policies, resolved.project, resolved.environment)

    def __init__(self, policies: Sequence[Policy], project: str, environment: str) -> None:
        self.by_scope = {
            scope: [one for one in policies if one.spec.per == scope] for scope in SCOPES
        }
        self.common = {"project": project, "environment": environment}

    @property
    def counts(self) -> bool:
        """Whether any policy sees more than one directory."""
        return bool(self.by_scope["cluster"] or self.by_scope["fleet"])

    def hold(
        self, directories: Iterable[Directory], sites: Mapping[str, Site], diagnostics: Diagnostics
    ) -> None:
        """Hold what sees one object or one site over some directories."""
        if not (self.by_scope["object"] or self.by_scope["site"]):
            return
        for directory in directories:
            own = sites.get(directory.unit.name) if directory.unit.role is UnitRole.SITES else None
            site = _site(own) if own else {"name": ""}
            if self.by_scope["object"]:
                self._objects(directory, site, sites, diagnostics)
            if own is None:
                continue
            data = [one.data for one in directory.objects]
            variables = {**self.common, "site": site, "objects": data}
            for policy in self.by_scope["site"]:
                for code, text in _judge(policy, variables):
                    diagnostics.add_at_site(code, text, own.name, own.span, policy.spec.span)

    def _objects(
        self,
        directory: Directory,
        site: Mapping[str, Any],
        sites: Mapping[str, Site],
        diagnostics: Diagnostics,
    ) -> None:
        for one in directory.objects:
            own = sites.get(one.origin.site)
            of = site if own is None or own.name == site["name"] else _site(own)
            variables = {**self.common, "object": one.data, "site": of}
            for policy in self.by_scope["object"]:
                for code, text in _judge(policy, variables):
                    place = f"{directory.unit.path}/{one.file}"
                    diagnostics.add_at_place(code, text, place, policy.spec.span)

    def hold_across(
        self,
        counted: Sequence[Tally],
        clusters: Mapping[str, Cluster],
        sites: Mapping[str, Site],
        diagnostics: Diagnostics,
    ) -> None:
        """Hold what sees counts; `clusters` are those of the environment by their target."""
        if not self.counts:
            return
        mine = [one for one in counted if one.unit.target in clusters]
        rows = {target: _rows(mine, target, clusters[target], sites) for target in clusters}
        totals = {target: _total(mine, target) for target in clusters}
        for target, cluster in sorted(clusters.items()):
            seen = {
                **self.common,
                "cluster": _cluster(cluster, totals[target]),
                "sites": rows[target],
                "kinds": totals[target],
            }
            for policy in self.by_scope["cluster"]:
                for code, text in _judge(policy, seen):
                    message = f"cluster {cluster.place}: {text}"
                    diagnostics.add(code, message, policy.spec.span)
        every: Counter[str] = Counter()
        for one in totals.values():
            every.update(one)
        seen = {
            **self.common,
            "clusters": [_cluster(clusters[target], totals[target]) for target in sorted(clusters)],
            "sites": [row for target in sorted(rows) for row in rows[target]],
            "kinds": dict(sorted(every.items())),
        }
        for policy in self.by_scope["fleet"]:
            for code, text in _judge(policy, seen):
                diagnostics.add(code, text, policy.spec.span)


def tallies(directories: Iterable[Directory]) -> tuple[Tally, ...]:
    """The counts of what runs; what engines read and what is set up once is left out."""
    return tuple(
        Tally(one.unit, Counter(str(each.data.get("kind")) for each in one.objects))
        for one in directories
        if one.unit.role in _COUNTED
    )


def tally_of(unit: Unit, identities: Iterable[str]) -> Tally:
    """The counts of a directory of which only the names of its objects are known."""
    kinds = (text.partition("/")[0].partition(".")[0] for text in identities)
    return Tally(unit, Counter(kinds) if unit.role in _COUNTED else {})


def _judge(policy: Policy, variables: Mapping[str, Any]) -> Iterator[tuple[Any, str]]:
    name = policy.spec.name
    try:
        value = policy.program(variables)
    except CelError as error:
        yield codes.POLICY_UNDECIDED, f"policy {name} has no value: {error}"
        return
    if value is True:
        return
    if value is not False:
        shown = _short(value)
        yield codes.POLICY_UNDECIDED, f"policy {name} is {shown}, neither true nor false"
        return
    said = f": {policy.spec.message}" if policy.spec.message else ""
    why = "; ".join(_told(policy.evidence, variables))
    yield codes.POLICY_BROKEN, f"policy {name} is broken{said}{f' ({why})' if why else ''}"


def _told(evidence: Iterable[Evidence], variables: Mapping[str, Any]) -> list[str]:
    """The values that speak for themselves: sides of comparisons, and the first that failed."""
    found: list[str] = []
    for one in evidence:
        if one.condition is not None:
            found += _first_failing(one, variables)
        elif one.text[:1] not in "'\"0123456789[-":
            try:
                found.append(f"{_cut(one.text)} is {_short(one.value(variables))}")
            except CelError:
                continue
    return list(dict.fromkeys(found))[:SHOWN]


def _first_failing(one: Evidence, variables: Mapping[str, Any]) -> Iterator[str]:
    condition = one.condition
    try:
        items = list(one.value(variables))
    except CelError:
        return
    for item in items:
        inner = {**variables, one.variable: item}
        try:
            holds = condition is None or condition(inner) is True
        except CelError:
            holds = False
        if not holds:
            told = ", ".join(_told(one.parts, inner))
            yield f"not for {_named(item)}{f': {told}' if told else ''}"
            return


def _named(item: Any) -> str:
    if isinstance(item, Mapping):
        metadata = item.get("metadata")
        if isinstance(metadata, Mapping):
            return f"{item.get('kind')} {metadata.get('name')}"
        if "name" in item:
            return str(item["name"])
    return _short(item)


def _short(value: Any) -> str:
    return _cut(json.dumps(value, ensure_ascii=False, default=str))


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONG else f"{flat[: LONG - 1]}…"


def _site(site: Site) -> dict[str, Any]:
    return {
        "name": site.name,
        "cluster": site.cluster,
        "layer": site.layer,
        "profile": site.profile.name,
        "labels": dict(site.labels),
        "vars": dict(site.vars),
        "hosts": [host.name for host in site.hosts],
    }


def _cluster(cluster: Cluster, kinds: Mapping[str, int]) -> dict[str, Any]:
    return {
        "name": cluster.place,
        "engine": cluster.gitops.engine,
        "kubernetes": list(cluster.kubernetes),
        "kinds": kinds,
    }


def _rows(
    counted: Iterable[Tally], target: str, cluster: Cluster, sites: Mapping[str, Site]
) -> list[dict[str, Any]]:
    kinds = {
        one.unit.name: dict(sorted(one.kinds.items()))
        for one in counted
        if one.unit.target == target and one.unit.role is UnitRole.SITES
    }
    mine = [
        site
        for site in sites.values()
        if site.cluster == cluster.name and cluster.site in ("", site.name)
    ]
    return [{**_site(site), "kinds": kinds.get(site.name, {})} for site in mine]


def _total(counted: Iterable[Tally], target: str) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in counted:
        if one.unit.target == target:
            found.update(one.kinds)
    return dict(sorted(found.items()))


def _place(span: Span | None, text: str, at: int | None, texts: Mapping[str, str]) -> Span | None:
    """The place in a text that is written on one line; else where the text begins."""
    if span is None or at is None or "\n" in text:
        return span
    lines = texts.get(span.file, "").splitlines()
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    start = line.find(text, span.column - 1)
    return Span(span.file, span.line, start + at + 1) if start >= 0 else span


__all__ = ["Holder", "Policy", "Tally", "read_policies", "tallies", "tally_of"]
