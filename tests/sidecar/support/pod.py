"""A kubelet and its container runtime in small: runs the pod of a manifest as real processes.

Each container is a process with pid 1 of its own, a root of its own (read-only where the manifest
says so, without a shell), the manifest's user, groups, capabilities and volumes; the containers of
a pod share one network. Init containers run in order, those that stay gate the next by their
start-up probe, probes and restarts are real. What is not emulated: seccomp, image pulls, resource
limits, and time: probe periods and back-off are `pace` times the manifest's.

    node = Node(tmp_path / "node")
    with Pod(manifest, node, images={"registry.example.com/edgewright-sidecar": sidecar_image(),
                                     "registry.example.com/server": python_image(script)},
             objects=every_manifest_with_config_maps_and_secrets) as pod:
        pod.wait_ready()
        pod.update_config_map("watch-sidecar", {"config.json": text})
        pod["sidecar"].kill()
"""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.sidecar.support.network import Lan, Namespace
from tests.sidecar.support.pod_images import Image, PodError, python_image, sidecar_image
from tests.sidecar.support.pod_probes import Answer, get
from tests.sidecar.support.pod_runtime import Container, Place
from tests.sidecar.support.pod_volumes import Objects, VolumeError, Volumes, objects_of

__all__ = ["Container", "Image", "Node", "Pod", "PodError", "python_image", "sidecar_image"]

PACE = 0.05
_IGNORED = {
    "affinity", "automountServiceAccountToken", "dnsPolicy", "enableServiceLinks",
    "imagePullSecrets", "nodeSelector", "priorityClassName", "runtimeClassName",
    "serviceAccountName", "tolerations", "topologySpreadConstraints",
}  # fmt: skip
_KNOWN = {
    "containers", "hostNetwork", "initContainers", "restartPolicy", "securityContext",
    "terminationGracePeriodSeconds", "volumes",
}  # fmt: skip


class Node:
    """A host: a directory that its hostPaths lie in, a name, and a network."""

    def __init__(self, directory: Path, name: str = "node-1", lan: Lan | None = None) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        # Whoever a container runs as must reach what is bound into it.
        for one in (directory, *directory.parents):
            if one.stat().st_uid == os.geteuid() and not one.stat().st_mode & 0o001:
                one.chmod(one.stat().st_mode | 0o011)
        self.directory, self.name, self.lan = directory, name, lan
        self.network = lan.attach(name) if lan else Namespace("10.88.0.1")
        self._pods = 0

    def close(self) -> None:
        """Give up its network; pods on it are closed before."""
        if not self.lan:
            self.network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self.close()

    def host_path(self, path: str) -> Path:
        """Where a path of the host really lies."""
        return self.directory / "host" / path.lstrip("/")

    def place(self, name: str) -> tuple[Namespace, Path]:
        """A network and a directory for another pod."""
        self._pods += 1
        directory = self.directory / "pods" / f"{name}-{self._pods}"
        directory.mkdir(parents=True)
        if self.lan:
            return self.lan.attach(f"{self.name}/{name}-{self._pods}"), directory
        return Namespace(f"10.88.1.{self._pods}"), directory


