"""The real kustomize-controller on a control plane, and a stand-in for its source-controller.

The stand-in serves what it is given as the artifact of every GitRepository and writes that
object's status. It honours `spec.ref.branch` in the revision's name and `spec.sparseCheckout` in
what an artifact holds, and nothing else: it reads no Git, knows no interval and checks no
signature. Nothing here applies a compiled object but what an administrator applies once.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster import control_plane
from tests.cluster.api import Api, Json, RefusedError
from tests.cluster.control_plane import HOST, ControlPlane
from tests.cluster.process import Server, await_true, free_port, listens
from tests.cluster.trees import Target

NAMESPACE = "flux-system"
"""Where Flux and its objects live."""
KUSTOMIZATION = ("kustomize.toolkit.fluxcd.io/v1", "Kustomization")
REPOSITORY_KIND = ("source.toolkit.fluxcd.io/v1", "GitRepository")
CHECKOUT = "generated"
"""`repo.path` of every committed tree: the folder of a checkout that the output lies in."""
PATIENCE = 300.0
"""Seconds to wait for what takes five on a machine that has nothing else to do."""
_WRITTEN = "2026-01-01T00:00:00Z"
"""One moment for every status of the stand-in, so that equal artifacts make equal statuses."""


@dataclass(slots=True)
class SourceStandIn:
    """Artifacts over HTTP on loopback and in the status of GitRepositories, as of one checkout."""

    api: Api
    artifacts: dict[str, bytes] = field(default_factory=dict)
    server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Serve what `publish` packs."""
        self.server = ThreadingHTTPServer((HOST, 0), partial(_Handler, self.artifacts))
        threading.Thread(target=self.server.serve_forever, args=(0.1,), daemon=True).start()

    def publish(self, folder: Path) -> str:
        """Make a folder the content of every repository that the server knows."""
        revision = hashlib.sha1(pack(folder)).hexdigest()
        for repository in self.api.items(*REPOSITORY_KIND):
            self._write(repository, folder, revision)
        return revision

    def stop(self) -> None:
        """End the file server."""
        if self.server is not None:
            self.server.shutdown()
            self.server.server_close()

    def _write(self, repository: Json, folder: Path, revision: str) -> None:
        assert self.server is not None
        spec, metadata = repository["spec"], repository["metadata"]
        packed = pack(folder, spec.get("sparseCheckout") or ())
        digest = hashlib.sha256(packed).hexdigest()
        path = f"{metadata['name']}/{digest}.tar.gz"
        self.artifacts[f"/{path}"] = packed
        artifact = {
            "path": path,
            "url": f"http://{HOST}:{self.server.server_port}/{path}",
            "revision": f"{spec['ref']['branch']}@sha1:{revision}",
            "digest": f"sha256:{digest}",
            "lastUpdateTime": _WRITTEN,
            "size": len(packed),
        }
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "Succeeded",
            "message": "stored by a stand-in",
            "lastTransitionTime": _WRITTEN,
            "observedGeneration": metadata["generation"],
        }
        status = {
            "observedGeneration": metadata["generation"],
            "conditions": [ready],
            "artifact": artifact,
        }
        self.api.merge(repository, {"status": status}, "status")


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, artifacts: Mapping[str, bytes], *rest: Any) -> None:
        self._artifacts = artifacts
        super().__init__(*rest)

    def do_GET(self) -> None:
        body = self._artifacts.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, *_: object) -> None:
        """Keep the test's output to the test."""


