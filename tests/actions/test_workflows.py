"""Workflows and actions: keys that GitHub knows, pinned, with the least permissions, safe to run.

GitHub ignores much that it does not understand. `actionlint` judges them too where Go is
(`tests/cluster/test_workflows.py`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.commands.running import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
REUSABLE = [path for path in WORKFLOWS if path.name.startswith("fleet-")]
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
WORKFLOW = {"name", "on", "permissions", "concurrency", "jobs"}
JOB = {"runs-on", "timeout-minutes", "permissions", "strategy", "steps"}
STEP = {"id", "if", "name", "uses", "with", "run", "shell", "env"}
INPUT = {"description", "required", "default", "type"}
WRITES = {
    "ci.yml": set(),
    "fleet-check.yml": {"pull-requests", "security-events"},
    "fleet-publish.yml": {"contents"},
    "fleet-promote.yml": {"contents", "pull-requests"},
}  # fmt: skip
"""What each workflow may write, and nothing else."""


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    return found


def steps(path: Path) -> list[dict[str, Any]]:
    found = read(path)
    if "runs" in found:
        return list(found["runs"]["steps"])
    return [step for job in found["jobs"].values() for step in job["steps"]]


def inputs(path: Path) -> dict[str, Any]:
    found = read(path)
    if "runs" in found:
        return dict(found.get("inputs", {}))
    call = found["on"].get("workflow_call") if isinstance(found["on"], dict) else None
    return {**call.get("inputs", {}), **call.get("secrets", {})} if call else {}


def ids(paths: list[Path]) -> list[str]:
    return [path.relative_to(ROOT / ".github").as_posix() for path in paths]


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids(WORKFLOWS))
def test_every_key_of_a_workflow_is_one_that_github_knows(path: Path) -> None:
    found = read(path)
    assert set(found) <= WORKFLOW
    for job in found["jobs"].values():
        assert set(job) <= JOB
        assert "timeout-minutes" in job


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=ids([*WORKFLOWS, *ACTIONS]))
def test_every_step_does_one_thing_and_every_input_says_what_it_is(path: Path) -> None:
    for step in steps(path):
        assert set(step) <= STEP
        assert ("uses" in step) != ("run" in step)
        if "runs" in read(path) and "run" in step:
            assert step["shell"] == "bash"
    for name, said in inputs(path).items():
        assert set(said) <= INPUT, name
        assert said["description"], name


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=ids([*WORKFLOWS, *ACTIONS]))
def test_what_is_used_is_pinned_by_commit(path: Path) -> None:
    used = [step["uses"] for step in steps(path) if "uses" in step]
    loose = [one for one in used if not PINNED.fullmatch(one) and not one.startswith("./")]
    assert loose == []
    for line in path.read_text(encoding="utf-8").splitlines():
        if re.search(r"uses: \w", line):
            assert re.search(r"# v\d+\.\d+\.\d+$", line), line


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=ids([*WORKFLOWS, *ACTIONS]))
def test_no_text_of_others_is_put_into_a_script(path: Path) -> None:
    for step in steps(path):
        assert not EXPRESSION.search(step.get("run", "")), step["run"]


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=ids([*WORKFLOWS, *ACTIONS]))
def test_every_input_that_is_named_exists_and_every_one_is_used(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = set(re.findall(r"\b(?:inputs|secrets)\.([\w-]+)", text))
    assert named - {"GITHUB_TOKEN"} == set(inputs(path))


@pytest.mark.parametrize("path", [*WORKFLOWS, *ACTIONS], ids=ids([*WORKFLOWS, *ACTIONS]))
def test_every_step_that_is_named_came_before(path: Path) -> None:
    known: set[str] = set()
    for step in steps(path):
        text = yaml.safe_dump(step)
        assert set(re.findall(r"\bsteps\.([\w-]+)\.", text)) <= known
        known |= {step["id"]} if "id" in step else set()


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids(WORKFLOWS))
def test_a_workflow_may_do_what_it_needs_and_nothing_else(path: Path) -> None:
    found = read(path)
    assert found["permissions"] == {}
    for job in found["jobs"].values():
        assert {n for n, word in job["permissions"].items() if word == "write"} == WRITES[path.name]
        assert set(job["permissions"].values()) <= {"read", "write"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=ids(WORKFLOWS))
def test_no_checkout_leaves_a_token_behind_and_none_runs_a_forks_code_with_rights(
    path: Path,
) -> None:
    assert "pull_request_target" not in path.read_text(encoding="utf-8")
    for step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


@pytest.mark.parametrize("path", REUSABLE, ids=ids(REUSABLE))
def test_a_reusable_workflow_takes_everything_from_the_release_that_is_named(path: Path) -> None:
    fleet, release = (step for step in steps(path) if "checkout@" in step.get("uses", ""))
    assert fleet["with"]["fetch-depth"] == "0"
    assert release["with"]["ref"] == "${{ inputs.ref }}"
    place = release["with"]["path"]
    for step in steps(path)[2:]:
        script = step.get("run", "").removeprefix(f"bash {place}/")
        action = step.get("uses", "").removeprefix(f"./{place}/")
        assert (ROOT / (script or f"{action}/action.yml")).is_file()
    given = {name for step in steps(path)[2:] for name in step.get("with", {})}
    assert given <= set(inputs(ACTIONS[0]))


def test_every_script_is_called_with_what_it_reads() -> None:
    told = {"RUNNER_TEMP", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY",
            "GITHUB_EVENT_NAME", "GITHUB_BASE_REF", "GITHUB_SERVER_URL", "GITHUB_API_URL",
            "GITHUB_REPOSITORY"}  # fmt: skip
    called: dict[str, set[str]] = {}
    for path in [*WORKFLOWS, *ACTIONS]:
        for step in steps(path):
            if match := re.search(r"([a-z]+\.(?:sh|py))", step.get("run", "")):
                called.setdefault(match[1], set()).update(step.get("env", {}))
    for name, given in called.items():
        text = (ACTIONS[0].parent / name).read_text(encoding="utf-8")
        if name.endswith(".sh"):
            read_ = set(re.findall(r"\$\{?([A-Z][A-Z_]+)", text))
            optional = {"VERSION"} if name == "install.sh" else set()
            assert read_ - told - optional <= given, name
        else:
            read_ = set(re.findall(r'environ(?:\.get\(|\[)"(\w+)"', text))
            assert read_ - told <= given, name


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="needs Debian's shellcheck")
def test_scripts_hold_what_shells_are_known_to_trip_over() -> None:
    scripts = sorted((ROOT / ".github").rglob("*.sh"))
    assert len(scripts) > 4
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
