"""The steps of the action and of the workflows, as a runner runs them, in real repositories."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actions.github import GitHub, script
from tests.commands import test_promote as rollouts
from tests.commands.locking import git
from tests.commands.publishing import BRANCH, bare, clone
from tests.commands.running import ROOT, run

HOUR = 3600.0


class Runner:
    """A machine that runs steps in a work tree."""

    def __init__(self, folder: Path, github: GitHub) -> None:
        self.temporary, self._github = folder / "runner", github
        program = self.temporary / "edgewright/bin/edgewright"
        program.parent.mkdir(parents=True)
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m compiler "$@"\n')
        program.chmod(0o755)
        self._more = {
            "RUNNER_TEMP": str(self.temporary),
            "HOME": str(folder),
            "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
            "GITHUB_SERVER_URL": "https://github.example.com",
            "GIT_TOKEN": "test-token",
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "ENVIRONMENTS": "",
        }

    def step(self, name: str, at: Path, **more: str) -> subprocess.CompletedProcess[str]:
        """Run one script."""
        environment = self._github.environment(self.temporary, **self._more, **more)
        return script(name, cwd=at, env=environment)

    @property
    def outputs(self) -> dict[str, str]:
        """What steps told further steps."""
        lines = (self.temporary / "output.txt").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def file(self, name: str) -> str:
        """What a step left for others."""
        return (self.temporary / name).read_text()


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with GitHub() as github:
        yield Runner(tmp_path, github)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A clone whose branch proposes a change, as a pull request's checkout is."""
    bare(tmp_path)
    made = clone(tmp_path, "work")
    assert run("compile", "--no-cache", at=made).exit_code == 0
    git(made, "add", ".")
    git(made, "commit", "-qm", "Compile")
    git(made, "push", "-q", "origin", "main")
    git(made, "checkout", "-qb", "proposal")
    return made


COMPILE = {"SPEC": "specs", "OUTPUT": "generated", "CHECK": "true", "DIFF": "true"}
DIFF = {
    "SPEC": "specs",
    "OUTPUT": "generated",
    "BASE": "",
    "FAIL_ON": "",
    "GITHUB_BASE_REF": "main",
}
PULL = {"GITHUB_EVENT_NAME": "pull_request"}


def change(work: Path) -> None:
    """Propose something that restarts pods."""
    path = work / "specs/spec.yaml"
    text = path.read_text()
    assert "LEVEL: info" in text
    path.write_text(text.replace("LEVEL: info", "LEVEL: debug", 1))


def test_a_fresh_output_is_status_0_and_a_stale_one_4_with_its_error(
    runner: Runner, work: Path
) -> None:
    done = runner.step("compile.sh", work, **COMPILE, **PULL)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert runner.outputs == {"status": "0", "name": "specs"}
    change(work)
    done = runner.step("compile.sh", work, **COMPILE, **PULL)
    assert runner.outputs["status"] == "4"
    assert done.stdout.startswith("::error file=specs/spec.yaml,line=1,col=1,title=E6009 ")


def test_a_wrong_spec_is_annotated_and_not_compared(runner: Runner, work: Path) -> None:
    (work / "specs/spec.yaml").write_text("edgewright: v1\njobs: {a: {kind: sreve}}\n")
    done = runner.step("compile.sh", work, **COMPILE, **PULL)
    assert runner.outputs["status"] == "1"
    assert "::error file=specs/spec.yaml,line=2," in done.stdout


def test_what_a_pull_request_does_is_left_for_every_reader(runner: Runner, work: Path) -> None:
    change(work)
    assert run("compile", "--no-cache", at=work).exit_code == 0
    done = runner.step("diff.sh", work, **DIFF)
    assert done.returncode == 0, done.stderr
    assert "title=diff/re-create" in done.stdout
    assert runner.outputs == {"status": "0", "compared": "true"}
    assert "re-create" in runner.file("edgewright/diff.md")
    assert '"version": "2.1.0"' in runner.file("edgewright/diff.sarif")
    assert runner.file("edgewright/diff.html").startswith("<!doctype html>")


def test_an_unwanted_effect_is_status_3_and_is_compared_all_the_same(
    runner: Runner, work: Path
) -> None:
    change(work)
    runner.step("diff.sh", work, **{**DIFF, "FAIL_ON": "outage,re-create"})
    assert runner.outputs == {"status": "3", "compared": "true"}


def test_a_base_that_is_not_there_is_told_and_nothing_old_is_posted(
    runner: Runner, work: Path
) -> None:
    (runner.temporary / "edgewright/diff.md").write_text("of an earlier run")
    done = runner.step("diff.sh", work, **{**DIFF, "GITHUB_BASE_REF": "nowhere"})
    assert "E9412" in done.stdout
    assert runner.outputs["compared"] == "false"
    assert runner.outputs["status"] != "0"


