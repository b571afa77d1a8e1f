from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.commands.running import ROOT, run

SPECS = ROOT / "specs"


@pytest.mark.parametrize("fleet", ["helmet-detection", "thousand-stores"])
def test_the_schema_accepts_the_fleet_whose_names_it_holds(fleet: str) -> None:
    schema = _schema(SPECS / fleet)
    validator = jsonschema.Draft202012Validator(schema)
    for path in (SPECS / fleet).glob("*.yaml"):
        assert list(validator.iter_errors(yaml.safe_load(path.read_text()))) == []


def test_names_of_another_fleet_are_refused() -> None:
    validator = jsonschema.Draft202012Validator(_schema(SPECS / "thousand-stores"))
    data = yaml.safe_load((SPECS / "helmet-detection/jobs.yaml").read_text())
    assert list(validator.iter_errors(data))


def test_without_a_spec_the_language_alone_is_printed(tmp_path: Path) -> None:
    result = run("schema", at=tmp_path)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["title"] == "edgewright spec"


def test_a_folder_that_is_named_and_not_there_is_an_error(tmp_path: Path) -> None:
    result = run("schema", "nowhere", at=tmp_path)
    assert result.exit_code == 1
    assert "E1030" in result.stderr


def test_a_spec_with_faults_still_gives_its_names(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("models: {one: {versions: oops}}\n")
    (tmp_path / "b.yaml").write_text("jobs:\n\tbad: tab\n")
    result = run("schema", tmp_path)
    assert result.exit_code == 0
    assert '"one"' in result.stdout
    assert "E1002" in result.stderr


def test_the_lock_schema_accepts_a_lock_and_refuses_a_bad_digest() -> None:
    result = run("schema", "--lock")
    validator = jsonschema.Draft202012Validator(json.loads(result.stdout))
    data = yaml.safe_load((SPECS / "thousand-stores/edgewright.lock").read_text())
    assert list(validator.iter_errors(data)) == []
    first = next(key for key in data if ".artifacts." in key)
    assert list(validator.iter_errors({**data, first: {**data[first], "sha256": "short"}}))
    assert list(validator.iter_errors({**data, "prod.artefacts.x": {}}))


def test_the_sidecar_schema_is_the_contract() -> None:
    result = run("schema", "--sidecar")
    contract = json.loads((ROOT / "sidecar/contract.schema.json").read_text())
    assert json.loads(result.stdout) == contract


def test_two_schemas_at_once_are_a_usage_error() -> None:
    assert run("schema", "--lock", "--sidecar").exit_code == 2


def test_a_schema_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    result = run("schema", "--lock", "--output", tmp_path / "deep/lock.json")
    assert result.stdout.startswith("wrote ")
    assert json.loads((tmp_path / "deep/lock.json").read_text())["title"] == "edgewright.lock"


def test_a_place_that_cannot_be_written_is_the_outside_worlds_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = run("schema", "--lock", "--output", "file/lock.json", at=tmp_path)
    assert result.exit_code == 6
    assert result.stderr == "file/lock.json cannot be written: file: File exists\n"


def test_a_folder_is_no_place_for_a_schema(tmp_path: Path) -> None:
    result = run("schema", "--lock", "--output", ".", at=tmp_path)
    assert result.exit_code == 2
    assert "File '.' is a directory" in result.stderr


def _schema(folder: Path) -> dict[str, object]:
    result = run("schema", folder)
    assert result.exit_code == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    jsonschema.Draft202012Validator.check_schema(found)
    return found
