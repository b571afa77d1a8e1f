from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from compiler.cli import COMMANDS, program
from tests.commands.running import run, run_json, started


@pytest.mark.parametrize("engine", ["flux", "argocd"])
def test_a_new_fleet_compiles_at_once_without_errors_or_warnings(
    tmp_path: Path, engine: str
) -> None:
    fleet = tmp_path / "my-fleet"
    assert run("init", fleet, "--engine", engine).exit_code == 0
    result = run_json("compile", "--no-cache", at=fleet)
    assert {found["severity"] for found in result["diagnostics"]} <= {"note"}
    hub = fleet / "generated/my-fleet/default/hub"
    assert sorted(path.name for path in (hub / "sites").iterdir()) == [
        "store-1",
        "store-2",
        "store-3",
    ]
    assert ("argoproj" in "".join(path.name for path in (hub / "apps").iterdir())) is (
        engine == "argocd"
    )


def test_kubectl_renders_every_directory_of_a_new_fleet(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    found = sorted((fleet / "generated").rglob("kustomization.yaml"))
    for path in found:
        command = ["kubectl", "kustomize", str(path.parent)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert len(found) == 7


def test_the_next_version_changes_sidecar_configs_and_no_deployment(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    jobs = fleet / "specs/jobs.yaml"
    before = _files(fleet)
    jobs.write_text(jobs.read_text().replace('target: "1.0.0"', 'target: "1.1.0"'))
    assert run("compile", "--no-cache", at=fleet).exit_code == 0
    after = _files(fleet)
    changed = {path.name for path in after if before.get(path) != after[path]}
    assert sum("sidecar" in name for name in changed) == 3
    assert not any("deployment" in name for name in changed)


def test_the_schema_of_a_new_fleet_accepts_its_files_and_refuses_a_typo(tmp_path: Path) -> None:
    fleet = started(tmp_path / "shop")
    schema = json.loads((fleet / "specs/schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    for path in (fleet / "specs").glob("*.yaml"):
        data = yaml.safe_load(path.read_text())
        assert list(validator.iter_errors(data)) == []
        assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")
    job = yaml.safe_load((fleet / "specs/jobs.yaml").read_text())
    job["jobs"]["watch"]["models"] = ["detectr"]
    assert list(validator.iter_errors(job))


def test_nothing_that_is_there_is_overwritten(tmp_path: Path) -> None:
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "mine.yaml").write_text("edgewright: v1\n")
    result = run("init", tmp_path)
    assert result.exit_code == 2
    assert "is there already" in result.output
    assert [path.name for path in tmp_path.rglob("*")] == ["specs", "mine.yaml"]


def test_an_ignore_file_that_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("/mine/\n")
    assert run("init", tmp_path, "--name", "shop").exit_code == 0
    assert (tmp_path / ".gitignore").read_text() == "/mine/\n"


def test_the_project_is_named_after_the_folder_or_by_a_valid_name(tmp_path: Path) -> None:
    assert run("init", tmp_path / "My Shop_2").exit_code == 0
    assert "name: my-shop-2 #" in (tmp_path / "My Shop_2/specs/fleet.yaml").read_text()
    result = run("init", tmp_path / "other", "--name", "Shop!")
    assert result.exit_code == 2
    assert "lower-case letters" in result.output
    assert not (tmp_path / "other").exists()


def test_a_folder_that_cannot_be_made_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("init", tmp_path / "file/below")
    assert result.exit_code in (2, 6)
    assert not isinstance(result.exception, OSError)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_in_a_folder_that_is_gone_every_command_says_so_and_makes_nothing(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, other = tmp_path / "gone", tmp_path / "other"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    arguments = [str(other)] if command == "init" else []
    result = CliRunner().invoke(program, [command, *arguments])
    assert (result.exit_code, result.stdout) == (6, "")
    assert result.stderr.startswith("the current folder: No such file or directory; change to")
    assert not other.exists()


def test_the_commands_that_init_names_exist(tmp_path: Path) -> None:
    result = run("init", tmp_path / "shop")
    lines = [line.split("#")[0].split() for line in result.output.splitlines()]
    named = [words[1:] for words in lines if words[:1] == ["edgewright"]]
    assert len(named) == 4
    for words in named:
        assert run(*words, at=tmp_path / "shop").exit_code == 0


def _files(fleet: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (fleet / "generated").rglob("*.yaml")}
