"""What a compiled tree wants of clusters, cut into the rows of a status, and what to ask for it.

A row is one job at one site of one cluster; a job's objects that span sites are the row of no
site. Two more rows for each cluster hold what the engine starts from and the project's records.
Pure functions of the tree; nothing here asks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from compiler.model.contract import held, revision
from compiler.model.fleet import Cluster
from compiler.model.hashing import HASH_DIGITS, canonical_json, sha256
from compiler.model.manifest import Directory, Object, Tree, UnitRole
from compiler.model.observed import Question
from compiler.model.record import dataclass
from compiler.model.sync import shards

ROOT = "(root)"
PROJECT = "(project)"
"""Names of rows that are no job's; no job can be called so."""
PREFIX = "edgewright.io/"
JOB = "jobs."
WORKLOADS = ("Deployment", "DaemonSet", "Job", "CronJob")
SEDNA = "sedna.io/v1alpha1"
PODS = ("v1", "Pod")
NODES = Question("v1", "Node")
_HOSTNAME = "kubernetes.io/hostname"
_NAMESPACE = "kubernetes.io/metadata.name"
"""A label that every namespace has."""
_INSTANCE = "app.kubernetes.io/instance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One row as it is wanted: its objects, and the engine's objects that stand for them."""

    environment: str
    cluster: Cluster
    job: str
    site: str
    objects: tuple[Object, ...]
    engines: tuple[Object, ...] = ()


def wanted_rows(tree: Tree, clusters: Mapping[str, tuple[str, Cluster]]) -> list[Wanted]:
    """The rows of a tree. `clusters` has environment and cluster by the cluster's target."""
    rows: dict[tuple[str, str, str], list[Object]] = {}
    for directory in tree.directories.values():
        for one in directory.objects:
            if key := _row(one):
                rows.setdefault((directory.unit.target, *key), []).append(one)
    apps = {target: _apps(tree, target) for target in clusters}
    engines = {
        target: _engines(tree, cluster, apps[target]) for target, (_, cluster) in clusters.items()
    }
    found = []
    for (target, job, site), objects in sorted(rows.items()):
        environment, cluster = clusters[target]
        paths = dict.fromkeys(one.unit.path for one in objects)
        mine = dict.fromkeys(name for path in paths for name in engines[target].get(path, ()))
        found.append(
            Wanted(
                environment=environment,
                cluster=cluster,
                job=job,
                site=site,
                objects=tuple(objects),
                engines=tuple(apps[target][name] for name in mine),
            )
        )
    return found


def unlabelled(tree: Tree) -> int:
    """How many objects carry no label of ours, so that no list request finds them."""
    applied = (d for d in tree.directories.values() if d.unit.role in _ASKED)
    return sum(not _labels(one) for directory in applied for one in directory.objects)


def narrowed(rows: Iterable[Wanted]) -> frozenset[str]:
    """The site labels that hold every object of some rows; empty where one spans sites."""
    found: set[str] = set()
    for row in rows:
        labels = {_labels(one).get("site", "") for one in row.objects}
        if row.job != ROOT:
            found |= labels
    return frozenset() if "" in found else frozenset(found)


def questions(rows: Iterable[Wanted], sites: Collection[str] = ()) -> dict[str, list[Question]]:
    """What to ask of each cluster, by target: one list for each kind, namespace and project.

    With `sites`, labels as `narrowed` gives them, only objects of those sites are asked for.
    """
    found: dict[str, dict[Question, None]] = {}
    for row in rows:
        asked = found.setdefault(row.cluster.target, {})
        if any(makes_pods(one) for one in row.objects):
            asked[NODES] = None
        for one in (*row.objects, *row.engines):
            asked[question(one, sites)] = None
            if one.unit.role in (UnitRole.APPS, UnitRole.ROOT):
                asked[namespace_question(one.identity.namespace)] = None
            for pods in pod_questions(one, sites):
                asked[pods] = None
    return {target: sorted(asked) for target, asked in found.items()}


def question(one: Object, sites: Collection[str] = ()) -> Question:
    """The list that holds an object."""
    labels, identity = _labels(one), one.identity
    keys = ("project", "environment")
    selector = ",".join(f"{PREFIX}{key}={labels[key]}" for key in keys if key in labels)
    if sites and "site" in labels and one.unit.role not in (UnitRole.APPS, UnitRole.ROOT):
        selector += f",{PREFIX}site in ({','.join(sorted(sites))})"
    return Question(str(one.data["apiVersion"]), identity.kind, identity.namespace, selector)


def namespace_question(name: str) -> Question:
    """The list that holds a namespace, or nothing where it does not exist."""
    return Question("v1", "Namespace", "", f"{_NAMESPACE}={name}", by_the_way=True)


