"""Fleets with artifacts in a folder, for tests of the lock."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compiler.model import lock as locks
from compiler.model import source
from compiler.model.diagnostics import Diagnostics
from compiler.model.lock import Lock

DIGEST = "sha256:" + "c" * 64
SPEC = """edgewright: v1
project: {{name: shop}}
sidecar: {{image: "r.example.com/sidecar@{digest}", contract: 1}}
stores: {{main: {{url: "{store}"}}}}
fleet:
  clusters:
    hub:
      kubernetes: "1.34"
      gitops: {{engine: argocd}}
      repo: {{url: "https://git.example.com/f.git", branch: main, path: generated}}
  profiles: {{box: {{arch: amd64, cpu: 8, memory: 16Gi, disk: 64Gi}}}}
  sites:
    north-1: {{cluster: hub, layer: edge, profile: box, hosts: {{north-1-a: {{}}}}}}
jobs:
  watch:
    kind: serve
    models: [detector]
    worker: {{image: "r.example.com/ovms@{digest}", server: ovms}}
    place: {{layer: edge}}
    rollout: {{steps: [{{where: {{site: north-1}}}}, {{percent: 100}}]}}
"""
MODELS = """models:
  detector:
    framework: onnx
    versions:
      "1": {uri: "main:detector/1.onnx"}
    target: "1"
"""


def fleet(folder: Path, *, models: str = MODELS, files: Mapping[str, bytes] | None = None) -> Path:
    """A spec in `folder/specs` whose store is `folder/store`."""
    (folder / "specs").mkdir(parents=True, exist_ok=True)
    store = folder / "store"
    text = SPEC.format(store=store.as_uri(), digest=DIGEST)
    (folder / "specs/fleet.yaml").write_text(text)
    (folder / "specs/models.yaml").write_text(models)
    for name, data in (files if files is not None else {"detector/1.onnx": b"one"}).items():
        put(folder, name, data)
    return folder


def put(folder: Path, name: str, data: bytes) -> str:
    """Store a file and give its digest."""
    path = folder / "store" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def locked(folder: Path) -> Lock:
    """The lock of a fleet, as the compiler reads it."""
    return read_lock(folder / "specs/edgewright.lock")


def read_lock(path: Path) -> Lock:
    """A lock, as the compiler reads it."""
    text = path.read_text(encoding="utf-8")
    diagnostics = Diagnostics()
    (document,) = source.parse("edgewright.lock", text, diagnostics)
    lock = locks.read(document.data, document.data.marks, diagnostics)
    diagnostics.raise_errors()
    return lock


def entry(folder: Path, section: str, name: str, environment: str = "default") -> dict[str, Any]:
    """One entry of the lock as it is written."""
    found = locked(folder).entries[environment, section, name]
    return found.model_dump(by_alias=True, exclude_none=True)


def git(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Git as somebody, without the settings of this machine."""
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    words = ["git", *who, *command]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
