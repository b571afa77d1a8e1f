"""A compiled fleet on a control plane with nodes, and what each step of its life costs.

Stand-ins: nodes and their kubelets, the volumes of claims, and the source of Flux. What is
measured is what the engine asked (its own requests), processor seconds and peak memory; seconds
on the clock tell more of the machine than of the engine. Nothing here judges a figure.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from tests.cluster import argo, audit, nodes, trees
from tests.cluster import fleet as described
from tests.cluster.api import Api, Json
from tests.cluster.argo import Agent
from tests.cluster.audit import Versions
from tests.cluster.control_plane import ARGO, FLUX, ControlPlane
from tests.cluster.flux import KUSTOMIZATION, Flux, apply_root
from tests.cluster.flux import NAMESPACE as FLUX_SYSTEM
from tests.cluster.process import Server, await_true
from tests.cluster.scale import NAMESPACE, Fleet, State

KINDS = (
    ("v1", "ConfigMap"),
    ("v1", "PersistentVolumeClaim"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("v1", "Pod"),
    ("edgewright.io/v1alpha1", "InferenceModel"),
    ("edgewright.io/v1alpha1", "TrainingModel"),
)
"""Every kind that the fleet compiles to, and what the controllers make of it."""
_OWN = frozenset(
    ("applications", "appprojects", "events", "gitrepositories", "kustomizations", "leases")
)
"""Resources that an engine keeps for itself; requests for them are told apart."""
_TOKENS = count(1)


@dataclass(slots=True)
class Step:
    """What one step cost: requests by sort, and processor seconds and peak bytes by server."""

    name: str
    seconds: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)
    spent: dict[str, float] = field(default_factory=dict)
    peak: dict[str, int] = field(default_factory=dict)
    persisted: frozenset[tuple[str, str, str, str]] = frozenset()
    """Objects of the fleet's namespace that were written, made or deleted."""


