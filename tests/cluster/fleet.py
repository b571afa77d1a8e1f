"""The fleet of a spec as its author wrote it: sites, their hosts as nodes, and where jobs belong.

Read from the YAML files and the table of sites alone, so that what is expected of the scheduler
does not come from the compiler. Only what placement needs is read: no artifact, no rollout and
no lock; of `set:` and of overrides, only the jobs that they remove.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from ryaml import loads  # type: ignore[attr-defined]

from tests.cluster.nodes import Host

EDGE_NODE = {"node-role.kubernetes.io/edge": "", "node-role.kubernetes.io/agent": ""}
"""What KubeEdge puts on the nodes that it joins; it adds no taint."""
ROLE = {"sync": "node"}
"""The role of a kind's pods where the job itself names no worker."""
POOL = 2
"""Nodes that a site has whose hosts the spec does not list."""
_SCALES = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGT", 1)},
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGT", 1)},
}

Tree = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One site: where it is, what `where` may ask about it, and its nodes.

    `listed` tells hosts that the spec names from nodes that only labels tell; `kubeedge` whether
    KubeEdge joins the edge nodes of its cluster.
    """

    name: str
    cluster: str
    layer: str
    hosts: tuple[Host, ...]
    listed: bool
    kubeedge: bool
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A spec: its sections merged over all files, and its sites by name."""

    spec: Tree
    sites: Mapping[str, Site]

    def at(self, cluster: str, site: str = "") -> list[Site]:
        """The sites of a cluster; of one site where each site is a cluster of its own."""
        return [
            one for one in self.sites.values() if one.cluster == cluster and site in ("", one.name)
        ]

    def names(self, site: str) -> frozenset[str]:
        """The host names of a site."""
        return frozenset(host.name for host in self.sites[site].hosts)

    def jobs(self, environment: str) -> dict[str, Tree]:
        """The jobs that an environment has."""
        own = (self._environment(environment).get("set") or {}).get("jobs") or {}
        return {
            name: job for name, job in self.spec["jobs"].items() if own.get(name, job) is not None
        }

    def hosts_of(self, job: str, role: str, site: str) -> frozenset[str]:
        """The hosts of a site that a role of a job may run on; empty: none, it has no work here."""
        place = _place(self.spec["jobs"][job], role)
        found = self.sites[site]
        if not _covers(place, found) or self._removed(job, found):
            return frozenset()
        return frozenset(
            host.name for host in found.hosts if place.get("host") in (None, host.name)
        )

    def expected(
        self, environment: str, cluster: str, site: str = ""
    ) -> dict[tuple[str, str, str], frozenset[str]]:
        """Every (job, role, site) that has work, with the hosts that this work may run on."""
        mine = self._environment(environment).get("where")
        found = {}
        for name, job in self.jobs(environment).items():
            for one in self.at(cluster, site):
                if mine is not None and not _matches(mine, one.facts):
                    continue
                for role in job.get("workers") or (ROLE.get(job["kind"], "worker"),):
                    if hosts := self.hosts_of(name, role, one.name):
                        found[name, role, one.name] = hosts
        return found

    def _environment(self, name: str) -> Tree:
        return (self.spec.get("environments") or {}).get(name) or {}

    def _removed(self, job: str, site: Site) -> bool:
        for override in self.spec.get("overrides") or ():
            jobs = override["set"].get("jobs") or {}
            if job in jobs and jobs[job] is None and _matches(override["where"], site.facts):
                return True
        return False


def read(folder: Path) -> Fleet:
    """Read the spec in a folder."""
    spec: dict[str, Any] = {}
    for file in sorted(folder.glob("*.yaml")):
        for section, value in loads(file.read_text(encoding="utf-8")).items():
            if isinstance(value, dict):
                spec[section] = {**spec.get(section, {}), **value}
            else:
                spec[section] = value
    written = dict(spec["fleet"].get("sites") or {})
    if "sitesFrom" in spec["fleet"]:
        written.update(_table(folder / spec["fleet"]["sitesFrom"]))
    sites = {name: _site(name, one, spec["fleet"]) for name, one in sorted(written.items())}
    return Fleet(spec, sites)


def amount(text: Any) -> Decimal:
    """A Kubernetes quantity as a number."""
    words = str(text)
    digits = words.rstrip("mkMGTi")
    return Decimal(digits) * _SCALES[words[len(digits) :]]


def _table(file: Path) -> Iterator[tuple[str, Tree]]:
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            labels = {
                key.removeprefix("labels."): value
                for key, value in row.items()
                if key.startswith("labels.") and value
            }
            hosts = [one.partition("=")[0] for one in (row.get("hosts") or "").split(";") if one]
            kept = {key: row[key] for key in ("cluster", "layer", "profile")}
            yield row["name"], {**kept, "labels": labels, "hosts": dict.fromkeys(hosts)}


def _site(name: str, written: Tree, fleet: Tree) -> Site:
    profile = fleet["profiles"][written["profile"]]
    kubeedge = "kubeedge" in (fleet["clusters"][written["cluster"]].get("provides") or {})
    joined = kubeedge and written["layer"] == "edge"
    labels = {**(EDGE_NODE if joined else {}), **(written.get("nodeSelector") or {})}
    listed = list(written.get("hosts") or {})
    names = listed or [f"{name}-node-{number}" for number in range(1, POOL + 1)]
    own = {key: written[key] for key in ("profile", "layer", "cluster")}
    return Site(
        name=name,
        cluster=written["cluster"],
        layer=written["layer"],
        hosts=tuple(host(one, profile, labels) for one in names),
        listed=bool(listed),
        kubeedge=kubeedge,
        facts={**(written.get("labels") or {}), "site": name, **own},
    )


def host(name: str, profile: Tree, labels: Mapping[str, str]) -> Host:
    """A host of a profile: it gives pods what it has less what it keeps for itself."""
    kept = profile.get("reserved") or {}
    capacity = {"cpu": str(amount(profile["cpu"])), "memory": str(amount(profile["memory"]))}
    if "disk" in profile:
        capacity["ephemeral-storage"] = str(amount(profile["disk"]))
    accelerator = profile.get("accelerator") or {}
    if "resource" in accelerator:
        capacity[accelerator["resource"]] = str(accelerator.get("count", 1))
    for device in (profile.get("devices") or {}).values():
        if "resource" in device:
            # A device plugin offers a device that may be shared as often as it is told to.
            capacity[device["resource"]] = "10"
    allocatable = {
        key: str(amount(value) - amount(kept.get(key, 0))) for key, value in capacity.items()
    }
    taints = tuple(profile.get("taints") or ())
    return Host(
        name=name,
        arch=profile["arch"],
        labels=labels,
        taints=taints,
        allocatable=allocatable,
        capacity=capacity,
    )


def _place(job: Tree, role: str) -> Tree:
    own: Tree = (job.get("workers") or {}).get(role) or {}
    found: Tree = own.get("place") or job["place"]
    return found


def _covers(place: Tree, site: Site) -> bool:
    return (
        place.get("layer") in (None, site.layer)
        and place.get("site") in (None, site.name)
        and (place.get("host") is None or place["host"] in {one.name for one in site.hosts})
        and ("where" not in place or _matches(place["where"], site.facts))
    )


def _matches(where: Tree | Sequence[Tree], facts: Mapping[str, str]) -> bool:
    if isinstance(where, Mapping):
        return all(_is(facts.get(key), wanted) for key, wanted in where.items())
    return any(_matches(one, facts) for one in where)


def _is(value: str | None, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return not _is(value, wanted["not"])
    return value in (wanted if isinstance(wanted, list) else [wanted])
