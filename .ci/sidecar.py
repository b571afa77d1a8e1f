"""Builds what the sidecar is delivered as: a zipapp and a wheel, the same bytes each time.

Usage: python .ci/sidecar.py [DIRECTORY]

Both hold the sources without docstrings, comments and types, in their own lines, so that a
traceback names the line that the repository has. The zipapp holds besides them the bytecode that a
resident process needs at its start, for the version of Python that builds it; every other version
from 3.11 on runs it from the sources. It is read from a read-only disk and writes nothing. In the
wheel what a resident process imports lies in files, which pip compiles. The rest is packed as a
whole and not file by file; `packed.py` reads it. `docs/adr/0014-packed-as-wholes.md` has the
reasons.
"""

from __future__ import annotations

import ast
import bz2
import io
import json
import marshal
import shutil
import subprocess
import sys
import tempfile
import tokenize
import zipfile
from collections.abc import Collection, Mapping
from importlib import import_module
from itertools import groupby
from pathlib import Path
from types import CodeType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sidecar"
MAIN = "import sys\nfrom sidecar.cli import main\nsys.exit(main(sys.argv[1:]))\n"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
NAME = "edgewright-sidecar.pyz"
SCHEMA = "contract.schema.json"

TYPES = {"typing": "sidecar.lean", "collections.abc": "collections.abc", "types": "types"}
"""Modules of types, and what stands in for them."""

NO_COLUMNS, NO_LINE = 13, 15
"""Kinds of entries in a table of places."""

Texts = dict[str, str]
Place = ast.expr | ast.stmt | ast.arg


class Names(NamedTuple):
    """Modules of a resident process by their paths, in the order in which they are imported."""

    start: list[str]
    later: list[str]


def main() -> None:
    """Build both and print their sizes."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist")
    target.mkdir(parents=True, exist_ok=True)
    texts = bare_texts()
    names = resident(texts)
    for path in (zipapp(target, texts, names), wheel(target, texts, names)):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def zipapp(target: Path, texts: Texts, names: Names) -> Path:
    """The program in one file."""
    start = {name: short_code(name, texts[name]) for name in names.start}
    members = {
        "__main__.py": MAIN.encode(),
        "sidecar/__init__.py": opening(texts).encode(),
        f"sidecar/{sys.implementation.cache_tag}.bz2": packed(start),
        "sidecar/index.bz2": index(start, texts, bare_schema()),
        "sidecar/source.bz2": packed(texts),
    }
    made = io.BytesIO(b"#!/usr/bin/env python3\n")
    made.seek(0, io.SEEK_END)
    with zipfile.ZipFile(made, "a") as archive:
        for name, data in members.items():
            about = zipfile.ZipInfo(name, LONG_AGO)
            about.external_attr = 0o100644 << 16
            archive.writestr(about, data)
    path = target / NAME
    path.write_bytes(made.getvalue())
    path.chmod(0o755)
    return path


def wheel(target: Path, texts: Texts, names: Names) -> Path:
    """The package for pip, under the name `edgewright-sidecar`."""
    files = {name: texts[name] for name in ("__main__.py", *names.start, *names.later)}
    rest = {name: text for name, text in texts.items() if name not in files}
    files |= {"__init__.py": opening(texts), SCHEMA: bare_schema()}
    about = (PACKAGE / "pyproject.toml").read_text(encoding="utf-8")
    files["pyproject.toml"] = about.replace(f'"{SCHEMA}"]', f'"{SCHEMA}", "*.bz2"]')
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        written(stage, files)
        (stage / "index.bz2").write_bytes(index({}, rest))
        (stage / "source.bz2").write_bytes(packed(rest))
        shutil.copyfile(PACKAGE / "README.md", stage / "README.md")
        shutil.copyfile(ROOT / "LICENSE", stage / "LICENSE")
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", f"{stage}/x"]
        subprocess.run(command, cwd=stage, check=True, capture_output=True)
        (made,) = (stage / "x").glob("*.whl")
        return Path(shutil.copyfile(made, target / made.name))


def opening(texts: Texts) -> str:
    """The package's first module, behind the one that finds all others."""
    return bare((ROOT / ".ci" / "packed.py").read_text(encoding="utf-8")) + texts["__init__.py"]


def written(folder: Path, files: Texts) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


# The texts.