class Pod:
    """One pod of a manifest. Use it as a context manager: nothing of it outlives that.

    `manifest` is a Pod, Deployment, DaemonSet, StatefulSet, Job or CronJob. `images` maps a
    reference, or a repository without its tag and digest, to what it runs. `objects` are manifests
    whose ConfigMaps and Secrets the pod refers to; `hosts` are further lines of /etc/hosts.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        node: Node,
        *,
        images: Mapping[str, Image],
        objects: Iterable[Mapping[str, Any]] = (),
        hosts: Mapping[str, str] | None = None,
        pace: float = PACE,
    ) -> None:
        template = _template(manifest)
        self.spec = template["spec"]
        self.name = str(manifest["metadata"]["name"])
        unknown = set(self.spec) - _KNOWN - _IGNORED
        if unknown:
            raise PodError(f"the stand-in does not know {', '.join(sorted(unknown))} of a pod")
        self.node = node
        self.objects: Objects = objects_of([dict(one) for one in objects])
        own, self.directory = node.place(self.name)
        self._own = own
        self.network = node.network if self.spec.get("hostNetwork") else own
        security = self.spec.get("securityContext", {})
        self._volumes = Volumes(
            self.directory / "volumes", node.directory / "host", self.objects,
            security.get("fsGroup"),
        )  # fmt: skip
        self._place = Place(
            self.name, str(template["metadata"].get("namespace", "default")), node.name,
            node.network.address, self.network, self.directory, security, self._volumes,
            self.objects, dict(hosts or {}), template["metadata"].get("labels", {}),
        )  # fmt: skip
        policy = self.spec.get("restartPolicy", "Always")
        self.init = [
            Container(one, self._place, images, policy, pace, init=True)
            for one in self.spec.get("initContainers", ())
        ]
        self.containers = [
            Container(one, self._place, images, policy, pace) for one in self.spec["containers"]
        ]
        self._policy, self._thread = policy, threading.Thread(target=self._run, daemon=True)
        self._error = ""
        self._stopping = threading.Event()

    def start(self) -> Self:
        """Set up the volumes and begin; returns at once."""
        self._thread.start()
        return self

    def wait_ready(self, timeout: float = 30) -> Self:
        """Wait until every container runs, has started and is ready."""
        everyone = [one for one in (*self.init, *self.containers) if not one.ends]
        self._wait("become ready", timeout, lambda: all(one.ready for one in everyone))
        return self

    def wait_started(self, name: str, timeout: float = 30) -> Container:
        """Wait until a container has passed its start-up probe."""
        self._wait(f"start {name}", timeout, lambda: self[name].started)
        return self[name]

    def wait_for(self, done: Callable[[], bool], what: str, timeout: float = 30) -> None:
        """Wait until something is so; `what` is how a failure calls it."""
        self._wait(what, timeout, done)

    def wait_logs(self, name: str, text: str, timeout: float = 30) -> str:
        """Wait until a container has written this, and give all that it wrote."""
        self._wait(f"log {text!r} in {name}", timeout, lambda: text in self[name].logs())
        return self[name].logs()

    def wait_finished(self, timeout: float = 60) -> str:
        """Wait until every container has ended for good: `Succeeded` or `Failed`."""
        self._wait("finish", timeout, lambda: self.phase in ("Succeeded", "Failed"))
        return self.phase

    @property
    def phase(self) -> str:
        """`Pending`, `Running`, `Succeeded` or `Failed`, as the API server would say."""
        if any(one.failed for one in (*self.init, *self.containers)):
            return "Failed"
        if all(one.finished for one in self.containers):
            return "Succeeded"
        return "Running" if any(one.running for one in self.containers) else "Pending"

    @property
    def ready(self) -> bool:
        """Whether a Service would send it requests."""
        return all(one.ready for one in (*self.init, *self.containers) if not one.ends)

    def stop(self, grace: float | None = None) -> float:
        """SIGTERM to the workers, then to sidecars in reverse; SIGKILL after the grace.

        Returns the seconds that it took.
        """
        began = time.monotonic()
        seconds = self.spec.get("terminationGracePeriodSeconds", 30) if grace is None else grace
        deadline = began + seconds
        self._stopping.set()
        for group in (self.containers, *([one] for one in reversed(self.init))):
            for one in group:
                one.stop()
            for one in group:
                one.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            self._thread.join(5)
        return time.monotonic() - began

    def close(self) -> None:
        """Kill whatever is left and delete the pod's own volumes."""
        self._stopping.set()
        for one in (*self.containers, *self.init):
            one.stop()
            one.join(0)
        if self._thread.ident:
            self._thread.join(5)
        self._own.close()
        shutil.rmtree(self.directory / "volumes", ignore_errors=True)

    def update_config_map(self, name: str, data: Mapping[str, str]) -> None:
        """Change a ConfigMap and flip the volumes that show it."""
        self.objects.config_maps[name] = {key: text.encode() for key, text in data.items()}
        self._volumes.update("configMap", name)

    def update_secret(self, name: str, data: Mapping[str, str]) -> None:
        """Change a Secret and flip the volumes that show it."""
        self.objects.secrets[name] = {key: text.encode() for key, text in data.items()}
        self._volumes.update("secret", name)

    def get(self, port: int, path: str, *, timeout: float = 5) -> Answer:
        """A GET from within the pod's network, to the pod's address."""
        return get(self.network, port, path, timeout=timeout)

    def volume(self, name: str) -> Path:
        """Where a volume lies on the machine that runs the test."""
        return self._volumes.path(name)

    def __getitem__(self, name: str) -> Container:
        return next(one for one in (*self.init, *self.containers) if one.name == name)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self.close()

    def describe(self) -> str:
        """What `kubectl describe` and `kubectl logs` would show."""
        lines = [f"pod {self.name}: {self._error or self.phase}"]
        for one in (*self.init, *self.containers):
            lines.append(f"- {one.describe()}")
            lines += [f"    {line}" for line in one.logs().splitlines()[-30:]]
        return "\n".join(lines)

    def _run(self) -> None:
        try:
            for volume in self.spec.get("volumes", ()):
                self._volumes.lay(volume)
        except VolumeError as error:
            self._error = f"ContainerCreating: {error}"
            return
        if self._initialised():
            self._run_workers()

    def _initialised(self) -> bool:
        for one in self.init:
            one.start()
            one.wait_passed(self._stopping)
            if self._stopping.is_set() or one.failed:
                return False
        return True

    def _run_workers(self) -> None:
        for one in self.containers:
            one.start()
        while not all(one.finished for one in self.containers):
            if self._stopping.is_set():
                return
            time.sleep(0.02)
        for one in reversed(self.init):
            one.stop()

    def _wait(self, what: str, timeout: float, done: Callable[[], bool]) -> None:
        deadline = time.monotonic() + timeout
        while not done():
            failed = self._error or self.phase == "Failed"
            if failed or time.monotonic() > deadline:
                raise PodError(f"did not {what} within {timeout} s\n{self.describe()}")
            time.sleep(0.01)


def _template(manifest: Mapping[str, Any]) -> dict[str, Any]:
    kind, spec = manifest["kind"], manifest["spec"]
    if kind == "Pod":
        return {"metadata": manifest["metadata"], "spec": spec}
    if kind == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    template = spec["template"]
    metadata = {**template.get("metadata", {}), "namespace": manifest["metadata"].get("namespace")}
    return {"metadata": metadata, "spec": template["spec"]}
