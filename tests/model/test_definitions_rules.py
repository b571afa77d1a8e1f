"""The rules of our definitions, evaluated: what each accepts and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from compiler.model import definitions
from compiler.stages.check.cel import Rule, compile_rule

ENTRY = {"version": "1", "downloadURL": "https://example.com/1"}
SECRET_URL = "https://user:" + "word@example.com/x"


def broken(kind: str, spec: Mapping[str, Any]) -> list[str]:
    schema = definitions.schema(kind)["properties"]["spec"]
    return list(_judge(schema, spec))


def _judge(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    for rule in schema.get("x-kubernetes-validations", ()):
        transition = "oldSelf" in rule["rule"]
        if not transition and not _holds(rule, value):
            yield rule["message"]
    for child, inner in _children(schema, value):
        yield from _judge(child, inner)


def _holds(rule: Mapping[str, str], value: Any) -> bool:
    return Rule(rule["rule"], rule["message"], compile_rule(rule["rule"])).holds(value)


def _children(schema: Mapping[str, Any], value: Any) -> list[tuple[Mapping[str, Any], Any]]:
    if isinstance(value, list):
        return [(schema["items"], item) for item in value]
    fields = schema.get("properties", {})
    return [(fields[name], value[name]) for name in fields if name in value]


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"targetVersion": "1"},
        {"targetVersion": "1", "manifest": [ENTRY]},
        {"targetVersion": "9", "manifest": [ENTRY], "image": "registry.example.com/shelf:1"},
        {"serveVersion": 3, "digest": "ab" * 32},
        {"serveVersion": 3, "delivery": "native"},
        {"url": "s3://bucket/a@b:c"},
        {"url": "https://user@example.com/x"},
        {"url": "host:/models/a.pb"},
    ],
)
def test_an_inference_model_that_makes_sense_is_accepted(spec: dict[str, Any]) -> None:
    assert broken("InferenceModel", spec) == []


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"targetVersion": "2", "manifest": [ENTRY]},
            "targetVersion must be a version of the manifest",
        ),
        ({"targetVersion": "2", "manifest": []}, "targetVersion must be a version of the manifest"),
        ({"serveVersion": 3}, "a serveVersion belongs to a digest"),
        ({"serveVersion": 3, "delivery": "sidecar"}, "a serveVersion belongs to a digest"),
        ({"url": SECRET_URL}, "url must not contain a user and password"),
        (
            {"manifest": [{**ENTRY, "downloadURL": SECRET_URL}]},
            "downloadURL must not contain a user and password",
        ),
    ],
)
def test_an_inference_model_that_makes_no_sense_is_refused(
    spec: dict[str, Any], message: str
) -> None:
    assert broken("InferenceModel", spec) == [message]


@pytest.mark.parametrize(
    ("spec", "messages"),
    [
        ({"target": "1"}, []),
        ({"target": "1", "versions": [{"version": "1"}]}, []),
        (
            {"target": "2", "versions": [{"version": "1"}]},
            ["target must be one of the versions"],
        ),
        (
            {"target": "1", "versions": [{"version": "1", "yanked": "flickers"}]},
            ["target must not be a yanked version"],
        ),
        (
            {"versions": [{"version": "1", "url": SECRET_URL}]},
            ["url must not contain a user and password"],
        ),
    ],
)
def test_the_rules_of_a_training_model(spec: dict[str, Any], messages: list[str]) -> None:
    assert broken("TrainingModel", spec) == messages


@pytest.mark.parametrize(
    ("spec", "messages"),
    [
        ({"versions": []}, []),
        ({"local": []}, []),
        (
            {"versions": [], "local": []},
            ["a dataset has versions, or local shares, not both"],
        ),
        (
            {"versions": [{"version": "1", "url": SECRET_URL}]},
            ["url must not contain a user and password"],
        ),
    ],
)
def test_the_rules_of_a_dataset(spec: dict[str, Any], messages: list[str]) -> None:
    assert broken("Dataset", spec) == messages


def test_what_identifies_an_object_cannot_change() -> None:
    fixed = {
        "InferenceModel": {"job", "model", "site"},
        "TrainingModel": {"project", "model"},
        "Dataset": {"project", "dataset"},
    }
    for kind, names in fixed.items():
        spec = definitions.schema(kind)["properties"]["spec"]
        rules = {
            name
            for name, child in spec["properties"].items()
            if {"self == oldSelf"} & {r["rule"] for r in child.get("x-kubernetes-validations", ())}
        }
        assert rules == names
        assert names <= set(spec["required"])
