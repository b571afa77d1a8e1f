"""The rules of the house, held over every file: sizes, docstrings, registries, words, headers."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from compiler.backends import BACKENDS, GITOPS, backend
from compiler.datasets import FORMATS, dataset_format
from compiler.kinds import KINDS
from compiler.lowerings import LOWERINGS, lowerings
from compiler.model import codes
from compiler.model.diagnostics import Code
from compiler.reports import REPORTS
from compiler.servers import SERVERS

ROOT = Path(__file__).parents[1]
LIMIT = 400
CODE = ("compiler", "sidecar")
OUTSIDE = re.compile(
    r"(?:^|[\s\"'(=:])/(?:root|work|home/(?!data/)[a-z]+)/[a-z]|\b(?:TODO|FIXME|XXX)\b|--(?:extra-)?index-url",
    re.IGNORECASE,
)
"""Paths of one machine, work left undone, and addresses that only one place can reach."""

SECRETS = re.compile(
    r"AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}|xox[abp]-[0-9A-Za-z-]{20,}"
    r"|-----BEGIN (?:RSA |EC |OPENSSH )?PRIVATE KEY-----"
)
BYTES = frozenset((".png", ".ico", ".gz", ".zip", ".csv"))
THIS = Path(__file__).relative_to(ROOT).as_posix()


def listed() -> list[str]:
    """Every file that Git tracks; generated files speak in their sources' words."""
    made = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    names = made.stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def modules(*folders: str) -> Iterator[Path]:
    for name in listed():
        if name.endswith(".py") and name.startswith(tuple(f"{folder}/" for folder in folders)):
            yield ROOT / name


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in modules(*CODE, ".ci", ".github")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LIMIT
    }
    assert long == {}


def test_every_module_says_what_it_is() -> None:
    silent = [
        path.relative_to(ROOT).as_posix()
        for path in modules(*CODE, ".ci")
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_every_public_thing_of_the_compiler_has_a_docstring() -> None:
    silent = []
    for path in modules("compiler"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                continue
            if not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name}")
    assert silent == []


def text_of(name: str) -> str:
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_file_speaks_of_anything_but_the_project() -> None:
    found = [
        f"{name}:{number}: {match[0]}"
        for name in listed()
        if name != THIS and Path(name).suffix not in BYTES
        for number, line in enumerate(text_of(name).splitlines(), 1)
        if (match := OUTSIDE.search(line))
    ]
    assert found == []


def test_no_file_holds_anything_that_looks_like_a_secret() -> None:
    found = [name for name in listed() if name != THIS and SECRETS.search(text_of(name))]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "see /home/someone/notes", "# TODO: later", "pip install --index-url https://example.com",
    ],
)  # fmt: skip
def test_the_search_for_such_words_finds_them(line: str) -> None:
    assert OUTSIDE.search(line)


def declaring(folder: str, word: str) -> set[str]:
    """The modules of a folder that define a name at their top."""
    pattern = re.compile(rf"^{word}\b", re.MULTILINE)
    return {
        path.stem
        for path in (ROOT / "compiler" / folder).glob("*.py")
        if path.stem != "__init__" and pattern.search(path.read_text(encoding="utf-8"))
    }


def module_names(names: tuple[str, ...]) -> list[str]:
    return [name.replace("-", "_") for name in names]


def test_the_registry_of_backends_agrees_with_the_folder() -> None:
    assert declaring("backends", "BACKEND") == set(module_names(BACKENDS))
    assert [backend(name).name for name in BACKENDS] == list(BACKENDS)
    assert list(BACKENDS) == sorted(BACKENDS)
    for name in GITOPS:
        assert callable(import_module(f"compiler.backends.{name}").drafts)


def test_the_registry_of_kinds_agrees_with_the_folder() -> None:
    assert declaring("kinds", "KIND") == set(module_names(KINDS))


def test_the_registry_of_lowerings_agrees_with_the_folder() -> None:
    assert declaring("lowerings", "LOWERING") == set(LOWERINGS)
    assert [one.name.replace("-", "_") for one in lowerings()] == list(LOWERINGS)


def test_the_registry_of_servers_agrees_with_the_folder() -> None:
    found = declaring("servers", "SERVER")
    names = [server.name for server in SERVERS]
    assert len(set(names)) == len(names)
    assert len(names) == len(found)
    assert {name.replace("-", "_").replace(".", "") for name in names} == found


def test_the_registry_of_dataset_formats_agrees_with_the_folder() -> None:
    assert declaring("datasets", "FORMAT") == set(FORMATS)
    assert [dataset_format(name).name for name in FORMATS] == list(FORMATS)
    assert list(FORMATS) == sorted(FORMATS)


def test_the_registry_of_reports_names_modules_that_render() -> None:
    for name in REPORTS:
        assert callable(import_module(f"compiler.reports.{name}").render)
    assert declaring("reports", "def render") == set(REPORTS)


def test_the_registry_of_commands_agrees_with_the_folder() -> None:
    from compiler.cli import COMMANDS

    assert declaring("commands", "def command") == set(COMMANDS)
    for name in COMMANDS:
        assert import_module(f"compiler.commands.{name}").command.name == name


def test_a_stage_is_one_module_or_a_package_with_a_module_of_its_name() -> None:
    folder = ROOT / "compiler" / "stages"
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    assert {"check", "plan", "render", "resolve", "validate", "write"} <= packages
    for name in packages:
        assert (folder / name / f"{name}.py").is_file()
        assert not (folder / f"{name}.py").exists()


def test_tests_of_a_stage_lie_where_the_stage_lies() -> None:
    """A test may speak of a whole stage, so its folder is the stage's; files need not pair."""
    folder = ROOT / "compiler" / "stages"
    stages = {path.stem for path in folder.iterdir() if path.is_dir() or path.suffix == ".py"}
    for path in (ROOT / "tests" / "stages").rglob("test_*.py"):
        stage = (
            path.parent.name if path.parent.name != "stages" else path.stem.removeprefix("test_")
        )
        assert stage in stages, path


def every_code() -> dict[str, list[str]]:
    """The names under which each code is declared, by its id."""
    found: dict[str, list[str]] = {}
    folder = Path(codes.__file__).parent
    for path in sorted(folder.glob("*.py")):
        module: Any = import_module(f"compiler.model.codes.{path.stem}".removesuffix(".__init__"))
        for name, value in vars(module).items():
            if isinstance(value, Code):
                found.setdefault(value.id, []).append(f"{path.stem}.{name}")
    return found


def test_every_code_is_declared_once_with_a_whole_explanation() -> None:
    assert {id_: names for id_, names in every_code().items() if len(names) > 1} == {}
    for id_, (name,) in every_code().items():
        assert re.fullmatch(r"[EWN]\d{4}", id_), name


def test_every_code_is_used() -> None:
    source = "\n".join(
        path.read_text(encoding="utf-8")
        for path in modules("compiler")
        if "codes" not in path.parts
    )
    unused = [
        name
        for names in every_code().values()
        for name in names
        if not re.search(rf"\b{name.partition('.')[2]}\b", source)
    ]
    assert unused == []


def test_no_module_of_the_compiler_prints_but_commands() -> None:
    found = [
        path.relative_to(ROOT).as_posix()
        for path in modules("compiler")
        if "commands" not in path.parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert found == []
