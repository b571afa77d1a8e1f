"""Our definitions: structural schemas, rules, columns, and the facts that fill their objects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Annotated, Any, Literal

import jsonschema
import kubernetes_validate
import pytest
from pydantic import Field, ValidationError

from compiler.model import definitions, definitions_models, definitions_values
from compiler.model.definitions_base import Part
from compiler.model.definitions_schema import structural
from compiler.model.inputs import Artifact, HostData, Location

ALLOWED = {
    "description", "type", "format", "pattern", "enum", "minimum", "maximum", "minLength",
    "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "properties",
    "required", "items", "additionalProperties", "anyOf", "x-kubernetes-int-or-string",
    "x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations",
}  # fmt: skip
DIGEST = "3b" * 32


def walk(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from walk(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            yield from walk(schema[key], f"{path}.{key}")


def everything() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for definition in definitions_models.DEFINITIONS:
        yield from walk(definitions.schema(definition.kind), definition.kind)


def at(schema: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    for step in path.strip(".").split("."):
        schema = schema["properties"][step]
    return schema


def problems(kind: str, spec: Mapping[str, Any], **more: Any) -> list[str]:
    found = {"apiVersion": definitions.API_VERSION, "kind": kind, "metadata": {}, "spec": spec}
    validator = jsonschema.Draft202012Validator(_strict(definitions.schema(kind)))
    return [f"{e.json_path}: {e.message}" for e in validator.iter_errors({**found, **more})]


def _strict(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema with the server's field pruning turned into an error."""
    copy = dict(schema)
    if "properties" in copy:
        copy["properties"] = {name: _strict(child) for name, child in copy["properties"].items()}
        copy["additionalProperties"] = False
    for key in ("items", "additionalProperties"):
        if isinstance(copy.get(key), Mapping):
            copy[key] = _strict(copy[key])
    return copy


def model_artifact(**changes: Any) -> Artifact:
    facts: dict[str, Any] = {
        "kind": "model",
        "name": "shelf-detector",
        "version": "1.4.0",
        "location": Location("s3://vision-artifacts/shelf/1.4.0.tar.gz"),
        "sha256": DIGEST,
        "variant": "int8-orin",
        "size": 1234,
        "serve_version": 4,
        "framework": "tensorrt",
    }
    return Artifact(**{**facts, **changes})


def inference(bytes_: Artifact | HostData | None = None, **more: Any) -> dict[str, Any]:
    return definitions_values.inference_values(
        project="store-vision",
        environment="prod",
        job="watch-shelves",
        role="serve",
        site="store-001",
        layer="edge",
        bytes_=bytes_ or model_artifact(),
        update="hot",
        delivery="native" if isinstance(bytes_, HostData) else "sidecar",
        **more,
    )


def test_three_kinds_of_one_group_and_version() -> None:
    crds = definitions.crds()
    assert [crd["metadata"]["name"] for crd in crds] == [
        "datasets.edgewright.io",
        "inferencemodels.edgewright.io",
        "trainingmodels.edgewright.io",
    ]
    assert {crd["spec"]["versions"][0]["name"] for crd in crds} == {"v1alpha1"}


def test_the_published_kubernetes_schema_accepts_every_definition() -> None:
    for crd in definitions.crds():
        kubernetes_validate.validate(crd, "1.34", strict=True)


def test_every_value_has_exactly_one_type_or_is_an_int_or_string() -> None:
    for path, schema in everything():
        marked = schema.get("x-kubernetes-int-or-string", False)
        assert ("type" in schema) is not marked, path
        if marked:
            assert schema["anyOf"] == [{"type": "integer"}, {"type": "string"}], path


def test_only_keywords_of_structural_schemas_are_used() -> None:
    for path, schema in everything():
        assert set(schema) <= ALLOWED, path
        assert "anyOf" not in schema or schema.get("x-kubernetes-int-or-string"), path
        assert not ("properties" in schema and "additionalProperties" in schema), path
        assert schema.get("type") != "array" or "items" in schema, path


def test_metadata_is_left_to_the_server() -> None:
    for definition in definitions_models.DEFINITIONS:
        assert definitions.schema(definition.kind)["properties"]["metadata"] == {"type": "object"}


def test_every_field_has_a_short_description() -> None:
    for path, schema in everything():
        for name, child in schema.get("properties", {}).items():
            if name in ("apiVersion", "kind", "metadata") and "." not in path:
                continue
            assert 0 < len(child.get("description", "")) <= 80 or name in ("spec", "status"), name


