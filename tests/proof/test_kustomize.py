"""The real `kubectl kustomize` renders every directory of the examples' output."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.proof.compiling import EXAMPLES, write

KUBECTL = Path(sys.executable).with_name("kubectl")
DERIVED = "kustomization.yaml"


def kustomize(folder: Path) -> list[Any]:
    """The objects that kubectl makes of a directory."""
    made = subprocess.run(
        [KUBECTL, "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, f"{folder}: {made.stderr}"
    return list(yaml.load_all(made.stdout, Loader=yaml.CSafeLoader))


def written(folder: Path) -> list[Any]:
    """The objects that a directory, and those that it lists, hold as files."""
    listed = yaml.load((folder / DERIVED).read_text(), Loader=yaml.CSafeLoader)
    found: list[Any] = []
    for entry in listed.get("resources", []):
        path = folder / entry
        if path.is_dir():
            found += written(path)
        else:
            found += yaml.load_all(path.read_text(), Loader=yaml.CSafeLoader)
    return found


def identity(data: Any) -> tuple[str, str, str, str]:
    metadata = data["metadata"]
    return data["apiVersion"], data["kind"], metadata.get("namespace", ""), metadata["name"]


def in_order(found: list[Any]) -> list[Any]:
    return sorted(found, key=identity)


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_directory_renders_to_exactly_the_objects_that_it_holds(
    name: str, tmp_path: Path
) -> None:
    spec, environments = EXAMPLES[name]
    write(spec, tmp_path / "out", environments)
    folders = sorted(path.parent for path in (tmp_path / "out").rglob(DERIVED))
    roles = {folder.relative_to(tmp_path / "out").parts[3] for folder in folders}
    assert {"apps", "base", "bootstrap", "root", "sites"} <= roles
    with ThreadPoolExecutor(2) as pool:
        rendered = list(pool.map(kustomize, folders))
    for folder, found in zip(folders, rendered, strict=True):
        assert in_order(found) == in_order(written(folder)), folder


def test_a_directory_that_kubectl_cannot_read_is_noticed(tmp_path: Path) -> None:
    (tmp_path / DERIVED).write_text("resources:\n- missing.yaml\n")
    with pytest.raises(AssertionError, match=r"missing\.yaml"):
        kustomize(tmp_path)
