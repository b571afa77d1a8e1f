"""A site without any network: what its pod needs comes on a medium.

The compiler, the rendered containers, the sidecar and the bundle are real; the kubelet and the
server are stand-ins. The pod's network namespace has loopback and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sidecar.pods.specs import SERVER
from tests.sidecar.story.fleet import REPOSITORY, Fleet
from tests.sidecar.support import disks
from tests.sidecar.support.pod import Node, Pod, python_image, sidecar_image
from tests.sidecar.support.running import surroundings
from tests.sidecar.support.s3 import ACCESS, S3, SECRET

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


class Island:
    """A node that reaches nobody, and the fleet that it belongs to."""

    def __init__(self, node: Node, fleet: Fleet) -> None:
        self.node, self.fleet = node, fleet

    def pod(self) -> Pod:
        """The compiled pod."""
        secrets = [{"kind": "Secret", "metadata": {"name": name},
                    "stringData": {"AWS_ACCESS_KEY_ID": "test-access",
                                   "AWS_SECRET_ACCESS_KEY": "test-secret"}}
                   for name in ("s3-reader", "s3-writer")]  # fmt: skip
        images = {
            "registry.example.com/edgewright-sidecar": sidecar_image(),
            "registry.example.com/tritonserver": python_image("-c", SERVER, "8000"),
        }
        objects = [*self.fleet.manifests(), *secrets]
        return Pod(self.fleet.deployment(), self.node, images=images, objects=objects)

    def store(self) -> Path:
        """The store on the host."""
        volumes = self.fleet.deployment()["spec"]["template"]["spec"]["volumes"]
        (path,) = (one["hostPath"]["path"] for one in volumes if "hostPath" in one)
        return self.node.host_path(path)

    def load(self, medium: Path) -> subprocess.CompletedProcess[str]:
        """What an operator does on the node, as root."""
        program = [sys.executable, "-m", "sidecar", "load", str(medium)]
        return subprocess.run(
            [*program, "--root", str(self.store())], env=surroundings(), cwd="/",
            capture_output=True, text=True, check=False,
        )  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    disk = tmp_path / "node" / "host"
    disk.mkdir(parents=True)
    with disks.tmpfs("2g", at=str(disk)), Node(tmp_path / "node") as node:
        yield node


@pytest.fixture
def island(node: Node, tmp_path: Path) -> Island:
    return Island(node, fleet(tmp_path, "http://192.0.2.1:8333"))


def fleet(tmp_path: Path, endpoint: str) -> Fleet:
    versions = {"1": b"add 1\n", "2": b"add 2\n"}
    return Fleet(tmp_path / "fleet", endpoint=endpoint, arch=ARCH, versions=versions)


def written(path: Path, *datas: bytes) -> Path:
    """A bundle as it is carried to a site."""
    stated = {
        hashlib.sha256(data).hexdigest(): {"size": len(data), "chunks": False} for data in datas
    }
    files = {"bundle.json": json.dumps({"bundle": 1, "artifacts": stated}).encode()}
    files |= {f"artifacts/{hashlib.sha256(data).hexdigest()}": data for data in datas}
    with tarfile.open(path, "w") as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return path


@pytest.mark.parametrize("when", ["before the pod", "beside its sidecar"])
def test_a_pod_without_a_network_comes_up_from_a_medium(
    island: Island, tmp_path: Path, when: str
) -> None:
    medium = written(tmp_path / "bundle.tar", island.fleet.archives["1"])
    with island.pod() as pod:
        if when == "beside its sidecar":
            pod.wait_for(lambda: offline(pod), "say that it is offline")
            assert not pod["worker"].running
        else:
            pod.wait_for(lambda: pod["prepare"].exits == [0], "end prepare")
        done = island.load(medium)
        assert (done.returncode, done.stderr) == (0, "")
        assert "1 new in the store, 0 were there already" in done.stdout
        pod.wait_for(lambda: pod["worker"].running, "let the worker start")
        assert pod.network.counters().keys() == {"lo"}
        shelf = island.store() / "store/blobs"
        (blob,) = (path for path in shelf.rglob("*") if path.is_file())
        assert (blob.stat().st_uid, os.geteuid()) == (65532, 0)
        assert "0 new in the store, 1 were there already" in island.load(medium).stdout


def offline(pod: Pod) -> bool:
    """Whether the sidecar waits for a network."""
    try:
        found = pod.get(9471, "/v1/status").json().get("artifacts", [])
    except OSError:
        return False
    return any(one.get("reason") == "Offline" for one in found)


@pytest.mark.parametrize("way", ["as an archive", "unpacked", "file by file"])
def test_a_site_comes_up_from_its_bundle_and_nothing_else(
    node: Node, s3: S3, tmp_path: Path, way: str
) -> None:
    # Where the bundle is made there is a network.
    island = Island(node, fleet(tmp_path, s3.endpoint))
    home = island.fleet.directory
    s3.put("artifacts", "shelf/1.tar.gz", island.fleet.archives["1"])
    if way == "file by file":
        of_a_prefix(island.fleet, s3)
    medium, carried = tmp_path / "store-1.tar", tmp_path / "carried"
    bundled = compiler(home, "bundle", "store-1", "--output", str(medium), *trusting(s3))
    assert bundled.returncode == 0, bundled.stderr
    with tarfile.open(medium) as archive:
        archive.extractall(carried, filter="data")
    # From here on there is only what was carried.
    shutil.rmtree(home / "generated")
    shutil.copytree(carried / "manifests", home / "generated")
    with island.pod() as pod:
        pod.wait_for(lambda: offline(pod), "say that it is offline")
        assert not pod["worker"].running
        done = island.load(carried if way == "unpacked" else medium)
        assert done.returncode == 0, done.stderr
        pod.wait_for(lambda: pod["worker"].running, "let the worker start")
        assert pod.network.counters().keys() == {"lo"}
        blobs = {path.name for path in (island.store() / "store/blobs").rglob("*")}
        assert (
            way == "file by file"
            or {one.name for one in (carried / "artifacts").iterdir()} <= blobs
        )


def compiler(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What somebody does who has a network and the store's credentials."""
    access = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET}
    return subprocess.run(
        [sys.executable, "-m", "compiler", *words],
        cwd=home, env={**os.environ, **access, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def trusting(s3: S3) -> tuple[str, str]:
    """The flag that lets the store of the test be asked."""
    return "--allow-host", s3.endpoint.removeprefix("http://")


def of_a_prefix(fleet: Fleet, s3: S3) -> None:
    """Let the model's version be a folder of the store instead of an archive."""
    for name, data in (("model.onnx", b"add 1\n"), ("labels.txt", b"bottle\ncan\nbox\n")):
        s3.put("artifacts", f"shelf/1/{name}", data)
    text = fleet.spec.read_text(encoding="utf-8")
    version = r'"main:shelf/1.tar.gz", unpack: tar.gz, sha256: [0-9a-f]{64}'
    fleet.spec.write_text(re.sub(version, '"main:shelf/1/"', text), encoding="utf-8")
    words = ("--only", "shelf-detector:1", "--push-chunks", *trusting(s3))
    done = compiler(fleet.directory, "lock", *words)
    assert done.returncode == 0, done.stderr
