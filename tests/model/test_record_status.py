"""The status of a record, as reports tell it: always one that the definition takes."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from compiler.model.definitions_inference import InferenceModelStatus
from compiler.model.fleet import Cluster, Gitops, Repository
from compiler.model.record_status import differs, is_newer, status_of
from compiler.model.truth import Column, Mark, Truth, Wish

NOW = 1_800_000_000.0
DIGEST, OLDER = "a" * 64, "b" * 64
CLUSTER = Cluster(
    name="hub", target="shop/default/hub", namespace="shop", gitops=Gitops("flux"),
    repository=Repository("https://git.example.com/f.git", "main", "generated"), kubernetes=(),
)  # fmt: skip
WISH = Wish(
    environment="default", cluster=CLUSTER, job="watch", role="worker", site="s", ring="",
    model="m", version="2", variant="", digest=DIGEST, because="", hardware="",
    delivery="sidecar", files={}, record="", configs={}, workload="", known={}, yanked={},
)  # fmt: skip


def said(**more: Any) -> dict[str, Any]:
    """What a host reported: all is well."""
    return {
        "host": "s-a", "role": "worker", "ageSeconds": 60, "clockAheadSeconds": 0,
        "revision": "1" * 64, "wantedRevision": "1" * 64, "rejected": None, "reason": None,
        "version": "2", "towards": "2", "digest": DIGEST, "state": "GOOD", "phase": "idle",
        "why": None, **more,
    }  # fmt: skip


def truth(*hosts: dict[str, Any], mark: Mark = Mark.SAME, words: str = "") -> Truth:
    column = Column(mark, "2", words, NOW)
    return Truth(
        wish=WISH, published=column, applied=column, accepted=column, running=column, said=hosts
    )


def live(name: str = "watch-m-s", **status: Any) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": "InferenceModel", "metadata": {"name": name, "namespace": "shop", "generation": 3},
        "spec": {"digest": DIGEST, "version": "2"},
    }  # fmt: skip
    return {**found, "status": status} if status else found


def phase(*hosts: dict[str, Any], **more: Any) -> str:
    found = status_of(truth(*hosts, **more), live(), NOW)
    assert found is not None
    return str(found.get("phase", ""))


def test_every_report_becomes_a_status_that_the_definition_takes() -> None:
    states = ("GOOD", "STAGED", "TRIAL", "PENDING", "BLOCKED", "REFUSED", "a later word")
    phases = ("idle", "fetch", "wait", "probation", None)
    whys = (None, "LoadFailed", "WindowShut", "LoadFailed: no such operator: X" + "!" * 5000)
    for state, step, why, digest, version, rejected in product(
        states, phases, whys, (DIGEST, OLDER, None), ("2", None), (None, "ConfigInvalid")
    ):
        one = said(state=state, phase=step, why=why, digest=digest, version=version,
                   rejected=rejected)  # fmt: skip
        for mark in (Mark.SAME, Mark.OLD):
            found = status_of(truth(one, mark=mark), live(), NOW)
            assert found is not None
            InferenceModelStatus.model_validate(found)
            written = {**live(), "status": found}
            assert not differs(written, found, NOW)
            assert not is_newer(written, found)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "Ready"),
        ({"digest": OLDER, "version": "1"}, "Pending"),
        ({"digest": OLDER, "state": "PENDING", "phase": "fetch"}, "Fetching"),
        ({"digest": OLDER, "state": "PENDING", "phase": "wait", "why": "WindowShut"}, ""),
        ({"digest": OLDER, "state": "STAGED"}, "Staged"),
        ({"state": "TRIAL"}, "Activating"),
        ({"digest": OLDER, "state": "REFUSED", "why": "LoadFailed: X"}, "RolledBack"),
        ({"digest": OLDER, "state": "BLOCKED", "why": "DigestMismatch"}, "Blocked"),
        ({"rejected": "ConfigInvalid"}, "Blocked"),
    ],
)
def test_each_state_has_its_phase(more: dict[str, Any], expected: str) -> None:
    assert phase(said(**more)) == expected


def test_the_worst_host_of_a_record_decides_unless_the_record_is_of_one_host() -> None:
    good, bad = said(host="s-a"), said(host="s-b", state="REFUSED", digest=OLDER)
    assert phase(good, bad) == phase(bad, good) == "RolledBack"
    alone = status_of(truth(good, bad), live("watch-m-s-s-a"), NOW)
    assert alone is not None
    assert alone["phase"] == "Ready"


def test_a_generation_is_claimed_only_where_the_compiled_config_is_in_use() -> None:
    known = status_of(truth(said()), live(), NOW)
    other = status_of(truth(said(revision="2" * 64)), live(), NOW)
    moved = live()
    moved["spec"] = {"digest": OLDER, "version": "1"}
    elsewhere = status_of(truth(said()), moved, NOW)
    assert known is not None
    assert other is not None
    assert elsewhere is not None
    assert known["observedGeneration"] == 3
    assert "observedGeneration" not in other
    assert "observedGeneration" not in elsewhere


def test_a_condition_keeps_its_time_until_it_changes() -> None:
    first = status_of(truth(said(ageSeconds=600)), live(), NOW)
    assert first is not None
    later = status_of(truth(said(ageSeconds=0)), {**live(), "status": first}, NOW)
    assert later is not None
    assert later["conditions"] == first["conditions"]
    bad = status_of(truth(said(ageSeconds=0, state="REFUSED")), {**live(), "status": first}, NOW)
    assert bad is not None
    assert bad["conditions"][0]["lastTransitionTime"] == bad["reportedAt"]


def test_what_was_never_reported_has_no_status() -> None:
    assert status_of(truth(mark=Mark.NEVER), live(), NOW) is None
