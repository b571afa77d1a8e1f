"""What the README shows is what the program does."""

from __future__ import annotations

import re
from pathlib import Path

from compiler import kinds
from tests.commands.running import ROOT, run

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_spec_compiles_to_the_tree_beside_it(tmp_path: Path) -> None:
    spec = _block("<!-- specs/shop.yaml -->")
    assert len(spec.splitlines()) <= 15
    _written(tmp_path, spec)
    result = run("compile", "--no-cache", at=tmp_path)
    assert result.exit_code == 0, result.output
    root = tmp_path / "generated/shop/default/hub"
    shown = [line.split()[0].rstrip("/") for line in _block("<!-- tree -->").splitlines()[1:]]
    made = [str(path.parent.relative_to(root)) for path in root.rglob("kustomization.yaml")]
    assert sorted(shown) == sorted(made)
    store = [path.name.partition("-")[0] for path in (root / "sites/store-1").glob("*-*")]
    assert sorted(store) == [
        "configmap",
        "configmap",
        "deployment.apps",
        "inferencemodel.edgewright.io",
    ]


def test_the_error_is_printed_as_shown(tmp_path: Path) -> None:
    _written(tmp_path, _block("<!-- specs/shop.yaml -->").replace("server: ovms", "server: omvs"))
    result = run("check", at=tmp_path)
    lines = result.stderr.splitlines()
    assert [lines[0], lines[-2]] == _block("<!-- error -->").splitlines()


def test_the_commands_are_those_of_the_program() -> None:
    shown = _block("<!-- help -->")
    result = run("--help")
    assert shown.split("Commands:")[1] == result.stdout.split("Commands:")[1]


def test_the_commands_of_the_introduction_exist() -> None:
    for name in re.findall(r"^edgewright (\w+)", README.split("## Install")[1], re.MULTILINE):
        assert run(name, "--help").exit_code == 0


def test_the_kinds_that_compile_are_named() -> None:
    for name in kinds.REGISTRY.names:
        assert f"`{name}`" in README
    listed = README.split("Four kinds of jobs compile: ")[1].split(".")[0]
    compiles = [n for n in kinds.REGISTRY.names if kinds.REGISTRY.load(n).plan is not None]
    assert sorted(re.findall(r"`(.+?)`", listed)) == sorted(compiles)


def test_the_map_of_the_house_names_folders_that_exist() -> None:
    house = README.split("## The house")[1].split("```")[1]
    for line in house.splitlines()[1:]:
        assert (ROOT / line.split()[0]).exists(), line


def _block(marker: str) -> str:
    """The fenced block after a marker."""
    found = re.search(rf"{re.escape(marker)}\n```\w*\n(.*?)```", README, re.DOTALL)
    assert found is not None, marker
    return found[1]


def _written(folder: Path, spec: str) -> None:
    (folder / "specs").mkdir()
    (folder / "specs/shop.yaml").write_text(spec, encoding="utf-8")
