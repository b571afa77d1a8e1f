"""The real scheduler puts compiled pods on the hosts that spec and tree name, and only there.

Each tree meets the nodes of its `fleet:` and strangers that offer far more room: nodes of the
other layer, of another architecture, and without the site's labels. The scheduler prefers room,
so a pod that says too little of its place goes to a stranger; the control shows that it does.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import fleet, nodes, scheduling, trees
from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fleet import Fleet, Site
from tests.cluster.nodes import HOSTNAME, Host
from tests.cluster.process import await_true
from tests.cluster.scheduling import Verdict
from tests.cluster.trees import Target

SPECS = trees.REPOSITORY / "specs"
ENGINES = {"root", "apps"}
"""Directories of objects for an engine; nothing in them runs."""
ROOM = {"cpu": "1000", "memory": "4Ti", "ephemeral-storage": "40Ti"}
IDLE = 5
CUT_OFF = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
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
    """A control plane that schedules, evicts and has a stand-in for kubelets."""
    plane.start_scheduler()
    plane.start_controllers(evict=True)
    nodes.start_kubelets(plane)
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
    devices = {name for site in given for name in site.hosts[0].allocatable if "/" in name}
    room = {**ROOM, **dict.fromkeys(devices, "1000")}
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
        Host(name=f"stranger-{number}", arch=arch, labels=dict(labels), allocatable=room)
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
        # A DaemonSet's controller replaces the terms by one that names the node itself.
        for one in (*term.get("matchExpressions", ()), *term.get("matchFields", ()))
        if one["key"] in (HOSTNAME, "metadata.name")
        for value in one["values"]
    }


def test_replicas_per_host_are_one_on_each_host(judge: Api) -> None:
    cluster = _of("per-host")
    read = fleet.read(cluster.spec)
    there = sites(read, cluster)
    with scheduling.occupied(judge, [*hosts(there), *strangers(there)]):
        found = run(judge, list(cluster.objects()))
    assert sorted(one.node for one in found) == ["gate-a", "gate-b"]


@pytest.mark.parametrize(
    ("tree", "site", "word"),
    [
        ("serve-hot", "shop-1", "affinity"),
        ("joint-from-store", "north", "affinity"),
        ("joint-from-store", "cloud", "affinity"),
        ("joint-from-store", "cloud", "nodeSelector"),
        ("serve-rolling", "hall-2", "nodeSelector"),
    ],
)
def test_control_a_pod_without_one_of_its_words_goes_astray(
    tree: str, site: str, word: str, judge: Api
) -> None:
    cluster = _of(tree)
    read = fleet.read(cluster.spec)
    there = sites(read, cluster)
    with scheduling.occupied(judge, [*hosts(there), *strangers(there)]):
        found = run(judge, [_without(one, site, word) for one in cluster.objects()])
    lost = [one for one in found if one.work[2] == site]
    # To a stranger, or where a host of another site is as empty to a host of that one.
    assert all(one.node for one in lost)
    assert len(misplaced(read, found)) == len(misplaced(read, lost)) == len(lost)


def test_control_without_its_tolerations_a_pod_stays_out_of_a_tainted_site(judge: Api) -> None:
    cluster = _of("serve-hot")
    there = sites(fleet.read(cluster.spec), cluster)
    with scheduling.occupied(judge, hosts(there)):
        found = run(judge, [_without(one, "shop-1", "tolerations") for one in cluster.objects()])
    (lost,) = (one for one in found if one.work[2] == "shop-1")
    assert lost.node == ""
    assert "untolerated taint" in lost.words


def test_a_host_that_is_cut_off_keeps_its_edge_pods(judge: Api) -> None:
    cluster = _of("serve-hot")
    there = sites(fleet.read(cluster.spec), cluster)
    with scheduling.occupied(judge, hosts(there)):
        given = [_without(one, "shop-1", "nothing") for one in cluster.objects()]
        found = run(judge, given)
        for one in found:
            ours = [words for words in one.spec["tolerations"] if words["key"] in CUT_OFF]
            assert {words["key"] for words in ours} == set(CUT_OFF)
            assert all("tolerationSeconds" not in words for words in ours)
        brief = _brief(next(one for one in found if one.node == "shop-1-a"))
        judge.create(brief)
        await_true(lambda: _runs(judge, brief), 60, "the pod with one second runs")
        for site in there:
            _cut_off(judge, site.hosts[0])
        await_true(lambda: not _runs(judge, brief), 60, "the pod with one second is evicted")
        left = {one["metadata"]["name"]: one["metadata"] for one in judge.items("v1", "Pod")}
        for one in found:
            assert "deletionTimestamp" not in left[one.name]


def test_without_a_word_of_ours_the_server_gives_a_pod_five_minutes(judge: Api) -> None:
    bare = scheduling.pod("bare", {"containers": [{"name": "one", "image": "one"}]})
    made = judge.apply(bare, dry_run=True)
    limits = {one["key"]: one["tolerationSeconds"] for one in made["spec"]["tolerations"]}
    assert limits == dict.fromkeys(CUT_OFF, 300)


def test_the_stand_in_for_kubelets_runs_ends_and_drops_pods(judge: Api) -> None:
    steps = [{"name": "step", "image": "step"}]
    sidecar = {"name": "beside", "image": "beside", "restartPolicy": "Always"}
    template: dict[str, Any] = {
        "metadata": {"labels": {"app": "one"}},
        "spec": {
            "initContainers": [*steps, sidecar],
            "containers": [{"name": "one", "image": "one"}],
        },
    }
    pair = {"selector": {"matchLabels": {"app": "one"}}, "replicas": 2, "template": template}
    deployment = _object("apps/v1", "Deployment", pair)
    once = {**template, "spec": {**template["spec"], "restartPolicy": "Never"}}
    job = _object("batch/v1", "Job", {"template": once})
    with scheduling.occupied(judge, [Host(name="some-host", allocatable=ROOM)]):
        scheduling.submit(judge, [deployment, job])
        await_true(lambda: _condition(judge, deployment, "Available"), 60, "it is Available")
        await_true(lambda: _condition(judge, job, "Complete"), 60, "the Job is Complete")
        judge.delete(deployment, propagationPolicy="Background")
        await_true(
            lambda: not any(judge.items("v1", "Pod", labelSelector="pod-template-hash")),
            60,
            "the pods of a deleted Deployment are gone",
        )


def test_the_stand_in_for_kubelets_reports_a_new_node_ready(judge: Api) -> None:
    silent = nodes.node(Host(name="silent", allocatable=ROOM))
    del silent["status"]["conditions"]
    with scheduling.occupied(judge, []):
        judge.create(silent)
        await_true(lambda: _condition(judge, silent, "Ready"), 60, "the node is Ready")


def _of(tree: str) -> Cluster:
    return next(one for one in clusters() if one.spec.parent.name == tree)


def _without(one: Mapping[str, Any], site: str, word: str) -> dict[str, Any]:
    """A copy without a word of the pod's place, where the object is of the site."""
    changed = copy.deepcopy(dict(one))
    if changed["metadata"].get("labels", {}).get("edgewright.io/site") == site:
        for spec in scheduling.pod_specs(changed):
            spec.pop(word, None)
    return changed


