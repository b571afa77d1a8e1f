"""The recipes of docs/ci.md, run as they stand: the shell's, and the scripts of GitLab's jobs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from compiler.model.changes import Effect
from tests.actions.test_workflows import WORKFLOWS, inputs
from tests.commands import test_promote as rollouts
from tests.commands.locking import git
from tests.commands.publishing import BRANCH, bare, clone
from tests.commands.running import ROOT, run

PAGE = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
SHELL = PAGE.partition("\n## Plain shell\n")[2].partition("\n## ")[0]
BEFORE_MERGE, AFTER_MERGE, TIMER = re.findall(r"^```sh\n(.*?)^```$", SHELL, re.M | re.S)
YAML = [yaml.safe_load(one) for one in re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)]
GITLAB: dict[str, Any] = next(one for one in YAML if "variables" in one)
HOUR = 3600.0


def shell(script: str, at: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a recipe as CI does: the first command that fails ends it."""
    program = f'edgewright() {{ {shlex.quote(sys.executable)} -m compiler "$@"; }}\n'
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GIT_CONFIG_GLOBAL": "/dev/null", **more}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", program + script],
        cwd=at, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def gitlab(job: str) -> str:
    """The script of one of GitLab's jobs."""
    return "\n".join(GITLAB[job]["script"])


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A clone whose output is committed, and whose repository's address leads to a bare one."""
    bare(tmp_path)
    made = clone(tmp_path, "work")
    assert run("compile", "--no-cache", at=made).exit_code == 0
    for words in (
        ["add", "."], ["commit", "-qm", "Compile"], ["push", "-q", "origin", "main"],
        ["config", f"url.file://{tmp_path}/fleet.git.insteadOf", "https://git.example.com/f.git"],
    ):  # fmt: skip
        assert git(made, *words).returncode == 0
    return made


@pytest.mark.parametrize("recipe", [BEFORE_MERGE, gitlab("check")], ids=["shell", "GitLab"])
def test_a_proposal_is_checked_and_said(work: Path, recipe: str) -> None:
    target = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    path = work / "specs/spec.yaml"
    path.write_text(path.read_text().replace("LEVEL: info", "LEVEL: debug", 1))
    assert shell(recipe, work, **target).returncode == 4
    assert run("compile", "--no-cache", at=work).exit_code == 0
    done = shell(recipe, work, **target)
    assert done.returncode == 0, done.stderr
    assert "re-create" in (work / "change.md").read_text()
    assert (work / "change.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize("recipe", [AFTER_MERGE, gitlab("publish")], ids=["shell", "GitLab"])
def test_what_was_merged_is_published(work: Path, tmp_path: Path, recipe: str) -> None:
    done = shell(recipe, work)
    assert done.returncode == 0, done.stderr
    assert BRANCH in git(tmp_path / "fleet.git", "branch", "--list", BRANCH).stdout
    again = shell(recipe, work)
    assert again.returncode == 0, again.stderr
    assert git(tmp_path / "fleet.git", "rev-list", "--count", BRANCH).stdout == "1\n"


@pytest.fixture
def rolling(tmp_path: Path) -> Path:
    """A clone of a fleet at step 0 of a rollout of the job that the page names."""
    home = rollouts.shops(tmp_path / "fleet")
    path = home / "specs/fleet.yaml"
    path.write_text(path.read_text().replace("  watch:\n", "  watch-shelves:\n"))
    lock = home / "specs/edgewright.lock"
    lock.write_text(lock.read_text().replace(".watch/", ".watch-shelves/"))
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "fleet.git")
    assert run("compile", "--no-cache", at=home).exit_code == 0
    for words in (
        ["init", "-q", "-b", "main"], ["add", "specs", "generated"], ["commit", "-qm", "Begin"],
        ["config", "user.name", "A"], ["config", "user.email", "a@example.com"],
        ["remote", "add", "origin", f"file://{tmp_path}/fleet.git"],
        ["push", "-qu", "origin", "main"], ["fetch", "-q", "origin"],
    ):  # fmt: skip
        assert git(home, *words).returncode == 0
    return home


@pytest.mark.parametrize("recipe", [TIMER, gitlab("promote")], ids=["shell", "GitLab"])
def test_a_timer_takes_a_rollout_on_when_it_is_ready(
    rolling: Path, tmp_path: Path, recipe: str
) -> None:
    branch = {"CI_COMMIT_BRANCH": "main"}
    waits = shell(recipe, rolling, **branch)
    assert waits.returncode == 0, waits.stderr
    assert git(tmp_path / "fleet.git", "rev-list", "--count", "main").stdout == "1\n"
    now = time.time()
    rollouts.report(rolling, "north-1", "2", since=now - 25 * HOUR, came=now, job="watch-shelves")
    done = shell(recipe, rolling, **branch)
    assert done.returncode == 0, done.stderr
    shown = git(tmp_path / "fleet.git", "show", "--format=%s", "main").stdout
    assert shown.startswith("Promote watch-shelves\n")
    assert "+  step: 1" in shown
    assert run("compile", "--check", at=rolling).exit_code == 0


def test_the_workflows_that_are_called_exist_and_take_what_they_are_given() -> None:
    called = [job for page in YAML for job in page.get("jobs", {}).values() if "uses" in job]
    assert len(called) == 3
    for job in called:
        name = job["uses"].removeprefix("OWNER/edgewright/.github/workflows/").partition("@")[0]
        path = next(one for one in WORKFLOWS if one.name == name)
        known = inputs(path)
        assert {*job["with"], *job.get("secrets", {})} <= set(known)
        required = {name for name, said in known.items() if said.get("required") == "true"}
        assert required <= set(job["with"])
        wants = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
        assert [job["permissions"]] == [one["permissions"] for one in wants]


def test_every_effect_that_is_named_is_one() -> None:
    sources = [PAGE, (ROOT / "docs/diff.md").read_text(encoding="utf-8")]
    sources += [path.read_text(encoding="utf-8") for path in (ROOT / ".github").rglob("*.yml")]
    named = {word for text in sources for word in re.findall(r"fail-on:? \"?([a-z,-]+)", text)}
    assert named
    assert {one for word in named for one in word.split(",")} <= {one.value for one in Effect}


def test_the_owners_of_a_fleet_are_named_for_every_part_and_for_no_output() -> None:
    lines = (ROOT / "docs/ci/CODEOWNERS").read_text(encoding="utf-8").splitlines()
    rules = [line.split() for line in lines if line and not line.startswith("#")]
    assert rules[0][0] == "*"
    assert [path for path, *owners in rules if not owners] == ["/generated/"]
    assert all(owner.startswith("@example/") for _, *owners in rules for owner in owners)
