"""The list of Secrets: every way in which an object refers to one, and no value of any."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.model.diagnostics import Span
from compiler.model.manifest import Directory, Object, Origin, Tree, Unit, UnitRole
from compiler.reports.secrets import STORE_KEYS, TLS_KEYS, SecretUse, secrets_of, table

SPAN = Span("specs/jobs.yaml", 1, 1)


def tree(*objects: dict[str, Any], target: str = "shop/prod/hub", subject: str = "jobs.x") -> Tree:
    unit = Unit(target, UnitRole.SITES, "site-1")
    made = []
    for number, data in enumerate(objects):
        whole = {"metadata": {"name": f"o{number}", "namespace": "shop"}, **data}
        made.append(Object(unit, Origin(subject, "", SPAN), whole, "", f"{number}.yaml"))
    return Tree({unit.path: Directory(unit, tuple(made), {})})


def pod(**spec: Any) -> dict[str, Any]:
    containers = spec.pop("containers", [{"name": "a"}])
    inside = {"template": {"spec": {"containers": containers, **spec}}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "spec": inside}


def environment(secret: str, key: str) -> dict[str, Any]:
    value = {"secretKeyRef": {"name": secret, "key": key}}
    return {"name": "a", "env": [{"name": "A", "valueFrom": value}]}


WAYS: dict[str, tuple[dict[str, Any], tuple[str, ...], bool]] = {
    "a variable": (pod(containers=[environment("s", "url")]), ("url",), True),
    "a variable of an init container": (
        pod(initContainers=[environment("s", "url")]), ("url",), True
    ),
    "a mounted secret": (pod(volumes=[{"name": "v", "secret": {"secretName": "s"}}]),
                         STORE_KEYS, False),
    "items of a mounted secret": (
        pod(volumes=[{"name": "v", "secret": {"secretName": "s", "items": [{"key": "k"}]}}]),
        ("k",), False,
    ),
    "an image pull secret": (pod(imagePullSecrets=[{"name": "s"}]), (".dockerconfigjson",), False),
    "an account's pull secret": (
        {"apiVersion": "v1", "kind": "ServiceAccount", "imagePullSecrets": [{"name": "s"}]},
        (".dockerconfigjson",), False,
    ),
    "a certificate": (
        {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
         "spec": {"tls": [{"secretName": "s"}]}},
        TLS_KEYS, False,
    ),
    "a repository's credentials": (
        {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository",
         "spec": {"secretRef": {"name": "s"}}},
        (), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_reference_is_found_with_its_keys_and_the_cost_of_a_rotation(way: str) -> None:
    data, keys, restart = WAYS[way]
    (found,) = secrets_of(tree(data))
    assert found == SecretUse(
        "shop/prod/hub", "shop", "s", tuple(sorted(keys)), ("jobs.x",), restart
    )


def test_one_row_joins_all_uses_of_a_secret_on_a_cluster() -> None:
    (found,) = secrets_of(
        tree(
            pod(containers=[environment("s", "b"), environment("s", "a")]),
            pod(volumes=[{"name": "v", "secret": {"secretName": "s", "items": [{"key": "c"}]}}]),
        )
    )
    assert (found.keys, found.restart) == (("a", "b", "c"), True)


def test_a_secret_of_two_clusters_is_two_rows_in_order() -> None:
    one = tree(pod(containers=[environment("s", "k")]), target="shop/prod/west")
    two = tree(pod(containers=[environment("s", "k")]), target="shop/prod/hub")
    both = secrets_of(Tree({**one.directories, **two.directories}))
    assert [row.cluster for row in both] == ["shop/prod/hub", "shop/prod/west"]


def test_the_table_names_each_cluster_once() -> None:
    rows = secrets_of(tree(pod(containers=[environment("b", "k"), environment("a", "k")])))
    assert table(rows).splitlines() == [
        "shop/prod/hub:",
        "  shop/a  keys: k; for jobs.x; rotation restarts pods",
        "  shop/b  keys: k; for jobs.x; rotation restarts pods",
    ]
    assert table([]) == "no Secret is needed"


def test_an_object_without_references_needs_none() -> None:
    assert secrets_of(tree(pod(), {"apiVersion": "v1", "kind": "ConfigMap", "data": {}})) == []
