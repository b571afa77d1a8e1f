"""Our own definitions on a real API server: every rule and every word of them is in force.

The rules and words are read from the definitions themselves, so that a new one without a case
fails here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import pytest

from tests.cluster import definitions, shapes, stories
from tests.cluster.api import Api, RefusedError
from tests.cluster.definition_cases import CASES, SMALLEST, Case
from tests.cluster.shapes import Breach

Json = Mapping[str, Any]
API_VERSION = "edgewright.io/v1alpha1"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
BY_KIND = {one["spec"]["names"]["kind"]: one for one in definitions.own()}


def _schema(kind: str) -> Json:
    found: Json = BY_KIND[kind]["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return found


def _made(kind: str, spec: Json, **more: Any) -> dict[str, Any]:
    metadata = {"name": "one", "namespace": "default"}
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec, **more}


@pytest.fixture(params=sorted(BY_KIND))
def stored(request: pytest.FixtureRequest, api: Api) -> Iterator[Json]:
    """The smallest object of each kind, as the server keeps it."""
    made = _made(request.param, SMALLEST[request.param])
    yield api.apply(made)
    api.delete(made)


def _rules(schema: Json, path: str = "") -> Iterator[tuple[str, str]]:
    for rule in schema.get("x-kubernetes-validations", ()):
        yield path, rule["message"]
    for name, child in schema.get("properties", {}).items():
        yield from _rules(child, f"{path}.{name}".removeprefix("."))
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield from _rules(schema[word], f"{path}[]")


def test_every_rule_has_a_case() -> None:
    stated = {(kind, *rule) for kind in BY_KIND for rule in _rules(_schema(kind))}
    assert len(stated) == 16
    assert {(case.kind, case.at, case.message) for case in CASES} == stated


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}:{case.at}:{case.message}")
def test_a_rule_takes_what_is_right_and_refuses_what_is_wrong(api: Api, case: Case) -> None:
    before = _made(case.kind, SMALLEST[case.kind])
    if case.on_change:
        api.apply(before)
    try:
        for right in case.right:
            api.apply(_case(case, right), dry_run=True)
        for wrong in case.wrong:
            with pytest.raises(RefusedError) as refused:
                api.apply(_case(case, wrong), dry_run=True)
            assert refused.value.code == 422
            (cause,) = refused.value.causes
            assert case.message in cause["message"]
            assert cause["field"] == case.field
    finally:
        if case.on_change:
            api.delete(before)


def _case(case: Case, change: Json) -> Json:
    spec = {**SMALLEST[case.kind], **change}
    return _made(case.kind, {key: value for key, value in spec.items() if value is not None})


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_every_word_of_a_schema_is_in_force(api: Api, kind: str) -> None:
    """For each word: the place with a right value is taken, with a wrong one it is named."""
    schema = _schema(kind)["properties"]["spec"]
    words = _judged(schema, "spec", partial(_ask_spec, api, kind, schema))
    assert {"type", "pattern", "required", "maxItems", "minLength"} <= words


def test_every_word_of_a_status_is_in_force(api: Api, stored: Json) -> None:
    schema = _schema(stored["kind"])["properties"]["status"]

    def ask(breach: Breach, value: Any) -> None:
        status = shapes.leading_to(schema, breach.steps, value)
        whole = {**stored, "status": status}
        path = f"{api.path_of(stored)}/status"
        api.call("PUT", path, json.dumps(whole).encode(), query={"dryRun": "All"})

    words = _judged(schema, "status", ask)
    assert {"type", "enum", "format", "maxItems", "required"} <= words


def test_a_word_that_is_not_in_force_is_noticed(api: Api) -> None:
    schema = json.loads(json.dumps(_schema("Dataset")["properties"]["spec"]))
    schema["properties"]["format"]["maxLength"] = 3
    with pytest.raises(AssertionError, match=r"maxLength at spec\.format is taken"):
        _judged(schema, "spec", partial(_ask_spec, api, "Dataset", schema))


def _ask_spec(api: Api, kind: str, schema: Json, breach: Breach, value: Any) -> None:
    spec = shapes.leading_to(schema, breach.steps, value)
    whole = {**SMALLEST[kind], **spec} if breach.steps else value
    stories.dry_run(api, _made(kind, whole))


def _judged(schema: Json, name: str, ask: Callable[[Breach, Any], None]) -> set[str]:
    """The words of a schema; each is asked for with a right value and with a wrong one."""
    found = list(shapes.breaches(schema))
    faults: list[str] = []
    for breach in found:
        place = schema
        for step in breach.steps:
            place = shapes.child(place, step)
        ask(breach, shapes.example(place))
        field = f"{name}.{breach.field}".rstrip(".")
        try:
            ask(breach, breach.value)
            faults.append(f"{breach.word} at {field} is taken")
        except RefusedError as error:
            if not any(cause["field"].startswith(field) for cause in error.causes):
                faults.append(f"{breach.word} at {field}: {error}")
    assert faults == []
    return {breach.word for breach in found}


def test_schemas_are_structural(api: Api) -> None:
    for definition in BY_KIND.values():
        found = api.call("GET", api.path_of(definition))
        conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
        assert conditions.pop("NonStructuralSchema", "False") == "False"
        assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    for word, complaint in (("type", "type: Required"), ("maxLength", "exceeds budget")):
        broken = json.loads(json.dumps(BY_KIND["TrainingModel"]))
        versions = broken["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        del versions["properties"]["versions"]["items"]["properties"]["url"][word]
        with pytest.raises(RefusedError, match=complaint):
            api.apply(broken, dry_run=True, force=True)


def test_columns_show_what_the_object_says(api: Api, stored: Json) -> None:
    kind = stored["kind"]
    api.merge(stored, {"status": STATUS[kind]}, "status")
    table = api.call("GET", api.path_of(stored), accept=TABLE)
    names = [column["name"] for column in table["columnDefinitions"]]
    stated = BY_KIND[kind]["spec"]["versions"][0]["additionalPrinterColumns"]
    assert names == ["Name", *(column["name"] for column in stated)]
    cells = dict(zip(names, table["rows"][0]["cells"], strict=True))
    whole = api.call("GET", api.path_of(stored))
    assert cells.pop("Name") == "one"
    assert cells.pop("Age").endswith("s")
    for column in stated[:-1]:
        assert cells[column["name"]] == _value(whole, column["jsonPath"])
    assert any(cells.values())


STATUS: Mapping[str, Json] = {
    "Dataset": {"phase": "Ready", "samples": 4200},
    "InferenceModel": {"phase": "Ready", "version": "2", "url": "http://one.default:8080"},
    "TrainingModel": {"phase": "Training", "version": "3"},
}


def _value(whole: Any, path: str) -> Any:
    for name in path.strip(".").split("."):
        whole = whole.get(name) if whole is not None else None
    return whole


def test_status_is_a_resource_of_its_own(api: Api, stored: Json) -> None:
    kind = stored["kind"]
    made = _made(kind, SMALLEST[kind], status=STATUS[kind])
    assert "status" not in api.apply(made)
    changed = _made(kind, {**SMALLEST[kind], "environment": "other"}, status=STATUS[kind])
    through = api.merge(changed, {"spec": changed["spec"], "status": changed["status"]}, "status")
    assert through["status"] == STATUS[kind]
    assert through["spec"] == stored["spec"]
    assert through["metadata"]["generation"] == stored["metadata"]["generation"] == 1
    after = api.apply(changed)
    assert after["status"] == STATUS[kind]
    assert after["spec"]["environment"] == "other"
    assert after["metadata"]["generation"] == 2


def test_conditions_have_one_owner_each(api: Api, stored: Json) -> None:
    for manager, aspect in (("first", "Ready"), ("second", "Reachable")):
        condition = {"type": aspect, "status": "True"}
        status = {"conditions": [condition]}
        made = {key: stored[key] for key in ("apiVersion", "kind")}
        made |= {"metadata": {"name": "one", "namespace": "default"}, "status": status}
        found = api.apply(made, manager=manager, subresource="status")
    assert [one["type"] for one in found["status"]["conditions"]] == ["Ready", "Reachable"]
    with pytest.raises(RefusedError, match="conditions"):
        api.apply(
            {**made, "status": {"conditions": [{"type": "Ready", "status": "Perhaps"}]}},
            manager="third",
            force=True,
            subresource="status",
        )
