"""What the proofs share: examples, whole outputs as bytes, and compiling into a folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from compiler.assembly import Outcome
from compiler.model.diagnostics import Diagnostics
from compiler.pipeline import Request, Wishes, compile_and_write

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "specs"
GOLDEN = ROOT / "tests" / "golden" / "trees"
SAMPLE = ("sample",)
"""The environment of the big example that is small enough to be looked at whole."""

EXAMPLES: Mapping[str, tuple[Path, tuple[str, ...]]] = {
    "helmet-detection": (SPECS / "helmet-detection", ()),
    "thousand-stores": (SPECS / "thousand-stores", SAMPLE),
}
CASES: Mapping[str, tuple[Path, tuple[str, ...]]] = {
    **EXAMPLES,
    **{
        name: (GOLDEN / name / "spec", ())
        for name in ("each-site", "joint-inference", "objects", "overrides", "rollout", "shards")
    },
}
"""Specs with the environments that are compiled of them."""


def copy_spec(source: Path, target: Path) -> Path:
    """A copy of a spec's folder that may be changed."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(".edgewright"))
    return target


def write(
    spec: Path,
    out: Path,
    environments: tuple[str, ...] = (),
    *,
    cache: bool = False,
    processes: int = 1,
    diagnostics: Diagnostics | None = None,
    allow_deletes: int | None = None,
) -> Outcome:
    """Compile a spec into a folder.

    Raises:
        CompileError: the spec or the output speaks against it.
    """
    wishes = Wishes(out=out, cache=cache, processes=processes, allow_deletes=allow_deletes)
    found = Diagnostics() if diagnostics is None else diagnostics
    return compile_and_write(Request(root=spec, environments=environments), wishes, found)


def read(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by its path with forward slashes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """The files that differ between two outputs, or are in one of them only."""
    return sorted(
        name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
    )