@dataclass(slots=True)
class Flux:
    """A kustomize-controller with its source. `stop` ends both."""

    api: Api
    controller: Server
    source: SourceStandIn

    @classmethod
    def start(
        cls, plane: ControlPlane, *, concurrency: int = 8, arguments: Sequence[str] = ()
    ) -> Flux:
        """Start the controller as the user FLUX and the stand-in; returns once it is healthy.

        `concurrency` is how many Kustomizations it works on at once (4 where Flux is installed
        without a word), `arguments` are further flags.
        """
        api = plane.api()
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        source = SourceStandIn(api)
        source.start()
        health = free_port()
        flags = [
            f"--concurrent={concurrency}",
            f"--health-addr={HOST}:{health}",
            f"--metrics-addr={HOST}:{free_port()}",
            # Who waits for a dependency asks again after this; 30 s is for fleets.
            "--requeue-dependency=1s",
            "--kube-api-qps=1000",
            "--kube-api-burst=2000",
            "--no-remote-bases",
            *arguments,
        ]
        # At start a controller clears the working folders of others away that share its own.
        work = plane.folder / f"flux-{health}"
        work.mkdir()
        environment = {
            "TMPDIR": str(work),
            "KUBECONFIG": str(plane.kubeconfig(control_plane.FLUX)),
            "RUNTIME_NAMESPACE": NAMESPACE,
        }
        controller = plane.start("kustomize-controller", flags, environment)
        controller.ready(lambda: listens(health))
        return cls(api, controller, source)

    def publish(self, folder: Path) -> str:
        """Make a folder, which stands for a checkout, the newest commit; the revision.

        Every GitRepository that exists now gets it; one that is applied later needs another call.
        """
        return self.source.publish(folder)

    def kustomizations(self, suffix: str = "") -> tuple[str, ...]:
        """The names of the Kustomizations that the server knows, sorted."""
        found = (one["metadata"]["name"] for one in self.api.items(*KUSTOMIZATION, NAMESPACE))
        return tuple(sorted(name for name in found if name.endswith(suffix)))

    def kustomization(self, name: str) -> Json:
        """One Kustomization as it is now."""
        return self.api.get(*KUSTOMIZATION, name, NAMESPACE)

    def conditions(self, name: str) -> Mapping[str, Json]:
        """The conditions of a Kustomization by type; empty where there is none."""
        with suppress(RefusedError):
            status = self.kustomization(name).get("status") or {}
            return {one["type"]: one for one in status.get("conditions") or ()}
        return {}

    def unready(self, names: Iterable[str]) -> tuple[str, ...]:
        """Which Kustomizations have not applied the newest commit and found it healthy."""
        newest = {
            one["metadata"]["name"]: _artifact(one).get("revision", "none")
            for one in self.api.items(*REPOSITORY_KIND, NAMESPACE)
        }
        ready = {
            one["metadata"]["name"]
            for one in self.api.items(*KUSTOMIZATION, NAMESPACE)
            if _is_ready(one, newest.get(one["spec"]["sourceRef"]["name"], "none"))
        }
        return tuple(name for name in names if name not in ready)

    def await_ready(self, names: Iterable[str], patience: float = PATIENCE) -> None:
        """Wait until all are ready on the newest commit.

        Raises:
            AssertionError: some are not; the text has the message of each.
        """
        wanted = tuple(names)
        self._await_none(lambda: self.unready(wanted), patience)

    def await_all_ready(self, patience: float = PATIENCE) -> None:
        """Wait until every Kustomization that there is is ready on the newest commit.

        Raises:
            AssertionError: some are not; the text has the message of each.
        """
        self._await_none(lambda: self.unready(self.kustomizations()), patience)

    def await_refused(self, name: str, text: str, patience: float = PATIENCE) -> None:
        """Wait until a Kustomization is not ready and its message has `text`.

        Raises:
            AssertionError: it says something else, or nothing.
        """

        def done() -> bool:
            ready = self.conditions(name).get("Ready", {})
            return ready.get("status") == "False" and text in ready["message"]

        try:
            await_true(done, patience, f"{name} is refused for {text!r}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says: {self.message(name)}") from None

    def message(self, name: str) -> str:
        """What a Kustomization says of itself."""
        ready = self.conditions(name).get("Ready", {})
        return f"{ready.get('status')} {ready.get('reason')} {ready.get('message')}"

    def reconcile(self, names: Iterable[str], patience: float = PATIENCE) -> None:
        """Have Kustomizations reconciled now, as `flux reconcile` asks for it; wait until done."""
        asked = {}
        for name in names:
            found = self.kustomization(name)
            asked[name] = str(int(found["status"].get("lastHandledReconcileAt", 0)) + 1)
            note = {"reconcile.fluxcd.io/requestedAt": asked[name]}
            self.api.merge(found, {"metadata": {"annotations": note}})

        def done() -> bool:
            return all(self._handled(name) == token for name, token in asked.items())

        await_true(done, patience, f"{', '.join(asked)} are reconciled again")
        self.await_ready(asked, patience)

    def stop(self) -> None:
        """End the controller and the file server."""
        self.controller.stop()
        self.source.stop()

    def _await_none(self, unready: Callable[[], Sequence[str]], patience: float) -> None:
        try:
            await_true(lambda: not unready(), patience, "Kustomizations are ready")
        except AssertionError as error:
            said = [f"{name}: {self.message(name)}" for name in unready()]
            raise AssertionError("\n".join([str(error), *said])) from None

    def _handled(self, name: str) -> str:
        return str(self.kustomization(name)["status"].get("lastHandledReconcileAt", ""))


def _is_ready(kustomization: Json, newest: str) -> bool:
    status = kustomization.get("status") or {}
    return (
        any(
            one["type"] == "Ready" and one["status"] == "True"
            for one in status.get("conditions") or ()
        )
        and status.get("observedGeneration") == kustomization["metadata"]["generation"]
        and status.get("lastAppliedRevision") == newest
    )


def _artifact(repository: Json) -> Json:
    artifact: Json = (repository.get("status") or {}).get("artifact") or {}
    return artifact


def pack(folder: Path, directories: Sequence[str] = ()) -> bytes:
    """A folder as tar.gz, the same bytes for the same files; only some directories if named."""
    tar = io.BytesIO()
    chosen = [folder / one for one in directories] or [folder]
    files = sorted({file for one in chosen for file in one.rglob("*") if file.is_file()})
    with tarfile.open(fileobj=tar, mode="w") as archive:
        for file in files:
            member = tarfile.TarInfo(file.relative_to(folder).as_posix())
            member.size = file.stat().st_size
            with file.open("rb") as stream:
                archive.addfile(member, stream)
    return gzip.compress(tar.getvalue(), 1, mtime=0)


def checkout(output: Path, folder: Path) -> Path:
    """Add a compiled output to a folder that stands for a checkout of its repository."""
    shutil.copytree(output, folder / CHECKOUT, dirs_exist_ok=True)
    return folder


def apply_root(plane: ControlPlane, target: Target) -> str:
    """What an administrator does once for a cluster, with kubectl; the root's name."""
    beside = Path(sys.executable).with_name("kubectl")
    kubectl = str(beside) if beside.exists() else "kubectl"
    config = plane.kubeconfig()
    subprocess.run(
        [kubectl, f"--kubeconfig={config}", "apply", "-k", str(target.folder / "root")],
        check=True,
        capture_output=True,
        text=True,
    )
    return "-".join([*target.path.split("/"), "root"])
