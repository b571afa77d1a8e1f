"""Compiled trees as any user has them: directories, sync units and the objects in their files.

Nothing of the compiler is imported: what is read here is what lies in Git.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ryaml import loads  # type: ignore[attr-defined]

REPOSITORY = Path(__file__).parents[2]
GOLDEN = REPOSITORY / "tests" / "golden" / "trees"
GENERATED = REPOSITORY / "generated"
DEFINITIONS = Path(__file__).parent / "definitions"
ORDER = ("root", "apps", "bootstrap", "base", "inputs", "jobs", "sites")
"""Directories in the order in which an administrator and an engine come to apply them."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One compiled object: its file, its text as it is and what that text says."""

    file: Path
    text: str
    data: Mapping[str, Any]

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """API version, kind, namespace and name."""
        metadata = self.data["metadata"]
        return (
            self.data["apiVersion"],
            self.data["kind"],
            metadata.get("namespace", ""),
            metadata["name"],
        )


@dataclass(frozen=True, slots=True)
class Target:
    """The output for one cluster: `<project>/<environment>/<cluster>[/<site>]`."""

    output: Path
    """The folder that `generated/` is in the repository that an engine reads."""
    folder: Path

    @property
    def path(self) -> str:
        """The folder relative to the output, with forward slashes."""
        return self.folder.relative_to(self.output).as_posix()

    @property
    def name(self) -> str:
        """A name for test ids, unique over all trees."""
        origin = self.output.parent.name if self.output.name == "expected" else "specs"
        return f"{origin}:{self.path}"

    def units(self, role: str) -> tuple[Path, ...]:
        """The directories of a role, in order; empty where the target has none."""
        folder = self.folder / role
        if (folder / "kustomization.yaml").is_file():
            return (folder,)
        found = folder.iterdir() if folder.is_dir() else ()
        return tuple(sorted(one for one in found if (one / "kustomization.yaml").is_file()))

    def ordered(self) -> Iterator[Path]:
        """Every directory with files of its own, in the order of `ORDER`; shards have none."""
        for role in ORDER:
            yield from self.units(role)


def targets(output: Path) -> tuple[Target, ...]:
    """The targets of one output folder, sorted: every folder that holds a `root/`."""
    roots = sorted(path.parent for path in output.rglob("root") if path.is_dir())
    return tuple(Target(output, folder) for folder in roots)


def everything() -> tuple[Target, ...]:
    """The targets of every golden tree and of every example's committed output."""
    outputs = [path / "expected" for path in sorted(GOLDEN.iterdir())]
    return tuple(target for output in (*outputs, GENERATED) for target in targets(output))


def manifests(directory: Path) -> tuple[Manifest, ...]:
    """The objects of one directory, in file order."""
    files = sorted(path for path in directory.glob("*.yaml") if path.name != "kustomization.yaml")
    return tuple(read(file) for file in files)


def read(file: Path) -> Manifest:
    """One compiled file.

    Parsed by a reader of YAML 1.2 that the compiler's emitter does not know; the server gets
    the text itself.
    """
    text = file.read_text(encoding="utf-8")
    return Manifest(file, text, loads(text))


def namespaces(objects: Sequence[Manifest]) -> frozenset[str]:
    """Every namespace that objects lie in."""
    return frozenset(one.identity[2] for one in objects) - {""}


def as_json(data: Mapping[str, Any]) -> str:
    """JSON in one form, to compare by."""
    return json.dumps(data, sort_keys=True)
