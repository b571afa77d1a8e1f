"""The life of one edge pod, from a spec in Git to a model server's answers.

The compiler, Git, the rendered containers with their users and mounts, the S3 server and the
sidecar are real. Stand-ins: the kubelet (`support/pod.py`) and Triton (`support/servers.py`).
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar.story.fleet import Fleet
from tests.sidecar.story.relay import Relay
from tests.sidecar.support import disks
from tests.sidecar.support.network import Lan
from tests.sidecar.support.pod import Node, Pod, python_image, sidecar_image
from tests.sidecar.support.s3 import ACCESS, S3, SECRET

HERE = Path(__file__).parent
PORT = 8333
ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
VERSIONS = {"1": b"add 1\n", "2": b"add 2\n", "3": b"broken no such operator: Frobnicate\n"}
QUESTION = {"inputs": [{"name": "input", "shape": [1], "datatype": "FP32", "data": [40.0]}]}
SECRETS = {name: {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
           for name in ("s3-reader", "s3-writer")}  # fmt: skip


class Site:
    """The store: its fleet, its node, its pod."""

    def __init__(self, fleet: Fleet, lan: Lan, node: Node, pod: Pod, s3: S3) -> None:
        self.fleet, self.lan, self.node, self.pod, self.s3 = fleet, lan, node, pod, s3

    def apply(self) -> None:
        """What an engine and a kubelet do with a new commit: only ConfigMaps may differ."""
        for name, data in self.fleet.config_maps().items():
            self.pod.update_config_map(name, data)

    def answer(self) -> tuple[str, float]:
        """The version that the server says it is, and what it makes of 40."""
        with self.pod.network.connect(8000) as line:
            body = json.dumps(QUESTION).encode()
            line.sendall(
                b"POST /v2/models/shelf-detector/infer HTTP/1.1\r\nHost: server\r\n"
                b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            said = b""
            while part := line.recv(65536):
                said += part
        found = json.loads(said.partition(b"\r\n\r\n")[2])
        return found["model_version"], found["outputs"][0]["data"][0]

    def status(self) -> dict[str, Any]:
        """What the sidecar says of itself."""
        found: dict[str, Any] = self.pod.get(9471, "/v1/status").json()
        return found

    def model(self) -> dict[str, Any]:
        """The state of the model."""
        found: dict[str, Any] = self.status()["artifacts"][0]
        return found

    def report(self) -> dict[str, Any]:
        """The newest report in the store."""
        keys = self.s3.keys("artifacts", "reports/")
        found: dict[str, Any] = json.loads(self.s3.get("artifacts", keys[0])) if keys else {}
        return found

    def until(self, what: str, seen: Callable[[], bool], timeout: float = 60) -> float:
        """Wait for something; the seconds that it took."""
        began = time.monotonic()
        while not seen():
            if time.monotonic() - began > timeout:
                pytest.fail(f"{what} did not happen\n{self.status()}\n{self.pod.describe()}")
            time.sleep(0.05)
        return time.monotonic() - began


@pytest.fixture
def site(tmp_path: Path, s3: S3) -> Iterator[Site]:
    with Lan() as lan:
        origin = lan.attach("origin")
        endpoint = f"http://{origin.address}:{PORT}"
        fleet = Fleet(tmp_path / "fleet", endpoint=endpoint, arch=ARCH, versions=VERSIONS)
        for name, data in fleet.archives.items():
            s3.put("artifacts", f"shelf/{name}.tar.gz", data)
        output = {"outputs": [{"name": "output", "shape": [1], "datatype": "FP32", "data": [42.0]}]}
        s3.put("artifacts", "golden/input.json", json.dumps(QUESTION).encode())
        s3.put("artifacts", "golden/output.json", json.dumps(output).encode())
        for key in s3.keys("artifacts", "reports/"):
            s3.client.delete_object(Bucket="artifacts", Key=key)
        servers = HERE.parent / "support" / "servers.py"
        entry = "/opt/stand-in/entry.py"
        triton = python_image(
            entry,
            files={
                entry: str(HERE / "triton_entry.py"),
                "/opt/stand-in/servers.py": str(servers),
            },
        )
        images = {
            "registry.example.com/edgewright-sidecar": sidecar_image(),
            "registry.example.com/tritonserver": triton,
        }
        secrets = [
            {"kind": "Secret", "metadata": {"name": name}, "stringData": data}
            for name, data in SECRETS.items()
        ]
        objects = [*fleet.manifests(), *secrets]
        disk = tmp_path / "node" / "host"
        disk.mkdir(parents=True)
        with (
            # What the compiler keeps free is a share of the disk, and this machine's may be full.
            disks.tmpfs("2g", at=str(disk)),
            Relay(origin, PORT, s3.port),
            Node(tmp_path / "node", "node-1", lan) as node,
            Pod(fleet.deployment(), node, images=images, objects=objects) as pod,
        ):
            yield Site(fleet, lan, node, pod, s3)


def test_a_model_goes_from_git_to_the_server_and_back(site: Site) -> None:
    site.pod.wait_ready(60)
    site.until("version 1", lambda: site.model()["phase"] == "idle")
    assert site.answer() == ("1", 41.0)

    # A bump changes one ConfigMap and records; the pod that runs is the pod that ran.
    processes = site.pod["worker"].processes()
    changed = {one.rpartition("/")[2] for one in site.fleet.bump("2").split()}
    assert {one for one in changed if "edgewright.ledger" not in one} == {
        "configmap-watch-store-1-sidecar.yaml",
        "inferencemodel.edgewright.io-watch-shelf-detector-store-1.yaml",
        "trainingmodel.edgewright.io-shelf-detector.yaml",
        "fleet.yaml",
    }
    site.apply()
    took = site.until("version 2", lambda: site.answer() == ("2", 42.0))
    site.until("its probation", lambda: site.model()["phase"] == "idle")
    assert site.pod["worker"].processes() == processes
    print(f"\nversion 2 answered {took:.1f} s after its ConfigMap changed")

    # A broken model never serves, and says why, where people look.
    site.fleet.bump("3")
    site.apply()
    site.until("the way back", lambda: site.model().get("reason") == "LoadFailed")
    assert "no such operator: Frobnicate" in site.model().get("detail", "")
    site.until("rest", lambda: site.model()["phase"] == "blocked")
    assert site.answer() == ("2", 42.0)
    site.until("its report", lambda: "LoadFailed" in json.dumps(site.report()))

    # Off the network: two reverts, the second needs the bytes of version 1, which are still here.
    site.lan.unplug(f"{site.node.name}/{site.pod.name}-1")
    site.fleet.revert("3")
    site.apply()
    site.until("agreement with Git", lambda: site.model()["phase"] == "idle")
    assert site.answer() == ("2", 42.0)
    site.fleet.revert("2")
    site.apply()
    took = site.until("version 1", lambda: site.answer() == ("1", 41.0))
    print(f"version 1 answered {took:.1f} s after its ConfigMap changed, without a network")
    site.until("rest", lambda: site.model()["phase"] == "idle")
    assert site.pod["worker"].processes() == processes
