"""Rollouts moved by hand and by what sites report; the store of reports is a folder."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from compiler.commands import promote as promoting
from tests.commands.locking import entry, fleet, git, locked, put
from tests.commands.running import run, run_json

NOW = 1_800_000_000.0
HOUR = 3600.0
MODELS = """\
# what the shops see
models:
  detector:
    framework: onnx
    versions:
      "1": {uri: "main:detector/1.onnx"}   # the first
      "2": {uri: 'main:detector/2.onnx'}
      "3": {uri: main:detector/3.onnx}
    target: "1"   # OPS-7
"""
FILES = {f"detector/{name}.onnx": f"bytes of {name}".encode() for name in "123"}
SITES = """\
    north-1: {cluster: hub, layer: edge, profile: box, hosts: {north-1-a: {}}, labels: {ring: canary}}
    north-2: {cluster: hub, layer: edge, profile: box, hosts: {north-2-a: {}}}
    north-3: {cluster: hub, layer: edge, profile: box, hosts: {north-3-a: {}}}
"""  # noqa: E501
STEPS = (
    "rollout: {steps: [{where: {ring: canary}, soak: 24h}, {percent: 100, soak: 1h}], "
    "ready: 95%, abortAbove: 2%}"
)


def shops(folder: Path) -> Path:
    """Three shops at version 1, and the target moved to 2: step 0."""
    fleet(folder, models=MODELS, files=FILES)
    spec = folder / "specs/fleet.yaml"
    lines = spec.read_text().splitlines(keepends=True)
    at = next(place for place, line in enumerate(lines) if "north-1:" in line)
    lines[at : at + 1] = [SITES]
    text = "".join(line if "rollout:" not in line else f"    {STEPS}\n" for line in lines)
    spec.write_text(text + 'reports: {uri: "main:reports/"}\n')
    assert run("lock", at=folder).exit_code == 0
    bump(folder, "2")
    return folder


def bump(folder: Path, version: str) -> None:
    models = folder / "specs/models.yaml"
    text = models.read_text()
    old = text[text.index("target:") :].split('"')[1]
    models.write_text(text.replace(f'target: "{old}"', f'target: "{version}"'))
    result = run("lock", at=folder)
    assert result.exit_code == 0, result.output


def report(
    folder: Path, site: str, version: str, *, state: str = "GOOD", since: float, came: float = NOW,
    ahead: float = 0.0, job: str = "watch", artifact: str = "models/detector", **more: Any,
) -> Path:  # fmt: skip
    """What a sidecar stores; `ahead` is by how much the device's clock is wrong."""
    digest = locked(folder).artifact("default", f"{artifact}:{version}")
    assert digest is not None
    name = artifact.removeprefix("models/")
    entry_ = {
        "kind": "model", "name": name, "version": version, "group": f"model/{name}",
        "wanted": digest.sha256, "active": digest.sha256, "serves": version, "required": True,
        "state": state, "phase": "idle", "since": stamp(since + ahead), **more,
    }  # fmt: skip
    document = {
        "report": 1, "sidecar": "1.0", "time": stamp(came + ahead), "project": "shop",
        "environment": "default", "cluster": "hub", "namespace": "shop", "site": site,
        "host": f"{site}-a", "job": job, "role": "worker", "tenant": "watch.worker",
        "revision": "0" * 64, "state": state, "started": True, "ready": True,
        "artifacts": [entry_], "outbox": [], "a key of a later release": {"x": 1},
    }  # fmt: skip
    path = folder / f"store/reports/{site}/{site}-a/watch.worker.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    os.utime(path, (came, came))
    return path


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def rollout(folder: Path) -> dict[str, Any]:
    return entry(folder, "rollouts", "watch/detector")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the command sees, to be set."""
    now = [NOW]
    monkeypatch.setattr(promoting, "CLOCK", lambda: now[0])
    return now


def test_promoting_by_hand_goes_step_by_step_and_keeps_the_lock_otherwise(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    file = folder / "specs/edgewright.lock"
    file.write_text("# ours\n" + file.read_text())
    before = file.read_text()
    result = run("promote", "watch", at=folder)
    assert result.exit_code == 0, result.output
    assert "watch/detector (default): 1 -> 2 at step 1 of 1" in result.stdout
    assert "2 sites change: north-2, north-3; 20 B of models to fetch" in result.stdout
    assert file.read_text() == before.replace("  step: 0\n", "  step: 1\n")
    assert "finished; 1 is given up for 2" in run("promote", "watch", at=folder).stdout
    assert rollout(folder) == {"from": "2", "to": "2", "step": 1, "was": "1"}
    # `lock` writes what `promote` wrote, without its comments.
    text = file.read_text()
    assert run("lock", at=folder).exit_code == 0
    assert f"# ours\n{file.read_text()}" == text
    again = run("promote", "watch", at=folder)
    assert again.exit_code == 0
    assert "2 is everywhere; no rollout is under way" in again.stdout
    assert file.read_text() == text.removeprefix("# ours\n")


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    found = run_json("promote", "watch", "--dry-run", at=folder)
    assert found["written"] == []
    assert found["rollouts"][0]["after"] == {"from": "1", "to": "2", "step": 1}
    assert rollout(folder)["step"] == 0


def test_it_waits_for_reports_then_for_the_soak_then_goes_on(
    tmp_path: Path, clock: list[float]
) -> None:
    folder = shops(tmp_path)
    silent = run("promote", "watch", "--if-ready", at=folder)
    assert silent.exit_code == 3
    assert "no site of the steps reached has reported within the hour" in silent.stderr
    report(folder, "north-1", "1", since=NOW - 9 * HOUR)
    old = run("promote", "watch", "--if-ready", at=folder)
    assert old.exit_code == 3
    assert "north-1  waiting  the new config has not arrived on north-1-a" in old.stdout
    # The device's clock is 10 hours ahead; the store says when the report came.
    report(folder, "north-1", "2", since=NOW - HOUR, ahead=10 * HOUR)
    soaking = run("promote", "watch", "--if-ready", at=folder)
    assert soaking.exit_code == 3
    assert "E7405" in soaking.stderr
    assert f"the soak counts from {stamp(NOW - HOUR)}" in soaking.stdout
    assert f"run it again after {stamp(NOW + 23 * HOUR)}" in soaking.stderr
    assert rollout(folder)["step"] == 0
    clock[0] = NOW + 23 * HOUR
    report(folder, "north-1", "2", since=NOW - HOUR, came=clock[0])
    on = run("promote", "watch", "--if-ready", at=folder)
    assert on.exit_code == 0, on.output
    assert rollout(folder)["step"] == 1


def test_the_soak_of_a_later_step_counts_from_its_own_sites(
    tmp_path: Path, clock: list[float]
) -> None:
    folder = shops(tmp_path)
    run("promote", "watch", at=folder)
    report(folder, "north-1", "2", since=NOW - 99 * HOUR)
    report(folder, "north-2", "2", since=NOW - 5 * HOUR)
    report(folder, "north-3", "2", since=NOW - HOUR / 2)
    held = run("promote", "watch", "--if-ready", at=folder)
    assert held.exit_code == 3
    assert f"the soak counts from {stamp(NOW - HOUR / 2)}" in held.stdout
    clock[0] = NOW + HOUR / 2
    assert run("promote", "watch", "--if-ready", at=folder).exit_code == 0
    assert rollout(folder)["from"] == "2"


def test_too_many_failures_restore_the_old_version_and_say_which_and_why(
    tmp_path: Path, clock: list[float]
) -> None:
    folder = shops(tmp_path)
    del clock[1:]
    models = (folder / "specs/models.yaml").read_text()
    report(
        folder, "north-1", "2", state="REFUSED", since=NOW - HOUR, serves="1",
        reason="LoadFailed", detail="no such operator: Frobnicate",
    )  # fmt: skip
    result = run("promote", "watch", "--if-ready", at=folder)
    assert result.exit_code == 3
    assert "E7406" in result.stderr
    assert "1 of 1 reporting site failed, more than 2%; 1 is restored" in result.stderr
    told = "failed   LoadFailed: no such operator: Frobnicate on north-1-a"
    assert f"north-1  {told}" in result.stdout
    assert (folder / "specs/models.yaml").read_text() == models.replace(
        'target: "2"', 'target: "1"'
    )
    assert rollout(folder) == {"from": "2", "to": "1", "step": 1, "was": "1"}
    assert run("compile", "--locked", at=folder).exit_code == 0
    assert run("lock", at=folder).exit_code == 0
    assert rollout(folder) == {"from": "2", "to": "1", "step": 1, "was": "1"}


def test_a_malformed_report_is_named_and_the_others_count(
    tmp_path: Path, clock: list[float]
) -> None:
    folder = shops(tmp_path)
    del clock[1:]
    run("promote", "watch", at=folder)
    for site in ("north-1", "north-2"):
        report(folder, site, "2", since=NOW - 9 * HOUR)
    put(folder, "reports/north-3/north-3-a/watch.worker.json", b'{"report": 1, "time": 7}')
    result = run("promote", "watch", "--if-ready", at=folder)
    assert result.exit_code == 0, result.output
    assert "W7404" in result.stderr
    assert "north-3/north-3-a/watch.worker.json: time is no text" in result.stderr


def test_a_store_that_cannot_be_asked_ends_with_6_and_moves_nothing(
    tmp_path: Path, clock: list[float]
) -> None:
    folder = shops(tmp_path)
    del clock[1:]
    spec = folder / "specs/fleet.yaml"
    far = 'far: {url: "s3://far", endpoint: "http://127.0.0.1:1", write: {secret: s3-writer}}'
    text = spec.read_text().replace("stores: {", f"stores: {{{far}, ")
    spec.write_text(text.replace('"main:reports/"', '"far:reports/"'))
    result = run("promote", "watch", "--if-ready", at=folder)
    assert result.exit_code == 6, result.output
    assert "fleet.yaml:23:16: E8202 s3://far/reports/" in result.stderr
    assert rollout(folder)["step"] == 0


@pytest.mark.parametrize("asked", [("promote", "watch", "--if-ready"), ("status", "north-1")])
def test_a_proposal_cannot_have_reports_asked_of_a_host_that_nobody_reviewed(
    tmp_path: Path, asked: tuple[str, ...]
) -> None:
    folder = shops(tmp_path)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "specs")
    git(folder, "commit", "-qm", "Begin")
    spec = folder / "specs/fleet.yaml"
    far = 'far: {url: "s3://far", endpoint: "http://127.0.0.1:1", write: {secret: s3-writer}}'
    text = spec.read_text().replace("stores: {", f"stores: {{{far}, ")
    spec.write_text(text.replace('"main:reports/"', '"far:reports/"'))
    refused = run(*asked, at=folder)
    assert refused.exit_code == 1
    assert "fleet.yaml:23:16: E7110 the spec on main names no 127.0.0.1:1" in refused.stderr
    assert "E8202" not in refused.stderr
    allowed = run(*asked, "--allow-host", "127.0.0.1:1", at=folder)
    assert allowed.exit_code == 6
    assert "E8202 s3://far/reports/" in allowed.stderr
    git(folder, "commit", "-qam", "Report elsewhere")
    assert "E7110" not in run(*asked, at=folder).stderr


def test_without_reports_in_the_spec_readiness_cannot_be_asked_for(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    spec = folder / "specs/fleet.yaml"
    spec.write_text(spec.read_text().replace('reports: {uri: "main:reports/"}\n', ""))
    result = run("promote", "watch", "--if-ready", at=folder)
    assert result.exit_code == 1
    assert "E7403" in result.stderr


def test_a_job_without_a_rollout_and_a_misspelt_one_are_told(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    spec = folder / "specs/fleet.yaml"
    spec.write_text("".join(line for line in spec.read_text().splitlines(keepends=True)
                            if "rollout:" not in line))  # fmt: skip
    result = run("promote", "watch", at=folder)
    assert result.exit_code == 1
    assert "E7401" in result.stderr
    assert "Did you mean watch?" in run("promote", "wtach", at=folder).output


def test_a_yanked_version_is_never_promoted(tmp_path: Path) -> None:
    folder = shops(tmp_path)
    models = folder / "specs/models.yaml"
    models.write_text(models.read_text().replace("2.onnx'}", "2.onnx', yanked: it flickers}"))
    result = run("promote", "watch", at=folder)
    assert result.exit_code == 1
    assert "models.yaml:9:13: E2003 detector:2 is yanked: it flickers" in result.stderr
    assert rollout(folder)["step"] == 0
