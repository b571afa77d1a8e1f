"""What the engines' branches have, beside what is compiled: asked of real repositories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.test_git import git
from tests.commands.publishing import BRANCH, URL, clone, publish
from tests.commands.running import ROOT, run
from tests.commands.test_promote import bump, shops


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """A clone with three shops at version 1, published, and a rollout to 2 that is not."""
    at = _started(tmp_path)
    assert publish(at).returncode == 0
    bump(at, "2")
    return at


def _started(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "--bare", "-b", "main", "fleet.git")
    at = shops(clone(tmp_path, "work"))
    spec = at / "specs/fleet.yaml"
    spec.write_text(spec.read_text().replace("branch: main", f"branch: {BRANCH}"))
    models = at / "specs/models.yaml"
    models.write_text(models.read_text().replace('target: "2"', 'target: "1"'))
    (at / "specs/edgewright.lock").unlink()
    assert run("lock", at=at).exit_code == 0
    (at / ".gitignore").write_text("store/\n")
    _save(at, "Begin")
    return at


def _save(at: Path, subject: str) -> None:
    git(at, "add", ".")
    git(at, "commit", "-qm", subject)
    git(at, "push", "-q", "origin", "HEAD:main")


def _status(at: Path, *words: str) -> dict[str, Any]:
    result = run("status", "--remote", "origin", *words, "--format", "json", at=at)
    assert result.exit_code == 3, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def _published(found: Mapping[str, Any]) -> dict[str, tuple[str, str | None]]:
    return {
        one["site"]: (one["published"]["state"], one["published"]["version"])
        for one in found["models"]
    }


def _steps(found: Mapping[str, Any]) -> list[str]:
    return [one["command"] for one in found["next"] if one["verdict"] == "older"]


def test_what_is_published_is_told_by_version_and_by_commit(fleet: Path) -> None:
    _save(fleet, "Bump the detector")
    found = _status(fleet)
    assert _published(found) == {
        "north-1": ("another", "1"), "north-2": ("as wanted", "1"), "north-3": ("as wanted", "1"),
    }  # fmt: skip
    (branch,) = found["branches"]
    assert branch["branch"] == BRANCH
    assert branch["source"] == git(fleet, "rev-parse", "HEAD~1").strip()
    assert branch["trailers"]["Sites-Changed"] == "3"
    assert _steps(found) == ["edgewright publish --remote origin"]
    assert publish(fleet).returncode == 0
    after = _status(fleet)
    assert {state for state, _ in _published(after).values()} == {"as wanted"}
    assert _steps(after) == []


def test_the_step_is_what_helps_where_the_spec_is_not_committed_or_the_checkout_is_old(
    fleet: Path,
) -> None:
    dirty = _status(fleet, "north-1")
    assert _steps(dirty) == ["edgewright diff HEAD"]
    assert run("diff", "HEAD", at=fleet).exit_code == 0
    _save(fleet, "Bump the detector")
    assert publish(fleet).returncode == 0
    git(fleet, "checkout", "-q", "HEAD~1")
    old = _status(fleet, "north-1")
    assert _published(old) == {"north-1": ("another", "2")}
    assert _steps(old) == ["git pull"]


def test_a_branch_that_is_not_there_has_nothing_of_it(tmp_path: Path) -> None:
    at = _started(tmp_path)
    found = _status(at)
    assert {state for state, _ in _published(found).values()} == {"absent"}
    assert _steps(found) == ["edgewright publish --remote origin"]
    assert (
        f"branch {BRANCH}: nothing is published there"
        in run("status", "--remote", "origin", at=at).stdout
    )


def test_an_address_that_this_clone_does_not_know_is_not_asked(fleet: Path) -> None:
    result = run("status", at=fleet)
    told = f"branch {BRANCH}: not asked: this clone has no remote for {URL} (git remote add deploy"
    assert told in result.stdout
    git(fleet, "remote", "add", "deploy", URL)
    git(fleet, "config", f"url.file://{fleet.parent}/fleet.git.insteadOf", URL)
    assert f"branch {BRANCH}@" in run("status", at=fleet).stdout


def test_a_remote_that_does_not_answer_is_an_error_and_the_rest_is_told(fleet: Path) -> None:
    (fleet.parent / "fleet.git").rename(fleet.parent / "gone.git")
    result = run("status", "--remote", "origin", at=fleet)
    assert result.exit_code == 6
    assert "E9501 git ls-remote" in result.stderr
    assert "has never reported" in result.stdout
    assert "not known" in result.stdout


def test_every_site_of_a_large_fleet_agrees_with_what_was_published(tmp_path: Path) -> None:
    """The columns are those of what `compile` writes, site by site."""
    import shutil

    from tests.cluster.trees import manifests, targets

    git(tmp_path, "init", "-q", "--bare", "-b", "main", "fleet.git")
    at = clone(tmp_path, "work")
    shutil.copytree(ROOT / "specs/thousand-stores", at / "specs",
                    ignore=shutil.ignore_patterns(".edgewright"))  # fmt: skip
    fleet = at / "specs/fleet.yaml"
    store = (tmp_path / "store").as_uri()
    (tmp_path / "store").mkdir()
    fleet.write_text(fleet.read_text().replace("main:reports/", "said:reports/"))
    (at / "specs/said.yaml").write_text(f'stores: {{said: {{url: "{store}"}}}}\n')
    _save(at, "Begin")
    assert publish(at, "--env", "sample").returncode == 0
    assert run("compile", "--env", "sample", "--no-cache", at=at).exit_code == 0
    written = {
        (spec["site"], spec["model"]): (spec["version"], spec.get("variant"), spec["digest"])
        for target in targets(at / "generated")
        for directory in target.ordered()
        for one in manifests(directory)
        if one.data["kind"] == "InferenceModel"
        for spec in [one.data["spec"]]
    }
    found = _status(at, "--env", "sample")
    told = {
        (one["site"], one["model"]): tuple(
            one["wanted"][key] for key in ("version", "variant", "digest")
        )
        for one in found["models"]
    }
    assert told == written
    assert len(told) == 40
    assert {one["published"]["state"] for one in found["models"]} == {"as wanted"}
    # A branch that has one byte of one site otherwise is told for that site and no other.
    work = clone(tmp_path, "other")
    git(work, "checkout", "-q", "deploy/sample")
    (file,) = work.glob("generated/*/sample/*/sites/store-0003/configmap-*-sidecar.yaml")
    file.write_text(file.read_text() + "\n")
    git(work, "commit", "-qam", "By hand")
    git(work, "push", "-q", "origin", "HEAD")
    odd = [one for one in _status(at, "--env", "sample")["models"]
           if one["published"]["state"] != "as wanted"]  # fmt: skip
    assert {one["site"] for one in odd} == {"store-0003"}
    assert {one["published"]["version"] for one in odd} == {
        written["store-0003", "people-counter"][0], written["store-0003", "shelf-detector"][0],
    }  # fmt: skip
