"""Projects that are compiled, published and settled chapter by chapter, and what moved in between.

The compiler runs as a command on copies of golden specs. Nothing here asserts what a chapter has
to hold.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster import flux
from tests.cluster.api import Api, Json
from tests.cluster.control_plane import ControlPlane
from tests.cluster.flux import KUSTOMIZATION, Flux
from tests.cluster.process import await_true
from tests.cluster.trees import Target, manifests, targets

Identity = tuple[str, str, str, str]
Objects = Mapping[Identity, Json]

STORES, INSPECT = "stores-default-hub", "inspect-default-plant"
HELMETS, KIOSK = "helmets-sedna-hub", "kiosks-default-shop-kiosk-1"
PROJECTS = {
    "stores": ("shards", "default"),
    "inspect": ("serve-rolling", "default"),
    "helmets": ("joint-inference", "sedna"),
    "kiosks": ("each-site", "default"),
}
"""Projects by namespace: the golden case whose spec each is compiled from, and an environment."""
MADE = frozenset({"Pod", "ReplicaSet"})
"""Kinds that no file has: controllers make them."""
_KINDS = (
    ("v1", "ConfigMap"),
    ("v1", "Pod"),
    ("v1", "Service"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "ReplicaSet"),
    ("edgewright.io/v1alpha1", "Dataset"),
    ("edgewright.io/v1alpha1", "InferenceModel"),
    ("edgewright.io/v1alpha1", "TrainingModel"),
    ("sedna.io/v1alpha1", "Model"),
    ("sedna.io/v1alpha1", "JointInferenceService"),
)
_FOREIGN = "kube-root-ca.crt"
"""A ConfigMap that every namespace gets from the controller manager."""


@dataclass(frozen=True, slots=True)
class Chapter:
    """What lay in Git and what the server held, once everything had settled."""

    stage: Stage = field(repr=False)
    files: Objects = field(repr=False)
    live: Objects = field(repr=False)
    units: Mapping[str, str]
    """The Kustomizations by name, and what each says of itself."""

    def of(self, kind: str, namespace: str) -> dict[str, Json]:
        """The live objects of a kind in a namespace, by name."""
        return {key[3]: one for key, one in self.live.items() if key[1:3] == (kind, namespace)}


@dataclass(frozen=True, slots=True)
class Stage:
    """The specs, the checkout that they are compiled into, and the cluster that reads it."""

    plane: ControlPlane
    flux: Flux
    specs: Path
    checkout: Path

    @property
    def api(self) -> Api:
        """The administrator's client."""
        return self.flux.api

    @property
    def output(self) -> Path:
        """The folder of the compiled output."""
        return self.checkout / flux.CHECKOUT

    def edit(self, project: str, file: str, old: str, new: str) -> None:
        """Replace a text that stands once in a file of a spec."""
        substitute(self.specs / project / file, old, new)

    def compile(self, *projects: str) -> None:
        """Run the compiler on specs, as a user does; what lay there of them is not looked at."""
        command = str(Path(sys.executable).with_name("edgewright"))
        for project in projects or PROJECTS:
            shutil.rmtree(self.output / project, ignore_errors=True)
            argv = [command, "compile", project, "--output", str(self.output), "--no-cache"]
            environment = ["--env", PROJECTS[project][1], "--processes", "1"]
            subprocess.run([*argv, *environment], cwd=self.specs, check=True, capture_output=True)

    def targets(self) -> tuple[Target, ...]:
        """The clusters of the checkout; each kiosk has one of its own, and ours is the first's."""
        return tuple(one for one in targets(self.output) if not one.path.endswith("kiosk-2"))

    def units(self) -> set[str]:
        """The names of the units of the clusters, as `apps/` lists them."""
        return {
            one.data["metadata"]["name"]
            for target in self.targets()
            for unit in target.units("apps")
            for one in manifests(unit)
        }

    def meet(self, *clusters: str) -> None:
        """Have an administrator apply the roots of some clusters."""
        for target in self.targets():
            if "-".join(target.path.split("/")) in clusters:
                flux.apply_root(self.plane, target)

    def settle(self) -> Chapter:
        """Publish, wait until all is ready and nothing moves, and keep what there is."""
        self.flux.publish(self.checkout)
        self.flux.await_ready(self.flux.kustomizations(suffix="-root"))
        # Not those of this moment: a unit that left `apps/` is on its way out, and not ready.
        self.flux.await_all_ready()
        await_true(self._still, 60, "pods run and none is going")
        return self.keep()

    def keep(self) -> Chapter:
        """What there is now."""
        units = {name: self.flux.message(name) for name in self.flux.kustomizations()}
        return Chapter(self, self._files(), self._live(), units)

    def _still(self) -> bool:
        live = self._live()
        pods = [one for key, one in live.items() if key[1] == "Pod"]
        wanted = [
            int(one["spec"]["replicas"]) for key, one in live.items() if key[1] == "Deployment"
        ]
        running = [
            pod
            for pod in pods
            if pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
        ]
        return len(running) == len(pods) and len(pods) == sum(wanted)

    def _files(self) -> dict[Identity, Json]:
        # Not `root`: an administrator applies it. Not `apps`: those are the units.
        return {
            one.identity: one.data
            for target in self.targets()
            for unit in target.ordered()
            if unit.name not in ("root", "apps")
            for one in manifests(unit)
        }

    def _live(self) -> dict[Identity, Json]:
        return {
            (version, kind, namespace, one["metadata"]["name"]): one
            for namespace in PROJECTS
            for version, kind in _KINDS
            for one in self.api.items(version, kind, namespace)
            if one["metadata"]["name"] != _FOREIGN
        }


def apply_without_waiting(stage: Stage, name: str, namespace: str) -> None:
    """Apply a unit's objects as Flux would without `dependsOn`, in a namespace apart."""
    stage.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    spec = {**stage.flux.kustomization(name)["spec"], "targetNamespace": namespace}
    del spec["dependsOn"]
    kind = dict(zip(("apiVersion", "kind"), KUSTOMIZATION, strict=True))
    metadata = {"name": namespace, "namespace": flux.NAMESPACE}
    hasty = {**kind, "metadata": metadata, "spec": {**spec, "deletionPolicy": "Orphan"}}
    stage.api.apply(hasty)
    stage.flux.await_ready([namespace])
    stage.api.delete(hasty)
    await_true(lambda: namespace not in stage.flux.kustomizations(), 60, f"{namespace} is gone")


def substitute(file: Path, old: str, new: str) -> None:
    """Replace a text that stands once in a file."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    # Compiled files share their content with others by hard links.
    file.unlink()
    file.write_text(text.replace(old, new), encoding="utf-8")


def written(before: Objects, after: Objects) -> set[Identity]:
    """What is in both and was written in between, by whomever, status included."""
    return {
        key for key in before.keys() & after.keys() if _state(before[key]) != _state(after[key])
    }


def without(objects: Objects, kinds: frozenset[str]) -> set[Identity]:
    """The identities of objects, some kinds left out."""
    return {key for key in objects if key[1] not in kinds}


def called(found: set[Identity]) -> set[str]:
    """Kind and name of each, to compare by eye."""
    return {f"{kind} {name}" for _, kind, _, name in found}


def _state(one: Json) -> object:
    """What tells two states of an object apart: the server's count, or all of a file."""
    return one["metadata"].get("resourceVersion", one)
