"""The real scheduler puts compiled pods on the hosts that spec and tree name, and only there.

Each tree meets the nodes of its `fleet:` and strangers that offer far more room: nodes of the
other layer, of another architecture, and without the site's labels. The scheduler prefers room,
so a pod that says too little of its place goes to a stranger; the control shows that it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import fleet, scheduling, trees
from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fleet import Fleet, Site
from tests.cluster.nodes import HOSTNAME, Host
from tests.cluster.scheduling import Verdict
from tests.cluster.trees import Target

SPECS = trees.REPOSITORY / "specs"
ENGINES = {"root", "apps"}
"""Directories of objects for an engine; nothing in them runs."""
ROOM = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "40Ti"}
IDLE = 5
OTHER = {"amd64": "arm64", "arm64": "amd64"}


@dataclass(frozen=True, slots=True)
class Cluster:
    """One physical cluster: its spec and all targets that are applied to it."""

    spec: Path
    targets: tuple[Target, ...]

    @property
    def name(self) -> str:
        """A name for test ids."""
        return self.targets[0].name

    @property
    def key(self) -> tuple[str, str]:
        """The cluster's name, and the site's where each site is a cluster of its own."""
        _, _, cluster, *site = self.targets[0].path.split("/")
        return cluster, "".join(site)

    def objects(self) -> Iterator[Mapping[str, Any]]:
        """Everything that its targets put there, in order; the definitions are there already."""
        for target in self.targets:
            for unit in target.ordered():
                if unit.relative_to(target.folder).parts[0] in ENGINES:
                    continue
                for one in trees.manifests(unit):
                    if one.data["kind"] != "CustomResourceDefinition":
                        yield one.data

    def expected(self, read: Fleet) -> dict[tuple[str, str, str], frozenset[str]]:
        """What the spec says of all environments on this cluster."""
        found = {}
        for target in self.targets:
            found.update(read.expected(target.path.split("/")[1], *self.key))
        return found


def clusters() -> tuple[Cluster, ...]:
    """Every physical cluster of every golden tree and example."""
    found = []
    for target in trees.everything():
        project, _, *place = target.path.split("/")
        folder = target.output.parent / "spec"
        if target.output == trees.GENERATED:
            folder = _example(project)
        found.append(((str(folder), tuple(place)), target))
    found.sort(key=lambda pair: (pair[0], pair[1].path))
    return tuple(
        Cluster(Path(key[0]), tuple(target for _, target in group))
        for key, group in groupby(found, key=lambda pair: pair[0])
    )


def _example(project: str) -> Path:
    specs = (path for path in SPECS.iterdir() if (path / "fleet.yaml").is_file())
    return next(path for path in specs if fleet.read(path).spec["project"]["name"] == project)


@pytest.fixture(scope="module")
def judge(plane: ControlPlane) -> Api:
    """A control plane that schedules, without kubelets: what was placed stays as it was placed."""
    plane.start_scheduler()
    plane.start_controllers()
    api = plane.api()
    scheduling.prepare(api)
    return api


def sites(read: Fleet, cluster: Cluster) -> list[Site]:
    """The sites of a cluster that have work, and a few of its others."""
    busy = {site for _, _, site in cluster.expected(read)}
    there = read.at(*cluster.key)
    idle = [one for one in there if one.name not in busy]
    return [one for one in there if one.name in busy] + idle[:IDLE]


def hosts(given: Sequence[Site]) -> list[Host]:
    """The nodes of sites as the spec describes them."""
    return [host for site in given for host in site.hosts]


def strangers(given: Sequence[Site]) -> list[Host]:
    """Nodes with more room than any site's, each wrong for every site in one way at least."""
    found: dict[tuple[str, tuple[tuple[str, str], ...]], None] = {}
    for site in given:
        own = site.hosts[0]
        edge = fleet.EDGE_NODE if fleet.EDGE_NODE.keys() <= own.labels.keys() else {}
        selector = {key: value for key, value in own.labels.items() if key not in fleet.EDGE_NODE}
        other = {} if edge else fleet.EDGE_NODE
        if site.listed or selector:
            found[own.arch, _pairs(edge)] = None
        found[OTHER[own.arch], _pairs(own.labels)] = None
        if site.kubeedge:
            found[own.arch, _pairs({**other, **selector})] = None
    return [
        Host(name=f"stranger-{number}", arch=arch, labels=dict(labels), allocatable=ROOM)
        for number, (arch, labels) in enumerate(found)
    ]


def _pairs(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))


def run(api: Api, given: Sequence[Mapping[str, Any]]) -> list[Verdict]:
    """What became of every pod of these objects, Sedna's included."""
    pods = [
        pod
        for one in given
        if one["apiVersion"].startswith("sedna.io/")
        for pod in scheduling.worker_pods(one)
    ]
    scheduling.submit(api, [*given, *pods])
    return scheduling.verdicts(api)


def work(read: Fleet, one: Verdict) -> tuple[str, str, str]:
    """The job, role and site of a pod.

    A resource of Sedna's carries the name of its edge site; a member of it that has no place
    there is at the site of its node.
    """
    job, role, site = one.work
    if not read.hosts_of(job, role, site):
        site = next((name for name in read.sites if one.node in read.names(name)), site)
    return job, role, site


def misplaced(read: Fleet, found: Sequence[Verdict]) -> list[str]:
    """Every pod that is not where the spec, by job, role and site, says that it may be."""
    return [
        f"{one.name} is on {one.node or one.words!r}"
        for one in found
        if one.node not in read.hosts_of(*work(read, one))
    ]


@pytest.mark.parametrize("cluster", clusters(), ids=lambda cluster: cluster.name)
def test_every_pod_is_where_spec_and_tree_say(cluster: Cluster, judge: Api) -> None:
    read = fleet.read(cluster.spec)
    there = sites(read, cluster)
    wrong = strangers(there)
    assert wrong, "a cluster without strangers shows nothing"
    with scheduling.occupied(judge, [*hosts(there), *wrong]):
        found = run(judge, list(cluster.objects()))
    assert misplaced(read, found) == []
    assert {work(read, one) for one in found} == cluster.expected(read).keys()
    for one in found:
        assert one.node in (named(one.spec) or {one.node})


def named(spec: Mapping[str, Any]) -> set[str]:
    """The hosts that a pod's own affinity or selector names; empty where only labels tell."""
    if HOSTNAME in (spec.get("nodeSelector") or {}):
        return {spec["nodeSelector"][HOSTNAME]}
    required = spec.get("affinity", {}).get("nodeAffinity", {})
    terms = required.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    return {
        value
        for term in terms.get("nodeSelectorTerms", ())
        for one in term["matchExpressions"]
        if one["key"] == HOSTNAME
        for value in one["values"]
    }
