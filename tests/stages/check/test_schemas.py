"""Schemas: the compact files, the strict form, Kubernetes' own, and two validators in agreement."""

from __future__ import annotations

import json
from collections import defaultdict
from importlib.resources import files
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from hypothesis import given, settings

from compiler.stages.check import kubernetes
from compiler.stages.check.marks import unchecked_rules
from compiler.stages.check.schemas import Judge, Schemas, compact_sources
from compiler.stages.check.structural import strict_tree
from tests.stages.check.objects import (
    JSON,
    Data,
    config_map,
    deployment,
    joint_inference,
    service,
    spoilt,
)

FOLDER = files("compiler") / "schemas"
INDEX: dict[str, str] = json.loads((FOLDER / "index.json").read_text(encoding="utf-8"))


def judge(api_version: str, kind: str, *versions: str) -> Judge:
    found = Schemas().judge(versions or ("1.34",), api_version, kind)
    assert isinstance(found, Judge), found
    return found


def judge_of(key: str) -> Judge:
    group, version, kind = key.split("/")
    return judge(f"{group}/{version}", kind)


def accepts(schema: Data, value: Any) -> bool:
    whole = {"type": "object", "properties": {"spec": schema}}
    top = {"apiVersion": "a/v1", "kind": "K", "metadata": {"name": "n"}, "spec": value}
    return jsonschema.Draft202012Validator(strict_tree(whole)).is_valid(top)


CHOICE = [deployment(), service(), config_map(), joint_inference()]
FORMS = defaultdict(
    lambda: ("apps/v1", "Deployment"),
    {(d["apiVersion"], d["kind"]): (d["apiVersion"], d["kind"]) for d in CHOICE},
)
"""Which schema to hold an object against; one whose kind is spoilt is held against any."""


def test_the_compact_files_are_small_and_say_where_they_come_from() -> None:
    size = sum(len(entry.read_bytes()) for entry in FOLDER.iterdir())
    assert size < 600 * 1024
    assert compact_sources()["sedna"] == "kubeedge/sedna v0.7.0"
    assert all(" v" in source for source in compact_sources().values())


@pytest.mark.parametrize("key", sorted(INDEX))
def test_every_indexed_kind_has_a_judge_that_is_closed(key: str) -> None:
    group, version, kind = key.split("/")
    validator = judge_of(key).forms[0].validator
    top = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": "n"}}
    unknown = validator.iter_errors(top | {"fieldThatNobodyKnows": 1})
    assert "additionalProperties" in {str(error.kind.name) for error in unknown}
    known = validator.iter_errors(top)
    assert "additionalProperties" not in {str(error.kind.name) for error in known}


@pytest.mark.parametrize(
    "key", [key for key in sorted(INDEX) if key.startswith("sedna.io") and "Job" in key]
)
def test_no_template_of_sedna_keeps_labels(key: str) -> None:
    text = json.dumps(judge_of(key).forms[0].schema)
    assert '"ownerReferences"' in text  # of the object itself
    defs = judge_of(key).forms[0].schema["$defs"]
    templates = [d for d in defs.values() if {"metadata", "spec"} == d.get("properties", {}).keys()]
    pruned = [defs[t["properties"]["metadata"]["$ref"].rpartition("/")[2]] for t in templates]
    assert pruned
    assert all(not p.get("properties") and p["additionalProperties"] is False for p in pruned)


@pytest.mark.parametrize(
    ("schema", "value", "sound"),
    [
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"b": 1}, False),
        ({"type": "object"}, {"b": 1}, False),
        ({"type": "object"}, {}, True),
        ({"type": "object", "x-kubernetes-preserve-unknown-fields": True}, {"b": 1}, True),
        ({"x-kubernetes-preserve-unknown-fields": True}, [1], True),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"b": 1}, True),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, {"b": "1"}, False),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}], "x-kubernetes-int-or-string": True},
         "50%", True),
        ({"x-kubernetes-int-or-string": True}, 1.5, False),
        ({"type": "string"}, None, False),
        ({"type": "string", "nullable": True}, None, True),
        ({"type": "integer", "format": "int32"}, 2**31, False),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, 1, False),
        ({"type": "string", "format": "byte"}, "a", False),
        ({"type": "string", "format": "byte"}, "YQ==", True),
        ({"type": "array", "items": {"type": "integer"}, "x-kubernetes-list-type": "set"},
         [1, 1], False),
        ({"type": "object", "required": ["a"],
          "properties": {"a": {"type": "string", "default": "x"}}}, {}, True),
        ({"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}, {}, False),
        ({"type": "object", "x-kubernetes-embedded-resource": True,
          "x-kubernetes-preserve-unknown-fields": True}, {"apiVersion": 1}, False),
    ],
)  # fmt: skip
def test_a_structural_schema_is_read_as_the_api_server_reads_it(
    schema: Data, value: Any, sound: bool
) -> None:
    assert accepts(schema, value) is sound


def test_kubernetes_versions_come_from_the_installed_package() -> None:
    assert {"1.30", "1.34"} <= set(kubernetes.versions())
    assert kubernetes.versions().index("1.30") < kubernetes.versions().index("1.34")


def test_a_kind_reaches_only_its_own_definitions() -> None:
    schema = kubernetes.core_schema("1.34", "io.k8s.api.core.v1.ConfigMap")
    assert len(schema["$defs"]) < 10
    assert not any("description" in definition for definition in schema["$defs"].values())


def test_versions_with_equal_schemas_share_one_validator() -> None:
    same = judge("v1", "ConfigMap", "1.33", "1.34")
    assert [form.versions for form in same.forms] == ["Kubernetes 1.33 and 1.34"]
    differing = judge("apps/v1", "Deployment", "1.30", "1.34")
    assert len(differing.forms) == 2


def test_words_are_kept_for_fields_that_exist() -> None:
    published = kubernetes.definitions("1.34")
    for definition, words in kubernetes.WORDS.items():
        assert words.keys() <= published[definition]["properties"].keys(), definition


def test_rules_that_are_not_judged_are_listed() -> None:
    mark = judge("trainer.kubeflow.org/v1alpha1", "TrainJob").forms[0].mark
    assert unchecked_rules(mark) == ["self == oldSelf"]


def test_the_fast_validator_judges_spoilt_objects_as_the_reference_does(campaign: bool) -> None:
    @given(spoilt(CHOICE, JSON))
    @settings(max_examples=5000 if campaign else 150, deadline=None, database=None)
    def agree(data: Data) -> None:
        key = (str(data.get("apiVersion")), str(data.get("kind")))
        form = judge(*FORMS[key]).forms[0]
        reference = jsonschema.Draft202012Validator(form.schema)
        assert form.validator.is_valid(data) == reference.is_valid(data)

    agree()


def test_the_patterns_of_all_schemas_compile_in_the_linear_engine() -> None:
    options = jsonschema_rs.RegexOptions()
    for key in INDEX:
        jsonschema_rs.Draft202012Validator(judge_of(key).forms[0].schema, pattern_options=options)
