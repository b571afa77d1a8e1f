"""`edgewright diff` as its users meet it: bases, formats, exit codes, in real repositories."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from compiler.model.changes_schema import schema
from tests.adapters.test_git import git
from tests.commands.running import ROOT, run, run_json
from tests.stages.resolving import SHOP

DEBUG = SHOP.replace("LEVEL: info", "LEVEL: debug")
SWAPPED = SHOP.replace('target: "2"', 'target: "1"')


def write(folder: Path, text: str) -> None:
    (folder / "specs/spec.yaml").write_text(text, encoding="utf-8")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository whose main branch holds a spec and its output."""
    git(tmp_path, "init", "-q", "-b", "main", "fleet")
    folder = tmp_path / "fleet"
    (folder / "specs").mkdir()
    write(folder, SHOP)
    assert run("compile", "--no-cache", at=folder).exit_code == 0
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "Begin")
    git(folder, "switch", "-qc", "change")
    return folder


def effects(found: dict[str, Any]) -> dict[str, list[str]]:
    """Effect to the subjects that have it."""
    rows: dict[str, list[str]] = {}
    for row in found["changes"]:
        rows.setdefault(row["effect"], []).append(row["subject"])
    return rows


def test_nothing_changed_says_so_and_ends_with_0(clone: Path) -> None:
    result = run("diff", at=clone)
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first.startswith("the work tree's specs, compared with the merge base (")
    assert second == "nothing changes"


def test_the_base_is_where_the_branch_left_main(clone: Path) -> None:
    write(clone, SWAPPED)
    git(clone, "commit", "-qam", "Swap")
    git(clone, "switch", "-q", "main")
    write(clone, SHOP.replace("box: {arch: amd64, cpu: 8", "box: {arch: amd64, cpu: 7"))
    git(clone, "commit", "-qam", "Meanwhile")
    git(clone, "switch", "-q", "change")
    assert effects(run_json("diff", at=clone)) == {
        "hot-swap": ["jobs.watch"],
        "metadata-only": ["jobs.watch", "models.detector"],
    }


def test_each_row_of_two_changes_names_its_own_line_or_none(clone: Path) -> None:
    text = SWAPPED.replace("box: {arch: amd64, cpu: 8", "box: {arch: amd64, cpu: 7")
    text = text.replace("    framework: onnx\n", "    framework: onnx\n    task: detection\n")
    assert len(text.splitlines()) == len(SHOP.splitlines()) + 1
    write(clone, text)
    found = run_json("diff", at=clone)["changes"]
    lines = text.splitlines()
    for row in found:
        if row["subject"] == "jobs.watch" and any("version" in f["path"] for f in row["fields"]):
            assert "target:" in lines[row["cause"]["line"] - 1]
    assert any(row["subject"] == "jobs.watch" for row in found)


def test_a_site_that_goes_beside_another_change_is_blamed_on_no_line(clone: Path) -> None:
    before, rest = DEBUG.split("    west-1:\n")
    gone = before + rest[rest.index("models:") :]
    write(clone, gone)
    rows = run_json("diff", at=clone)["changes"]
    removed = [row for row in rows if row["effect"] == "removed"]
    assert removed
    assert all(row["cause"] is None for row in removed)


def test_a_row_names_its_sites_its_fields_and_the_line_of_the_spec(clone: Path) -> None:
    write(clone, DEBUG)
    (row,) = run_json("diff", at=clone)["changes"]
    assert row["effect"] == "re-create"
    assert row["kinds"] == {"Deployment": 2}
    assert [place["site"] for place in row["places"]] == ["north-1", "west-1"]
    (field,) = row["fields"]
    assert field == {
        "path": "spec.template.spec.containers[worker].env[LEVEL].value",
        "old": "info",
        "new": "debug",
    }
    line = DEBUG.splitlines()[row["cause"]["line"] - 1]
    assert row["cause"]["file"] == "specs/spec.yaml"
    assert "LEVEL: debug" in line


def test_a_base_without_committed_output_is_compiled_from_its_own_spec(clone: Path) -> None:
    git(clone, "rm", "-rq", "--cached", "generated")
    git(clone, "commit", "-qm", "Keep the output elsewhere")
    write(clone, DEBUG)
    without = run_json("diff", "HEAD", at=clone)
    with_output = run_json("diff", "HEAD~1", at=clone)
    assert without["changes"] == with_output["changes"]
    assert without["costs"] == with_output["costs"]


