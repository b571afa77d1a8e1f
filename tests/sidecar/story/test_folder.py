"""A dataset that is a prefix, from the spec to the files on a device."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import pytest

from compiler.model import source
from compiler.model.diagnostics import Diagnostics
from tests.commands.locking import DIGEST, entry
from tests.commands.running import run, run_json
from tests.sidecar.support import s3 as s3_server
from tests.sidecar.support.s3 import ACCESS, S3, SECRET
from tests.sidecar.transfer.fetching import content
from tests.sidecar.worker.test_folder import bring, tree_of

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
SPEC = f"""\
edgewright: v1
project: {{name: shelves}}
sidecar: {{image: "r.example.com/sidecar@{DIGEST}", contract: 1}}
stores: {{main: {{url: "s3://BUCKET", endpoint: "ENDPOINT", read: {{secret: s3-reader}}}}}}
fleet:
  clusters:
    hub:
      kubernetes: "1.34"
      gitops: {{engine: argocd}}
      repo: {{url: "https://git.example.com/f.git", branch: main, path: generated}}
  profiles: {{box: {{arch: {ARCH}, cpu: 8, memory: 16Gi, disk: 64Gi}}}}
  sites:
    north-1: {{cluster: hub, layer: edge, profile: box, hosts: {{north-1-a: {{}}}}}}
datasets:
  shelves:
    format: imagefolder
    versions: {{"1": {{uri: "main:shelves/"}}}}
jobs:
  spread: {{kind: sync, datasets: ["shelves:1"], place: {{layer: edge}}}}
"""
FILES = {
    "bottle/a 1.jpg": content(60_000, seed=1),
    "bottle/ü#.jpg": content(2_000, seed=2),
    "can/%41.jpg": content(1, seed=3),
}


class Fleet:
    """A spec over a bucket, and a device that follows it."""

    def __init__(self, folder: Path, s3: S3) -> None:
        self.folder, self.s3 = folder, s3
        self.bucket = s3.bucket("prefix-story")
        (folder / "specs").mkdir()
        text = SPEC.replace("BUCKET", self.bucket).replace("ENDPOINT", s3.endpoint)
        (folder / "specs/fleet.yaml").write_text(text)

    def config(self) -> dict[str, Any]:
        """What is compiled, with the store and the keys where this machine has them."""
        (path,) = (self.folder / "generated").rglob("configmap-spread-north-1-sidecar.yaml")
        (document,) = source.parse(path.name, path.read_text(), Diagnostics())
        found: dict[str, Any] = json.loads(document.data["data"]["config.json"])
        found["store"] |= {"root": str(self.folder / "device"), "minFreePercent": 0}
        keys = s3_server.credentials(self.folder / "keys")
        return {**found, "stores": [{**one, "credentials": keys} for one in found["stores"]]}


@pytest.fixture
def fleet(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    made = Fleet(tmp_path, s3)
    for name, data in FILES.items():
        s3.put(made.bucket, f"shelves/{name}", data)
    return made


def test_a_prefix_is_locked_compiled_and_brought_and_a_new_file_costs_itself(fleet: Fleet) -> None:
    at = fleet.folder
    assert run("lock", at=at).exit_code == 0
    refused = run("compile", at=at)
    assert refused.exit_code == 1
    assert "E3504" in refused.stderr
    assert "edgewright lock --push-chunks" in refused.stderr

    run_json("lock", "--push-chunks", at=at)
    locked = entry(at, "artifacts", "datasets/shelves:1")
    assert locked["manifest"]["entries"] == len(FILES) + 2
    assert run("compile", at=at).exit_code == 0
    done = bring(fleet.config())
    assert done.event == "done", done
    assert done.body["tree"] == locked["sha256"]
    assert tree_of(at / "device", done.body["tree"]) == FILES

    assert run_json("lock", "--push-chunks", at=at)["changes"] == []
    fleet.s3.put(fleet.bucket, "shelves/can/new.jpg", content(5_000, seed=4))
    assert "E7105" in run("lock", "--push-chunks", at=at).stderr
    accepted = ("--accept-changed", "shelves:1")
    assert run("lock", "--push-chunks", *accepted, at=at).exit_code == 0
    assert run("compile", at=at).exit_code == 0
    grown = bring(fleet.config())
    assert grown.event == "done", grown
    size = entry(at, "artifacts", "datasets/shelves:1")["manifest"]["size"]
    assert grown.body["bytes"] == 5_000 + size
