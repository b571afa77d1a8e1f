"""What Flux's real controller makes of health by the expressions of compiled Kustomizations.

Every case of `health_cases` is one live object with one status, applied by a Kustomization of its
own; the expressions are those that lie in Git. Whoever writes the statuses is a stand-in for
sidecars and for Sedna. The trials run at once: a verdict of "progressing" is a timeout, of which
the controller takes none under 30 s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import flux
from tests.cluster.api import Api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.flux import KUSTOMIZATION, REPOSITORY_KIND, Flux
from tests.cluster.health_cases import CASES, RECORDS, SEDNA, Case, Verdict
from tests.cluster.process import await_true
from tests.cluster.trees import as_json, everything, manifests

Check = Mapping[str, str]
NAMESPACE = "health"
SOURCE = "trials"
WORDS: Mapping[str, Verdict] = {"InProgress": "progressing", "Failed": "degraded"}


@dataclass(frozen=True, slots=True)
class Trial:
    """An object in a state, and the check that judges it; None is Flux's own judgement."""

    id: str
    case: Case
    check: Check | None


@cache
def published() -> dict[tuple[str, str], Check]:
    """The expressions of every kind that has some, as they lie in compiled trees."""
    found: dict[tuple[str, str], Check] = {}
    for target in everything():
        for unit in target.units("apps"):
            for one in manifests(unit):
                for check in one.data["spec"].get("healthCheckExprs") or ():
                    key = check["apiVersion"], check["kind"]
                    assert found.setdefault(key, check) == check
    return found


def unguarded(check: Check) -> Check:
    """A check that looks into the status without asking whether somebody wrote one."""
    start = " && has(status."
    expressions = {
        key: f"has(status.{text.partition(start)[2]}"
        for key, text in check.items()
        if start in text
    }
    assert expressions
    return {**check, **expressions}


def inverted(check: Check) -> Check:
    """A check that waits for what is done with, and reports what goes on."""
    return {**check, "inProgress": check["failed"], "failed": check["inProgress"]}


def trials() -> tuple[Trial, ...]:
    """Every case by the published expressions, then the controls."""
    checks = published()
    found = [Trial(case.id, case, checks[case.api_version, case.kind]) for case in CASES]
    for case in CASES:
        check = checks[case.api_version, case.kind]
        # Flux itself waits for a status of another generation, before it asks any expression.
        if case.verdict != "healthy" and not case.stale:
            found.append(Trial(f"{case.id}, no check", case, None))
        if case.status is None and "failed" in check:
            found.append(Trial(f"{case.id}, unguarded", case, unguarded(check)))
        if case.id == "InferenceModel-Blocked":
            found.append(Trial("inverted", case, inverted(check)))
    return tuple(found)


@cache
def sample(api_version: str, kind: str) -> Mapping[str, Any]:
    """A compiled object of a kind."""
    for target in everything():
        for unit in target.ordered():
            for one in manifests(unit):
                if one.identity[:2] == (api_version, kind):
                    return one.data
    raise LookupError(f"no committed tree has a {kind}")


def prepare(api: Api, folder: Path, number: int, trial: Trial) -> None:
    """Put an object into its state, into the checkout and under a Kustomization of its own."""
    name = f"trial-{number:03}"
    metadata = {"name": name, "namespace": NAMESPACE}
    data = {**sample(trial.case.api_version, trial.case.kind), "metadata": metadata}
    api.create(data)
    if trial.case.status is not None:
        api.merge(data, {"status": trial.case.status}, "status")
    place = folder / name
    place.mkdir()
    (place / "object.json").write_text(as_json(data), encoding="utf-8")
    (place / "kustomization.yaml").write_text("resources: [object.json]\n", encoding="utf-8")
    spec = {
        "interval": "60m",
        # No multiple of the controller's five seconds: a last look at the very end is an error.
        "timeout": "33s",
        "prune": False,
        "wait": True,
        "path": f"./{name}",
        "sourceRef": {"kind": "GitRepository", "name": SOURCE},
        **({"healthCheckExprs": [trial.check]} if trial.check else {}),
    }
    kind = dict(zip(("apiVersion", "kind"), KUSTOMIZATION, strict=True))
    api.create({**kind, "metadata": {"name": name, "namespace": flux.NAMESPACE}, "spec": spec})


@pytest.fixture(scope="module")
def messages(
    plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, tuple[str, str]]]:
    """Of every trial: whether Flux calls it ready, and what it says."""
    api, folder = plane.api(), tmp_path_factory.mktemp("checkout")
    given = trials()
    running = Flux.start(plane, concurrency=len(given))
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    kind = dict(zip(("apiVersion", "kind"), REPOSITORY_KIND, strict=True))
    spec = {
        "interval": "1m",
        "url": "https://git.example.com/trials.git",
        "ref": {"branch": "main"},
    }
    api.create({**kind, "metadata": {"name": SOURCE, "namespace": flux.NAMESPACE}, "spec": spec})
    for number, trial in enumerate(given):
        prepare(api, folder, number, trial)
    running.publish(folder)
    said: dict[str, tuple[str, str]] = {}

    def judged() -> bool:
        for one in api.items(*KUSTOMIZATION, flux.NAMESPACE):
            for condition in (one.get("status") or {}).get("conditions") or ():
                if condition["type"] == "Ready" and condition["status"] != "Unknown":
                    name = given[int(one["metadata"]["name"].removeprefix("trial-"))].id
                    said[name] = condition["status"], condition["message"]
        return all("health" in text or word == "True" for word, text in said.values()) and len(
            said
        ) == len(given)

    await_true(judged, flux.PATIENCE, "every trial has a verdict")
    yield said
    running.stop()


def verdict(said: tuple[str, str]) -> str:
    """Flux's verdict in the words of the cases, or what it says where it has none."""
    ready, message = said
    if ready == "True":
        return "healthy"
    return next((word for state, word in WORDS.items() if f"'{state}'" in message), message)


def test_every_kind_with_a_status_of_its_own_has_a_check() -> None:
    records = {(RECORDS, kind) for kind in ("Dataset", "InferenceModel", "TrainingModel")}
    sedna = {(SEDNA, kind) for kind in ("IncrementalLearningJob", "JointInferenceService")}
    assert published().keys() == records | sedna
    assert {(case.api_version, case.kind) for case in CASES} == published().keys()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_a_status_has_the_verdict_that_it_should(
    case: Case, messages: Mapping[str, tuple[str, str]]
) -> None:
    assert verdict(messages[case.id]) == case.verdict


def test_without_a_check_everything_would_be_healthy(
    messages: Mapping[str, tuple[str, str]],
) -> None:
    found = {name: verdict(said) for name, said in messages.items() if name.endswith(", no check")}
    assert len(found) == sum(case.verdict != "healthy" and not case.stale for case in CASES)
    assert set(found.values()) == {"healthy"}


def test_an_inverted_check_says_the_opposite(messages: Mapping[str, tuple[str, str]]) -> None:
    assert verdict(messages["InferenceModel-Blocked"]) == "degraded"
    assert verdict(messages["inverted"]) == "progressing"


def test_without_its_guard_an_absent_status_would_be_an_error(
    messages: Mapping[str, tuple[str, str]],
) -> None:
    found = [said for name, said in messages.items() if name.endswith(", unguarded")]
    assert len(found) == 4
    for ready, message in found:
        assert ready == "False"
        assert "no such attribute(s): status" in message
