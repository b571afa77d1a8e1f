"""containerd takes the images of a bundle, whole and under the names that pods ask for."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.build import binary
from tests.cluster.process import await_true
from tests.commands.running import run_json
from tests.sidecar.support import disks, registry
from tests.stages.pack.test_images import ARCHIVE, shop

NAMESPACE = "k8s.io"
"""The namespace that the kubelet's runtime looks into."""


class Containerd:
    """A running daemon with a root of its own."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "containerd.sock"
        config = folder / "config.toml"
        config.write_text(
            f"version = 3\nroot = {json.dumps(str(folder / 'root'))}\n"
            f"state = {json.dumps(str(folder / 'state'))}\n"
            f"[grpc]\naddress = {json.dumps(str(self._socket))}\n"
            f"[ttrpc]\naddress = {json.dumps(str(folder / 'ttrpc.sock'))}\n"
        )
        with (folder / "log.txt").open("wb") as log:
            command = [str(binary("containerd")), "--config", str(config)]
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def ctr(self, *words: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """What an operator does on the node."""
        where = ["--address", str(self._socket), "--namespace", NAMESPACE]
        command = [str(binary("ctr")), *where, *words]
        return subprocess.run(command, input=data, capture_output=True, check=False)

    def answers(self) -> bool:
        """Whether it is up."""
        return self.ctr("version").returncode == 0


@pytest.fixture
def containerd(tmp_path: Path) -> Iterator[Containerd]:
    disks.needs_root()
    (tmp_path / "daemon").mkdir()
    running = Containerd(tmp_path / "daemon")
    try:
        await_true(running.answers, 30, "containerd answers")
        yield running
    finally:
        running.process.kill()
        running.process.wait()


@pytest.mark.parametrize("arches", [("amd64",), ("arm64", "amd64")])
def test_the_images_of_a_bundle_are_there_under_the_names_of_the_pods(
    tmp_path: Path, containerd: Containerd, arches: tuple[str, ...]
) -> None:
    (tmp_path / "registry").mkdir()
    (tmp_path / "fleet").mkdir()
    with registry.running(tmp_path / "registry") as there:
        shop(tmp_path / "fleet", there, *arches)
        run_json("lock", at=tmp_path / "fleet")
        said = run_json("bundle", "north-1", "--images", at=tmp_path / "fleet")
    with tarfile.open(tmp_path / "fleet/north-1.tar") as bundle:
        images = bundle.extractfile(ARCHIVE)
        assert images is not None
        done = containerd.ctr("images", "import", "-", data=images.read())
    assert done.returncode == 0, done.stderr
    listed = containerd.ctr("images", "check").stdout.decode().splitlines()[1:]
    complete = {line.split()[0]: "complete (2/2)" in line for line in listed}
    names = said["images"][ARCHIVE]
    assert len(names) == 4
    assert {name: complete.get(name) for name in names} == dict.fromkeys(names, True)
