"""A fleet in a Git repository, compiled by the compiler's own command, and what came out of it."""

from __future__ import annotations

import hashlib
import io
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
SITE = "generated/shop/default/hub/sites/store-1"

SPEC = """\
edgewright: v1
project: {{name: shop}}
sidecar: {{image: "registry.example.com/edgewright-sidecar:1"}}
stores:
  main:
    url: "s3://artifacts"
    endpoint: "{endpoint}"
    region: us-east-1
    read: {{secret: s3-reader}}
    write: {{secret: s3-writer}}
reports: {{uri: "main:reports/"}}
fleet:
  clusters:
    hub:
      kubernetes: "1.33"
      gitops: {{engine: flux}}
      repo: {{url: "https://git.example.com/shop.git"}}
  profiles: {{box: {{arch: {arch}, cpu: 4, memory: 4Gi}}}}
  sites: {{store-1: {{cluster: hub, layer: edge, profile: box, hosts: {{node-1: {{}}}}}}}}
models:
  shelf-detector:
    framework: onnx
    target: "1"
    versions:
{versions}
jobs:
  watch:
    kind: serve
    models: [shelf-detector]
    place: {{layer: edge}}
    worker:
      image: "registry.example.com/tritonserver:25.01"
      server: triton
      resources: {{cpu: "1", memory: 1Gi}}
"""
GOLDEN = ', golden: {input: "main:golden/input.json", expect: "main:golden/output.json"}'


class Fleet:
    """The repository of a small fleet: one store, one model, one job."""

    def __init__(
        self, directory: Path, *, endpoint: str, arch: str, versions: dict[str, bytes]
    ) -> None:
        self.directory = directory
        self.archives = {name: archive(content) for name, content in versions.items()}
        lines = [
            f'      "{name}": {{uri: "main:shelf/{name}.tar.gz", unpack: tar.gz,'
            f" sha256: {hashlib.sha256(data).hexdigest()}{GOLDEN if name == '2' else ''}}}"
            for name, data in self.archives.items()
        ]
        (directory / "specs").mkdir(parents=True)
        self.spec = directory / "specs" / "fleet.yaml"
        self.spec.write_text(
            SPEC.format(endpoint=endpoint, arch=arch, versions="\n".join(lines)), encoding="utf-8"
        )
        self.git("init", "--quiet", "--initial-branch=main")
        self._commit("Begin a fleet")

    def bump(self, version: str) -> str:
        """Change the target, compile, commit; what the commit changed, file by file."""
        text = self.spec.read_text(encoding="utf-8")
        self.spec.write_text(re.sub('target: "[0-9]+"', f'target: "{version}"', text), "utf-8")
        return self._commit(f"Serve version {version}")

    def revert(self, version: str) -> None:
        """Take the commit back that began to serve a version, as on a bad night."""
        commit = self.git("log", "--format=%H", f"--grep=^Serve version {version}$").split()[0]
        self.git("revert", "--no-edit", commit)

    def manifests(self) -> list[dict[str, Any]]:
        """Every object of the site, as whoever applies them reads them."""
        files = sorted((self.directory / SITE).glob("*.yaml"))
        found = [yaml.safe_load(one.read_text(encoding="utf-8")) for one in files]
        return [one for one in found if one["kind"] != "Kustomization"]

    def deployment(self) -> dict[str, Any]:
        """The workload."""
        return next(one for one in self.manifests() if one["kind"] == "Deployment")

    def config_maps(self) -> dict[str, dict[str, str]]:
        """ConfigMaps by name."""
        return {
            one["metadata"]["name"]: one["data"]
            for one in self.manifests()
            if one["kind"] == "ConfigMap"
        }

    def git(self, *words: str) -> str:
        """What Git says."""
        name = ["-c", "user.name=Story", "-c", "user.email=story@example.com"]
        return subprocess.run(
            ["git", *name, *words], cwd=self.directory, check=True, capture_output=True, text=True
        ).stdout

    def _commit(self, subject: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "compiler", "compile"],
            cwd=self.directory,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        self.git("add", "specs", "generated")
        self.git("commit", "--quiet", "--message", subject)
        return self.git("show", "--format=", "--name-only", "HEAD")


def archive(content: bytes) -> bytes:
    """A model's archive: its file and its labels."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in (("model.onnx", content), ("labels.txt", b"bottle\ncan\nbox\n")):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return packed.getvalue()
