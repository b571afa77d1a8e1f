"""What the real scheduler says of objects: the node of each pod, or why it has none.

The controllers make pods of Deployments, DaemonSets and Jobs as ever. Sedna's controller cannot
be had, so `worker_pods` stands in for it and asks the scheduler for the node that Sedna would
have set by itself. Nothing here knows where a pod ought to be.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.cluster import nodes
from tests.cluster.api import Api, RefusedError
from tests.cluster.nodes import HOSTNAME, Host
from tests.cluster.process import await_true

PATIENCE = 60
ROLES = {
    "edgeWorker": "edge",
    "cloudWorker": "cloud",
    "trainSpec": "train",
    "evalSpec": "evaluate",
    "deploySpec": "infer",
}
"""Where Sedna's resources keep their pod templates, and the role that the spec calls each."""
_JOB, _ROLE, _SITE = (f"edgewright.io/{key}" for key in ("job", "role", "site"))
_WORKLOADS = (("apps/v1", "Deployment"), ("apps/v1", "DaemonSet"), ("batch/v1", "Job"))
_BESIDE = {"Namespace", "PersistentVolumeClaim", "LimitRange", "ResourceQuota"}
"""What else decides whether a pod is made and where it can go."""
_RUNS = {"Pod", *(kind for _, kind in _WORKLOADS)}
_CLASS = "of-the-host"
_BACKGROUND = json.dumps({"propagationPolicy": "Background"}).encode()
_NOW = json.dumps({"gracePeriodSeconds": 0}).encode()

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A pod that was decided: its node, or empty and the scheduler's words."""

    name: str
    labels: Mapping[str, str]
    node: str
    words: str
    spec: Json

    @property
    def work(self) -> tuple[str, str, str]:
        """The job, role and site that its labels name."""
        return (
            self.labels.get(_JOB, ""),
            self.labels.get(_ROLE, ""),
            self.labels.get(_SITE, ""),
        )


def prepare(api: Api) -> None:
    """Give the cluster what every cluster has beside nodes: a default class of volumes."""
    api.apply(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {
                "name": _CLASS,
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    )


@contextmanager
def occupied(api: Api, hosts: Sequence[Host]) -> Iterator[None]:
    """A cluster of these hosts; when it ends, its work, its volumes and its hosts are gone."""
    nodes.create(api, hosts)
    try:
        yield
    finally:
        clear(api)


def clear(api: Api) -> None:
    """Take away all work, every volume and every node."""
    for api_version, kind in (*_WORKLOADS, ("apps/v1", "ReplicaSet")):
        _empty(api, api_version, kind, _BACKGROUND)
    # A controller may have been about to make one more.
    await_true(lambda: not _empty(api, "v1", "Pod", _NOW), PATIENCE, "every pod is gone")
    _empty(api, "v1", "PersistentVolumeClaim", _NOW)
    for kind in ("PersistentVolume", "Node"):
        api.call("DELETE", api.path("v1", kind), _NOW)


def submit(api: Api, objects: Iterable[Json]) -> None:
    """Apply what bears on scheduling, with the classes and volumes that the pods name."""
    given = list(objects)
    for one in given:
        for spec in pod_specs(one):
            _classes(api, spec)
    for one in given:
        if one["kind"] in _BESIDE:
            api.apply(one)
        if one["kind"] == "PersistentVolumeClaim":
            _volume(api, one)
    with ThreadPoolExecutor(4) as crew:
        for _ in crew.map(api.apply, (one for one in given if one["kind"] in _RUNS)):
            pass


def verdicts(api: Api) -> list[Verdict]:
    """Every pod, once the controllers made all of them and the scheduler decided on each."""
    found: list[Verdict] = []

    def decided() -> bool:
        if not all(_complete(kind, one) for v, kind in _WORKLOADS for one in api.items(v, kind)):
            return False
        judged = [_verdict(pod) for pod in api.items("v1", "Pod")]
        found[:] = [one for one in judged if one is not None]
        return bool(found) and len(found) == len(judged)

    await_true(decided, PATIENCE, "every pod has a node or a reason why not")
    return found


def pod_specs(one: Json) -> Iterator[dict[str, Any]]:
    """The pod specs of an object, of whatever kind."""
    spec = one.get("spec") or {}
    if one["kind"] == "Pod":
        yield one["spec"]
    for holder in (spec, *(spec.get(field) or {} for field in ROLES)):
        if isinstance(holder, Mapping) and "template" in holder:
            yield holder["template"]["spec"]


def worker_pods(one: Json) -> Iterator[Json]:
    """The pods of a Sedna resource, each asking for the node that its template names."""
    for field, role in ROLES.items():
        if field not in one["spec"]:
            continue
        spec = copy.deepcopy(one["spec"][field]["template"]["spec"])
        if name := spec.pop("nodeName", ""):
            spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), HOSTNAME: name}
        yield pod(f"{one['metadata']['name']}-{role}", spec, {
            **one["metadata"]["labels"], _ROLE: role
        }, one["metadata"]["namespace"])  # fmt: skip


def pod(
    name: str, spec: Json, labels: Mapping[str, str] = {}, namespace: str = "default"
) -> dict[str, Any]:
    """A bare pod."""
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": dict(spec)}


def _verdict(pod: Json) -> Verdict | None:
    metadata, spec = pod["metadata"], pod["spec"]
    labels = metadata.get("labels") or {}
    if node := spec.get("nodeName"):
        return Verdict(metadata["name"], labels, node, "", spec)
    for condition in pod["status"].get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Verdict(metadata["name"], labels, "", condition["message"], spec)
    return None


def _complete(kind: str, workload: Json) -> bool:
    spec, status = workload["spec"], workload.get("status") or {}
    if kind == "Job":
        started = status.get("active", 0) + status.get("succeeded", 0)
        return bool(started >= spec.get("parallelism", 1))
    if status.get("observedGeneration") != workload["metadata"]["generation"]:
        return False
    if kind == "DaemonSet":
        return bool(status["currentNumberScheduled"] == status["desiredNumberScheduled"])
    return bool(status.get("replicas", 0) >= spec["replicas"])


def _empty(api: Api, api_version: str, kind: str, options: bytes) -> bool:
    spaces = {one["metadata"]["namespace"] for one in api.items(api_version, kind)}
    for space in spaces:
        api.call("DELETE", api.path(api_version, kind, namespace=space), options)
    return bool(spaces)


def _classes(api: Api, spec: Json) -> None:
    """An administrator makes the classes that a tree assumes; the server refuses pods without."""
    if name := spec.get("priorityClassName"):
        _once(api, "scheduling.k8s.io/v1", "PriorityClass", name, {"value": 1000})
    if name := spec.get("runtimeClassName"):
        _once(api, "node.k8s.io/v1", "RuntimeClass", name, {"handler": name})


def _once(api: Api, api_version: str, kind: str, name: str, fields: Json) -> None:
    try:
        api.create({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **fields})
    except RefusedError as refused:
        if refused.reason != "AlreadyExists":
            raise


def _volume(api: Api, claim: Json) -> None:
    """A volume for the claim, wherever its pod goes."""
    api.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": claim["metadata"]["name"]},
            "spec": {
                "capacity": claim["spec"]["resources"]["requests"],
                "accessModes": claim["spec"]["accessModes"],
                "storageClassName": _CLASS,
                "hostPath": {"path": "/volumes"},
            },
        }
    )
