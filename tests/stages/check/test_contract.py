"""Sidecar configs inside ConfigMaps: what is sound passes, what a device refuses is reported."""

from __future__ import annotations

import json
from typing import Any

import pytest

from compiler.model import contract
from compiler.model.layout import CONFIG_FILE
from compiler.servers import SERVERS, server
from compiler.stages.check.contract import check_contract, schema
from compiler.stages.check.words import Wrong
from tests.model.contract_cases import artifact, facts, member


def document(name: str = "ovms") -> dict[str, Any]:
    who = member(artifact(golden=True), artifact("io", "code", 2, ""), server=name)
    built = contract.config("watch", who, server(name), facts())
    copy: dict[str, Any] = json.loads(contract.canonical(built))
    return copy


def judged(config: dict[str, Any]) -> list[Wrong]:
    text = contract.text(config)
    data = {"kind": "ConfigMap", "data": {CONFIG_FILE: text}}
    document = contract.held(data)
    assert document is not None
    return list(check_contract(document, len(text.encode())))


@pytest.mark.parametrize("flavour", SERVERS, ids=lambda flavour: flavour.name)
def test_what_the_compiler_makes_is_sound(flavour: Any) -> None:
    assert judged(document(flavour.name)) == []


def test_the_schema_is_found_in_the_source_tree() -> None:
    assert schema()["properties"]["contract"]["const"] == contract.VERSIONS[0]


def test_a_broken_rule_is_reported_with_its_path_and_the_meaning_of_the_field() -> None:
    config = document()
    config["artifacts"][1]["activation"]["hook"]["url"] = "http://10.0.0.1:8000"
    (wrong,) = judged(config)
    assert wrong.code.id == "E3503"
    assert "artifacts[1].activation.hook.url breaks the rule pattern" in wrong.text
    assert wrong.hint.startswith("Base address of the server")
    assert "10.0.0.1" not in wrong.text


def test_several_faults_are_reported_together() -> None:
    config = document()
    config["generation"] = 7
    config["tenant"]["job"] = "a/b"
    del config["surface"]["port"]
    assert len(judged(config)) == 3


def test_a_store_that_is_not_listed_is_reported() -> None:
    config = document()
    config["stores"] = [one for one in config["stores"] if "reader" not in one["name"]]
    assert [wrong.text for wrong in judged(config)] == [
        "data['config.json']: the store main.s3-reader is referred to and not listed"
    ]


def test_a_hook_to_a_port_that_is_not_declared_is_reported() -> None:
    config = document()
    config["server"]["ports"] = [9000]
    assert [wrong.text.rpartition("goes to ")[2] for wrong in judged(config)] == [
        "port 8000, which is not declared"
    ] * 3


def test_a_config_above_half_a_mebibyte_is_reported_with_its_size() -> None:
    config = document()
    config["network"]["noProxy"] = ["x" * 250] * 256
    assert judged(config) == []
    config["artifacts"] = [
        {**config["artifacts"][0], "name": f"io-{number}"} for number in range(1500)
    ]
    (wrong,) = judged(config)
    assert wrong.code.id == "E3501"
    assert "at most 524,288 fit" in wrong.text


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": None},
        {"data": {CONFIG_FILE: '{"model_config_list": []}'}},
        {"data": {CONFIG_FILE: '"tenant" "contract" is no JSON'}},
        {"data": {CONFIG_FILE: '["tenant", "contract"]'}},
        {"data": {"other.json": '{"tenant": 1, "contract": 1}'}},
    ],
)
def test_other_config_maps_are_left_alone(data: dict[str, Any]) -> None:
    assert contract.held({"kind": "ConfigMap", **data}) is None


def test_a_config_in_a_secret_is_none() -> None:
    data = {"data": {CONFIG_FILE: contract.text(document())}}
    assert contract.held({"kind": "Secret", **data}) is None
