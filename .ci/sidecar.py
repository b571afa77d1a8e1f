"""Builds what the sidecar is delivered as: a zipapp and a wheel, the same bytes each time.

Usage: python .ci/sidecar.py [DIRECTORY]

Both hold the sources without docstrings and comments, in their own lines, so that a traceback names
the line that the repository has. The zipapp holds besides them the bytecode that a resident process
needs, for the version of Python that builds it; every other version from 3.11 on runs it from the
sources. It is read from a read-only disk and writes nothing.

Its parts are packed as wholes and not file by file, which halves it, and its bytecode has neither
types nor column numbers, which saves a resident process a mebibyte. `packed.py` reads them.
"""

from __future__ import annotations

import ast
import io
import json
import lzma
import marshal
import os
import shutil
import subprocess
import sys
import tempfile
import tokenize
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "sidecar"
MAIN = "import sys\nfrom sidecar.cli import main\nsys.exit(main(sys.argv[1:]))\n"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
NAME = "edgewright-sidecar.pyz"

TYPES = ("typing", "collections.abc", "types")

Texts = dict[str, str]


def main() -> None:
    """Build both and print their sizes."""
    target = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "dist")
    target.mkdir(parents=True, exist_ok=True)
    for path in (zipapp(target), wheel(target)):
        print(f"{path.name}: {path.stat().st_size:,} bytes")


