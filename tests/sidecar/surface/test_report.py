"""The report: its contract, and the states that a promotion decides by."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sidecar.model.reasons import REASONS
from sidecar.model.status import GroupStatus, Phase, Status
from sidecar.surface.report import document, stamp
from sidecar.surface.state import STATES, State, state, worst
from tests.sidecar.surface.states import NEW, OLD, artifact, config, group, status, stream

SCHEMA = json.loads((Path(__file__).parents[3] / "sidecar" / "report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
CONFIG = config(Path("/run"))


def report(seen: Status) -> dict[str, Any]:
    found = document(seen, CONFIG, 1_700_000_000.9)
    VALIDATOR.validate(found)
    assert found.keys() <= SCHEMA["properties"].keys()
    for one in found["artifacts"]:
        assert one.keys() <= SCHEMA["$defs"]["artifact"]["properties"].keys()
    for one in found["outbox"]:
        assert one.keys() <= SCHEMA["$defs"]["stream"]["properties"].keys()
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]  # what was written


def test_a_report_says_who_where_when_and_how() -> None:
    assert report(status(streams=(stream(),))) == {
        "report": 1,
        "sidecar": "0.1.0",
        "time": "2023-11-14T22:13:20Z",
        "project": "retail",
        "environment": "live",
        "cluster": "west",
        "namespace": "vision",
        "site": "store-7",
        "host": "edge-1",
        "job": "watch",
        "role": "edge",
        "tenant": "watch.edge",
        "revision": "c" * 64,
        "state": "GOOD",
        "started": True,
        "ready": True,
        "artifacts": [
            {
                "kind": "model",
                "name": "shelf",
                "version": "2",
                "group": "model.shelf",
                "wanted": NEW,
                "active": NEW,
                "required": True,
                "state": "GOOD",
                "phase": "idle",
                "since": "2023-11-14T22:13:20Z",
            }
        ],
        "outbox": [
            {
                "name": "hard",
                "waiting": 3,
                "bytes": 4096,
                "sent": 5,
                "dropped": 1,
                "oldest": "2023-11-14T22:13:20Z",
            }
        ],
    }


def test_what_is_not_there_is_left_out() -> None:
    found = report(status(group(artifact(active=""), phase="fetch"), streams=(stream(oldest=0.0),)))
    assert "active" not in found["artifacts"][0]
    assert "oldest" not in found["outbox"][0]
    assert not {"reason", "detail", "rejected", "release"} & found.keys()


def test_a_rolled_back_version_is_refused_with_the_servers_words() -> None:
    seen = group(
        artifact(active=OLD), phase="blocked", reason="LoadFailed", detail="HTTP 400: no such op"
    )
    found = report(status(seen))
    assert found["state"] == "REFUSED"
    assert found["artifacts"][0]["detail"] == "HTTP 400: no such op"
    assert found["artifacts"][0]["active"] == OLD


def states(phase: Phase, reason: str = "", active: str = NEW) -> State:
    return state(group(artifact(active=active), phase=phase, reason=reason))


@pytest.mark.parametrize(
    ("phase", "reason", "active", "expected"),
    [
        ("idle", "", NEW, "GOOD"),
        ("idle", "", OLD, "PENDING"),
        ("idle", "", "", "PENDING"),
        ("staged", "", "", "STAGED"),
        ("fetch", "", OLD, "PENDING"),
        ("fetch", "Offline", OLD, "PENDING"),
        ("wait", "WindowShut", OLD, "PENDING"),
        ("activate", "", OLD, "TRIAL"),
        ("notify", "WaitingForServer", NEW, "TRIAL"),
        ("probation", "", NEW, "TRIAL"),
        ("rollback", "ProbeFailed", NEW, "REFUSED"),
        ("idle", "ProbeFailed", OLD, "REFUSED"),
        ("blocked", "Quarantined", OLD, "REFUSED"),
        ("blocked", "UnableToRollBack", NEW, "REFUSED"),
        ("blocked", "DigestMismatch", OLD, "BLOCKED"),
        ("blocked", "AccessDenied", "", "BLOCKED"),
    ],
)
def test_the_state_of_a_group_is_the_one_word_that_promotion_needs(
    phase: Phase, reason: str, active: str, expected: State
) -> None:
    assert states(phase, reason, active) == expected


def test_the_worst_required_group_decides() -> None:
    good, bad = group(), group(artifact(active=OLD), phase="blocked", reason="NotFound")
    spare = group(artifact(active=OLD, required=False), phase="blocked", reason="NotFound")
    assert report(status(good, bad))["state"] == "BLOCKED"
    assert report(status(good, spare))["state"] == "GOOD"
    assert report(status(good, reason="StoreUnusable"))["state"] == "BLOCKED"
    for better, worse in pairwise(STATES):
        assert worst([better, worse, better]) == worse
    assert worst([]) == "GOOD"


@pytest.mark.parametrize("seconds", [-1.0, 0.0, 1e9, 4e9])
def test_times_of_any_clock_are_written(seconds: float) -> None:
    assert len(stamp(seconds)) == 20


texts = some.text(max_size=40)
digests = some.sampled_from([NEW, OLD])
groups = some.builds(
    GroupStatus,
    name=texts,
    phase=some.sampled_from(get_args(Phase)),
    reason=some.sampled_from(["", *REASONS]),
    detail=texts,
    since=some.floats(0, 4e9),
    attempts=some.integers(0, 99),
    artifacts=some.lists(
        some.builds(
            artifact,
            key=some.sampled_from(["model/a", "dataset/b", "code/c", "file/d"]),
            version=texts,
            wanted=digests,
            active=some.just("") | digests,
            required=some.booleans(),
            bytes=some.integers(0, 10**15),
            size=some.integers(-1, 10**15),
        ),
        max_size=4,
    ).map(tuple),
)


@settings(deadline=None)
@given(some.lists(groups, max_size=5), some.sampled_from(["", *REASONS]), some.booleans())
def test_every_status_makes_a_report_of_the_contract(
    several: list[GroupStatus], reason: str, ready: bool
) -> None:
    seen = status(*several, reason=reason, rejected=reason, ready=ready, release=NEW)
    report(seen)
    report(status(*several)._replace(groups=tuple(several)))


def test_the_contract_knows_every_phase_and_state() -> None:
    assert tuple(SCHEMA["$defs"]["state"]["enum"]) == STATES
    assert set(SCHEMA["$defs"]["artifact"]["properties"]["phase"]["enum"]) == set(get_args(Phase))
