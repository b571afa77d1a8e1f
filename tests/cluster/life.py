"""What really becomes of a fleet's objects and pods while one output follows another.

Each life has a namespace of its own on a real API server with its controllers. Every object is
applied as an engine would; what left the output is deleted. Stand-ins: kubelets, and Sedna's and
the engines' controllers, which do not run here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from compiler.model.manifest import Object, Tree, UnitRole
from tests.cluster.api import Api, Json, RefusedError
from tests.cluster.process import await_true

APPLIED = (UnitRole.BASE, UnitRole.INPUTS, UnitRole.JOBS, UnitRole.SITES)
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
PATIENCE = 90
SIDECARS = ("prepare", "sidecar", "fetch")
Key = tuple[str, str, str]
"""API version, kind and name."""


@dataclass(slots=True)
class Seen:
    """What a server said of one object before and after; empty where there was none."""

    before: Json = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Pods:
    """The pods of one workload through a change: by uid, and in what order they came and went."""

    before: Mapping[str, Json]
    after: Mapping[str, Json]
    overlapped: bool

    @property
    def word(self) -> str:
        """What became of them."""
        if self.before.keys() == self.after.keys():
            return "stayed"
        if self.before.keys() >= self.after.keys() or self.before.keys() <= self.after.keys():
            return "fewer or more"
        return "replaced in turn" if self.overlapped else "replaced after a gap"

    @property
    def only_sidecars(self) -> bool:
        """Whether old and new pods differ in our own containers alone."""
        first, last = (
            {_workers(pod) for pod in side.values()} for side in (self.before, self.after)
        )
        return first == last


@dataclass(slots=True)
class Life:
    """One change of a fleet in a namespace of its own."""

    api: Api
    namespace: str
    seen: dict[Key, Seen] = field(default_factory=dict)
    pods: dict[Key, Pods] = field(default_factory=dict)

    def live(self, old: Tree, new: Tree) -> None:
        """Apply the old output, then the new one, and wait until nothing moves any more."""
        self.api.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}}
        )
        before, after = dict(self._objects(old)), dict(self._objects(new))
        self._volumes([*before.values(), *after.values()])
        for data in before.values():
            self.api.apply(data, force=True)
        self._settle()
        self.seen = {key: Seen(before=self._now(data)) for key, data in before.items()}
        since, first = self._since(), self._pods()
        for key, data in after.items():
            one = self.seen.setdefault(key, Seen())
            try:
                self.api.apply(data, force=True)
            except RefusedError as error:
                one.refused = str(error)
        for key in before.keys() - after.keys():
            self.api.delete(before[key], propagationPolicy="Background")
        self._settle(gone=[before[key] for key in before.keys() - after.keys()])
        for key, data in {**before, **after}.items():
            self.seen[key].after = self._now(data)
        self._follow(first, since)

    def _objects(self, tree: Tree) -> Iterator[tuple[Key, dict[str, Any]]]:
        for directory in tree.directories.values():
            if directory.unit.role in APPLIED:
                for one in directory.objects:
                    yield key(one), _at(one.data, self.namespace)

    def _volumes(self, objects: Iterable[Json]) -> None:
        """A volume for every claim that is made, bound as a provisioner would."""
        names = {
            one["metadata"]["name"] for one in objects if one["kind"] == "PersistentVolumeClaim"
        }
        for name in names:
            claim = {"namespace": self.namespace, "name": name}
            spec = {
                "capacity": {"storage": "8Gi"},
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "fast",
                "hostPath": {"path": "/volumes"},
                "claimRef": claim,
            }
            volume = {"apiVersion": "v1", "kind": "PersistentVolume", "spec": spec}
            self.api.apply({**volume, "metadata": {"name": f"{self.namespace}-{name}"}})

    def _settle(self, gone: Iterable[Json] = ()) -> None:
        left = list(gone)
        await_true(
            lambda: not any(map(self._now, left)), PATIENCE, f"{self.namespace}: all is gone"
        )
        await_true(self._quiet, PATIENCE, f"{self.namespace}: every workload is done", 0.3)

    def _quiet(self) -> bool:
        found = [
            one for kind in WORKLOADS for one in self.api.items("apps/v1", kind, self.namespace)
        ]
        if not all(_is_done(kind_of(one), one) for one in found):
            return False
        pods = list(self.api.items("v1", "Pod", self.namespace))
        claims = self.api.items("v1", "PersistentVolumeClaim", self.namespace)
        return all(_is_bound(one) for one in claims) and not any(
            "deletionTimestamp" in pod["metadata"] for pod in pods
        )

    def _now(self, data: Json) -> Json:
        metadata = data["metadata"]
        with suppress(RefusedError):
            return self.api.get(
                data["apiVersion"], data["kind"], metadata["name"], metadata["namespace"]
            )
        return {}

    def _since(self) -> str:
        path = self.api.path("v1", "Pod", namespace=self.namespace)
        return str(self.api.call("GET", path)["metadata"]["resourceVersion"])

    def _pods(self) -> dict[str, dict[str, Json]]:
        """Pods by the uid of the workload that they belong to, then by their own."""
        owners = {
            one["metadata"]["uid"]: one["metadata"]["ownerReferences"][0]["uid"]
            for one in self.api.items("apps/v1", "ReplicaSet", self.namespace)
        }
        found: dict[str, dict[str, Json]] = {}
        for pod in self.api.items("v1", "Pod", self.namespace):
            (owner,) = pod["metadata"].get("ownerReferences") or ({"uid": ""},)
            uid = owners.get(owner["uid"], owner["uid"])
            found.setdefault(uid, {})[pod["metadata"]["uid"]] = pod
        return found

    def _follow(self, first: Mapping[str, Mapping[str, Json]], since: str) -> None:
        last, events = self._pods(), self.api.events("v1", "Pod", self.namespace, since)
        sets = self.api.events("apps/v1", "ReplicaSet", self.namespace, since)
        for key_, one in self.seen.items():
            if key_[1] in WORKLOADS and one.before and one.after:
                uid = one.after["metadata"]["uid"]
                before, after = first.get(uid, {}), last.get(uid, {})
                if key_[1] == "Deployment":
                    overlapped = _waited(uid, sets)
                else:
                    overlapped = _overlapped(set(before), set(after) - set(before), events)
                self.pods[key_] = Pods(before, after, overlapped)


def key(one: Object) -> Key:
    """What an object is called in a namespace."""
    return str(one.data["apiVersion"]), one.identity.kind, one.identity.name


def kind_of(one: Json) -> str:
    """The kind of a listed workload, which says none itself."""
    spec = one["spec"]
    if "serviceName" in spec or "podManagementPolicy" in spec:
        return "StatefulSet"
    return "Deployment" if "replicas" in spec else "DaemonSet"


def _at(data: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """An object in another namespace, with what it says of the old one."""
    old = data["metadata"].get("namespace", "")
    text = json.dumps({**data, "metadata": {**data["metadata"], "namespace": namespace}})
    found: dict[str, Any] = json.loads(
        text.replace(f'"namespace": "{old}"', f'"namespace": "{namespace}"')
    )
    return found


def _is_done(kind: str, one: Json) -> bool:
    return bool(_done(kind, one))


def _done(kind: str, one: Json) -> Any:
    spec, status, wanted = one["spec"], one.get("status", {}), one["metadata"]["generation"]
    if status.get("observedGeneration") != wanted:
        return False
    if spec.get("paused"):
        return True
    if kind == "Deployment":
        count = spec["replicas"]
        return all(
            status.get(k, 0) == count for k in ("replicas", "updatedReplicas", "availableReplicas")
        )
    if (spec.get("updateStrategy") or {}).get("type") == "OnDelete":
        return True
    if kind == "StatefulSet":
        return status.get("readyReplicas", 0) == spec["replicas"] == status.get(
            "replicas", 0
        ) and status.get("currentRevision") == status.get("updateRevision")
    count = status.get("desiredNumberScheduled", 0)
    return bool(count) and status.get("updatedNumberScheduled", 0) == count == status.get(
        "numberAvailable"
    )


def _is_bound(claim: Json) -> bool:
    return str(claim["status"].get("phase")) == "Bound"


def _waited(uid: str, events: Iterable[Json]) -> bool:
    """Whether a Deployment kept an old pod until a new one was ready.

    Told from the numbers that it gave its ReplicaSets: when pods of two of them really come and
    go is a race, which says nothing of what it waits for.
    """
    newest, wanted, ready = "", dict[str, int](), dict[str, int]()
    for event in events:
        one = event["object"]
        if one["metadata"]["ownerReferences"][0]["uid"] != uid:
            continue
        name = one["metadata"]["name"]
        newest = name if event["type"] == "ADDED" else newest
        wanted[name] = one["spec"]["replicas"]
        ready[name] = one["status"].get("readyReplicas", 0)
        old = [count for other, count in wanted.items() if other != newest]
        if newest and old and not any(old):
            return bool(ready.get(newest))
    return True


def _overlapped(old: set[str], new: set[str], events: Iterable[Json]) -> bool:
    """Whether an old pod was there, unasked to end, when the first new one was made."""
    alive = set(old)
    for event in events:
        metadata = event["object"]["metadata"]
        if event["type"] == "DELETED" or "deletionTimestamp" in metadata:
            alive.discard(metadata["uid"])
        elif event["type"] == "ADDED" and metadata["uid"] in new:
            return bool(alive)
    return bool(alive)


def _workers(pod: Json) -> str:
    """A pod's own containers as the server has them, without those of ours beside them."""
    spec = pod["spec"]
    several = [*spec["containers"], *spec.get("initContainers", ())]
    mine = [one for one in several if one["name"] not in SIDECARS]
    return json.dumps([_without_token(one) for one in mine], sort_keys=True)


def _without_token(container: Json) -> dict[str, Any]:
    mounts = [m for m in container.get("volumeMounts", ()) if not m["name"].startswith("kube-api-")]
    return {**container, "volumeMounts": mounts}
