"""Compiles every tree case in a process of its own; started with a hash seed of its own.

Usage: python child.py VARIANT FOLDER RESULT. FOLDER receives a copy of the cases, in which
VARIANT `plain` changes nothing, `shuffled` gives the YAML files other names, so that another
one comes first, `commented` puts a comment at the top of every file, and `windows` writes them
as an editor there does, with a byte order mark and CRLF. RESULT receives a pickle of
{case: Compiled}.
"""

from __future__ import annotations

import pickle
import random
import shutil
import sys
from pathlib import Path

from tests.golden.cases import TREES, Compiled, compile_case, names

COMMENT = "# A remark that somebody added above everything else.\n"


def main(variant: str, folder: Path, result: Path) -> None:
    """Compile all cases in one variant."""
    found: dict[str, Compiled] = {}
    for name in names(TREES):
        case = folder / name
        shutil.copytree(TREES / name, case, ignore=shutil.ignore_patterns("expected"))
        VARIANTS[variant](case / "spec")
        found[name] = compile_case(case)
    result.write_bytes(pickle.dumps(found))


def _plain(spec: Path) -> None:
    del spec


def _shuffled(spec: Path) -> None:
    files = sorted(spec.glob("*.yaml"))
    random.Random(len(files)).shuffle(files)
    for number, file in enumerate(reversed(files)):
        file.rename(spec / f"{number}-{file.name}")


def _commented(spec: Path) -> None:
    for file in spec.glob("*.yaml"):
        file.write_text(COMMENT + file.read_text(encoding="utf-8"), encoding="utf-8")


def _windows(spec: Path) -> None:
    for file in spec.glob("*.yaml"):
        text = file.read_text(encoding="utf-8").replace("\n", "\r\n")
        file.write_bytes(text.encode("utf-8-sig"))


VARIANTS = {
    "plain": _plain,
    "shuffled": _shuffled,
    "commented": _commented,
    "windows": _windows,
}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
