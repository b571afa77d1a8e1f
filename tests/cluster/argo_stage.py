"""Compiled clusters as Argo CD's tests set them up, change them and look at them.

What is said here of a live object comes from the server, and of a unit from the compiled
Application. Nothing here judges.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import argo
from tests.cluster.api import Api, Json, RefusedError
from tests.cluster.argo import Agent
from tests.cluster.control_plane import HOST, ControlPlane
from tests.cluster.process import free_port, listens
from tests.cluster.trees import (
    GOLDEN,
    REPOSITORY,
    Manifest,
    Target,
    everything,
    manifests,
    targets,
)

TARGETS = tuple(target for target in everything() if argo.is_argo(target))
IDS = [target.name for target in TARGETS]
Identity = tuple[str, str, str, str]
Versions = Mapping[Identity, tuple[str, int]]


def start_collector(plane: ControlPlane) -> None:
    """The real garbage collector and no other controller: live objects then move by the engine."""
    config, port = plane.kubeconfig(), free_port()
    arguments = [
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--leader-elect=false",
        f"--bind-address={HOST}",
        f"--secure-port={port}",
        f"--cert-dir={plane.folder}",
        "--controllers=garbage-collector-controller",
    ]
    plane.start("kube-controller-manager", arguments).ready(lambda: listens(port))


def objects(target: Target) -> tuple[Manifest, ...]:
    """Everything that the units of a target apply."""
    return tuple(
        one
        for unit in target.ordered()
        if unit.relative_to(target.folder).parts[0] not in ("root", "apps")
        for one in manifests(unit)
    )


def applied(output: Path, application: Json) -> list[Manifest]:
    """The objects that an Application asks for, from the directories that it names."""
    paths = [source["path"].removeprefix("generated/") for source in argo.sources(application)]
    return [one for path in paths for one in _listed(output / path)]


def _listed(directory: Path) -> Iterator[Manifest]:
    """The objects of a directory and, for a shard, of those that it lists."""
    yield from manifests(directory)
    for line in (directory / "kustomization.yaml").read_text(encoding="utf-8").splitlines():
        if line.startswith("- ../"):
            yield from _listed(directory / line.removeprefix("- "))


def key(one: Manifest) -> str:
    """An object as the engine writes it."""
    version, kind, namespace, name = one.identity
    group = version.partition("/")[0] if "/" in version else ""
    return f"{group}/{kind}/{namespace}/{name}"


def names(target: Target) -> list[str]:
    return [one["metadata"]["name"] for one in argo.units(target)]


def versions(api: Api, target: Target) -> Versions:
    """Version and generation of every live object of a target's kinds in its namespaces."""
    kinds = {one.identity[:3] for one in objects(target)}
    return {
        (version, kind, namespace, one["metadata"]["name"]): (
            one["metadata"]["resourceVersion"],
            one["metadata"].get("generation", 0),
        )
        for version, kind, namespace in kinds
        for one in api.items(version, kind, namespace)
    }


def changed(before: Versions, after: Versions) -> set[Identity]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def bring(agent: Agent, api: Api, target: Target) -> str:
    """A target as it goes: an administrator applies `root/`, the engine does the rest."""
    root = argo.settle(api, target)
    commit = agent.commit(target)
    assert agent.sync(root).succeeded
    agent.await_synced(names(target), commit)
    return root


def compiled(folder: Path, tree: str, *changes: tuple[str, str], environment: str) -> Target:
    """The only target of a golden spec after changes of its text, by the command of any user."""
    spec = folder / "spec"
    shutil.copytree(GOLDEN / tree / "spec", spec)
    for file in spec.glob("*.yaml"):
        text = file.read_text(encoding="utf-8")
        for old, new in changes:
            text = text.replace(old, new)
        file.write_text(text, encoding="utf-8")
    options = ["--output", str(folder / "generated"), "--env", environment]
    subprocess.run(
        [sys.executable, "-m", "compiler", "compile", str(spec), *options],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    (target,) = targets(folder / "generated")
    return target


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def drop(file: Path) -> None:
    """Take a file out of its directory and of the directory's list."""
    file.unlink()
    edit(file.parent / "kustomization.yaml", f"- {file.name}\n", "")


def gone(api: Api, one: Manifest) -> bool:
    try:
        api.call("GET", api.path_of(one.data))
    except RefusedError as error:
        if error.code != 404:
            raise
        return True
    return False


def two_versions(folder: Path, update: str) -> tuple[Target, Target]:
    """The golden fleet of hot models before and after a new version, updated in some way."""
    changes = (
        ("project: {name: shops, namespace: shops}", f"project: {{name: shops-{update}}}"),
        ("update: hot", f"update: {update}"),
    )
    old = ('target: "1.4.0"', 'target: "1.3.0"')
    return (
        compiled(folder / "old", "serve-hot", *changes, old, environment="default"),
        compiled(folder / "new", "serve-hot", *changes, environment="default"),
    )


def differing(earlier: Target, later: Target) -> set[Identity]:
    """What an administrator sees change: the objects whose text is another."""
    texts = [{one.identity: one.text for one in objects(target)} for target in (earlier, later)]
    old, new = texts
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


@contextmanager
def checks(api: Api, data: Mapping[str, str]) -> Iterator[None]:
    """Health checks in `argocd-cm` for a while."""
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", "namespace": argo.NAMESPACE},
        "data": dict(data),
    }
    api.apply(settings)
    yield
    api.delete(settings)


def available(api: Api, deployment: Manifest) -> Json:
    """The status of a Deployment that is rolled out as far as its next generation."""
    live = api.call("GET", api.path_of(deployment.data))
    count = live["spec"]["replicas"]
    ready = dict.fromkeys(
        ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), count
    )
    return {"observedGeneration": live["metadata"]["generation"] + 1, **ready}


def covering(given: Sequence[Target]) -> list[Target]:
    """Few targets that have every kind that any of the given has."""
    kinds = {target: {one.identity[:2] for one in objects(target)} for target in given}
    missing, found = set[tuple[str, str]]().union(*kinds.values()), list[Target]()
    while missing:
        best = max(given, key=lambda target: (len(kinds[target] & missing), target.name))
        found.append(best)
        missing -= kinds[best]
    return found