def prepare(plane: ControlPlane, fleet: Fleet, *clusters: str) -> None:
    """What clusters have before anything is applied: nodes, volumes, classes, machinery."""
    api = plane.api()
    sites = [
        site
        for site in described.read(fleet.before.spec).sites.values()
        if site.cluster in clusters
    ]
    nodes.create(api, [host for site in sites for host in site.hosts])
    name = {"name": "nvidia"}
    api.create(
        {"apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "metadata": name, "handler": "x"}
    )
    claims = [
        Path(path).stem.removeprefix("persistentvolumeclaim-")
        for cluster in clusters
        for path in fleet.before.files(cluster)
        if "persistentvolumeclaim-" in path
    ]
    _each(api.create, [_volume(claim) for claim in claims])
    plane.start_scheduler()
    plane.start_controllers()
    nodes.start_kubelets(plane)


def available(api: Api) -> int:
    """How many Deployments of the fleet are Available as their newest generation wants."""
    return sum(map(_is_available, api.items("apps/v1", "Deployment", NAMESPACE)))


def await_available(api: Api, wanted: int, patience: float) -> None:
    """Wait until so many Deployments are Available."""
    await_true(lambda: available(api) == wanted, patience, f"{wanted} are Available", 1)


def misplaced(api: Api, fleet: Fleet) -> list[str]:
    """Pods on a node that is not one of their site's hosts, or on none."""
    sites = described.read(fleet.before.spec).sites
    found = []
    for pod in api.items("v1", "Pod", NAMESPACE):
        site = sites[pod["metadata"]["labels"]["edgewright.io/site"]]
        if pod["spec"].get("nodeName") not in {host.name for host in site.hosts}:
            found.append(pod["metadata"]["name"])
    return found


def versions(api: Api) -> Versions:
    """The resource versions of everything in the fleet's namespace."""
    return audit.versions(api, KINDS, NAMESPACE)


@contextmanager
def measured(plane: ControlPlane, engine: Server, user: str, name: str) -> Iterator[Step]:
    """Measure what happens inside: of the engine, its requests; of each server, what it used."""
    api, step = plane.api(), Step(name)
    servers = [one for one in plane.servers if one.name in ("etcd", "kube-apiserver")] + [engine]
    stored, since, began = versions(api), audit.now(), time.monotonic()
    used = {one.name: one.usage()[0] for one in servers}
    yield step
    step.seconds = time.monotonic() - began
    for one in servers:
        spent, peak = one.usage()
        step.spent[one.name], step.peak[one.name] = spent - used[one.name], peak
    step.persisted = audit.changed(stored, versions(api))
    asked = audit.requests(plane, user, since)
    step.requests = Counter(
        f"{'own ' if one.resource in _OWN else ''}{one.sort}" for one in asked
    ) + Counter("refused" for one in asked if one.refused)


@dataclass(frozen=True, slots=True)
class ByFlux:
    """One cluster of a fleet whose engine is Flux. The steps have to be taken in order."""

    plane: ControlPlane
    fleet: Fleet
    cluster: str
    flux: Flux

    def first(self, patience: float) -> Step:
        """The administrator applies the root; until every unit is ready."""
        with self._measured("first apply") as step:
            apply_root(self.plane, self.fleet.before.target(self.cluster))
            self._publish(self.fleet.before, patience)
        return step

    def again(self, patience: float) -> Step:
        """Every unit is reconciled although nothing changed, as its interval has it."""
        with self._measured("interval") as step:
            self._reconcile(patience)
        return step

    def commit(self, state: State, name: str, patience: float) -> Step:
        """A new commit, until every unit is ready on it."""
        with self._measured(name) as step:
            self._publish(state, patience)
        return step

    def _measured(self, name: str) -> AbstractContextManager[Step]:
        return measured(self.plane, self.flux.controller, FLUX, name)

    def _publish(self, state: State, patience: float) -> None:
        revision = self.flux.publish(state.checkout)
        wanted = len(list(trees.manifests(state.target(self.cluster).folder / "apps"))) + 1

        def done() -> bool:
            found = list(self.flux.api.items(*KUSTOMIZATION, FLUX_SYSTEM))
            return len(found) == wanted and all(_is_ready(one, revision) for one in found)

        await_true(done, patience, "every Kustomization is ready", _pause(wanted))

    def _reconcile(self, patience: float) -> None:
        api, token = self.flux.api, f"{next(_TOKENS)}"
        note = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
        found = list(api.items(*KUSTOMIZATION, FLUX_SYSTEM))
        typed = {"apiVersion": KUSTOMIZATION[0], "kind": KUSTOMIZATION[1]}
        _each(lambda one: api.merge({**typed, **one}, note), found)

        def done() -> bool:
            now = api.items(*KUSTOMIZATION, FLUX_SYSTEM)
            # A unit that waits for another has handled the wish too, but is not ready.
            return all(
                one["status"].get("lastHandledReconcileAt") == token and _is_ready(one)
                for one in now
            )

        await_true(done, patience, "every Kustomization is reconciled", _pause(len(found)))


@dataclass(frozen=True, slots=True)
class ByArgo:
    """One cluster of a fleet whose engine is Argo CD's. The steps have to be taken in order.

    The controller's queue is stood in for: every Application is asked for, eight at a time.
    """

    plane: ControlPlane
    fleet: Fleet
    cluster: str
    agent: Agent

    def first(self) -> Step:
        """The administrator applies the root; the root and then every unit is synced."""
        target = self.fleet.before.target(self.cluster)
        with self._measured("first apply") as step:
            root = argo.settle(self.plane.api(), target)
            self.agent.commit(target)
            self._sync([root])
            names = self.names()
            self._sync(names[:1])
            self._sync(names[1:])
        return step

    def again(self) -> Step:
        """Every unit is compared although nothing changed, as a refresh has it."""
        with self._measured("refresh") as step:
            stale = self._stale(self.names())
        assert not stale, f"out of sync without a change: {stale[:5]}"
        return step

    def commit(self, state: State, name: str) -> Step:
        """A new commit: every unit is compared, and synced where it is not as Git says."""
        with self._measured(name) as step:
            self.agent.commit(state.target(self.cluster))
            self._sync(self._stale(self.names()))
        return step

    def names(self) -> list[str]:
        """The Applications of the units, bootstrap first."""
        target = self.fleet.before.target(self.cluster)
        return [one["metadata"]["name"] for one in argo.units(target)]

    def _measured(self, name: str) -> AbstractContextManager[Step]:
        return measured(self.plane, self.agent.server, ARGO, name)

    def _sync(self, names: Sequence[str]) -> None:
        # The root of a large cluster is a thousand Applications.
        sync = partial(self.agent.sync, patience=60.0 + len(self.names()))
        with ThreadPoolExecutor(8) as crew:
            for name, outcome in zip(names, crew.map(sync, names), strict=True):
                assert outcome.succeeded, f"{name}: {outcome.message}"

    def _stale(self, names: Sequence[str]) -> list[str]:
        with ThreadPoolExecutor(8) as crew:
            synced = crew.map(self.agent.is_synced, names)
            return [name for name, is_synced in zip(names, synced, strict=True) if not is_synced]


def _pause(units: int) -> float:
    """Looking on costs the server something too; rarely enough that it does not count."""
    return 0.2 if units < 100 else 3.0


def _is_ready(kustomization: Json, revision: str = "") -> bool:
    status: Mapping[str, object] = kustomization.get("status") or {}
    conditions: Sequence[Json] = status.get("conditions") or ()  # type: ignore[assignment]
    return str(status.get("lastAppliedRevision", "")).endswith(revision) and any(
        one["type"] == "Ready" and one["status"] == "True" for one in conditions
    )


def _is_available(deployment: Json) -> bool:
    status = deployment.get("status") or {}
    return bool(
        status.get("observedGeneration") == deployment["metadata"]["generation"]
        and status.get("availableReplicas", 0) == deployment["spec"]["replicas"]
        and status.get("updatedReplicas", 0) == deployment["spec"]["replicas"]
    )


def _each(work: Callable[[Json], object], items: Sequence[Json]) -> None:
    with ThreadPoolExecutor(8) as crew:
        for _ in crew.map(work, items):
            pass


def _volume(claim: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": claim},
        "spec": {
            "capacity": {"storage": "2Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/volumes"},
            "claimRef": {"namespace": NAMESPACE, "name": claim},
        },
    }


_COLUMNS = ("GETs", "lists", "dry runs", "writes", "own status writes", "own GETs")
HEADING = (
    f"{'engine:unit':12}{'sites':>6} {'step':12}{'persisted':>10}"
    + "".join(f"  {column}" for column in _COLUMNS)
    + f"{'engine s':>10}{'API s':>8}{'MiB':>9}{'API':>8}{'clock':>8}"
)
"""The columns of `row`."""


def row(way: str, sites: int, step: Step) -> str:
    """One step as a line: requests, processor seconds, peak MiB, seconds on the clock."""
    engine = next(one for one in step.spent if one not in ("etcd", "kube-apiserver"))
    asked = "".join(f"{step.requests[column]:>{len(column) + 2}}" for column in _COLUMNS)
    spent = f"{step.spent[engine]:>10.0f}{step.spent['kube-apiserver']:>8.0f}"
    peak = f"{step.peak[engine] >> 20:>9}{step.peak['kube-apiserver'] >> 20:>8}"
    return (
        f"{way:12}{sites:>6} {step.name:12}{len(step.persisted):>10}{asked}"
        f"{spent}{peak}{step.seconds:>8.0f}"
    )
