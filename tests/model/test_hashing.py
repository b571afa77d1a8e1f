"""Names from content, names of files, ids of objects."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from compiler.model import hashing
from compiler.model.manifest import Identity
from compiler.model.names import LABEL_LIMIT, is_dns_label

CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "labels": {"x": "y", "z": "1"}},
    "data": {"k": "v"},
}


def test_the_name_of_content_ignores_the_name_and_the_order_of_keys() -> None:
    shuffled: dict[str, Any] = dict(reversed(copy.deepcopy(CONFIG).items()))
    shuffled["metadata"]["name"] = "other"
    assert hashing.content_name("a", CONFIG) == hashing.content_name("a", shuffled)


@pytest.mark.parametrize("change", [{"data": {"k": "w"}}, {"immutable": True}, {"data": {"k": 1}}])
def test_the_name_of_content_changes_with_anything_else(change: dict[str, Any]) -> None:
    assert hashing.content_name("a", CONFIG) != hashing.content_name("a", {**CONFIG, **change})


def test_the_name_of_content_is_pinned_for_ever() -> None:
    # A changed way of hashing would rename, and so restart, everything that refers to a hash.
    assert hashing.content_name("a", CONFIG) == "a-7de6db86"


def test_the_name_of_content_cuts_its_base() -> None:
    name = hashing.content_name("b" * 70, CONFIG)
    assert len(name) == LABEL_LIMIT
    assert is_dns_label(name)


def test_canonical_json_has_one_form() -> None:
    assert hashing.canonical_json({"b": [1, "é"], "a": None}) == b'{"a":null,"b":[1,"\\u00e9"]}'
    with pytest.raises(ValueError, match="JSON"):
        hashing.canonical_json({"a": float("nan")})


@pytest.mark.parametrize(
    ("identity", "file"),
    [
        (Identity("", "Service", "shop", "watch"), "service-watch.yaml"),
        (Identity("apps", "Deployment", "shop", "watch"), "deployment.apps-watch.yaml"),
        (Identity("", "Service", "other", "watch"), "service-other-watch.yaml"),
        (Identity("", "Namespace", "", "shop"), "namespace-shop.yaml"),
        (Identity("sedna.io", "Model", "shop", "a.b"), "model.sedna.io-a.b.yaml"),
    ],
)
def test_a_file_is_named_after_its_object(identity: Identity, file: str) -> None:
    assert hashing.file_name(identity, "shop") == file


def test_a_long_file_name_is_cut_and_stays_unique() -> None:
    names = {
        hashing.file_name(Identity("g.io", "Kind", "ns", "n" * 240 + end), "shop") for end in "ab"
    }
    assert len(names) == 2
    assert {len(name) for name in names} == {hashing.FILE_NAME_LIMIT}


def test_a_character_that_a_file_system_treats_specially_is_replaced() -> None:
    role = Identity("rbac.authorization.k8s.io", "ClusterRole", "", "system:a")
    other = Identity("rbac.authorization.k8s.io", "ClusterRole", "", "system_a")
    name = hashing.file_name(role, "shop")
    assert ":" not in name
    assert name != hashing.file_name(other, "shop")


def test_the_id_of_an_object_has_four_parts() -> None:
    assert (
        hashing.object_id(Identity("apps", "Deployment", "shop", "a")) == "Deployment.apps/shop/a"
    )
    assert hashing.object_id(Identity("", "Namespace", "", "shop")) == "Namespace//shop"
