"""Argo CD's rules, Lua and sync engine at work on a control plane, over a local Git repository.

The process is ours around Argo CD's own packages (`parts/argo/gitops-agent`): it takes the
Applications and AppProjects of the API server, builds what they name with kustomize, and compares,
syncs and cascades as the application controller does. It stands in for the controller's queue:
nothing happens until `sync` is asked. Every source is the newest commit of the one local
repository, whatever its address and branch.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.cluster import control_plane
from tests.cluster.api import Api, Json
from tests.cluster.build import binary
from tests.cluster.control_plane import HOST, ControlPlane
from tests.cluster.process import Server, await_true, free_port, listens
from tests.cluster.trees import Target, manifests

NAMESPACE = "argocd"
"""Where Argo CD, its Applications and its projects live."""
APPLICATION = ("argoproj.io/v1alpha1", "Application")
PROJECT = ("argoproj.io/v1alpha1", "AppProject")
CHECKOUT = "generated"
"""`repo.path` of every committed tree: the folder of a checkout that the output lies in."""
PATIENCE = 60.0
START = 300.0
"""Seconds for the start: a server that just came up makes its schemas on the first question."""


class NotSyncedError(Exception):
    """An Application could not even be tried; the text is the condition that Argo CD would set."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one sync ended."""

    phase: str
    message: str
    revision: str
    waves: Sequence[int]
    """Waves in the order in which they were applied."""
    resources: Mapping[str, Json]
    """What happened to each object, by `group/kind/namespace/name`, in the order of execution."""

    @property
    def succeeded(self) -> bool:
        """Whether every object is applied."""
        return self.phase in ("Succeeded", "Deleted")


@dataclass(slots=True)
class Agent:
    """One running engine on one control plane, and the Git repository that it reads."""

    plane: ControlPlane
    folder: Path
    server: Server
    port: int
    _pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(retries=False, maxsize=8)
    )

    @classmethod
    def start(cls, plane: ControlPlane, folder: Path | None = None) -> Agent:
        """Start the engine; returns once it has read all of the cluster."""
        folder = folder or plane.folder / "argo"
        repository, scratch, port = folder / "repository", folder / "scratch", free_port()
        repository.mkdir(parents=True)
        scratch.mkdir()
        git(repository, "init", "--quiet", "--initial-branch=main")
        arguments = [
            f"--kubeconfig={plane.kubeconfig(control_plane.ARGO)}",
            f"--repository={repository}",
            f"--port={port}",
        ]
        server = plane.start("gitops-agent", arguments, {"TMPDIR": str(scratch)})
        server.ready(lambda: listens(port), START)
        return cls(plane, folder, server, port)

    @property
    def repository(self) -> Path:
        """The work tree of the repository; compiled trees lie under `CHECKOUT`."""
        return self.folder / "repository"

    @property
    def output(self) -> Path:
        """What `generated/` is in the repository."""
        return self.repository / CHECKOUT

    def commit(self, *given: Target) -> str:
        """Commit targets as the whole `generated/`, or the work tree as it is; the new commit."""
        if given:
            shutil.rmtree(self.output, ignore_errors=True)
        for target in given:
            shutil.copytree(target.folder, self.output / target.path)
        git(self.repository, "add", "--all")
        git(self.repository, "commit", "--quiet", "--allow-empty", "--message=compiled")
        return git(self.repository, "rev-parse", "HEAD")

    def sync(self, application: str, patience: float = PATIENCE) -> Outcome:
        """One automated sync of an Application to the newest commit; given up after `patience`.

        Raises:
            NotSyncedError: its source, destination or project forbids to begin.
        """
        answer = self._ask("POST", "sync", application, patience=f"{patience}s")
        resources = {one["resource"]: one for one in answer.get("resources") or ()}
        return Outcome(
            answer["phase"],
            answer.get("message", ""),
            answer.get("revision", ""),
            tuple(answer.get("waves") or ()),
            resources,
        )

    def compare(self, application: str) -> Mapping[str, Json]:
        """Sync state and health of each object of an Application, by its key."""
        found = self._ask("GET", "compare", application)["resources"]
        return {one["resource"]: one for one in found}

    def rendered(self, application: str) -> Mapping[str, str]:
        """Keys of the objects that an Application asks for, with the project's refusal, if any."""
        found = self._ask("GET", "render", application)["resources"]
        keys = {one["resource"]: one.get("message", "") for one in found}
        assert len(keys) == len(found), "an Application names an object twice"
        return keys

    def is_synced(self, application: str) -> bool:
        """Whether everything that an Application owns is as Git says."""
        return all(one["sync"] == "Synced" for one in self.compare(application).values())

    def await_synced(self, applications: Iterable[str], sha: str = "") -> dict[str, Outcome]:
        """Sync Applications until each is at the commit with nothing left to do, as retries would.

        Raises:
            AssertionError: one of them is not within a minute; the text says how it stands.
        """
        last: dict[str, Outcome] = {}

        def done(name: str) -> bool:
            last[name] = self.sync(name)
            return last[name].succeeded and (not sha or last[name].revision == sha)

        for name in applications:
            try:
                await_true(partial(done, name), PATIENCE, f"{name} syncs")
                await_true(partial(self.is_synced, name), PATIENCE, f"{name} is synced")
            except AssertionError as error:
                error.add_note(f"{last.get(name)}\n{self.server.tail()}")
                raise
        return last

    def stop(self) -> None:
        """End the engine. The control plane ends it too, with everything else."""
        self.server.stop()

    def _ask(self, method: str, question: str, application: str, **more: str) -> Json:
        query = urlencode({"application": application, **more})
        address = f"http://{HOST}:{self.port}/{question}?{query}"
        # The agent gives up by itself, a while before this does.
        timeout = 60 + float(more.get("patience", "60s").rstrip("s"))
        answer = self._pool.request(method, address, timeout=timeout)
        body: Json = json.loads(answer.data)
        if answer.status == 422:
            raise NotSyncedError(body["message"])
        if answer.status >= 400:
            raise AssertionError(f"{question} {application}: {body['message']}")
        return body


