"""Remarks on lines, as SARIF that hosts accept whole and as GitHub's workflow commands."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from compiler.model.changes import Comparison, Effect
from compiler.model.codes import all_codes
from compiler.model.diagnostics import Diagnostic, Related, Span
from compiler.reports import github, sarif
from compiler.reports.annotations import MEANINGS, Annotation, level, of_changes, of_diagnostics
from compiler.reports.changes import QUIET
from tests.reports.test_changes import HOSTILE, comparison, row

ROOT = Span("specs/fleet.yaml", 1, 1)
COMMAND = re.compile(r"::(error|warning|notice) ((?:\w+=[^,:]*,?)+)::(.*)")


def remarks(found: Comparison) -> list[Annotation]:
    return list(of_changes(found, ROOT))


def diagnostics(count: int, code: str = "E2002") -> Sequence[Annotation]:
    found = [
        Diagnostic(all_codes()[code], f"no version {number}", Span("specs/a.yaml", number + 1, 3))
        for number in range(count)
    ]
    return list(of_diagnostics(found, ROOT))


def judge(log: dict[str, Any]) -> list[dict[str, Any]]:
    """The rules of SARIF 2.1.0, and of the hosts that show it, that a log of ours can break."""
    assert log["version"] == "2.1.0"
    assert urlsplit(log["$schema"]).path.endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", driver["semanticVersion"])
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids)) <= 25_000
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
    assert len(run["results"]) <= 5_000
    fingerprints = [one["partialFingerprints"]["primaryLocationLineHash"] for one in run["results"]]
    assert len(fingerprints) == len(set(fingerprints))
    for result in run["results"]:
        judge_result(result, ids)
    return list(run["results"])


def judge_result(result: dict[str, Any], ids: list[str]) -> None:
    assert result["ruleId"] == ids[result["ruleIndex"]]
    assert result["level"] in ("none", "note", "warning", "error")
    assert result["message"]["text"]
    assert len(result["locations"]) == 1
    for place in [*result["locations"], *result.get("relatedLocations", [])]:
        physical = place["physicalLocation"]
        address = physical["artifactLocation"]
        uri = urlsplit(address["uri"])
        if "uriBaseId" in address:
            assert not uri.scheme
            assert not uri.path.startswith(("/", "../"))
        else:
            assert uri.scheme == "file"
        assert re.fullmatch(r"[A-Za-z0-9\-._~/%:]+", address["uri"])
        assert physical["region"]["startLine"] >= 1
        assert physical["region"]["startColumn"] >= 1


def test_every_effect_that_something_notices_is_a_result_with_a_place_and_a_rule() -> None:
    found = comparison(*(replace(row(effect), cause=None) for effect in Effect))
    results = judge(json.loads(sarif.render(remarks(found), "0.1.0")))
    said = {one["ruleId"]: one["level"] for one in results}
    assert set(said) == {f"diff/{effect.value}" for effect in Effect if effect not in QUIET}
    assert said["diff/data-loss"] == said["diff/outage"] == "error"
    assert said["diff/removed"] == said["diff/rolling-restart"] == "warning"
    assert said["diff/hot-swap"] == "note"
    assert {one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in results} \
        == {"specs/fleet.yaml"}  # fmt: skip


def test_every_effect_has_a_meaning_and_louder_ones_come_first() -> None:
    assert list(MEANINGS) == list(Effect)
    levels = [level(effect) for effect in Effect if effect is not Effect.NO_OP]
    assert levels == sorted(levels, key=["error", "warning", "note"].index)


def test_findings_keep_their_code_their_hint_and_related_places() -> None:
    one = Diagnostic(
        all_codes()["E7103"], "both have 3", Span("specs/a b.yaml", 4, 2), "repair it",
        (Related(Span("specs/ü.yaml", 9, 1), "first used here"),),
    )  # fmt: skip
    lost = replace(one, span=None, related=())
    first, second = judge(sarif.document(of_diagnostics([one, lost], ROOT), "0.1.0"))
    assert first["ruleId"] == "E7103"
    assert first["message"]["text"] == "both have 3\nrepair it"
    uri = first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert (uri, unquote(uri)) == ("specs/a%20b.yaml", "specs/a b.yaml")
    assert first["relatedLocations"][0]["message"]["text"] == "first used here"
    assert second["locations"][0]["physicalLocation"]["region"]["startLine"] == 1


def test_a_fingerprint_outlives_lines_that_move_and_values_that_change() -> None:
    def marks(found: Comparison) -> list[str]:
        results = judge(sarif.document(remarks(found), "0.1.0"))
        return [one["partialFingerprints"]["primaryLocationLineHash"] for one in results]

    before = row(Effect.OUTAGE)
    after = replace(before, cause=Span("specs/models.yaml", 70, 1), summary="for 3 min", hint="x")
    assert marks(comparison(before)) == marks(comparison(after))
    assert marks(comparison(before)) != marks(comparison(replace(before, subject="jobs.other")))
    first, second = marks(comparison(before, before))
    assert first.partition(":")[0] == second.partition(":")[0]


def test_what_a_host_would_drop_is_counted_and_errors_stay() -> None:
    many = [*diagnostics(5_200, "W7201" if "W7201" in all_codes() else "N7202"), *diagnostics(3)]
    log = sarif.document(many, "0.1.0")
    results = judge(log)
    assert len(results) == 5_000
    assert [one["level"] for one in results[:4]].count("error") == 3
    (note,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"].startswith("203 more results")


@pytest.mark.parametrize("word", HOSTILE)
def test_no_text_leaves_its_place_in_a_workflow_command(word: str) -> None:
    one = replace(
        row(Effect.OUTAGE), subject=word, summary=f"{word}\n::error::x", hint=f"{word}\r::stop::",
        cause=Span(f"{word},line=9::x", 3, 5),
    )  # fmt: skip
    text = github.render(remarks(comparison(one)))
    (line,) = text.splitlines()
    found = COMMAND.fullmatch(line)
    assert found
    names = [part.partition("=")[0] for part in found[2].split(",")]
    assert names == ["file", "line", "col", "title"]
    assert "line=3,col=5" in line
    assert "\x1b" not in text
    judge(sarif.document(remarks(comparison(one)), "0.1.0"))


def test_ten_of_each_level_are_shown_and_the_rest_is_counted() -> None:
    exact = github.render(diagnostics(10)).splitlines()
    assert len(exact) == 10
    assert all("file=" in line for line in exact)
    lines = github.render([*diagnostics(25), *diagnostics(2, "N7202")]).splitlines()
    assert len(lines) == 12
    assert lines[9] == "::error title=edgewright::and 16 more errors: see the log and the report"
    assert [line.partition(" ")[0] for line in lines[10:]] == ["::notice"] * 2
