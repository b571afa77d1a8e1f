"""One container of a pod: what a runtime makes of its spec, its restarts, its logs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from tests.sidecar.support import pod_container
from tests.sidecar.support.network import Namespace
from tests.sidecar.support.pod_images import Image, PodError, image_links, image_mounts, image_of
from tests.sidecar.support.pod_probes import Probe
from tests.sidecar.support.pod_volumes import Objects, Volumes

# What containerd gives a container that drops nothing.
_DEFAULT_CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID", "SETFCAP",
    "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
)  # fmt: skip
_PASSWD = "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n"
_GROUP = "root:x:0:\nnonroot:x:65532:\n"
_KNOWN = {
    "args", "command", "env", "image", "imagePullPolicy", "livenessProbe", "name", "ports",
    "readinessProbe", "resources", "restartPolicy", "securityContext", "startupProbe",
    "volumeMounts", "workingDir",
}  # fmt: skip
_SCRIPT = pod_container.__file__


class Place(NamedTuple):
    """What the containers of a pod share."""

    pod: str
    namespace: str
    node: str
    node_address: str
    network: Namespace
    directory: Path
    security: dict[str, Any]
    volumes: Volumes
    objects: Objects
    hosts: dict[str, str]
    labels: dict[str, str]


class Container:
    """One container. It is started and stopped by its pod; tests kill it, read it and look in."""

    def __init__(
        self,
        spec: dict[str, Any],
        place: Place,
        images: Mapping[str, Image],
        policy: str,
        pace: float,
        *,
        init: bool = False,
    ) -> None:
        unknown = set(spec) - _KNOWN
        if unknown:
            raise PodError(f"the stand-in does not know {', '.join(sorted(unknown))}")
        self.name = str(spec["name"])
        self.exits: list[int] = []
        self.pid = 0
        self.ended = 0.0
        self._spec, self._place, self._pace = spec, place, pace
        self._image = image_of(spec["image"], images)
        self._stays = spec.get("restartPolicy") == "Always"
        self.ends = init and not self._stays
        always = self._stays or (policy == "Always" and not init)
        self._policy = "Always" if always else "Never" if policy == "Never" else "OnFailure"
        self._log = place.directory / f"{self.name}.log"
        self._log.touch()
        self._process: subprocess.Popen[bytes] | None = None
        self._probes: dict[str, Probe] = {}
        self._born: dict[str, Any] = {}
        self._lifeline = -1
        self._error = ""
        self._stopped = threading.Event()
        self._doomed = threading.Event()
        self._passed = threading.Event()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._supervise, daemon=True)

    # --- what a test does with it

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Signal the container's pid 1, by default so that all in it dies at once."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait_restart(self, restarts: int, timeout: float = 30) -> None:
        """Wait until it was restarted so often, and runs."""
        deadline = time.monotonic() + timeout
        while len(self.exits) < restarts or not self.running:
            if time.monotonic() > deadline:
                raise PodError(f"{self.describe()}: was not restarted {restarts} times")
            time.sleep(0.01)

    def logs(self) -> str:
        """Everything that it wrote, over all its restarts."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def run(self, *command: str, timeout: float = 30) -> subprocess.CompletedProcess[str]:
        """Run a command inside, as `kubectl exec` would."""
        spec = {**self._born, "argv": list(command), "join": self.pid}
        with tempfile.TemporaryFile() as output:
            process, lifeline = _launch(spec, output.fileno())[:2]
            try:
                code = process.wait(timeout)
            finally:
                os.close(lifeline)
                process.wait()
            output.seek(0)
            text = output.read().decode(errors="replace")
        return subprocess.CompletedProcess(command, code, text, "")

    def python(self, code: str, timeout: float = 30) -> str:
        """What a piece of Python prints inside; for images that hold a Python."""
        found = self.run(self._image.entrypoint[0], "-I", "-c", code, timeout=timeout)
        if found.returncode:
            raise PodError(f"{self.name}: {found.stdout}")
        return found.stdout.strip()

    def processes(self) -> dict[int, str]:
        """The pids here, and the command lines, of everything in the container."""
        wanted = Path(f"/proc/{self.pid}/ns/pid").readlink()
        found = {}
        for entry in Path("/proc").iterdir():
            with suppress(OSError):
                if entry.name.isdigit() and (entry / "ns/pid").readlink() == wanted:
                    raw = (entry / "cmdline").read_bytes()
                    found[int(entry.name)] = raw.replace(b"\0", b" ").decode().strip()
        return found

    # --- what its pod and a test ask

    @property
    def running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    @property
    def started(self) -> bool:
        """Whether it runs and passed its start-up probe."""
        return self.running and self._passed.is_set() and not self.ends

    @property
    def ready(self) -> bool:
        """Whether it has started and its readiness probe passes."""
        probe = self._probes.get("readiness")
        return self.started and (probe is None or probe.passed)

    @property
    def finished(self) -> bool:
        """Whether it has ended and is not started again."""
        return self._done.is_set()

    @property
    def failed(self) -> bool:
        """Whether it ended badly and is not started again."""
        return self.finished and not self._stopped.is_set() and self.exits[-1:] != [0]

    def describe(self) -> str:
        """Its state in one line."""
        state = "running" if self.running else f"waiting: {self._error}" if self._error else "down"
        said = "; ".join(f"{k}: {p.said}" for k, p in self._probes.items() if p.said)
        return f"{self.name} {state}, exits {self.exits}{', ' + said if said else ''}"

    def start(self) -> None:
        """Begin, and keep to the restart policy from now on."""
        self._thread.start()

    def wait_passed(self, stopping: threading.Event) -> None:
        """Wait until the next init container may begin."""
        while not (self._passed.is_set() or self.finished or stopping.is_set()):
            time.sleep(0.005)

    def stop(self) -> None:
        """SIGTERM, and no restart."""
        first = not self._stopped.is_set()
        self._stopped.set()
        if first and self.running and self.pid:
            os.kill(self.pid, signal.SIGTERM)

    def join(self, grace: float) -> None:
        """Wait for the end, and kill it after the grace."""
        if not self._thread.ident:
            return
        self._thread.join(grace)
        self._doomed.set()
        self._thread.join(10)

    # --- its life

    def _supervise(self) -> None:
        delay = 10 * self._pace
        while not self._stopped.is_set():
            self._live()
            code = self.exits[-1]
            if self._policy == "Never" or (self._policy == "OnFailure" and code == 0):
                break
            self._stopped.wait(delay)
            delay = min(delay * 2, 300 * self._pace)
        if self.ends and self.exits[-1:] == [0]:
            self._passed.set()
        self._done.set()

    def _live(self) -> None:
        # A sidecar that was started once does not hold back anybody when it restarts.
        self._probes = {
            kind: Probe(self._spec[f"{kind}Probe"], self._place.network, self._pace)
            for kind in ("startup", "readiness", "liveness")
            if f"{kind}Probe" in self._spec
        }
        try:
            self._begin()
        except PodError as error:
            self._error = str(error)
            self.exits.append(128)
            return
        process = self._process
        assert process is not None
        while process.poll() is None:
            if self._doomed.is_set():
                self.kill()
            self._probe()
            time.sleep(0.01)
        os.close(self._lifeline)
        self.ended = time.monotonic()
        self.exits.append(process.returncode)

    def _probe(self) -> None:
        startup, readiness = self._probes.get("startup"), self._probes.get("readiness")
        if startup is not None and not startup.passed:
            startup.ask()
            if startup.failed:
                self.kill(signal.SIGTERM)
            if not startup.passed:
                return
        if not self.ends:
            self._passed.set()
        if readiness is not None:
            readiness.ask()
        liveness = self._probes.get("liveness")
        if liveness is not None:
            liveness.ask()
            if liveness.failed:
                self.kill(signal.SIGKILL)

    def _begin(self) -> None:
        self._born = self._identity()
        root = self._place.directory / f"root-{self.name}"
        root.mkdir(exist_ok=True)
        security = self._spec.get("securityContext", {})
        spec = {
            **self._born,
            "argv": self._arguments(),
            "network": self._place.network.descriptor,
            "hostname": self._place.pod[:63],
            "root": str(root),
            "image": image_mounts(self._image),
            "links": image_links(self._image),
            "files": self._etc(),
            "mounts": self._mounts(),
            "readonly_root": bool(security.get("readOnlyRootFilesystem")),
        }
        if self._stopped.is_set():
            raise PodError("stopped")
        with self._log.open("ab") as log:
            self._process, self._lifeline, self.pid = _launch(spec, log.fileno())
        self._error = ""
        if self._stopped.is_set():
            self.kill(signal.SIGTERM)

    def _identity(self) -> dict[str, Any]:
        security = {**self._place.security, **self._spec.get("securityContext", {})}
        uid, gid = security.get("runAsUser", 0), security.get("runAsGroup", 0)
        if security.get("runAsNonRoot") and uid == 0:
            raise PodError("container has runAsNonRoot and image will run as root")
        groups = [*security.get("supplementalGroups", ())]
        groups += [security["fsGroup"]] if "fsGroup" in security else []
        privileged = security.get("privileged", False)
        return {
            "uid": uid,
            "gid": gid,
            "groups": groups,
            "capabilities": pod_container.CAPABILITIES if privileged else _capabilities(security),
            "no_new_privileges": security.get("allowPrivilegeEscalation") is False,
            "cwd": self._spec.get("workingDir", "/"),
            "env": self._environment(),
        }

    def _environment(self) -> dict[str, str]:
        found = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOSTNAME": self._place.pod}
        found |= self._image.environment
        for entry in self._spec.get("env", ()):
            value = entry.get("value", "") if "valueFrom" not in entry else self._value(entry)
            found[entry["name"]] = _expanded(value, found)
        return found

    def _value(self, entry: dict[str, Any]) -> str:
        ((kind, body),) = entry["valueFrom"].items()
        place = self._place
        if kind == "fieldRef":
            label = re.fullmatch(r"metadata\.labels\['(.+)'\]", body["fieldPath"])
            return place.labels[label[1]] if label else self._fields()[body["fieldPath"]]
        known = {
            "secretKeyRef": place.objects.secrets,
            "configMapKeyRef": place.objects.config_maps,
        }
        try:
            return known[kind][body["name"]][body["key"]].decode()
        except KeyError as error:
            raise PodError(f"CreateContainerConfigError: {entry['name']}: no {error}") from None

    def _fields(self) -> dict[str, str]:
        place = self._place
        return {
            "metadata.name": place.pod,
            "metadata.namespace": place.namespace,
            "spec.nodeName": place.node,
            "status.hostIP": place.node_address,
            "status.podIP": place.network.address,
        }

    def _arguments(self) -> list[str]:
        environment = self._born["env"]
        command = self._spec.get("command") or self._image.entrypoint
        return [_expanded(part, environment) for part in (*command, *self._spec.get("args", ()))]

    def _mounts(self) -> list[tuple[str, str, bool]]:
        found = []
        for mount in self._spec.get("volumeMounts", ()):
            if unknown := set(mount) - {"name", "mountPath", "readOnly"}:
                raise PodError(f"the stand-in mounts no {', '.join(unknown)}")
            path = self._place.volumes.path(mount["name"])
            found.append((str(path), mount["mountPath"].rstrip("/"), mount.get("readOnly", False)))
        return found

    def _etc(self) -> dict[str, str]:
        place = self._place
        hosts = {"localhost": "127.0.0.1", place.pod: place.network.address, **place.hosts}
        return {
            "/etc/passwd": _PASSWD,
            "/etc/group": _GROUP,
            "/etc/hosts": "".join(f"{address}\t{name}\n" for name, address in hosts.items()),
            "/etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
            "/etc/nsswitch.conf": "hosts: files dns\n",
        }


