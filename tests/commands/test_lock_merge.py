"""Two branches and one lock, merged by plain Git in both directions."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from compiler.commands.lock_merge import ATTRIBUTE
from compiler.model.lock import Lock, LockedArtifact, dump
from compiler.stages.lock.merging import merge
from tests.commands.locking import SPEC, entry, fleet, git, locked, put
from tests.commands.running import run, run_json

MODELS = """models:
  counter:
    framework: onnx
    versions:
      "1": {uri: "main:counter/1.onnx"}
      "3": {uri: "main:counter/3.onnx"}
    target: "1"
  detector:
    framework: onnx
    versions:
      "1": {uri: "main:detector/1.onnx"}
      "3": {uri: "main:detector/3.onnx"}
    target: "1"
"""
BOTH = "models: [counter, detector]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        f"{model}/{version}.onnx": f"{model} {version}".encode()
        for model in ("counter", "detector")
        for version in "1234"
    }
    made = fleet(tmp_path, models=MODELS, files=files)
    spec = made / "specs/fleet.yaml"
    spec.write_text(spec.read_text().replace("models: [detector]", BOTH))
    assert BOTH in spec.read_text() != SPEC
    assert git(made, "init", "-q", "-b", "main").returncode == 0
    run_json("lock", at=made)
    commit(made, "Begin")
    return made


def commit(folder: Path, subject: str) -> None:
    assert git(folder, "add", "specs").returncode == 0
    assert git(folder, "commit", "-qm", subject).returncode == 0


def branch(folder: Path, name: str, model: str, version: str, target: str = "") -> None:
    """A branch off main that adds a version in its place, or moves a target, and locks."""
    assert git(folder, "switch", "-qC", name, "main").returncode == 0
    path = folder / "specs/models.yaml"
    head, mark, tail = path.read_text().partition(f"  {model}:\n")
    line = f'      "{version}": {{uri: "main:{model}/{version}.onnx"}}\n'
    before = f'      "{int(version) - 1}":'
    tail = re.sub(f"({before}.*\n)", rf"\1{line}", tail, count=1)
    if target:
        tail = tail.replace('target: "1"', f'target: "{target}"', 1)
    path.write_text(head + mark + tail)
    run_json("lock", at=folder)
    commit(folder, f"Bump {model}")


def merged(folder: Path, into: str, other: str) -> bool:
    assert git(folder, "switch", "-qC", f"{into}-{other}", into).returncode == 0
    done = git(folder, "merge", "-q", "--no-edit", other).returncode == 0
    if not done:
        assert git(folder, "merge", "--abort").returncode == 0
    return done


@pytest.mark.parametrize("backwards", [False, True])
def test_two_branches_that_bump_one_model_each_merge_by_plain_git(
    folder: Path, backwards: bool
) -> None:
    branch(folder, "one", "counter", "2", target="2")
    branch(folder, "two", "detector", "2", target="2")
    ours, theirs = ("two", "one") if backwards else ("one", "two")
    assert merged(folder, ours, theirs)
    assert run_json("lock", at=folder)["changes"] == []
    for model in ("counter", "detector"):
        assert entry(folder, "rollouts", f"watch/{model}") == {"from": "1", "to": "2", "step": 0}
        assert entry(folder, "artifacts", f"models/{model}:2")["serveVersion"] == 3
    compiled = run("compile", "--locked", at=folder)
    assert compiled.exit_code == 0, compiled.output


def test_two_branches_that_move_one_target_apart_are_a_conflict(folder: Path) -> None:
    branch(folder, "one", "counter", "2", target="2")
    branch(folder, "two", "counter", "4", target="4")
    assert not merged(folder, "one", "two")
    assert not merged(folder, "two", "one")


@pytest.mark.parametrize("backwards", [False, True])
def test_a_number_that_both_branches_took_is_mended_by_repair(
    folder: Path, backwards: bool
) -> None:
    branch(folder, "one", "counter", "2")
    branch(folder, "two", "counter", "4")
    ours, theirs = ("two", "one") if backwards else ("one", "two")
    assert merged(folder, ours, theirs)
    refused = run("compile", at=folder)
    assert refused.exit_code == 1
    assert "E7103 models/counter:2 and models/counter:4 both have serveVersion 3" in refused.stderr
    plain = run("lock", at=folder)
    assert plain.exit_code == 1
    assert "E7103" in plain.stderr
    changes = run_json("lock", "--repair", at=folder)["changes"]
    assert [(one["entry"], one["fields"]) for one in changes] == [
        ("default.artifacts.models/counter:4", {"serveVersion": {"from": 3, "to": 4}})
    ]
    assert run("compile", "--locked", at=folder).exit_code == 0


def test_repair_makes_what_is_malformed_again_and_drops_what_is_foreign(folder: Path) -> None:
    path = folder / "specs/edgewright.lock"
    good = path.read_text()
    digest = put(folder, "counter/1.onnx", b"counter 1")
    path.write_text(good.replace(digest, digest[:60]) + "\nnobody:\n  knows: 1\n")
    refused = run("lock", at=folder)
    assert refused.exit_code == 1
    assert {"E7002", "E7003"} <= set(re.findall(r"E\d{4}", refused.stderr))
    run_json("lock", "--repair", at=folder)
    found = locked(folder).artifact("default", "models/counter:1")
    assert isinstance(found, LockedArtifact)
    assert found.sha256 == digest


def test_repair_does_not_forget_how_far_a_rollout_is(folder: Path) -> None:
    path = folder / "specs/edgewright.lock"
    path.write_text(path.read_text().replace("step: 1", "step: one", 1))
    refused = run("lock", "--repair", at=folder)
    assert refused.exit_code == 1
    assert "E7003 step of default.rollouts.watch/counter" in refused.stderr


DRIVER = f"{sys.executable} -m compiler lock --merge %O %A %B"


def driven(folder: Path) -> None:
    """Let this repository merge locks by the driver, as `init` sets it up."""
    root = str(Path(__file__).resolve().parents[2])
    git(folder, "config", "merge.edgewright.driver", f"env PYTHONPATH={root} {DRIVER}")
    (folder / "specs/.gitattributes").write_text(f"{ATTRIBUTE}\n")
    commit(folder, "Merge locks by entry")


def test_the_driver_gives_a_number_that_both_took_to_one_of_them(folder: Path) -> None:
    driven(folder)
    branch(folder, "left", "detector", "2")
    branch(folder, "right", "detector", "4")
    merged = git(folder, "merge", "-q", "--no-edit", "-X", "ours", "left")
    assert merged.returncode == 0, merged.stdout + merged.stderr
    entries = locked(folder).of("default", "artifacts")
    numbers = [
        one.serve_version
        for name, one in entries.items()
        if name.startswith("models/detector:") and isinstance(one, LockedArtifact)
    ]
    assert len(set(numbers)) == len(numbers) == 4


def lock_of(**entries: int) -> Lock:
    """A lock of models: tens are the digest, units the number."""
    return Lock(
        {
            ("default", "artifacts", f"models/{name.replace('_', ':')}"): (
                LockedArtifact.model_validate(
                    {
                        "uri": f"main:{name}",
                        "sha256": f"{value // 10:x}" * 64,
                        "serveVersion": value % 10,
                    }
                )
            )
            for name, value in entries.items()
        }
    )


def test_only_what_both_changed_differently_is_a_conflict() -> None:
    base = lock_of(a_1=11, b_1=21, gone_1=31)
    ours = lock_of(a_1=41, b_1=21, new_1=51)
    theirs = lock_of(a_1=11, b_1=61, gone_1=31)
    merged = merge(base, ours, theirs)
    assert merged.conflicts == ()
    assert merged.text == dump(lock_of(a_1=41, b_1=61, new_1=51))
    torn = merge(base, ours, lock_of(a_1=71, b_1=21, gone_1=31))
    assert torn.conflicts == ("default.artifacts.models/a:1",)
    assert torn.text.count("<<<<<<< ours") == torn.text.count(">>>>>>> theirs") == 1
    assert merge(base, theirs, ours).text == merged.text


def test_what_is_no_lock_is_refused_and_ours_is_left_alone(tmp_path: Path) -> None:
    for name in ("base", "ours", "theirs"):
        (tmp_path / name).write_text("lock: 1\n")
    (tmp_path / "theirs").write_text("lock: [\n")
    result = run("lock", "--merge", "base", "ours", "theirs", at=tmp_path)
    assert result.exit_code == 1
    assert "theirs:" in result.stderr
    assert (tmp_path / "ours").read_text() == "lock: 1\n"
    (tmp_path / "theirs").write_text("")
    assert run("lock", "--merge", "base", "ours", "theirs", at=tmp_path).exit_code == 0