def settle(api: Api, target: Target) -> str:
    """What an administrator does once for a cluster: apply `root/`; the root Application's name."""
    ensure_namespace(api, NAMESPACE)
    (root,) = target.units("root")
    for one in manifests(root):
        api.apply(one.data, one.text)
    (name,) = (one.identity[3] for one in manifests(root) if one.identity[1] == APPLICATION[1])
    return name


def units(target: Target) -> Iterator[Json]:
    """The Applications of a target as `apps/` holds them, bootstrap first as ORDER has it."""
    (apps,) = target.units("apps")
    found = [one.data for one in manifests(apps) if one.data["kind"] == APPLICATION[1]]
    yield from sorted(found, key=lambda one: not one["metadata"]["name"].endswith("bootstrap"))


def sources(application: Json) -> Sequence[Json]:
    """The one or several sources of an Application."""
    spec = application["spec"]
    return list(spec.get("sources") or [spec["source"]])


def is_argo(target: Target) -> bool:
    """Whether Argo CD reconciles a target."""
    return any(
        one.identity[1] == APPLICATION[1]
        for root in target.units("root")
        for one in manifests(root)
    )


def health(settings: Mapping[str, str], objects: Sequence[Json]) -> list[tuple[str, str]]:
    """Argo CD's verdict and message for objects, by the checks among the keys of `argocd-cm`."""
    stream = "\n".join(json.dumps(one) for one in (settings, *objects))
    done = subprocess.run(
        [str(binary("gitops-agent")), "health"],
        input=stream,
        check=True,
        capture_output=True,
        text=True,
    )
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [(one["status"], one["message"]) for one in found]


def ensure_namespace(api: Api, name: str) -> None:
    """A namespace that exists before Git says anything, as Argo CD's own does."""
    api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


def git(repository: Path, *arguments: str) -> str:
    """One Git command that reads no configuration of the machine's; what it printed."""
    who = {
        f"GIT_{role}_{key}": "tier" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")
    }
    environment: dict[str, Any] = {
        **os.environ,
        **who,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    done = subprocess.run(
        ["git", "-C", str(repository), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    return done.stdout.strip()
