"""Why a site is on the version that it is on: what is wanted, accepted and running, in words."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from compiler.commands import status as showing
from tests.commands.locking import put
from tests.commands.running import run
from tests.commands.test_promote import NOW, report, shops

HOUR = 3600.0


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(showing, "CLOCK", lambda: NOW + 300)
    return shops(tmp_path)


def said(folder: Path, site: str, status: int) -> str:
    """What is said of a site."""
    result = run("status", site, at=folder)
    assert result.exit_code == status, result.output
    return str(result.stdout)


def data(folder: Path, *words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run("status", *words, "--format", "json", at=folder).stdout)
    return found


def model(folder: Path, site: str) -> dict[str, Any]:
    (found,) = data(folder, site)["models"]
    return dict(found)


def accepted_here(folder: Path, site: str, path: Path, **more: Any) -> None:
    """Let a report name the config that is compiled for its site."""
    (host,) = model(folder, site)["hosts"]
    document = json.loads(path.read_text()) | {"revision": host["wantedRevision"], **more}
    path.write_text(json.dumps(document))
    os.utime(path, (NOW, NOW))


def test_a_site_that_the_rollout_has_not_reached_is_told_the_step_that_takes_it(
    folder: Path,
) -> None:
    report(folder, "north-3", "1", since=NOW - 60)
    told = said(folder, "north-3", 3)
    assert "detector:1, because rollout to 2 is at step 0 of 1, step 1 takes it\n" in told
    assert "its next step waits: no site of the steps reached has reported" in told
    assert (
        "  accepted   another config than the one compiled here (000000000000…); "
        "north-3-a said so 5 min ago\n"
        "  running    detector:1: GOOD\n"
    ) in told


def test_a_site_that_left_the_version_again_says_so_in_its_servers_words(folder: Path) -> None:
    report(
        folder, "north-1", "2", state="REFUSED", since=NOW - 60, serves="1", ahead=7200,
        reason="LoadFailed", detail="no such operator",
    )  # fmt: skip
    told = said(folder, "north-1", 3)
    assert "wanted     detector:2, because rollout reached it at step 0 of 1" in told
    assert "its clock is 7200 s ahead of the store's" in told
    line = "running    detector:1, on the way to 2: REFUSED, since LoadFailed: no such operator"
    assert line in told
    assert "is to be aborted: 1 of 1 reporting site failed, more than 2%" in told
    assert "edgewright promote watch --if-ready --model detector --env default" in told


@pytest.mark.parametrize("elsewhere", [False, True])
def test_every_command_of_ours_that_is_proposed_works(folder: Path, elsewhere: bool) -> None:
    spec = "specs"
    if elsewhere:
        spec = "fleets/shop"
        (folder / "fleets").mkdir()
        (folder / "specs").rename(folder / spec)
        (folder / "specs").symlink_to(folder / spec)
    report(folder, "north-1", "2", state="REFUSED", since=NOW - 60, serves="1")
    report(folder, "north-3", "1", since=NOW - 60, active="f" * 64, serves="9.9")
    (folder / "specs").unlink() if elsewhere else None
    words = (spec,) if elsewhere else ()
    steps = [shlex.split(one["command"])[1:] for one in data(folder, *words)["next"]
             if one["command"].startswith("edgewright")]  # fmt: skip
    assert [step[0] for step in steps] == ["promote", "rollback", "models"]
    for step in reversed(steps):
        result = run(*step, at=folder)
        assert result.exit_code == (3 if step[0] == "promote" else 0), result.output


def test_silence_and_rubbish_are_told_as_such(folder: Path) -> None:
    told = said(folder, "north-2", 3)
    assert "accepted   never reported\n  running    never reported\n" in told
    put(folder, "reports/north-2/north-2-a/watch.worker.json", b"rubbish")
    result = run("status", "north-2", at=folder)
    assert "W7404" in result.stderr
    assert "it is not JSON" in result.stderr


def test_an_old_report_is_told_as_old_with_what_ran_then(folder: Path) -> None:
    report(folder, "north-3", "1", since=NOW - 9 * HOUR, came=NOW - 5 * HOUR)
    told = said(folder, "north-3", 3)
    assert "north-3-a said so 5.1 h ago" in told
    assert (
        "running    detector:1: GOOD\n             as it was; reported last 5 h 5 min ago" in told
    )
    found = model(folder, "north-3")
    assert (found["verdict"], found["running"]["state"]) == ("offline", "old")
    assert found["running"]["version"] == "1"


def test_a_site_that_has_taken_what_is_compiled_here_is_ready(folder: Path) -> None:
    path = report(folder, "north-3", "1", since=NOW - 60)
    accepted_here(folder, "north-3", path)
    told = said(folder, "north-3", 0)
    assert told.startswith("north-3 watch / detector: ready (default / hub)\n")
    assert "accepted   the config that is compiled here" in told
    accepted_here(folder, "north-3", path, revision="1" * 64, rejected="ConfigInvalid")
    told = said(folder, "north-3", 3)
    assert "as the newest was refused: ConfigInvalid" in told
    assert "why        its sidecar refused the newest config: ConfigInvalid on north-3-a" in told


def test_bytes_that_nobody_knows_and_a_version_that_is_yanked_are_told(folder: Path) -> None:
    report(folder, "north-3", "1", since=NOW - 60, active="f" * 64, serves="9.9")
    why = [one["text"] for one in model(folder, "north-3")["why"]]
    assert "runs bytes of detector that neither the spec nor the lock knows" in why
    report(folder, "north-1", "1", since=NOW - 60)
    models = folder / "specs/models.yaml"
    text = models.read_text()
    models.write_text(text.replace('1.onnx"}', '1.onnx", yanked: "OPS-9"}'))
    assert run("promote", "watch", at=folder).exit_code == 0
    why = [one["text"] for one in model(folder, "north-1")["why"]]
    assert "runs detector:1, which is yanked: OPS-9" in why


def test_a_fleet_is_counted_by_ring_and_version_and_only_odd_sites_are_named(folder: Path) -> None:
    for site, version in (("north-1", "2"), ("north-3", "1")):
        accepted_here(folder, site, report(folder, site, version, since=NOW - 60))
    result = run("status", at=folder)
    assert result.exit_code == 3
    lines = [line.split() for line in result.stdout.splitlines()]
    head = ["MODEL", "CLUSTER", "RING", "WANTED", "SITES", "PUBLISHED", "APPLIED", "ACCEPTED",
            "RUNNING", "SILENT"]  # fmt: skip
    assert lines[0] == head
    unasked = ["not", "asked", "not", "asked"]
    assert lines[1] == ["watch", "/", "detector", "hub", "-", "1", "2", *unasked, "1", "1", "1"]
    assert lines[2] == [
        "watch",
        "/",
        "detector",
        "hub",
        "canary",
        "2",
        "1",
        *unasked,
        "1",
        "1",
        "0",
    ]
    assert "offline  watch / detector  north-2  has never reported" in result.stdout
    assert "north-3" not in result.stdout
    assert "ready    watch / detector  north-3" in run("status", "--all", at=folder).stdout


def test_the_document_is_what_its_published_schema_says(folder: Path) -> None:
    import jsonschema

    report(folder, "north-3", "1", since=NOW - 60)
    report(folder, "north-1", "2", state="REFUSED", since=NOW - 60, serves="1")
    schema = json.loads(run("schema", "--status").stdout)
    for words in ((), ("north-1",), ("--kubeconfig", "none")):
        jsonschema.validate(data(folder, *words), schema)
    wrong = data(folder)
    wrong["models"][0]["running"]["state"] = "fine"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, schema)


def test_whom_nobody_asked_is_said(folder: Path) -> None:
    told = run("status", at=folder).stdout
    assert "branch main: not asked: the spec is in no Git repository" in told
    assert "default / hub: not asked: no context is named" in told
    spec = folder / "specs/fleet.yaml"
    spec.write_text(spec.read_text().replace('reports: {uri: "main:reports/"}\n', ""))
    result = run("status", at=folder)
    assert result.exit_code == 6, result.output
    assert "reports of default: not asked: the spec has no `reports:`" in result.stdout
    assert "unknown: nobody was asked that knows what runs\n    Add --context" in result.stdout


def test_a_context_of_the_spec_that_this_machine_lacks_is_no_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(folder / "none"))
    spec = folder / "specs/fleet.yaml"
    spec.write_text(spec.read_text().replace("hub:\n", "hub:\n      context: hub-admin\n", 1))
    accepted_here(folder, "north-3", report(folder, "north-3", "1", since=NOW - 60))
    assert "applied    not asked: there is no kubeconfig" in said(folder, "north-3", 0)
    asked = run("status", "north-3", "--context", "hub-admin", at=folder)
    assert asked.exit_code == 6
    assert "E8001" in asked.stderr
    assert run("status", "--no-cluster", "--context", "x", at=folder).exit_code == 2


def test_explain_tells_of_a_rollback_with_its_reason(folder: Path) -> None:
    assert run("promote", "watch", at=folder).exit_code == 0
    assert run("rollback", "detector", "--reason", "OPS-9", at=folder).exit_code == 0
    told = run("explain", "watch", "--site", "north-3", at=folder).stdout
    assert "because rollout reached it at step 1 of 1; back from 2, which is yanked: OPS-9" in told
