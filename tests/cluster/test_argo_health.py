"""Argo CD's own Lua machine runs the published checks, and says what Flux's expressions say.

The checks are taken from `docs/argocd-health.yaml` as a user takes them. Flux's verdicts are
proved where Flux runs; here both engines' texts are held to the same words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ryaml import loads  # type: ignore[attr-defined]

from tests.cluster import argo, definitions
from tests.cluster.health_cases import CASES, PHASES, RECORDS, SEDNA, Case
from tests.cluster.trees import REPOSITORY, everything, manifests

PAGE = REPOSITORY / "docs" / "argocd-health.yaml"
KEY = "resource.customizations.health."
WORDS = {"healthy": "Healthy", "progressing": "Progressing", "degraded": "Degraded"}
NULL: tuple[tuple[str, Any], ...] = (
    ("status", None),
    ("status", {"phase": None}),
    ("status", {"conditions": None}),
    ("status", {"conditions": []}),
)
"""Shapes that no server would keep, but that a check must not stumble over."""


@pytest.fixture(scope="module")
def settings() -> Mapping[str, str]:
    page = loads(PAGE.read_text(encoding="utf-8"))
    assert (page["kind"], page["metadata"]["name"]) == ("ConfigMap", "argocd-cm")
    found: Mapping[str, str] = page["data"]
    return found


def instance(case: Case) -> Mapping[str, Any]:
    found = {
        "apiVersion": case.api_version,
        "kind": case.kind,
        "metadata": {"name": "one", "namespace": "shops", "generation": 1},
        "spec": {},
    }
    return found if case.status is None else {**found, "status": case.status}


def checked_kinds(settings: Mapping[str, str]) -> set[tuple[str, str]]:
    keys = (key.removeprefix(KEY).partition("_") for key in settings)
    return {(group, kind) for group, _, kind in keys}


def expressions() -> Iterator[Mapping[str, str]]:
    """Every health check of every compiled Kustomization."""
    for target in everything():
        for unit in target.units("apps"):
            for one in manifests(unit):
                yield from one.data["spec"].get("healthCheckExprs") or ()


def words(text: str) -> set[str]:
    return set(re.findall(r"'([A-Z][A-Za-z]+)'", text))


def test_every_case_has_the_verdict_that_it_should(settings: Mapping[str, str]) -> None:
    found = argo.health(settings, [instance(case) for case in CASES])
    said = {case.id: verdict for case, (verdict, _) in zip(CASES, found, strict=True)}
    assert said == {case.id: WORDS[case.verdict] for case in CASES}


def test_the_message_is_the_phase(settings: Mapping[str, str]) -> None:
    cases = [c for c in CASES if c.status and "phase" in c.status and not c.stale]
    found = argo.health(settings, [instance(case) for case in cases])
    assert [message for _, message in found] == [(case.status or {})["phase"] for case in cases]


def test_shapes_that_no_server_keeps_are_healthy(settings: Mapping[str, str]) -> None:
    bases = {(case.api_version, case.kind): case for case in CASES if case.status is None}
    odd = [{**instance(case), key: value} for case in bases.values() for key, value in NULL]
    odd += [
        {**instance(case), "status": {"phase": "Unheard"}}
        for case in bases.values()
        if case.api_version == RECORDS
    ]
    assert {verdict for verdict, _ in argo.health(settings, odd)} == {"Healthy"}


def test_without_the_page_no_kind_has_a_verdict() -> None:
    """The control: what the other tests read comes from the page and not from Argo CD."""
    found = argo.health({}, [instance(case) for case in CASES])
    assert {verdict for verdict, _ in found} == {""}


def test_a_wrong_check_is_told(settings: Mapping[str, str]) -> None:
    """The control: a script that fails, and one with its words exchanged, are seen."""
    case = next(case for case in CASES if case.id == "InferenceModel-Blocked")
    key = f"{KEY}edgewright.io_InferenceModel"
    broken = {**settings, key: "return obj.status.nothing.phase"}
    ((verdict, message),) = argo.health(broken, [instance(case)])
    assert verdict == "Unknown"
    assert "nil" in message
    exchanged = {**settings, key: settings[key].replace('"Degraded"', '"Healthy"')}
    assert argo.health(exchanged, [instance(case)])[0][0] == "Healthy"


def test_the_checks_need_no_library_that_argo_keeps_shut(settings: Mapping[str, str]) -> None:
    """The control: Argo CD opens base, table, package and a safe os alone to a user's check."""
    case = instance(CASES[0])
    key = f"{KEY}edgewright.io_{case['kind']}"
    for library in ("string", "math", "io"):
        script = f"return {{status = 'Healthy', message = tostring({library} == nil)}}"
        assert argo.health({**settings, key: script}, [case]) == [("Healthy", "true")]


def test_every_phase_of_every_definition_is_a_case() -> None:
    """A phase that somebody adds to a kind has to get a verdict."""
    allowed = {}
    for definition in definitions.own():
        schema = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        phase = schema["properties"]["status"]["properties"]["phase"]
        allowed[definition["spec"]["names"]["kind"]] = set(phase["enum"])
    assert allowed == {kind: set(phases) for kind, phases in PHASES.items()}


def test_both_engines_judge_the_same_kinds_by_the_same_words(settings: Mapping[str, str]) -> None:
    texts = {(one["apiVersion"], one["kind"]): one for one in expressions()}
    kinds = {(version.partition("/")[0], kind) for version, kind in texts}
    assert kinds == checked_kinds(settings)
    for phases in PHASES:
        flux, lua = texts[RECORDS, phases], settings[f"{KEY}edgewright.io_{phases}"]
        for expression, table in (("inProgress", "in_progress"), ("failed", "failed")):
            listed = re.search(rf"local {table} = {{(.*)}}", lua)
            assert listed
            meant = set(re.findall(r"(\w+) = true", listed[1]))
            assert meant == words(flux[expression]) - {"status"}
            assert meant
        assert flux["current"] == "true"
    assert words(texts[SEDNA, "IncrementalLearningJob"]["failed"]) == {"Failed", "True"}
    assert "failed" not in texts[SEDNA, "JointInferenceService"]