def pod_questions(one: Object, sites: Collection[str] = ()) -> Iterator[Question]:
    """The list that holds the pods of an object; nothing for an object that makes none."""
    if one.identity.kind in WORKLOADS:
        yield replace(question(one, sites), api_version=PODS[0], kind=PODS[1])
    elif makes_sedna_pods(one.data):
        yield Question(*PODS, one.identity.namespace, sedna_label(one.identity.kind))


def makes_pods(one: Object) -> bool:
    """Whether pods are started for an object, by Kubernetes or by Sedna."""
    return one.identity.kind in WORKLOADS or makes_sedna_pods(one.data)


def makes_sedna_pods(data: Mapping[str, Any]) -> bool:
    """Whether Sedna starts pods for an object."""
    return data.get("apiVersion") == SEDNA and data.get("kind") not in ("Model", "Dataset")


def sedna_label(kind: str) -> str:
    """The label in which Sedna keeps the name of the object that a pod belongs to."""
    return f"{kind.lower()}.sedna.io/name"


def instance(data: Mapping[str, Any]) -> str:
    """The value of the instance label that the pods of a workload carry."""
    template = pod_template(data)
    labels = (template.get("metadata") or {}).get("labels") or {}
    return str(labels.get(_INSTANCE) or "")


def pod_template(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pod template of a workload, empty for any other object."""
    spec = data.get("spec") or {}
    if data.get("kind") == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    found = spec.get("template") if data.get("kind") in WORKLOADS else None
    return found if isinstance(found, Mapping) else {}


def hosts(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The node names that a workload's pods are bound to, empty where they are not by name."""
    spec = pod_template(data).get("spec") or {}
    if spec.get("nodeName"):
        return (str(spec["nodeName"]),)
    selected = (spec.get("nodeSelector") or {}).get(_HOSTNAME)
    if selected:
        return (str(selected),)
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity")) or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    found = [
        str(value)
        for term in required.get("nodeSelectorTerms") or ()
        for rule in term.get("matchExpressions") or ()
        if rule.get("key") == _HOSTNAME and rule.get("operator") == "In"
        for value in rule.get("values") or ()
    ]
    return tuple(dict.fromkeys(found))


def sidecar_revision(data: Mapping[str, Any]) -> str:
    """The revision of the sidecar config that a ConfigMap holds; empty for any other object."""
    document = held(data)
    return revision(document) if document else ""


def template_revision(data: Mapping[str, Any]) -> str:
    """Eight digits that name the compiled pod template of a workload; empty for the rest."""
    template = pod_template(data)
    return sha256(canonical_json(template))[:HASH_DIGITS] if template else ""


_ASKED = (UnitRole.BASE, UnitRole.INPUTS, UnitRole.JOBS, UnitRole.SITES)


def _row(one: Object) -> tuple[str, str] | None:
    """Job and site of the row that an object belongs to; None for what no row shows."""
    if not _labels(one):
        return None
    if one.unit.role is UnitRole.ROOT:
        return ROOT, ""
    if one.unit.role not in _ASKED:
        return None
    subject = one.origin.subject
    return (subject.removeprefix(JOB) if subject.startswith(JOB) else PROJECT), one.origin.site


def _labels(one: Object) -> dict[str, str]:
    labels = (one.data.get("metadata") or {}).get("labels") or {}
    found = {k.removeprefix(PREFIX): str(v) for k, v in labels.items() if k.startswith(PREFIX)}
    return found if "project" in found else {}


def _engines(tree: Tree, cluster: Cluster, apps: Mapping[str, Object]) -> dict[str, list[str]]:
    """The names of the engine's objects that apply a directory, by the directory's path."""
    found: dict[str, list[str]] = {}
    prefix = cluster.repository.path.removeprefix("./").strip("/")
    members = _shards(tree, cluster)
    for name, one in apps.items():
        for path in _paths(one):
            below = path.removeprefix("./").removeprefix(f"{prefix}/" if prefix else "")
            for unit in members.get(below, (below,)):
                found.setdefault(unit, []).append(name)
    return found


def _shards(tree: Tree, cluster: Cluster) -> dict[str, tuple[str, ...]]:
    """The site directories of each shard, by the shard's path."""
    if cluster.gitops.unit != "shard":
        return {}
    units = [one.unit for one in tree.directories.values() if one.unit.target == cluster.target]
    sites = [unit.name for unit in units if unit.role is UnitRole.SITES]
    return {
        shard.path: tuple(replace(shard, role=UnitRole.SITES, name=name).path for name in names)
        for shard, names in shards(cluster, sites).items()
    }


def _apps(tree: Tree, target: str) -> dict[str, Object]:
    directory: Directory | None = tree.directories.get(f"{target}/{UnitRole.APPS.value}")
    return {one.identity.name: one for one in directory.objects} if directory else {}


def _paths(one: Object) -> Iterator[str]:
    spec = one.data.get("spec") or {}
    for source in (spec, spec.get("source"), *(spec.get("sources") or ())):
        if isinstance(source, Mapping) and isinstance(source.get("path"), str):
            yield source["path"]
