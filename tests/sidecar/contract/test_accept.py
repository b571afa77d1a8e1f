"""What makes a text an accepted config, and in which words it is refused otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from compiler.model import contract
from compiler.model.member import Release
from compiler.servers import SERVERS, server
from sidecar import CONTRACTS
from sidecar.contract import accept
from sidecar.model.reasons import ReasonError
from tests.model.contract_cases import artifact, facts, member
from tests.sidecar.contract.documents import document, model, text_of


def refused(value: Any, machine: str = "amd64") -> ReasonError:
    with pytest.raises(ReasonError) as caught:
        accept.read(value if isinstance(value, bytes) else text_of(value), machine=machine)
    return caught.value


def test_a_valid_document_is_accepted_with_its_typed_form_and_its_name() -> None:
    found = accept.read(text_of(document()), machine="amd64")
    assert found.document == document()
    assert found.revision == found.config.revision == contract.revision(document())
    assert found.config.tenant.directory == "watch-shelves.serve"
    assert [one.key for one in found.config.artifacts] == ["model/shelf", "code/shelf-io"]


@pytest.mark.parametrize("flavour", SERVERS, ids=lambda flavour: flavour.name)
@pytest.mark.parametrize("update", ["hot", "rolling"])
def test_whatever_the_compiler_builds_is_accepted_under_its_revision(
    flavour: Any, update: Literal["hot", "rolling"]
) -> None:
    things = (artifact("a", golden=True), artifact("b", number=2), artifact("io", "code", 9, ""))
    release = Release("pair", "2.0", "ab" * 32)
    who = member(*things, update=update, server=flavour.name, release=release)
    built = contract.config("watch", who, server(flavour.name), facts())
    found = accept.read(contract.text(built).encode(), machine=built["node"]["arch"])
    assert found.revision == contract.revision(built)


def test_whatever_the_examples_compile_to_is_accepted() -> None:
    root = Path(__file__).parents[3] / "generated"
    texts = [
        block
        for path in sorted(root.rglob("configmap-*sidecar*.yaml"))
        for block in [config_text(path.read_text(encoding="utf-8"))]
    ]
    assert len(texts) > 10
    for text in texts:
        arch = json.loads(text)["node"]["arch"]
        assert accept.read(text.encode(), machine=arch).config.artifacts


def config_text(manifest: str) -> str:
    """The text of `config.json` in a ConfigMap as our emitter writes it."""
    import yaml

    found: str = yaml.safe_load(manifest)["data"]["config.json"]
    return found


def test_g1_a_half_written_config_is_invalid_and_says_where() -> None:
    text = text_of(document())
    for cut in range(0, len(text), 97):
        fault = refused(text[:cut])
        assert fault.code == "ConfigInvalid"
        assert fault.detail.startswith("$: ")


@pytest.mark.parametrize("value", [None, True, 1, "x", [], [{}]])
def test_g1_a_document_that_is_no_object_is_invalid(value: Any) -> None:
    assert (refused(value).code, refused(value).detail) == (
        "ConfigInvalid",
        "$: must be of type object",
    )


def test_every_problem_is_counted_and_the_first_are_named_with_their_paths() -> None:
    value = document()
    for key in ("tenant", "node", "store", "surface"):
        value[key] = None
    assert refused(value).detail == (
        "$.tenant: must be of type object; $.node: must be of type object; "
        "$.store: must be of type object (and 1 more)"
    )


def test_no_value_of_the_document_is_repeated_in_a_refusal() -> None:
    value = document()
    value["artifacts"][0]["sources"][0]["url"] = "https://user:test-secret@example.com/x"
    fault = refused(value)
    assert fault.code == "ConfigInvalid"
    assert "test-secret" not in str(fault)


@pytest.mark.parametrize("version", [2, 7, 0, -1, 2.0, 1.5, 10**30])
def test_a_contract_that_is_not_spoken_is_unknown_whatever_else_it_says(version: float) -> None:
    for value in ({"contract": version}, {**document(), "contract": version, "new": [1]}):
        fault = refused(value)
        assert fault.code == "ContractUnknown"
        assert fault.detail.startswith("$.contract: it is ")
        assert fault.detail.endswith(f"speaks {CONTRACTS[0]}")


@pytest.mark.parametrize("version", [True, "1", None, [1]])
def test_a_contract_that_is_no_number_is_invalid(version: Any) -> None:
    assert refused({**document(), "contract": version}).code == "ConfigInvalid"


def test_a_config_above_the_limit_is_told_apart() -> None:
    value = document()
    value["artifacts"] += [model(f"m-{i}", variant="x" * 250) for i in range(500)]
    assert len(text_of(value)) > accept.MAX_BYTES
    assert refused(value).code == "ConfigTooLarge"


def test_a_config_for_another_processor_is_an_architecture_mismatch() -> None:
    fault = refused(document(), machine="arm64")
    assert fault.code == "ArchMismatch"
    assert fault.detail == "$.node.arch: it is amd64, this node is arm64"


def test_a_document_that_is_wrong_in_several_ways_is_invalid_before_anything_else() -> None:
    value = document()
    value["artifacts"].append(model("second", number=1, link="/edgewright/models/shelf"))
    assert refused(value, machine="arm64").code == "ViewClash"
    value["stores"] = []
    assert refused(value, machine="arm64").code == "ConfigInvalid"


def test_a_port_with_a_fraction_of_zero_is_the_port() -> None:
    plain, written = document(), text_of(document()).replace(b'"port": 9471', b'"port": 9471.0')
    found = accept.read(written, machine="amd64")
    assert type(found.config.surface.port) is int
    assert found.revision == contract.revision(plain)


def test_what_was_accepted_is_accepted_again_from_its_own_document() -> None:
    first = accept.read(text_of(document()), machine="amd64")
    again = accept.read(text_of(first.document), machine="amd64")
    assert again == first