def test_names_with_spaces_stay_one_word(runner: Runner, work: Path) -> None:
    (work / "specs").rename(work / "my specs; touch x")
    done = runner.step("compile.sh", work, **{**COMPILE, "SPEC": "my specs; touch x"}, **PULL)
    assert runner.outputs["name"] == "my-specs--touch-x"
    assert runner.outputs["status"] == "0", done.stderr
    assert not (work / "x").exists()


def test_what_was_merged_is_published(runner: Runner, work: Path, tmp_path: Path) -> None:
    git(work, "checkout", "-q", "main")
    git(work, "config", "--unset", "user.name")
    git(work, "config", "--unset", "user.email")
    remote = f"file://{tmp_path}/fleet.git"
    insteadof = ["config", "--global", f"url.{remote}.insteadOf", "https://git.example.com/f.git"]
    subprocess.run(
        ["git", *insteadof],
        check=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": str(tmp_path / "gitconfig")},
    )
    done = runner.step("publish.sh", work, SPEC="specs", PROPOSED="false")
    assert done.returncode == 0, done.stderr
    assert BRANCH in git(tmp_path / "fleet.git", "branch", "--list", BRANCH).stdout
    author = git(tmp_path / "fleet.git", "log", "-1", "--format=%cn", BRANCH).stdout
    assert author == "github-actions[bot]\n"
    assert "test-token" not in (tmp_path / "gitconfig").read_text() + done.stdout + done.stderr


@pytest.fixture
def rolling(tmp_path: Path) -> Path:
    """A clone of a fleet at step 0 of a rollout; its store lies beside it."""
    home = rollouts.shops(tmp_path / "fleet")
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "fleet.git")
    for words in (
        ["init", "-q", "-b", "main"], ["add", "specs"], ["commit", "-qm", "Begin"],
        ["remote", "add", "origin", f"file://{tmp_path}/fleet.git"],
        ["push", "-q", "origin", "main"],
        ["fetch", "-q", "origin"],
    ):  # fmt: skip
        assert git(home, *words).returncode == 0
    return home


PROMOTE = {"JOBS": "watch", "SPEC": "specs", "OUTPUT": "", "ENVIRONMENT": ""}
TARGET = "edgewright/promote-main"


def ready(folder: Path) -> None:
    now = time.time()
    rollouts.report(folder, "north-1", "2", since=now - 25 * HOUR, came=now)


def test_a_rollout_that_has_to_wait_is_no_failure(runner: Runner, rolling: Path) -> None:
    done = runner.step("promote.sh", rolling, **PROMOTE, HOW="commit")
    assert (done.returncode, done.stdout) == (0, "nothing moves\n"), done.stderr
    assert "wait" in runner.file("summary.md")


def test_a_step_is_committed_where_the_policy_says_so(
    runner: Runner, rolling: Path, tmp_path: Path
) -> None:
    ready(rolling)
    done = runner.step("promote.sh", rolling, **PROMOTE, HOW="commit")
    assert done.returncode == 0, done.stderr
    shown = git(tmp_path / "fleet.git", "show", "--format=%cn: %s", "main").stdout
    assert shown.startswith("github-actions[bot]: Promote watch\n")
    assert "+  step: 1" in shown


def test_a_step_is_one_pull_request_however_often_the_timer_runs(
    runner: Runner, rolling: Path, tmp_path: Path
) -> None:
    ready(rolling)
    done = runner.step("promote.sh", rolling, **PROMOTE, HOW="pull-request")
    assert done.returncode == 0, done.stderr
    assert "https://github.example.com/shop/fleet/pull/1" in done.stdout
    first = git(tmp_path / "fleet.git", "rev-parse", TARGET).stdout
    assert "step: 0" in git(tmp_path / "fleet.git", "show", "main:specs/edgewright.lock").stdout
    git(rolling, "reset", "-q", "--hard", "origin/main")
    git(rolling, "fetch", "-q", "origin")
    time.sleep(1.1)  # a commit made now would have another date
    done = runner.step("promote.sh", rolling, **PROMOTE, HOW="pull-request")
    assert done.returncode == 0, done.stderr
    assert git(tmp_path / "fleet.git", "rev-parse", TARGET).stdout == first
    (pull,) = runner._github.pulls
    assert (pull["head"], pull["base"], pull["title"]) == (TARGET, "main", "Promote watch")
    assert "north-" in pull["body"]


def test_one_job_that_fails_keeps_no_other_from_moving(runner: Runner, rolling: Path) -> None:
    ready(rolling)
    done = runner.step("promote.sh", rolling, **{**PROMOTE, "JOBS": "wacth watch"}, HOW="commit")
    assert done.returncode == 2
    assert "Promote wacth, watch" in git(rolling, "log", "-1", "--format=%s", "origin/main").stdout


def test_a_token_that_may_open_none_is_told(runner: Runner, rolling: Path) -> None:
    ready(rolling)
    runner._github.may_write = False
    done = runner.step("promote.sh", rolling, **PROMOTE, HOW="pull-request")
    assert done.returncode == 1
    assert f"::error title=edgewright::no pull request from {TARGET}: 403" in done.stdout