def bare_texts() -> Texts:
    """Every module's text by its path below the package, as it is delivered."""
    places = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
    places["lean.py"] = ROOT / ".ci" / "lean.py"
    return {name: bare(places[name].read_text(encoding="utf-8")) for name in sorted(places)}


def bare(text: str) -> str:
    """A module without docstrings, comments, types and what only those need.

    Whatever is left stays in its line.
    """
    cuts = Cuts(text)
    cuts.visit(ast.parse(text))
    return cuts.made()


class Cuts(ast.NodeVisitor):
    """What is taken out of a text, and what stands there instead."""

    def __init__(self, text: str) -> None:
        self._text = text.encode()
        self._starts = [0]
        for line in self._text.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))
        self._cuts: list[tuple[int, int, str]] = []
        self._fields: list[ast.stmt] = []
        self._used: set[str] = set()

    def made(self) -> str:
        """The text without them. Where one lies in another, the outer one counts."""
        new, at = b"", 0
        for start, end, instead in sorted(self._cuts, key=lambda cut: (cut[0], -cut[1])):
            if start >= at:
                lines = b"\n" * self._text[start:end].count(b"\n")
                new += self._text[at:start] + instead.encode() + lines
                at = end
        lean = (new + self._text[at:]).decode()
        return "\n".join(line.rstrip() for line in lean.split("\n"))

    def visit_Module(self, node: ast.Module) -> None:
        """Everything; the imports at last, when it is known what uses them."""
        self._texts(node.body)
        self.generic_visit(node)
        for one in node.body:
            if isinstance(one, ast.ImportFrom) and one.module in TYPES:
                names = ", ".join(part.name for part in one.names if part.name in self._used)
                module = TYPES[one.module]
                self._cut(one, one, f"from {module} import {names}" if names else "")
        for token in tokenize.generate_tokens(io.StringIO(self._text.decode()).readline):
            if token.type == tokenize.COMMENT:
                row = self._starts[token.start[0] - 1]
                start = row + len(token.line[: token.start[1]].encode())
                self._cuts.append((start, start + len(token.string.encode()), ""))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """A class, whose fields remain such: they are what makes a named tuple."""
        self._fields += [one for one in node.body if isinstance(one, ast.AnnAssign)]
        self._texts(node.body, "pass")
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """A function without what it returns."""
        if node.returns:
            arrow = self._text.rindex(b"->", 0, self._start(node.returns))
            self._cuts.append((arrow - 1, self._end(node.returns), ""))
            node.returns = None
        self._texts(node.body, "pass")
        self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter: its name."""
        if node.annotation:
            start = self._start(node) + len(node.arg.encode())
            self._cuts.append((start, self._end(node.annotation), ""))

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """A field, a plain assignment or nothing."""
        if node in self._fields:
            self._cut(node.annotation, node.annotation, "0")
        elif node.value:
            self._cuts.append((self._end(node.target), self._end(node.annotation), ""))
        else:
            self._cut(node, node, "pass")
        self.visit(node.target)
        if node.value:
            self.visit(node.value)

    def visit_If(self, node: ast.If) -> None:
        """A condition, unless it is for the type checker."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            self._cut(node, node)
        else:
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """A name that is needed."""
        self._used.add(node.id)

    def _texts(self, body: list[ast.stmt], rest: str = "") -> None:
        """Bare texts of a body; where there is nothing else, something must remain."""
        texts = [one for one in body if _is_text(one)]
        for one in texts:
            self._cut(one, one, rest if texts == body and one is body[0] else "")

    def _cut(self, first: Place, last: Place, instead: str = "") -> None:
        self._cuts.append((self._start(first), self._end(last), instead))

    def _start(self, node: Place) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def _end(self, node: Place) -> int:
        return self._starts[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def bare_schema() -> str:
    """The contract's schema without its explanations, which only people read."""

    def without(node: object) -> object:
        if isinstance(node, dict):
            kept = {key: without(one) for key, one in node.items()}
            return {key: one for key, one in kept.items() if key != "description" or one is None}
        return [without(one) for one in node] if isinstance(node, list) else node

    schema = json.loads((PACKAGE / SCHEMA).read_text(encoding="utf-8"))
    return json.dumps(without(schema), separators=(",", ":"))


# The bytecode. The same sources make the same bytes, whatever else the process holds.


def short_code(name: str, text: str) -> bytes:
    """A module's code, with the numbers of lines and without those of columns."""
    code = _lines_only(compile(text, f"sidecar/{name}", "exec", 0, True, optimize=2))
    # Twice, since what is written at first depends on who else holds a constant.
    return marshal.dumps(marshal.loads(marshal.dumps(code)))


def _lines_only(code: CodeType) -> CodeType:
    """A code object whose table of places has an entry for each line, not for each instruction.

    The form of the table is that of CPython's `locations.md`: what kind of entry, for how many
    instructions up to eight, and how far the line is from the one before.
    """
    lines = [line for start, end, line in code.co_lines() for _ in range(start, end, 2)]
    table = bytearray()
    before = code.co_firstlineno
    for line, same in groupby(lines):
        count = len(list(same))
        while count:
            few = min(8, count)
            count -= few
            table.append(0x80 | (NO_LINE if line is None else NO_COLUMNS) << 3 | few - 1)
            if line is not None:
                table += _signed(line - before)
                before = line
    consts = (_lines_only(one) if isinstance(one, CodeType) else one for one in code.co_consts)
    return code.replace(co_linetable=bytes(table), co_consts=tuple(consts))


def _signed(number: int) -> bytes:
    """A number in groups of six bits, the lowest first, whose lowest bit is the sign."""
    left = abs(number) << 1 | (number < 0)
    found = bytearray()
    while left > 63:
        found.append(64 | left & 63)
        left >>= 6
    return bytes((*found, left))


# What a resident process imports, as a process of its own tells it.


def resident(texts: Texts) -> Names:
    """The modules that a resident process imports, or may import later."""
    with tempfile.TemporaryDirectory() as folder:
        written(Path(folder) / "sidecar", texts)
        command = [sys.executable, "-S", "-B", __file__, "--names", folder]
        made = subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return Names(*json.loads(made.stdout))


def tell_names(folder: Path) -> None:
    """Print them, of the package in a folder."""
    sys.path.insert(0, str(folder))
    package = folder / "sidecar"
    start = imported(package, "sidecar.cli", "sidecar.commands.run")
    hooks = [f"sidecar.hooks.{path.stem}" for path in sorted(package.glob("hooks/[!_]*.py"))]
    found = start
    wanted = hooks + [name for file in start for name in inside(package, file)]
    while wanted:
        known = set(found)
        found = imported(package, *wanted)
        new = [file for file in found if file not in known]
        wanted = [name for file in new for name in inside(package, file)]
    print(json.dumps([start, [file for file in found if file not in start]]))


def inside(package: Path, file: str) -> list[str]:
    """The modules of the package that functions of a module import."""
    tree = ast.parse((package / file).read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    lines = [node for one in nodes for node in ast.walk(one) if isinstance(node, ast.ImportFrom)]
    names = [f"{line.module}.{alias.name}" for line in lines for alias in line.names]
    names += [str(line.module) for line in lines]
    places = ((name, package.parent / name.replace(".", "/")) for name in names)
    return [name for name, place in places if place.is_dir() or place.with_suffix(".py").is_file()]


def imported(package: Path, *names: str) -> list[str]:
    """The modules that are there when those are, in the order in which they are imported."""
    for name in names:
        import_module(name)
    # A module is entered before it is run, as it is looked for.
    found = [module for name, module in sys.modules.items() if name.startswith("sidecar.")]
    return [Path(str(module.__file__)).relative_to(package).as_posix() for module in found]


# The stores.


def index(code: Collection[str], texts: Collection[str], schema: str = "") -> bytes:
    """What lies where, and the contract's schema, which every resident process reads."""
    names = ("\n".join(f"sidecar/{name}" for name in part) for part in (code, texts))
    # A small block, since whoever unpacks takes memory for a whole one.
    return bz2.compress("\n\n".join((*names, schema)).encode(), 1)


def packed(files: Mapping[str, str | bytes]) -> bytes:
    """Files one behind the other as `packed.py` reads them, in the order that they are given."""
    data = b""
    for name, content in files.items():
        path = f"sidecar/{name}".encode()
        body = content.encode() if isinstance(content, str) else content
        data += bytes([len(path)]) + path + len(body).to_bytes(4, "big") + body
    return bz2.compress(data)


if __name__ == "__main__":
    tell_names(Path(sys.argv[2])) if sys.argv[1:2] == ["--names"] else main()
