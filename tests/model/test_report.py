"""Reports of sidecars: what is read of them, and what is refused of whatever lies there instead."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.model.report import ReportError, read

DIGEST = "a" * 64
ARTIFACT: dict[str, Any] = {
    "kind": "model", "name": "detector", "version": "2", "group": "model/detector",
    "wanted": DIGEST, "active": DIGEST, "serves": "2", "required": True, "state": "GOOD",
    "phase": "idle", "since": "2026-05-04T03:02:01Z",
}  # fmt: skip
REPORT: dict[str, Any] = {
    "report": 1, "sidecar": "1.0", "time": "2026-05-04T04:02:01Z", "project": "shop",
    "environment": "prod", "cluster": "hub", "namespace": "shop", "site": "north-1",
    "host": "north-1-a", "job": "watch", "role": "worker", "tenant": "watch.worker",
    "revision": DIGEST, "state": "GOOD", "started": True, "ready": True,
    "artifacts": [ARTIFACT], "outbox": [],
}  # fmt: skip
HOUR = 3600


def text(**changes: Any) -> bytes:
    return json.dumps({**REPORT, **changes}).encode()


def test_a_report_is_read_with_its_times() -> None:
    found = read("x.json", text())
    assert (found.site, found.environment, found.state, found.ahead) == (
        "north-1", "prod", "GOOD", 0.0,
    )  # fmt: skip
    assert found.time - found.artifacts[0].since == HOUR


def test_keys_and_states_of_a_later_release_are_not_an_error() -> None:
    more = {**ARTIFACT, "colour": "green", "state": "GLOWING"}
    found = read("x.json", text(artifacts=[more], mood={"a": [1]}))
    assert found.artifacts[0].state == "PENDING"


@pytest.mark.parametrize("ahead", [-400 * 24 * HOUR, -HOUR, 0, 10 * HOUR])
def test_times_move_along_with_the_clock_of_the_store(ahead: int) -> None:
    truth = read("x.json", text())
    found = read("x.json", text(), came=truth.time - ahead)
    assert found.time == truth.time - ahead
    assert found.ahead == ahead
    assert found.artifacts[0].since == truth.artifacts[0].since - ahead


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is not a JSON object"),
        (text(report=2), "it is of version 2; this release reads 1"),
        (text(site=None), "site is no text"),
        (text(time="yesterday"), "time is 'yesterday', not a time such as 2026-05-04T03:02:01Z"),
        (text(artifacts={}), "artifacts is no list"),
        (text(artifacts=[1]), "an artifact is no JSON object"),
        (text(artifacts=[{**ARTIFACT, "wanted": 1}]), "wanted is no text"),
        (json.dumps({k: v for k, v in REPORT.items() if k != "job"}).encode(), "job is missing"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(data: bytes, told: str) -> None:
    with pytest.raises(ReportError) as error:
        read("x.json", data)
    assert str(error.value) == told


def test_words_of_a_server_are_cut_and_cleaned() -> None:
    long = {**ARTIFACT, "detail": "\x1b[31mred\n" + "x" * 9999}
    found = read("x.json", text(artifacts=[long])).artifacts[0]
    assert found.detail.startswith(" [31mred x")
    assert len(found.detail) == 512


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=5), below),
)


@given(st.sampled_from([*REPORT]), JSON, st.sampled_from([*ARTIFACT]), JSON)
def test_any_value_in_any_place_is_read_or_refused_with_a_reason(
    key: str, value: Any, inner: str, other: Any
) -> None:
    document = {**REPORT, "artifacts": [{**ARTIFACT, inner: other}], key: value}
    try:
        read("x.json", json.dumps(document).encode())
    except ReportError as error:
        assert str(error)  # noqa: PT017 - either outcome is fine