def test_an_edited_output_of_the_base_is_not_believed(clone: Path) -> None:
    (path,) = clone.glob("generated/**/north-1/deployment*.yaml")
    path.write_text(path.read_text().replace("LEVEL", "NOISE"))
    git(clone, "commit", "-qam", "Edit by hand")
    result = run("diff", "HEAD", at=clone)
    assert result.stdout.splitlines()[1] == "nothing changes"
    assert "W9425 generated/" not in result.stderr
    assert "W9425" in result.stderr
    assert "is not what its ledger says" in result.stderr


def test_two_folders_of_output_need_no_repository(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    for name, text in (("one", SHOP), ("two", DEBUG)):
        write(tmp_path, text)
        assert run("compile", "--no-cache", "--output", name, at=tmp_path).exit_code == 0
    found = run_json("diff", "one", "two", at=tmp_path)
    assert effects(found) == {"re-create": ["jobs.watch"]}
    assert effects(run_json("diff", "one", "specs", at=tmp_path)) == effects(found)
    assert found["changes"][0]["cause"] is None


def test_two_folders_of_specs_are_both_compiled(tmp_path: Path) -> None:
    for name, text in (("one", SHOP), ("two", SWAPPED)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.yaml").write_text(text)
    found = run_json("diff", "one", "two", at=tmp_path)
    assert effects(found)["hot-swap"] == ["jobs.watch"]
    assert found["changes"][0]["cause"]["file"] == "two/spec.yaml"


def test_a_new_environment_is_new_although_the_others_are_committed(clone: Path) -> None:
    write(clone, f"{SHOP}environments: {{default: {{}}, more: {{namespace: more}}}}\n")
    found = run_json("diff", at=clone)
    assert {place["environment"] for row in found["changes"] for place in row["places"]} == {"more"}
    assert set(effects(found)) == {"new"}


def test_the_document_follows_the_published_schema(clone: Path) -> None:
    write(clone, SWAPPED)
    found = run_json("diff", at=clone)
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.validate(found, schema())
    printed = run("schema", "--diff", at=clone)
    assert json.loads(printed.stdout) == schema()


def test_markdown_is_printed_alone_on_stdout(clone: Path) -> None:
    write(clone, SWAPPED)
    result = run("diff", "--format", "markdown", at=clone)
    assert result.exit_code == 0
    assert result.stdout.startswith("### ")
    assert "```mermaid" in result.stdout


def test_nothing_is_written_by_a_diff(clone: Path) -> None:
    write(clone, DEBUG)
    before = {path: path.stat().st_mtime_ns for path in clone.rglob("*")}
    assert run("diff", at=clone).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in clone.rglob("*")} == before


def test_a_shallow_clone_is_told_how_to_fetch_the_rest(clone: Path, tmp_path: Path) -> None:
    write(clone, DEBUG)
    git(clone, "commit", "-qam", "More")
    git(clone, "switch", "-q", "main")
    options = ("-q", "--depth=1", "--no-single-branch", "--branch=change")
    git(tmp_path, "clone", *options, f"file://{clone}", "shallow")
    result = run("diff", at=tmp_path / "shallow")
    assert result.exit_code == 5
    assert "E9404" in result.stderr
    assert "fetch-depth: 0" in result.stderr


def test_unrelated_histories_are_told_apart_from_shallow_ones(clone: Path) -> None:
    git(clone, "switch", "-q", "--orphan", "other")
    write_all = clone / "specs"
    write_all.mkdir(exist_ok=True)
    write(clone, SHOP)
    git(clone, "add", "specs")
    git(clone, "commit", "-qm", "Begin anew")
    result = run("diff", at=clone)
    assert result.exit_code == 5
    assert "E9423 this branch and main have no common commit" in result.stderr


def test_without_a_main_branch_the_base_has_to_be_named(clone: Path) -> None:
    git(clone, "branch", "-qD", "main")
    result = run("diff", at=clone)
    assert result.exit_code == 5
    assert "E9421" in result.stderr
    assert run("diff", "HEAD", at=clone).exit_code == 0


def test_a_name_that_is_nothing_is_refused(clone: Path) -> None:
    for name in ("nowhere", "--upload-pack=x"):
        result = run("diff", "--", name, at=clone)
        assert result.exit_code == 5, result.output
        assert f"E9412 Git knows no commit {name}" in result.stderr


def test_a_base_whose_spec_is_wrong_is_told_with_its_first_error(clone: Path) -> None:
    git(clone, "rm", "-rq", "--cached", "generated")
    write(clone, SHOP.replace("server: ovms", "server: ovsm"))
    git(clone, "commit", "-qam", "Break")
    write(clone, SHOP)
    result = run("diff", "HEAD", at=clone)
    assert result.exit_code == 5
    assert "E9424 the spec of HEAD (" in result.stderr
    assert "ovsm" in result.stderr


def test_a_folder_without_git_needs_a_folder_to_compare_with(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    write(tmp_path, SHOP)
    done = subprocess.run(["git", "rev-parse"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode, "the folder of tests lies in a repository"
    result = run("diff", at=tmp_path)
    assert result.exit_code == 5
    assert "E9401" in result.stderr


def test_a_tag_a_branch_and_a_commit_are_bases(clone: Path) -> None:
    git(clone, "tag", "v1")
    write(clone, DEBUG)
    for base in ("v1", "main", git(clone, "rev-parse", "HEAD"), "HEAD~0"):
        assert effects(run_json("diff", base, at=clone)) == {"re-create": ["jobs.watch"]}


def test_a_spec_is_found_again_however_its_path_is_written(clone: Path) -> None:
    write(clone, DEBUG)
    (clone / "below").mkdir()
    for spec, at in (("specs", clone), (clone / "specs", clone), ("../specs", clone / "below")):
        output = clone / "generated"
        found = run_json("diff", "HEAD", spec, "--output", output, at=at)
        (row,) = found["changes"]
        assert row["cause"]["file"] == ("specs" if at == clone else "../specs") + "/spec.yaml"
        assert "LEVEL: debug" in DEBUG.splitlines()[row["cause"]["line"] - 1]


def test_a_spec_of_one_file_is_compared_too(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", ".")
    (tmp_path / "fleet.yaml").write_text(SHOP)
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Begin")
    (tmp_path / "fleet.yaml").write_text(DEBUG)
    found = run_json("diff", "HEAD", "fleet.yaml", at=tmp_path)
    assert effects(found) == {"re-create": ["jobs.watch"]}
    assert found["changes"][0]["cause"]["file"] == "fleet.yaml"


def test_templates_of_the_author_come_first_and_are_compared_as_they_were(clone: Path) -> None:
    shipped = ROOT / "templates/kubernetes/deployment.yaml.j2"
    own = clone / "own/kubernetes/deployment.yaml.j2"
    own.parent.mkdir(parents=True)
    own.write_text(shipped.read_text())
    git(clone, "rm", "-rq", "--cached", "generated")
    git(clone, "add", "own")
    git(clone, "commit", "-qm", "Own a template")
    own.write_text(
        shipped.read_text().replace("revisionHistoryLimit: 2", "revisionHistoryLimit: 3")
    )
    found = run_json("diff", "HEAD", "--templates", "own", at=clone)
    assert found["overriddenTemplates"] == ["kubernetes/deployment.yaml.j2"]
    assert effects(found) == {"config-reload": ["jobs.watch"]}
    said = run("diff", "HEAD", "--templates", "own", at=clone).stdout
    assert said.index("a template of your own: kubernetes/") < said.index("config reload  ")


def test_a_cluster_for_each_site_is_compared_site_by_site(tmp_path: Path) -> None:
    each = SHOP.replace("    hub: {", "    hub: {each: site, ")
    for name, text in (("one", each), ("two", each.replace("LEVEL: info", "LEVEL: debug"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "spec.yaml").write_text(text)
    found = run_json("diff", "one", "two", at=tmp_path)
    (row,) = found["changes"]
    assert [place["site"] for place in row["places"]] == ["north-1", "west-1"]
    assert {place["cluster"] for place in row["places"]} == {"hub"}
