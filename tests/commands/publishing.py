"""A bare repository, clones of it with a small spec, and the program as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.adapters.test_git import git
from tests.stages.resolving import SHOP

URL = "https://git.example.com/f.git"
BRANCH = "deploy"


def spec(objects: int = 0) -> str:
    """The shop, whose engine reads the branch `deploy`, with some objects of its own."""
    text = SHOP.replace("branch: main", f"branch: {BRANCH}").replace(
        "r.example.com", "r.example.com"
    )
    entries = ", ".join(f"{{from: k8s/{n}.yaml, place: {{site: north-1}}}}" for n in range(objects))
    return f"{text}objects: [{entries}]\n" if objects else text


def config_map(number: int, value: str) -> str:
    """One of the objects."""
    name = f'{{name: "own-{number}-{{site}}", namespace: shop}}'
    return f'apiVersion: v1\nkind: ConfigMap\nmetadata: {name}\ndata: {{value: "{value}"}}\n'


def bare(folder: Path, objects: int = 0) -> Path:
    """A bare repository whose main branch holds the spec."""
    git(folder, "init", "-q", "--bare", "-b", "main", "fleet.git")
    first = clone(folder, "first")
    specs = first / "specs"
    (specs / "k8s").mkdir(parents=True)
    (specs / "spec.yaml").write_text(spec(objects), encoding="utf-8")
    for number in range(objects):
        (specs / f"k8s/{number}.yaml").write_text(config_map(number, "0"), encoding="utf-8")
    (first / "README.md").write_text("The fleet.\n")
    git(first, "add", ".")
    git(first, "commit", "-qm", "Begin")
    git(first, "push", "-q", "origin", "main")
    return folder / "fleet.git"


def clone(folder: Path, name: str, *options: str) -> Path:
    """A clone in which commits can be made."""
    git(folder, "clone", "-q", *options, f"file://{folder}/fleet.git", name)
    made = folder / name
    git(made, "config", "user.name", name)
    git(made, "config", "user.email", f"{name}@example.com")
    git(made, "config", "commit.gpgSign", "false")
    return made


def command(*words: str) -> list[str]:
    """The program's words."""
    return [sys.executable, "-m", "compiler", *words]


def environment(**more: str) -> Mapping[str, str]:
    """Variables for the program: no settings of whoever runs the tests."""
    root = str(Path(__file__).resolve().parents[2])
    return {
        **os.environ,
        "PYTHONPATH": root,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "NO_COLOR": "1",
        **more,
    }


def publish(at: Path, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Publish from a clone to its own remote."""
    return subprocess.run(
        command("publish", "--remote", "origin", *options),
        cwd=at, env=environment(**more), capture_output=True, text=True, check=False,
    )  # fmt: skip


def change(at: Path, value: str, number: int = 0) -> None:
    """Commit another value of an object and push it."""
    (at / f"specs/k8s/{number}.yaml").write_text(config_map(number, value), encoding="utf-8")
    git(at, "commit", "-qam", f"Set {number} to {value}")
    git(at, "push", "-q", "origin", "HEAD")
