"""Gates and policies with their figures, where a change is reviewed and where it is published."""

from __future__ import annotations

from html import escape
from pathlib import Path

from tests.adapters.test_git import git
from tests.commands.publishing import BRANCH, bare, clone, publish
from tests.commands.running import run, run_json

MODEL = """\
models:
  meter:
    framework: onnx
    target: "1"
    versions:
      "1": {uri: "main:1.onnx", sha256: AAA, metrics: [{name: map50, value: 0.6}]}
      "2": {uri: "main:2.onnx", sha256: BBB, metrics: [{name: map50, value: 0.61}]}
    gates: [{metric: map50, atLeast: 0.5}]
jobs:
  read:
    kind: serve
    models: [meter]
    place: {site: north-1}
    worker: {image: "r.example.com/ovms@sha256:CCC", server: ovms}
policies:
  - {name: named, assert: "has(object.metadata.name)"}
"""
for _short in ("AAA", "BBB", "CCC"):
    MODEL = MODEL.replace(_short, _short[0].lower() * 64)
WHY = "map50 0.61 is ≥ 0.5"


def _bumped(folder: Path) -> Path:
    """A clone in which a branch serves version 2; version 1 is published."""
    bare(folder)
    work = clone(folder, "work")
    (work / "specs/models.yaml").write_text(MODEL, encoding="utf-8")
    _save(work, "Serve version 1")
    done = publish(work)
    assert done.returncode == 0, done.stderr
    git(work, "checkout", "-qb", "bump")
    (work / "specs/models.yaml").write_text(MODEL.replace('target: "1"', 'target: "2"'))
    return work


def _save(work: Path, subject: str) -> None:
    git(work, "add", "specs")
    git(work, "commit", "-qm", subject)
    git(work, "push", "-q", "origin", "HEAD")


def test_a_diff_names_the_gates_of_touched_models_and_the_policies(tmp_path: Path) -> None:
    work = _bumped(tmp_path)
    text = run("diff", at=work).stdout
    assert f"  meter:2 passes: {WHY}" in text
    assert "  1 policy holds: named (per object)" in text
    document = run_json("diff", at=work)
    (gate,) = document["gates"]
    assert (gate["version"], gate["holds"], gate["value"]) == ("2", True, "0.61")
    assert document["policies"] == [{"name": "named", "per": "object"}]
    assert "#### Gates and policies" in run("diff", "--format", "markdown", at=work).stdout
    page = run("diff", "--format", "html", at=work).stdout
    assert f"<code>meter:2</code> passes: {escape(WHY)}</li>" in page
    assert "<li>1 policy holds: named (per object)</li>" in page


def test_a_change_of_no_model_names_no_gate(tmp_path: Path) -> None:
    work = _bumped(tmp_path)
    (work / "specs/models.yaml").write_text(
        MODEL.replace("server: ovms}", 'server: ovms, env: {A: "1"}}')
    )
    assert run_json("diff", at=work)["gates"] == []


def test_a_published_commit_has_verdicts_that_machines_can_read(tmp_path: Path) -> None:
    work = _bumped(tmp_path)
    _save(work, "Serve version 2")
    done = publish(work)
    assert done.returncode == 0, done.stderr
    git(work, "fetch", "-q")
    trailers = git(work, "log", "-1", "--format=%(trailers:only)", f"origin/{BRANCH}").splitlines()
    assert "Gate-meter-map50: pass (0.61; meter:2)" in trailers
    assert "Policies: 1" in trailers
    assert any(line.startswith("Effects: 1 ") for line in trailers), trailers