def test_every_list_map_and_text_is_bounded_so_that_rules_have_a_cost() -> None:
    bounds = {"array": "maxItems", "string": "maxLength"}
    for path, schema in everything():
        if path.count(".") == 1 and path.endswith((".apiVersion", ".kind")):
            continue
        bound = bounds.get(schema.get("type", ""))
        free = "enum" in schema or schema.get("format") == "date-time"
        assert bound is None or bound in schema or free, path
        if isinstance(schema.get("additionalProperties"), Mapping):
            assert "maxProperties" in schema, path


def test_list_map_keys_are_required_fields_of_the_items() -> None:
    keyed = [(p, s) for p, s in everything() if s.get("x-kubernetes-list-type") == "map"]
    assert len(keyed) == len(definitions_models.DEFINITIONS)
    for path, schema in keyed:
        assert set(schema["x-kubernetes-list-map-keys"]) <= set(schema["items"]["required"]), path


def test_every_rule_names_fields_that_exist_where_it_stands() -> None:
    count = 0
    for path, schema in everything():
        for rule in schema.get("x-kubernetes-validations", ()):
            count += 1
            assert rule["message"]
            for name in re.findall(r"self\.([A-Za-z]+)", rule["rule"]):
                assert name in schema["properties"], f"{path}: {name}"
            optional = set(schema.get("properties", ())) - set(schema.get("required", ()))
            for name in optional & set(re.findall(r"self\.([A-Za-z]+)", rule["rule"])):
                assert f"has(self.{name})" in rule["rule"], f"{path}: {name}"
            if "fieldPath" in rule:
                assert at(schema, rule["fieldPath"])
    assert count == sum(len(r) for d in definitions_models.DEFINITIONS for r in d.rules.values())


def test_printer_columns_point_at_fields_of_their_type() -> None:
    for definition in definitions_models.DEFINITIONS:
        for _, kind, path, _ in definition.columns:
            assert at(definitions.schema(definition.kind), path)["type"] == kind


def test_status_is_a_subresource_with_url_phase_version_and_digest() -> None:
    for crd in definitions.crds():
        (version,) = crd["spec"]["versions"]
        assert version["subresources"] == {"status": {}}
        status = version["schema"]["openAPIV3Schema"]["properties"]["status"]
        assert {"url", "phase", "version", "digest", "conditions"} <= set(status["properties"])
        assert "required" not in status


def test_the_committed_definitions_are_those_of_the_models() -> None:
    kept = files("compiler.model") / "definitions.json"
    assert kept.read_text(encoding="utf-8") == definitions_models.text()


def test_the_definitions_are_the_same_every_time_and_safe_to_change() -> None:
    first, second = definitions.crds(), definitions.crds()
    assert first == second
    first[0]["spec"]["names"]["plural"] = "changed"
    assert second[0]["spec"]["names"]["plural"] == "datasets"


def test_an_inference_model_carries_every_field_of_the_older_shape() -> None:
    older = {
        "modelName": "shelf-detector",
        "deployToLayer": "edge",
        "frameworkType": "onnx",
        "nodeSelector": {"pool": "gpu"},
        "image": "registry.example.com/shelf:1",
        "manifest": [
            {
                "version": "1.4.0",
                "downloadURL": "https://example.com/shelf.tar.gz",
                "sha256sum": DIGEST,
            }
        ],
        "targetVersion": "1.4.0",
        "replicas": 0,
    }
    spec = {"job": "watch", "model": "shelf-detector", "site": "store-001", **older}
    assert problems("InferenceModel", spec) == []
    assert problems("InferenceModel", spec, status={"url": "http://watch", "phase": "Ready"}) == []


