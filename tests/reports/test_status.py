from __future__ import annotations

import json
from dataclasses import replace

import pytest

from compiler.model.codes import world as codes
from compiler.model.diagnostics import Diagnostic
from compiler.model.observed import Verdict
from compiler.model.verdicts import Row
from compiler.reports import status
from compiler.reports.status import Source
from tests.model.cluster_said import judged, rows, without

HUB = [Source("default", "hub", "", "context hub (127.0.0.1:1)")]


def many(count: int, *gone: str) -> list[Row]:
    """So many sites of one job; at some, nothing is deployed."""
    found = judged(rows("shards"))
    whole = found["count", "s-001"]
    lost = judged(rows("shards"), without("Deployment"))["count", "s-001"]
    names = [f"s-{number:03}" for number in range(count)]
    return [
        replace(one, wanted=replace(one.wanted, site=name))
        for name in names
        for one in [lost if name in gone else whole]
    ]


def test_hundreds_of_sites_fit_a_screen() -> None:
    gone = [f"s-{number:03}" for number in range(100, 130)]
    text = status.summary(many(500, *gone), HUB, every=False)
    assert len(text.splitlines()) < 10
    assert "count  500 sites: 470 ready, 30 missing" in text
    assert "s-100, s-101, s-102, s-103 and 26 more" in text


def test_all_lists_every_site_once() -> None:
    text = status.summary(many(30, "s-003"), HUB, every=True)
    shown = [line.split()[2] for line in text.splitlines() if line.startswith("ready ")]
    assert shown == [f"s-{number:03}" for number in range(30) if number != 3]


def test_one_site_shows_its_own_object() -> None:
    text = status.summary(many(3, "s-001"), HUB, every=False)
    assert "Deployment is missing: Deployment count-s-001" in text


def test_a_cluster_that_was_not_seen_says_so() -> None:
    lost = [replace(HUB[0], asked="", problem="it cannot be reached")]
    assert "hub: not seen: it cannot be reached" in status.summary(many(1), lost, every=False)
    sites = [replace(HUB[0], site=str(number)) for number in range(5)]
    text = status.summary(many(5), [*sites[:4], replace(sites[4], problem="x")], every=False)
    assert "hub: 5 clusters, 1 of them not seen" in text


def test_the_details_of_a_row_leave_nothing_blank() -> None:
    text = status.details(many(1, "s-000")[0])
    words = [line[2:11].strip() for line in text.splitlines()[1:]]
    assert [word for word in words if word] == ["wanted", "engine", "applied", "why"]
    assert "3 of 4 objects as compiled" in text
    assert "missing: Deployment count-s-001" in text
    whole = status.details(many(1)[0])
    for part in ("sidecar config ", "pod template ", "Running", "s-001-a ready"):
        assert part in whole


@pytest.mark.parametrize("kind", ["Deployment", "Pod"])
def test_pods_and_nodes_that_were_not_seen_are_no_blank(kind: str) -> None:
    dark = judged(rows("shards"), problems={kind: "no right to it", "Node": "no right to nodes"})
    text = status.details(dark["count", "s-001"])
    assert "not seen: no right to it" in text.partition("running")[2]
    assert "  node      not seen: no right to nodes" in text
    told = status.as_dict(dark["count", "s-001"])["notSeen"]
    assert told == {"running": "no right to it", "node": "no right to nodes"}


def test_the_steps_name_each_fault_once_the_worst_first() -> None:
    found = status.steps(status.findings(many(20, "s-001", "s-002")))
    assert [(one["verdict"], one["rows"]) for one in found] == [("missing", 2)]
    assert found[0]["command"].startswith("flux reconcile kustomization ")
    assert "(the first of 2)" in status.step_lines(found)
    assert status.step_lines([]) == ""


def test_nobody_has_to_act_on_what_is_on_its_way() -> None:
    def starting(live: dict[str, object]) -> dict[str, object]:
        if live["kind"] == "Deployment":
            live["status"] = {}
        return live

    row = judged(rows("shards"), starting)["count", "s-001"]
    assert row.verdict is Verdict.PROGRESSING
    assert status.steps(status.findings([row])) == []


def test_json_has_every_part_and_no_report_that_was_not_read() -> None:
    found = status.as_dict(many(1)[0])
    assert json.loads(json.dumps(found)) == found
    assert set(found) == {
        "environment", "cluster", "target", "job", "site", "verdict", "why", "wanted", "engine",
        "applied", "running", "notSeen", "nodes", "reported",
    }  # fmt: skip
    (model,) = found["wanted"]["models"]
    assert (model["model"], len(model["digest"])) == ("people-counter", 64)
    (config,) = found["wanted"]["sidecarConfigs"]
    assert len(config["revision"]) == 64
    assert found["reported"] == []


def test_objects_without_a_row_are_counted() -> None:
    assert status.left_out_line(0) == ""
    assert status.left_out_line(1).startswith("1 object carries no label")


def test_only_a_lacking_permission_is_to_be_asked_about() -> None:
    told = "user nobody may not list deployments"
    dark = judged(rows("shards"), problems={"Deployment": told})["count", "s-001"]
    lacking = status.steps(status.findings([dark]), [Diagnostic(codes.FORBIDDEN, told, None, "")])
    assert "auth can-i" in lacking[0]["command"]
    (step,) = status.steps(
        status.findings([dark]), [Diagnostic(codes.UNREACHABLE, told, None, "look there")]
    )
    assert (step["command"], step["hint"]) == (None, "look there")
    assert "    look there\n" in status.step_lines([step])