def _brief(one: Verdict) -> dict[str, Any]:
    """A pod beside a compiled one that bears a lost connection for one second."""
    bears = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
        for key in CUT_OFF
    ]
    taints = [words for words in one.spec["tolerations"] if words["key"] not in CUT_OFF]
    spec = {
        "nodeSelector": {HOSTNAME: one.node},
        "tolerations": [*taints, *bears],
        "containers": [{"name": "one", "image": "one"}],
    }
    return scheduling.pod("brief", spec)


def _runs(api: Api, pod: Mapping[str, Any]) -> bool:
    name = pod["metadata"]["name"]
    found = [one for one in api.items("v1", "Pod") if one["metadata"]["name"] == name]
    return any(one["spec"].get("nodeName") for one in found)


def _cut_off(api: Api, host: Host) -> None:
    """What the control plane does to a node that it no longer hears."""
    taints = [nodes.taint(text) for text in host.taints]
    taints += [{"key": key, "effect": "NoExecute"} for key in CUT_OFF]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": host.name}}
    api.merge(node, {"spec": {"taints": taints}})


def _object(api_version: str, kind: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "default"}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}


def _condition(api: Api, one: Mapping[str, Any], name: str) -> bool:
    status = api.call("GET", api.path_of(one)).get("status", {})
    found = status.get("conditions") or ()
    return any(each["type"] == name and each["status"] == "True" for each in found)
