"""The program in one file and as a wheel: what runs it, what it leaves alone, what it holds."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import marshal
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
SIZES = {"zipapp": 250_000, "wheel": 250_000}
"""Bytes."""

FORBIDDEN = (
    "argparse", "asyncio", "ctypes", "dataclasses", "hashlib", "http", "inspect", "logging",
    "pathlib", "ssl", "subprocess", "tarfile", "urllib.request", "zipfile",
)  # fmt: skip


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as they are now, so that several builds have the same ones."""
    folder = tmp_path_factory.mktemp("source")
    leave = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "sidecar", folder / "sidecar", ignore=leave)
    (folder / ".ci").mkdir()
    for name in ("sidecar.py", "packed.py", "lean.py"):
        shutil.copyfile(ROOT / ".ci" / name, folder / ".ci" / name)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE")
    return folder


@pytest.fixture(scope="session")
def build(source: Path) -> ModuleType:
    """The build script as a module."""
    spec = importlib.util.spec_from_file_location("sidecar_build", source / ".ci" / "sidecar.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Both archives, where every user may read them and nobody may write."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, f"{source}/.ci/sidecar.py", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    for path in (folder, *folder.iterdir()):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield folder
    folder.chmod(0o755)


@pytest.fixture(scope="session")
def installed(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put the wheel."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = made.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target"]
    subprocess.run([*pip, str(folder), str(wheel)], check=True, capture_output=True)
    return folder


def pythons() -> list[str]:
    """Every Python from 3.11 on that this machine has, one for each minor version."""
    found: dict[str, str] = {}
    homes = Path("~/.pyenv/versions").expanduser()
    for path in (*sorted(homes.glob("*/bin/python3.*")), *map(Path, filter(None, map(shutil.which, (
        "python3.11", "python3.12", "python3.13", "python3.14"))))):  # fmt: skip
        minor = path.name.removeprefix("python3.")
        if minor.isdigit() and int(minor) >= 11:
            found.setdefault(minor, str(path))
    return [found[minor] for minor in sorted(found, key=int)]


def ran(archive: Path, *words: str, python: str = sys.executable, **more: Any) -> str:
    command = [python, "-I", str(archive), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert done.returncode == 0, done.stderr
    told: str = done.stdout
    return told


def archive(made: Path) -> Path:
    return made / "edgewright-sidecar.pyz"


EVERYTHING = """
import sys
sys.path.insert(0, sys.argv[1])
from importlib import import_module
for line in sys.stdin:
    import_module(line.strip())
from sidecar.contract import schema
print(len(schema.contract()["properties"]), schema.__file__)
"""


@pytest.mark.parametrize("python", pythons(), ids=lambda path: Path(path).name)
def test_all_of_it_runs_on_every_python_from_3_11_on(
    made: Path, installed: Path, source: Path, python: str
) -> None:
    assert ran(archive(made), "--version", python=python).startswith("edgewright-sidecar ")
    for place in (archive(made), installed):
        command = [python, "-I", "-B", "-c", EVERYTHING, str(place)]
        told = subprocess.run(
            command, input="\n".join(modules(source)), check=True, capture_output=True, text=True
        ).stdout.split()
        assert int(told[0]) > 10
        assert told[1] == f"{place}/sidecar/contract/schema.py"


def modules(source: Path) -> list[str]:
    """The names of all modules."""
    paths = (path.relative_to(source) for path in sorted((source / "sidecar").rglob("*.py")))
    names = [".".join(path.with_suffix("").parts) for path in paths]
    assert len(names) > 200
    return [name.removesuffix(".__init__") for name in names]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_it_runs_as_another_user_from_a_disk_that_cannot_be_written(made: Path) -> None:
    for parent in archive(made).parents:
        if parent.stat().st_mode & 0o005 != 0o005 and parent.is_relative_to("/tmp"):
            parent.chmod(0o755)
    before = sorted(str(path) for path in made.rglob("*"))
    python = shutil.which("python3", path="/usr/local/bin:/usr/bin") or sys.executable
    told = ran(archive(made), "run", "--help", python=python, user=65532, group=65532,
               extra_groups=[], cwd="/", env={})  # fmt: skip
    assert told.startswith("usage: edgewright-sidecar run")
    assert sorted(str(path) for path in made.rglob("*")) == before


def test_the_same_sources_make_the_same_bytes(made: Path, source: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"}
    command = [sys.executable, f"{source}/.ci/sidecar.py", str(tmp_path)]
    subprocess.run(command, check=True, env=environment, cwd="/")
    for path in made.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("kind", SIZES)
def test_it_stays_small(made: Path, kind: str) -> None:
    (path,) = made.glob("*.pyz" if kind == "zipapp" else "*.whl")
    print(f"{kind}: {path.stat().st_size:,} bytes of {SIZES[kind]:,}")
    assert path.stat().st_size <= SIZES[kind]


def test_a_traceback_names_the_line_of_the_repository_and_shows_it(
    made: Path, source: Path
) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from sidecar.contract import reading\n"
        "reading.parse(7)"
    )
    command = [sys.executable, "-I", "-c", script, str(archive(made))]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    lines = (source / "sidecar" / "contract" / "reading.py").read_text().splitlines()
    number = 1 + next(i for i, line in enumerate(lines) if "len(text) > MAX_BYTES" in line)
    assert f'File "sidecar/contract/reading.py", line {number}, in parse' in told
    assert "if len(text) > MAX_BYTES:" in told


RESIDENT = """
import sys
sys.path.insert(0, sys.argv[1])
sys.argv[1:] = sys.argv[2:]
compiled = []
sys.addaudithook(lambda name, about: name == "compile" and compiled.append(about[1]))
import sidecar.cli, sidecar.commands.run
store = sys.meta_path[-1]
print(*sorted(sys.modules))
print(store.text, store.code.stream, len(store.code.kept))
import sidecar.hooks.triton, sidecar.resident.sending, sidecar.contract.envelope
print(store.text, len(store.compiled))
print(len([one for one in compiled if str(one).startswith("sidecar/")]))
"""

CODELESS = RESIDENT.replace("store.code.stream, len(store.code.kept)", "store.code")


def test_a_resident_process_holds_no_packed_text_and_imports_nothing_large(made: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", RESIDENT, str(archive(made)), "run"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    modules, store, later, compiled = told.splitlines()
    assert store == "None None 0"
    assert later == "None 0"
    assert compiled == "0"
    found = set(modules.split())
    assert found.isdisjoint((*FORBIDDEN, "typing"))
    assert "sidecar.resident.service" in found


def test_a_resident_process_of_the_wheel_reads_no_packed_text(installed: Path) -> None:
    command = [sys.executable, "-I", "-S", "-c", CODELESS, str(installed), "run"]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    names, store, later, _ = told.splitlines()
    assert store == "None None"
    assert later == "None 0"
    assert set(names.split()).isdisjoint((*FORBIDDEN, "typing"))


@pytest.mark.parametrize("python", pythons(), ids=lambda path: Path(path).name)
def test_a_resident_process_imports_the_same_where_it_can_start_no_other(
    made: Path, python: str
) -> None:
    told = [
        subprocess.run(
            [python, "-I", "-S", "-c", start + CODELESS, str(archive(made)), "run"],
            check=True, capture_output=True, text=True,
        ).stdout.splitlines()
        for start in ("", "import sys; sys.executable = '/nowhere'\n")
    ]  # fmt: skip
    assert told[0][0] == told[1][0]
    assert told[0][-1] == "0"
    assert int(told[1][-1]) > 20


def test_a_python_without_the_compression_is_told_so_in_one_line(made: Path) -> None:
    script = (
        "import runpy, sys; sys.modules['_bz2'] = None\n"
        "runpy.run_path(sys.argv[1], run_name='__main__')"
    )
    command = [sys.executable, "-I", "-c", script, str(archive(made))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "This Python was built without bz2, which edgewright-sidecar is packed with.\n"
    )


def test_bare_sources_do_what_the_sources_do_in_the_same_lines(
    build: ModuleType, source: Path
) -> None:
    for path in sorted((source / "sidecar").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        bare = build.bare(text)
        assert bare.count("\n") == text.count("\n")
        assert "#" not in [line.strip()[:1] for line in bare.splitlines()]
        wanted, got = (nodes(Untyped().visit(ast.parse(one))) for one in (text, bare))
        assert wanted == got, path


class Untyped(ast.NodeTransformer):
    """Takes away of a tree what is not delivered, by other means than the build."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return (
            None if node.module in ("typing", "collections.abc", "types", "sidecar.lean") else node
        )

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if ast.unparse(node.test) == "TYPE_CHECKING" else self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else self.generic_visit(node)

    def visit_Pass(self, node: ast.Pass) -> None:
        del node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.copy_location(ast.arg(node.arg), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        for one in node.body:
            if isinstance(one, ast.AnnAssign):
                one.simple = 7
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        node.annotation = ast.copy_location(ast.Constant(0), node)
        if node.simple == 7:
            return node
        if node.value is None:
            return None
        return self.generic_visit(ast.copy_location(ast.Assign([node.target], node.value), node))


def nodes(tree: ast.AST) -> list[tuple[str, int]]:
    """What a tree does, and in which lines."""
    return [
        (ast.dump(node) if isinstance(node, ast.expr) else type(node).__name__, node.lineno)
        for node in ast.walk(tree)
        if isinstance(node, ast.expr | ast.stmt)
    ]


def test_the_bytecode_has_the_lines_of_the_sources(build: ModuleType, source: Path) -> None:
    for path in sorted((source / "sidecar").rglob("*.py")):
        text = build.bare(path.read_text(encoding="utf-8"))
        whole = compile(text, "sidecar/name.py", "exec", 0, True, optimize=2)
        short = marshal.loads(build.short_code("name.py", text))
        assert [*lines(whole)] == [*lines(short)], path


def lines(code: CodeType) -> Iterator[tuple[str, list[int | None]]]:
    """The line of every instruction, of a code object and those in it."""
    assert code.co_code
    yield code.co_name, [line for start, end, line in code.co_lines() for _ in range(start, end)]
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from lines(one)


TUPLES = """
import sys
sys.path.insert(0, sys.argv[1])
from importlib import import_module
for line in sys.stdin:
    module, name = line.split()
    found = getattr(import_module(module), name)
    methods = sorted(key for key in vars(found) if not key.startswith("_"))
    stated = sorted(found._field_defaults)
    print(module, name, found._fields, stated, found.__name__, methods)
"""


def test_the_named_tuples_of_what_is_delivered_are_those_of_the_sources(
    made: Path, installed: Path, source: Path
) -> None:
    names = [
        (".".join(path.relative_to(source).with_suffix("").parts), node.name)
        for path in sorted((source / "sidecar").rglob("*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
        and [ast.unparse(one) for one in node.bases] == ["NamedTuple"]
    ]
    asked = "".join(f"{module} {name}\n" for module, name in names)
    told = [
        subprocess.run(
            [sys.executable, "-I", "-c", TUPLES, str(place)],
            input=asked, check=True, capture_output=True, text=True,
        ).stdout
        for place in (source, archive(made), installed)
    ]  # fmt: skip
    assert asked.count("\n") > 40
    assert told[0] == told[1] == told[2]


def test_the_wheel_installs_without_the_network_and_runs(installed: Path) -> None:
    command = [sys.executable, "-m", "sidecar", "--version"]
    told = subprocess.run(command, cwd=installed, check=True, capture_output=True, text=True)
    assert told.stdout.startswith("edgewright-sidecar ")
    script = (installed / "bin" / "edgewright-sidecar").read_text()
    assert "from sidecar.__main__ import program" in script
    about = next(installed.glob("*.dist-info/METADATA")).read_text()
    assert "Provides-Extra: boto3" in about
    assert "Provides-Extra: signature" in about
    assert "Requires-Dist" not in about.replace("; extra ==", "").split("Provides-Extra")[0]
