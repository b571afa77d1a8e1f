"""The formats of `diff` for code scanning, pull requests and browsers, and what ends with 3."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.adapters.test_git import git
from tests.commands.running import run
from tests.commands.test_diff import DEBUG, clone, write
from tests.reports.test_annotations import judge
from tests.stages.resolving import SHOP

__all__ = ["clone"]


def place(result: dict[str, Any]) -> tuple[str, int]:
    physical = result["locations"][0]["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def changes(text: str) -> list[dict[str, Any]]:
    """The results that speak of what changes, of a log that keeps every rule."""
    return [one for one in judge(json.loads(text)) if one["ruleId"].startswith("diff/")]


def test_sarif_names_the_line_from_the_top_wherever_it_is_called(clone: Path) -> None:
    write(clone, DEBUG)
    (result,) = changes(run("diff", "--format", "sarif", at=clone).stdout)
    assert (result["ruleId"], result["level"]) == ("diff/re-create", "warning")
    file, line = place(result)
    assert file == "specs/spec.yaml"
    assert "LEVEL: debug" in DEBUG.splitlines()[line - 1]
    below = run("diff", "HEAD", ".", "--format", "sarif", at=clone / "specs")
    assert place(changes(below.stdout)[0]) == (file, line)


def test_a_wrong_spec_is_sarif_as_well_from_every_command(clone: Path) -> None:
    write(clone, SHOP.replace('target: "2"', 'target: "7"'))
    for command in ("diff", "check", "compile"):
        result = run(command, "--format", "sarif", at=clone)
        assert result.exit_code == 1
        (found,) = judge(json.loads(result.stdout))
        assert found["ruleId"] == "E2002"
        assert place(found)[0] == "specs/spec.yaml"
        assert result.stderr == ""


def test_a_finding_without_a_place_stands_at_the_specs_first_line(clone: Path) -> None:
    result = run("diff", "no-such-revision", "--format", "sarif", at=clone)
    assert result.exit_code == 5
    (found,) = [one for one in judge(json.loads(result.stdout)) if one["ruleId"][0] == "E"]
    assert place(found) == ("specs/spec.yaml", 1)
    missing = run("check", "nowhere", "--format", "sarif", at=clone)
    assert missing.exit_code == 1
    assert place(judge(json.loads(missing.stdout))[0])[0] == "nowhere"


def test_github_gets_annotations_on_stdout_and_nothing_else(clone: Path) -> None:
    write(clone, DEBUG)
    result = run("diff", "--format", "github", at=clone)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert all(line.startswith("::") for line in lines)
    line = next(line for line in lines if "title=diff/" in line)
    assert re.match(r"::warning file=specs/spec\.yaml,line=\d+,col=\d+,title=diff/re-create", line)
    write(clone, SHOP)
    git(clone, "rm", "-rq", "generated")
    stale = run("compile", "--check", "--format", "github", at=clone)
    assert stale.exit_code == 4
    assert stale.stdout.startswith("::error file=specs/spec.yaml,line=1,col=1,title=E6009")


def test_effects_that_nobody_wants_end_with_3_and_are_counted(clone: Path) -> None:
    write(clone, DEBUG)
    calm = run("diff", "--fail-on", "outage,data-loss", at=clone)
    assert calm.exit_code == 0
    refused = run("diff", "--fail-on", "outage,re-create", at=clone)
    assert refused.exit_code == 3
    assert "re-create  jobs.watch" in refused.stdout
    assert "E7520 the change has effects that --fail-on names: 2 re-create" in refused.stderr
    document = run("diff", "--fail-on", "re-create", "--format", "json", at=clone)
    assert document.exit_code == 3
    codes = [one["code"] for one in json.loads(document.stdout)["diagnostics"]]
    assert [code for code in codes if code[0] == "E"] == ["E7520"]
    misspelt = run("diff", "--fail-on", "outag", at=clone)
    assert misspelt.exit_code == 2
    assert "Did you mean outage?" in misspelt.stderr


def test_one_run_writes_every_report_that_it_is_asked_for(clone: Path, tmp_path: Path) -> None:
    write(clone, DEBUG)
    names = ("change.html", "change.sarif", "change.md", "change.json")
    options = [word for name in names for word in ("--report", tmp_path / name)]
    assert run("diff", *options, at=clone).exit_code == 0
    texts = {name: (tmp_path / name).read_text() for name in names}
    assert texts["change.html"].startswith("<!doctype html>")
    judge(json.loads(texts["change.sarif"]))
    assert texts["change.md"] == run("diff", "--format", "markdown", at=clone).stdout
    assert texts["change.json"] == run("diff", "--format", "json", at=clone).stdout
    assert texts["change.html"] == run("diff", "--format", "html", at=clone).stdout
    assert run("diff", "--report", "change.pdf", at=clone).exit_code == 2
    lost = run("diff", "--report", "no/such/folder/change.md", at=clone)
    assert lost.exit_code == 6
    assert "E6008" in lost.stderr


def test_the_page_names_the_labels_of_each_site(clone: Path) -> None:
    write(clone, DEBUG)
    page = run("diff", "--format", "html", at=clone).stdout
    assert 'data-labels="[&quot;' in page
