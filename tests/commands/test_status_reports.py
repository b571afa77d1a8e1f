"""Why a site is on the version that it is on: what is wanted, accepted and running, in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compiler.commands import status as showing
from tests.commands.locking import put
from tests.commands.running import run
from tests.commands.test_promote import NOW, report, shops

QUIET = ("--reports", "--kubeconfig", "no-such-file")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(showing, "CLOCK", lambda: NOW + 300)
    return shops(tmp_path)


def said(folder: Path, site: str) -> str:
    """The part of the status that is about reports; no cluster can be asked here."""
    result = run("status", site, *QUIET, at=folder)
    assert result.exit_code == 6, result.output
    text = result.stdout
    return text[text.index(f"{site} watch: reported") :].partition("\n\n")[0]


def test_a_site_that_the_rollout_has_not_reached_is_told_the_step_that_takes_it(
    folder: Path,
) -> None:
    report(folder, "north-3", "1", since=NOW - 60)
    assert said(folder, "north-3") == (
        "north-3 watch: reported by its sidecars (default)\n"
        "  wanted    detector:1, because rollout to 2 is at step 0 of 1, step 1 takes it\n"
        "  accepted  another config than the one compiled here (000000000000…); "
        "north-3-a said so 5 min ago\n"
        "  running   detector:1: GOOD"
    )


def test_a_site_that_left_the_version_again_says_so_in_its_servers_words(folder: Path) -> None:
    report(
        folder, "north-1", "2", state="REFUSED", since=NOW - 60, serves="1", ahead=7200,
        reason="LoadFailed", detail="no such operator",
    )  # fmt: skip
    text = said(folder, "north-1")
    assert "wanted    detector:2, because rollout reached it at step 0 of 1" in text
    assert "its clock is 7200 s ahead of the store's" in text
    assert text.endswith(
        "running   detector:1, on the way to 2: REFUSED, since LoadFailed: no such operator"
    )


def test_silence_and_rubbish_are_told_as_such(folder: Path) -> None:
    assert said(folder, "north-2").endswith("accepted  not known: nothing was ever reported")
    put(folder, "reports/north-2/north-2-a/watch.worker.json", b"rubbish")
    result = run("status", "north-2", *QUIET, at=folder)
    assert "W7404" in result.stderr
    assert "it is not JSON" in result.stderr


def test_the_same_is_there_as_data(folder: Path) -> None:
    report(folder, "north-3", "1", since=NOW - 60)
    result = run("status", "north-3", *QUIET, "--format", "json", at=folder)
    (entry,) = json.loads(result.stdout)["reported"]
    assert entry["wanted"] == [
        {"model": "detector", "version": "1", "variant": None,
         "because": "rollout to 2 is at step 0 of 1, step 1 takes it"}
    ]  # fmt: skip
    (one,) = entry["reports"]
    assert (one["host"], one["ageSeconds"], one["accepted"]) == ("north-3-a", 300, False)


def test_a_site_that_has_taken_what_is_compiled_here_is_told_so(folder: Path) -> None:
    path = report(folder, "north-3", "1", since=NOW - 60)
    result = run("status", "north-3", *QUIET, "--format", "json", at=folder)
    (entry,) = json.loads(result.stdout)["reported"]
    document = json.loads(path.read_text()) | {"revision": entry["reports"][0]["wantedRevision"]}
    path.write_text(json.dumps(document))
    assert "accepted  the config that is compiled here" in said(folder, "north-3")
    path.write_text(json.dumps(document | {"revision": "1" * 64, "rejected": "ConfigInvalid"}))
    assert "as the newest was refused: ConfigInvalid" in said(folder, "north-3")


def test_explain_tells_of_a_rollback_with_its_reason(folder: Path) -> None:
    assert run("promote", "watch", at=folder).exit_code == 0
    assert run("rollback", "detector", "--reason", "OPS-9", at=folder).exit_code == 0
    told = run("explain", "watch", "--site", "north-3", at=folder).stdout
    assert "because rollout reached it at step 1 of 1; back from 2, which is yanked: OPS-9" in told


def test_reports_of_a_whole_fleet_are_not_asked_for(folder: Path) -> None:
    result = run("status", *QUIET, at=folder)
    assert result.exit_code == 2
    assert "--reports speaks of sites: name them" in result.output