def zipapp(target: Path) -> Path:
    """The program in one file."""
    texts = bare_texts()
    # The schema is read by every resident process, and what lies before it would be kept.
    kept = {"sidecar/contract.schema.json": bare_schema()}
    kept |= {f"sidecar/{name}": text for name, text in texts.items()}
    opening = bare((ROOT / ".ci" / "packed.py").read_text(encoding="utf-8"))
    own = "\n".join(
        line for line in texts["__init__.py"].splitlines() if not line.startswith("from __future__")
    )
    members = {
        "__main__.py": MAIN.encode(),
        "sidecar/__init__.py": f"{opening}\n{own}\n".encode(),
        f"sidecar/{sys.implementation.cache_tag}.lzma": packed_code("--code"),
        f"sidecar/{sys.implementation.cache_tag}-later.lzma": packed_code("--later"),
        "sidecar/source.lzma": _packed(kept),
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


def wheel(target: Path) -> Path:
    """The package for pip, under the name `edgewright-sidecar`."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        for name, text in bare_texts().items():
            path = stage / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        (stage / "contract.schema.json").write_text(bare_schema(), encoding="utf-8")
        for name in ("pyproject.toml", "README.md"):
            shutil.copyfile(PACKAGE / name, stage / name)
        shutil.copyfile(ROOT / "LICENSE", stage / "LICENSE")
        command = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "wheel",
            "-d",
            str(stage / "x"),
        ]
        subprocess.run(command, cwd=stage, check=True, capture_output=True)
        (made,) = (stage / "x").glob("*.whl")
        return Path(shutil.copyfile(made, target / made.name))


def bare_texts() -> Texts:
    """Every module's text by its path below the package, without docstrings and comments."""
    return {
        path.relative_to(PACKAGE).as_posix(): bare(path.read_text(encoding="utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def bare(text: str) -> str:
    """A module without docstrings and comments; what is left stays in its line."""
    lines = text.split("\n")
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            _empty(node, lines)
    rest = "\n".join(lines)
    for token in tokenize.generate_tokens(io.StringIO(rest).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(lines)


def _empty(node: ast.Module | ast.ClassDef | ast.FunctionDef, lines: list[str]) -> None:
    """Empty the lines of a body's bare texts; a body of nothing else keeps a `pass`."""
    texts = [one for one in node.body if _is_text(one)]
    for one in texts:
        for row in range(one.lineno - 1, one.end_lineno or one.lineno):
            lines[row] = ""
    if texts and len(texts) == len(node.body) and not isinstance(node, ast.Module):
        lines[texts[0].lineno - 1] = " " * texts[0].col_offset + "pass"


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

    schema = json.loads((PACKAGE / "contract.schema.json").read_text(encoding="utf-8"))
    return json.dumps(without(schema), separators=(",", ":"))


# The bytecode, made by a process of its own: what it writes must depend on nothing but the sources.


def packed_code(which: str) -> bytes:
    """The code of the modules that a resident process imports, or may import later."""
    command = [sys.executable, "-S", "-X", "no_debug_ranges", __file__, which]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}
    made = subprocess.run(command, check=True, capture_output=True, env=environment, cwd=ROOT)
    return made.stdout


def write_code(which: str) -> None:
    """Print the packed code of this version of Python."""
    sys.path.insert(0, str(ROOT))
    compiled: dict[str, str | bytes] = {}
    first = imported("sidecar.cli", "sidecar.commands.run")
    names = first if which == "--code" else later(first)
    if which == "--code":
        stand_in = (ROOT / ".ci" / "lean.py").read_text(encoding="utf-8")
        compiled["sidecar/lean.py"] = _code("lean.py", ast.parse(bare(stand_in)))
    for name in names:
        text = (PACKAGE / name).read_text(encoding="utf-8")
        compiled[f"sidecar/{name}"] = _code(name, lean(ast.parse(bare(text))))
    sys.stdout.buffer.write(_packed(compiled))


def _code(name: str, tree: ast.Module) -> bytes:
    code = compile(tree, f"sidecar/{name}", "exec", 0, True, optimize=2)
    # Twice, since what is written at first depends on who else holds a constant.
    return marshal.dumps(marshal.loads(marshal.dumps(code)))


def later(first: list[str]) -> list[str]:
    """The modules that a resident process may import one day, and what those import."""
    found = list(first)
    hooks = [f"sidecar.hooks.{path.stem}" for path in sorted(PACKAGE.glob("hooks/[!_]*.py"))]
    wanted = hooks + [name for file in first for name in inside(file)]
    while wanted:
        known = set(found)
        found = imported(*wanted)
        wanted = [name for file in found if file not in known for name in inside(file)]
    return [file for file in found if file not in first]


def inside(file: str) -> list[str]:
    """The modules of the package that functions of a module import."""
    tree = ast.parse((PACKAGE / file).read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    lines = [node for one in nodes for node in ast.walk(one) if isinstance(node, ast.ImportFrom)]
    names = [f"{line.module}.{alias.name}" for line in lines for alias in line.names]
    names += [str(line.module) for line in lines]
    places = ((name, PACKAGE.parent / name.replace(".", "/")) for name in names)
    return [name for name, place in places if place.is_dir() or place.with_suffix(".py").is_file()]


def imported(*names: str) -> list[str]:
    """The modules that are there when those are, in the order in which they are imported."""
    from importlib import import_module

    for name in names:
        import_module(name)
    # A module is entered before it is run, as it is looked for.
    found = [module for name, module in sys.modules.items() if name.startswith("sidecar.")]
    return [Path(str(module.__file__)).relative_to(PACKAGE).as_posix() for module in found]


def lean(tree: ast.Module) -> ast.Module:
    """A module without its types: annotations, the names for them, and `typing` itself."""
    tree = Lean().visit(tree)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in TYPES:
            node.names = [one for one in node.names if (one.asname or one.name) in used]
            node.module = {"typing": "sidecar.lean"}.get(node.module, node.module)
    tree.body = [one for one in tree.body if not isinstance(one, ast.ImportFrom) or one.names]
    return ast.fix_missing_locations(tree)


class Lean(ast.NodeTransformer):
    """Takes annotations away, which nobody asks for while the program runs.

    The fields of a class keep theirs: they are what makes a named tuple.
    """

    def __init__(self) -> None:
        self._in_class = [False]

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        """Look into a class."""
        self._in_class.append(True)
        self.generic_visit(node)
        self._in_class.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function without its signature's types."""
        node.returns = None
        self._in_class.append(False)
        self.generic_visit(node)
        self._in_class.pop()
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        """A parameter without its type."""
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """A plain assignment, or a field."""
        self.generic_visit(node)
        if self._in_class[-1]:
            node.annotation = ast.copy_location(ast.Constant(0), node)
            return node
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)


def _packed(entries: Mapping[str, str | bytes]) -> bytes:
    """Files one behind the other as `packed.py` reads them, in the order that they are given."""
    files: dict[str, str | bytes] = {"": "\n".join(entries), **entries}
    data = bytearray()
    for name, content in files.items():
        body = content.encode() if isinstance(content, str) else content
        data += bytes([len(name)]) + name.encode() + len(body).to_bytes(4, "big") + body
    filters = [{**packed_filters()[0], "preset": 9 | lzma.PRESET_EXTREME}]
    return lzma.compress(bytes(data), lzma.FORMAT_RAW, filters=filters)


def packed_filters() -> list[dict[str, int]]:
    """How `packed.py` unpacks, which is not to be imported."""
    text = (ROOT / ".ci" / "packed.py").read_text(encoding="utf-8")
    line = next(line for line in text.splitlines() if line.startswith("FILTERS = "))
    found: list[dict[str, int]] = eval(line.partition("=")[2], {})
    return found


if __name__ == "__main__":
    write_code(sys.argv[1]) if sys.argv[1:] in (["--code"], ["--later"]) else main()
