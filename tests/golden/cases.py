"""Golden cases on disk: where they are, how one is compiled, how results are written and compared.

A case is a folder with `spec/` in it. A tree case has `expected/`, the output as it would be
written, and `notes.txt` where it compiles with warnings or notes; an error case has
`expected.txt`, the text of its diagnostics. `options.json` holds what a user would say by flags
(`locked`, `environments`), `templates/` the user's own. Nothing here decides whether a test passes.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from compiler.model.diagnostics import CompileError, Diagnostics
from compiler.model.yaml_faults import lines_of
from compiler.pipeline import Request, compile_tree
from compiler.reports import text

HERE = Path(__file__).parent
TREES = HERE / "trees"
ERRORS = HERE / "errors"
SHOWN_DIFFERENCES = 6

Files = Mapping[str, bytes]
"""Every file of an output by its path with forward slashes."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a spec became. `files` is empty where it was refused; `text` is what is printed."""

    files: Files
    text: str


def names(folder: Path) -> list[str]:
    """The cases of a folder, sorted."""
    return sorted(path.name for path in folder.iterdir() if (path / "spec").is_dir())


def compile_case(case: Path) -> Compiled:
    """Compile `spec` of a case folder as a user standing in that folder would."""
    diagnostics = Diagnostics()
    own, options = Path("templates"), json.loads(read_text(case / "options.json") or "{}")
    with inside(case):
        request = Request(
            root=Path("spec"),
            templates=own if own.is_dir() else None,
            locked=options.get("locked", False),
            environments=tuple(options.get("environments", ())),
        )
        files: dict[str, bytes] = {}
        try:
            tree = compile_tree(request, diagnostics)
        except CompileError as error:
            return Compiled({}, text.render(error.diagnostics, source_line))
        for path, directory in tree.directories.items():
            files |= {f"{path}/{name}": data for name, data in directory.files.items()}
        return Compiled(files, text.render(diagnostics.in_order(), source_line))


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Make a folder the current one for a while."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def source_line(file: str, number: int) -> str | None:
    """One line of a file of the spec, as the command line shows it."""
    lines = _lines(Path(file).absolute())
    return lines[number - 1] if 0 < number <= len(lines) else None


@lru_cache(maxsize=4)
def _lines(file: Path) -> tuple[str, ...]:
    if file.is_symlink() or not file.is_file():
        return ()
    return tuple(lines_of(file.read_bytes().decode("utf-8-sig", "replace")))


def read_files(folder: Path) -> Files:
    """Every file below a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def write_files(folder: Path, files: Files) -> None:
    """Make a folder hold exactly these files; stale ones and empty folders go."""
    for name in read_files(folder).keys() - files.keys():
        (folder / name).unlink()
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def write_text(path: Path, content: str) -> None:
    """Write a text file, or remove it where there is nothing to say."""
    if content:
        path.write_text(content, encoding="utf-8")
    else:
        path.unlink(missing_ok=True)


def read_text(path: Path) -> str:
    """A text file, or nothing where it does not exist."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def differences(expected: Files, found: Files) -> str:
    """What differs between two outputs, as a reviewer would read it; empty where nothing does."""
    lines = [f"missing: {name}" for name in sorted(expected.keys() - found.keys())]
    lines += [f"not expected: {name}" for name in sorted(found.keys() - expected.keys())]
    changed = sorted(name for name in expected.keys() & found.keys()
                     if expected[name] != found[name])  # fmt: skip
    for name in changed[:SHOWN_DIFFERENCES]:
        lines += _diff(name, expected[name].decode(), found[name].decode())
    lines += [f"differs: {name}" for name in changed[SHOWN_DIFFERENCES:]]
    return "\n".join(lines)


def text_difference(expected: str, found: str) -> str:
    """What differs between two texts; empty where nothing does."""
    return "\n".join(_diff("text", expected, found))


def _diff(name: str, expected: str, found: str) -> list[str]:
    before, after = expected.splitlines(), found.splitlines()
    return list(difflib.unified_diff(before, after, f"expected {name}", f"found {name}", "", "", 2))
