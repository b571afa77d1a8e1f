"""The sidecar's config: its schema, the documents that are built, and their identity."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest

from compiler.model import contract
from compiler.model.contract import SURFACE_PORT
from compiler.model.contract_parts import bytes_per_second, home
from compiler.model.diagnostics import Diagnostics
from compiler.model.inputs import Location
from compiler.model.member import Release
from compiler.servers import SERVERS, server
from tests.model.contract_cases import STORE, artifact, facts, location, member, site

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "sidecar" / "contract.schema.json").read_text()
)
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
SUBSET = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "pattern",
    "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "$ref",
    "description",
}  # fmt: skip
RELEASE = Release("shelf-pair", "2.0", "ab" * 32)


def schemas(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("properties", {}).values():
        yield from schemas(child)
    if "items" in node:
        yield from schemas(node["items"])


def every_schema() -> Iterator[dict[str, Any]]:
    yield from schemas(SCHEMA)
    for definition in SCHEMA["$defs"].values():
        yield from schemas(definition)


def problems(document: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(document)]


def built(*artifacts: Any, **options: Any) -> dict[str, Any]:
    flavour = server(options.get("server", "ovms"))
    return contract.config("watch", member(*artifacts, **options), flavour, facts())


def test_the_schema_is_a_valid_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_uses_only_the_subset_that_the_sidecar_validates() -> None:
    used = {key for schema in every_schema() for key in schema}
    assert used - {"$schema", "$id", "$defs"} == SUBSET
    assert not any({"$schema", "$id", "$defs"} & set(s) for s in every_schema() if s is not SCHEMA)


def test_every_object_is_closed_and_every_type_is_one_word() -> None:
    for schema in every_schema():
        assert isinstance(schema.get("type", ""), str)
        assert ("additionalProperties" in schema) == (schema.get("type") == "object")
        assert schema.get("additionalProperties", False) is False
        assert set(schema.get("required", ())) <= set(schema.get("properties", ()))


def test_every_property_says_what_it_means_and_what_its_default_is() -> None:
    for schema in every_schema():
        for name, child in schema.get("properties", {}).items():
            text = child.get("description", "")
            assert text.endswith("."), name
            optional = name not in schema.get("required", ())
            explained = "Default:" in text or name in EXPLAINED
            assert explained or not optional, name


# Optional properties whose use is given by the type beside them or by their absence.
EXPLAINED = {"url", "command", "signal", "process", "path", "number"}


def test_every_reference_names_a_definition_and_every_definition_is_used() -> None:
    used = {schema["$ref"] for schema in every_schema() if "$ref" in schema}
    assert used == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


@pytest.mark.parametrize("flavour", SERVERS, ids=lambda flavour: flavour.name)
@pytest.mark.parametrize("update", ["hot", "rolling"])
@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("host", ["", "edge-001a"])
@pytest.mark.parametrize("release", [None, RELEASE])
def test_every_document_validates(
    flavour: Any, update: Literal["hot", "rolling"], count: int, host: str, release: Release | None
) -> None:
    things = [artifact(f"model-{i}", number=i + 1, golden=True) for i in range(count)]
    things += [artifact("io", "code", 9, ""), artifact("faces", "dataset", 8, "")][:count]
    who = member(*things, update=update, server=flavour.name, release=release, host=host)
    document = contract.config("watch", who, flavour, facts())
    assert problems(document) == []
    assert problems(json.loads(contract.text(document))) == []


def test_the_document_of_the_node_role_validates_and_asks_peers_first() -> None:
    here = replace(facts(), peers=("http://10.0.0.2:9472",), peer_port=9472)
    open_one, secret = artifact("open"), replace(artifact("own"), private=True)
    document = contract.node_config("spread", [secret, open_one], here)
    assert problems(document) == []
    sources = [[source["url"] for source in one["sources"]] for one in document["artifacts"]]
    assert sources == [["peer:", open_one.location.url], [secret.location.url]]
    assert {one["activation"]["update"] for one in document["artifacts"]} == {"stage"}


def test_a_document_without_any_extra_validates() -> None:
    bare = contract.Facts(project="p", environment="default", namespace="p", site=site())
    who = replace(member(artifact()), outputs=())
    document = contract.config("watch", who, server("ovms"), bare)
    assert problems(document) == []
    assert "reports" not in document
    assert "outbox" not in document


def test_a_hot_model_is_loaded_by_the_servers_hook_and_probed_by_version() -> None:
    document = built(artifact(number=4, golden=True))
    (entry,) = document["artifacts"]
    assert entry["link"] == "/edgewright/models/shelf"
    assert entry["view"] == {"type": "ovms", "model": "shelf", "number": 4}
    activation = entry["activation"]
    assert activation["update"] == "hot"
    assert activation["hook"] == {"type": "ovms", "url": "http://127.0.0.1:8000", "model": "shelf"}
    assert activation["probe"] == {"url": "http://127.0.0.1:8000/v2/models/shelf/versions/4/ready"}
    assert activation["golden"]["url"].endswith("/v2/models/shelf/versions/4/infer")
    assert activation["golden"]["tolerance"] == [{"name": "boxes.iou", "value": 0.9}]
    assert activation["window"] == {"from": "02:00", "to": "03:00", "zone": "Europe/Vienna"}


def test_every_loopback_address_is_on_a_port_that_the_document_lists() -> None:
    for flavour in SERVERS:
        document = built(artifact(golden=True), server=flavour.name)
        listed = set(document["server"]["ports"])
        activation = document["artifacts"][0]["activation"]
        urls = [activation[key]["url"] for key in ("hook", "probe", "golden") if key in activation]
        assert bool(urls) == flavour.can_hot
        assert {int(url.split("/")[2].rpartition(":")[2]) for url in urls} <= listed


def test_a_rolling_worker_has_no_hook_and_slots_named_by_its_bytes() -> None:
    old = built(artifact(number=1), update="rolling")
    new = built(artifact(number=2), update="rolling")
    assert set(old["artifacts"][0]["activation"]) == {"update", "window"}
    assert old["tenant"]["revision"] != new["tenant"]["revision"]
    assert "revision" not in built(artifact())["tenant"]


def test_models_and_code_change_together_and_models_alone_do_not() -> None:
    both = built(artifact(), artifact("io", "code", 2, ""))
    assert both["bundles"] == [{"name": "watch", "members": ["code/io", "model/shelf"]}]
    assert "bundles" not in built(artifact(), artifact("second", number=2))


def test_an_edge_part_asks_the_cloud_part_before_it_activates() -> None:
    asked = built(artifact(), release=RELEASE)["release"]
    assert asked["ask"]["url"] == (
        f"http://shelf-cloud.store-vision:{SURFACE_PORT}/v1/releases/{RELEASE.digest}"
    )
    cloud = replace(member(artifact(), release=RELEASE), endpoints=())
    assert "ask" not in contract.config("watch", cloud, server("ovms"), facts())["release"]


def test_stores_name_directories_of_secrets_and_never_hold_a_value() -> None:
    document = built(artifact())
    assert document["stores"] == [
        {
            "name": f"main.{secret}",
            "endpoint": "https://s3.eu.example.com",
            "pathStyle": True,
            "region": "eu-west-1",
            "credentials": f"/etc/edgewright/credentials/{secret}",
        }
        for secret in ("s3-reader", "s3-writer")
    ]
    assert contract.secrets(document) == {
        "s3-reader": "/etc/edgewright/credentials/s3-reader",
        "s3-writer": "/etc/edgewright/credentials/s3-writer",
    }


def test_every_store_that_is_referred_to_is_listed() -> None:
    document = built(artifact(golden=True))
    listed = {entry["name"] for entry in document["stores"]}
    text = json.dumps(document)
    assert document["reports"]["store"] in listed
    assert document["outbox"][0]["store"] in listed
    assert set(re.findall(r'"store": "([^"]+)"', text)) <= listed


def test_an_output_belongs_to_the_store_that_holds_it_not_to_one_with_a_shorter_name() -> None:
    short = Location(url="s3://vision", store="short")
    stores = {"main": STORE, "short": short}
    assert home("s3://vision-artifacts/x", stores) is STORE
    assert home("s3://vision/x", stores) is short
    assert home("s3://other/x", stores) == Location("s3://other/x")


def test_the_network_of_the_site_is_in_bytes_and_local_time() -> None:
    assert built(artifact())["network"] == {
        "rate": 2_500_000,
        "windows": [{"from": "01:00", "to": "05:00", "zone": "Europe/Vienna"}],
        "proxy": "http://proxy:3128",
        "noProxy": ["10.0.0.0/8"],
        "caFile": "/etc/edgewright/ca/ca.crt",
    }
    assert bytes_per_second("8bit/s") == 1
    with pytest.raises(ValueError, match="20Mbit/s"):
        bytes_per_second("20 MB/s")


def test_revision_is_the_digest_of_canonical_json_whatever_the_order_and_the_layout() -> None:
    document = built(artifact(), artifact("second", number=2))
    shuffled = dict(reversed(document.items()))
    assert contract.revision(shuffled) == contract.revision(document)
    assert contract.revision(json.loads(contract.text(document))) == contract.revision(document)
    assert contract.canonical({"b": "ü", "a": [1, 2.5]}) == '{"a":[1,2.5],"b":"ü"}'
    known = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    assert contract.revision({}) == known


def test_the_order_of_a_members_artifacts_does_not_matter() -> None:
    one, two = artifact("a", number=1), artifact("b", number=2)
    assert contract.revision(built(one, two)) == contract.revision(built(two, one))


def test_a_changed_model_changes_only_its_own_line_of_the_text() -> None:
    old = contract.text(built(artifact("a", number=1), artifact("b", number=2)))
    new = contract.text(built(artifact("a", number=1), artifact("b", number=3)))
    lines = list(zip(old.split("\n"), new.split("\n"), strict=True))
    changed = [before for before, after in lines if before != after]
    assert len(changed) == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("artifacts", 0, "activation", "hook", "url"), "http://10.0.0.1:8000"),
        (("artifacts", 0, "activation", "hook", "url"), "http://127.0.0.1.evil.example:80"),
        (("artifacts", 0, "sources", 0, "url"), "https://user:word@example.com/x"),
        (("artifacts", 0, "sources", 0, "url"), "gopher://example.com/x"),
        (("artifacts", 0, "sha256"), "AB" * 32),
        (("artifacts", 0, "link"), "/edgewright/models/../../etc"),
        (("artifacts", 0, "name"), "../shelf"),
        (("artifacts", 0, "view", "number"), 0),
        (("tenant", "job"), "a/b"),
        (("network", "windows", 0, "from"), "24:00"),
        (("contract",), 2),
        (("generation",), 7),
        (("expires",), "2030-01-01T00:00:00Z"),
    ],
)
def test_what_a_device_must_refuse_is_refused(path: tuple[Any, ...], value: Any) -> None:
    document = json.loads(contract.canonical(built(artifact())))
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    assert problems(document)


def test_an_artifact_in_an_image_registry_may_be_named_by_digest() -> None:
    place = replace(location("x"), url=f"oci://registry.example.com/shelf@sha256:{'0' * 64}")
    assert problems(built(replace(artifact(), location=place))) == []


def test_a_member_without_delivery_by_sidecar_is_a_programming_error() -> None:
    with pytest.raises(ValueError, match=r"watch\.serve"):
        contract.config("watch", replace(member(), delivery=None), server("ovms"), facts())


def test_only_contract_versions_that_exist_are_emitted() -> None:
    diagnostics = Diagnostics()
    assert contract.emits(1, diagnostics)
    assert not diagnostics.found
    assert not contract.emits(2, diagnostics)
    (found,) = diagnostics.in_order()
    assert found.code.id == "E3502"
    assert "it is 1" in found.message
    assert SCHEMA["properties"]["contract"]["const"] == contract.VERSIONS[0]
