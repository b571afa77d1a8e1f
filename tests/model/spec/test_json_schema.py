"""The schema for editors agrees with what validation says, and knows a repository's names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from compiler.kinds import KINDS, REGISTRY
from compiler.model.spec import json_schema
from tests.spec_cases import EVERY_KEY, judged, read

NAMES = {"models": ["shelf-detector", "shelf-lite", "shelf-pair"], "sites": ["cloud", "store-001"]}
SCHEMA = json_schema.build(REGISTRY, NAMES)
VALIDATOR = Draft202012Validator(SCHEMA)


def _refused(text: str) -> list[str]:
    return [".".join(map(str, e.absolute_path)) for e in VALIDATOR.iter_errors(read(text))]


def test_it_is_a_schema_of_the_2020_12_dialect() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_is_the_same_every_time_and_holds_nothing_but_json() -> None:
    again = json_schema.build(REGISTRY, NAMES)
    assert json.dumps(again, allow_nan=False) == json.dumps(SCHEMA, allow_nan=False)


def test_it_accepts_every_key_of_the_language() -> None:
    assert _refused(EVERY_KEY.read_text()) == []


def test_it_accepts_one_file_of_a_spec_that_is_split_over_several() -> None:
    assert _refused("jobs: {a: {kind: serve, models: [shelf-lite], worker: {}}}") == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("mdels: {}", ""),
        ("code: {A_b: {uri: 'm:x'}}", "code"),
        ("jobs: {a: {kind: nope}}", "jobs.a.kind"),
        ("jobs: {a: {kind: serve, models: [shelf-lite]}}", "jobs.a"),
        ("jobs: {a: {kind: train, model: shelf-lite, worker: {}}}", "jobs.a"),
        (
            "jobs: {a: {kind: serve, models: [shelf-lite], worker: "
            "{resources: {cpu: 1, limits: {}}}}}",
            "jobs.a.worker.resources",
        ),
        ("jobs: {a: {kind: pipeline, steps: {s: {kind: serve}}}}", "jobs.a.steps.s.kind"),
        ("jobs: {a: {kind: pipeline, steps: {s: {image: x}}}}", "jobs.a.steps.s"),
        ("fleet: {timezone: }", "fleet.timezone"),
        ("fleet: {sites: {a: {cluster: c, layer: egde, profile: p}}}", "fleet.sites.a.layer"),
    ],
)
def test_it_refuses_what_validation_refuses(text: str, place: str) -> None:
    assert place in _refused(text)
    spec, _ = judged(read("edgewright: v1\nproject: {name: p}\n" + _with_fleet(text)))
    assert spec is None


@pytest.mark.parametrize(
    ("job", "place"),
    [
        ("{kind: serve, models: [shelf-light], worker: {}}", "jobs.a.models"),
        ("{kind: serve, models: ['other:1'], worker: {}}", "jobs.a.models"),
        ("{kind: serve, models: [shelf-lite], worker: {}, place: {site: x}}", "jobs.a.place.site"),
        ("{kind: train, base: other, worker: {}, model: shelf-lite, dataset: d}", "jobs.a.base"),
    ],
)
def test_it_refuses_names_that_the_repository_does_not_have(job: str, place: str) -> None:
    assert _refused(f"jobs: {{a: {job}}}") == [place]


def _with_fleet(text: str) -> str:
    return text if text.startswith("fleet") else "fleet: {}\n" + text


def test_a_reference_may_be_a_known_name_with_any_version() -> None:
    assert _refused("jobs: {a: {kind: serve, models: ['shelf-lite:9.9'], worker: {}}}") == []


def test_without_names_any_name_is_accepted() -> None:
    free = Draft202012Validator(json_schema.build(REGISTRY, {}))
    data = read("jobs: {a: {kind: serve, models: [other], worker: {}, place: {site: x}}}")
    assert free.is_valid(data)


def test_every_key_is_described_and_none_takes_null() -> None:
    def walk(node: Any, path: str) -> None:
        if isinstance(node, dict):
            for key, value in node.get("properties", {}).items():
                if isinstance(value, dict) and path.count("/") <= 2:
                    described = value.get("description") or "const" in value or "enum" in value
                    assert described, f"{path}/{key}"
            assert node != {"type": "null"}, path
            for key, value in node.items():
                walk(value, f"{path}/{key}")
        elif isinstance(node, list):
            for index, value in enumerate(node):
                walk(value, f"{path}/{index}")

    walk(SCHEMA, "")


def test_every_kind_is_offered() -> None:
    [entry] = SCHEMA["properties"]["jobs"]["patternProperties"].values()
    assert entry["properties"]["kind"]["enum"] == list(KINDS)


def test_no_path_of_this_machine_is_in_it() -> None:
    assert str(Path.cwd()) not in json.dumps(SCHEMA)