def _launch(spec: dict[str, Any], output: int) -> tuple[subprocess.Popen[bytes], int, int]:
    """A launcher, the descriptor that holds it, and the pid of the container's process."""
    status, told = os.pipe()
    lifeline, held = os.pipe()
    passed = [told, lifeline, *([spec["network"]] if "network" in spec else [])]
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", _SCRIPT],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        pass_fds=passed,
    )
    os.close(told)
    os.close(lifeline)
    assert process.stdin is not None
    with process.stdin as stdin:
        stdin.write(json.dumps({**spec, "status": told, "lifeline": lifeline}).encode())
    with os.fdopen(status, encoding="utf-8") as answer:
        words = answer.read().splitlines()
    errors = [line for line in words if line.startswith("error ")]
    if errors or not words:
        os.close(held)
        process.wait()
        raise PodError(f"CreateContainerError: {errors[0][6:] if errors else 'launcher died'}")
    return process, held, int(words[0].split()[1])


def _capabilities(security: dict[str, Any]) -> list[str]:
    wanted = security.get("capabilities", {})
    dropped = set(wanted.get("drop", ()))
    kept = () if "ALL" in dropped else _DEFAULT_CAPABILITIES
    added = pod_container.CAPABILITIES if "ALL" in wanted.get("add", ()) else wanted.get("add", ())
    return sorted({name for name in kept if name not in dropped} | set(added))


def _expanded(text: str, environment: Mapping[str, str]) -> str:
    return re.sub(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)", lambda m: environment.get(m[1], m[0]), text)