def test_the_facts_of_a_served_artifact_make_a_valid_object() -> None:
    metric = definitions_values.metric_values("map50", 0.61, dataset="shelves:2026.1", split="test")
    spec = inference(
        server="triton",
        replicas=1,
        task="object-detection",
        classes=["bottle", "can"],
        license_="Apache-2.0",
        signature={"inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, -1, 3]}]},
        needs={"memory": "300Mi", "cpu": 2, "accelerator": "nvidia-orin"},
        metrics=[metric],
        node_selector={"pool": "gpu"},
    )
    assert problems("InferenceModel", spec) == []
    assert spec["digest"] == DIGEST
    assert spec["serveVersion"] == 4
    assert spec["targetVersion"] == spec["manifest"][0]["version"] == "1.4.0"
    assert "image" not in spec


def test_the_facts_of_bytes_on_a_host_have_no_digest_and_no_number() -> None:
    spec = inference(HostData("model", "helmet", "/models/helmet.pb", "pb"))
    assert problems("InferenceModel", spec) == []
    assert spec["url"] == "host:/models/helmet.pb"
    assert not {"digest", "serveVersion", "manifest", "version"} & set(spec)


def test_the_facts_of_a_model_make_a_valid_object() -> None:
    version = definitions_values.version_values(
        version="1.4.0",
        digest=DIGEST,
        url="s3://vision-artifacts/shelf",
        size=0,
        variants=[{"name": "int8-orin", "digest": DIGEST, "needs": {"memory": "300Mi"}}],
        metrics=[definitions_values.metric_values("p95", 0.024, "s", profile="jetson-orin")],
        lineage={"base": "shelf:1.3.0", "trainedOn": ["shelves:2026.1"], "job": ""},
    )
    spec = definitions_values.training_values(
        project="store-vision",
        environment="prod",
        model="shelf-detector",
        task="object-detection",
        target="1.4.0",
        versions=[version],
        params={"epochs": "10"},
        jobs={"fit", "again"},
    )
    assert problems("TrainingModel", spec) == []
    assert spec["versions"][0]["size"] == 0
    assert "job" not in spec["versions"][0]["lineage"]
    assert spec["jobs"] == ["again", "fit"]


def test_the_facts_of_a_dataset_make_a_valid_object() -> None:
    spec = definitions_values.dataset_values(
        project="store-vision",
        environment="prod",
        dataset="shelves",
        format_="coco",
        classes=["bottle"],
        versions=[{"version": "2026.1", "url": "s3://d/", "samples": 10, "problems": 0}],
        split={"train": 0.8, "test": 0.2},
        seed=0,
        min_samples=1000,
        max_imbalance=20.0,
        private_to="store-001",
    )
    assert problems("Dataset", spec) == []
    assert spec["splits"]["seed"] == 0
    assert spec["require"] == {"minSamples": 1000, "maxImbalance": 20}
    shares = definitions_values.dataset_values(
        project="p", environment="e", dataset="s", format_="txt", local={"b": "/b", "a": "/a"}
    )
    assert problems("Dataset", shares) == []
    assert [share["site"] for share in shares["local"]] == ["a", "b"]


def test_whole_numbers_are_integers_because_the_server_stores_them_so() -> None:
    assert isinstance(definitions_values.metric_values("recall", 1.0)["value"], int)
    assert definitions_values.metric_values("recall", 0.5)["value"] == 0.5
    assert definitions_values.metric_values("errors", 0.0)["value"] == 0


@pytest.mark.parametrize("definition", definitions_models.DEFINITIONS, ids=lambda d: d.kind)
def test_the_model_and_its_schema_know_the_same_fields(
    definition: definitions_models.Definition,
) -> None:
    spec = definitions.schema(definition.kind)["properties"]["spec"]
    fields = definition.spec.model_fields.values()
    assert {field.alias for field in fields} == set(spec["properties"])
    required = {field.alias for field in fields if field.is_required()}
    assert required == set(spec["required"])


def test_the_pydantic_models_accept_the_facts_and_are_frozen() -> None:
    spec = definitions_models.INFERENCE_MODEL.spec.model_validate(inference())
    assert spec.model_dump(by_alias=True, exclude_none=True) == inference()
    with pytest.raises(ValidationError):
        spec.job = "other"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "3B" * 32},
        {"serveVersion": 0},
        {"deployToLayer": "fog"},
        {"replicas": -1},
        {"needs": {"memory": "lots"}},
        {"needs": {"memory": 1.5}},
        {"fraemworkType": "onnx"},
        {"classes": "bottle"},
        {"metrics": [{"name": "map50", "value": "high"}]},
        {"signature": {"inputs": [{"name": "image", "datatype": "uint8", "shape": []}]}},
    ],
)
def test_what_is_wrong_is_refused(changes: dict[str, Any]) -> None:
    assert problems("InferenceModel", {**inference(), **changes})


class Odd(Part):
    """A shape that has no structural form."""

    either: int | str = Field(description="Two types without the marker.")


class Bounded(Part):
    """A keyword that structural schemas do not have."""

    above: Annotated[float, Field(gt=0)] = Field(description="An exclusive bound.")
    word: Literal["one"] = Field("one", description="A constant.")


def test_the_generator_refuses_shapes_that_are_not_structural() -> None:
    with pytest.raises(ValueError, match="cannot be structural"):
        structural(Odd, {}, "spec")
    with pytest.raises(ValueError, match=r"spec\.above.*exclusiveMinimum"):
        structural(Bounded, {}, "spec")


def test_a_rule_at_a_path_that_does_not_exist_is_an_error() -> None:
    rules = {"spec.nothing": ({"rule": "true", "message": "never"},)}
    with pytest.raises(ValueError, match=r"spec\.nothing"):
        structural(definitions_models.DATASET.spec, rules, "spec")
