"""Immutable fields: what the API server refuses to change, and what it lets through."""

from __future__ import annotations

import copy
import json
from importlib.resources import files
from typing import Any

import pytest

from compiler.model.immutable import IMMUTABLE, violations

Data = dict[str, Any]

ONLY_WHILE_RUNNING = {"kueue.x-k8s.io/Workload"}
"""Kinds whose rules look at status, which no manifest holds."""


def thing(api_version: str, kind: str, **fields: Any) -> Data:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, **fields}


def job(image: str) -> Data:
    return thing("batch/v1", "Job", spec={"template": {"spec": {"containers": [{"image": image}]}}})


def claim(size: str, **spec: Any) -> Data:
    asked = {"resources": {"requests": {"storage": size}}}
    return thing("v1", "PersistentVolumeClaim", spec=asked | spec)


def config(text: str, **fields: Any) -> Data:
    return thing("v1", "ConfigMap", data={"a": text}, **fields)


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        (job("a"), job("b"), "spec.template"),
        (claim("2Gi"), claim("2G"), "spec.resources.requests.storage"),
        (claim("1Gi"), claim("1Gi", storageClassName="fast"), "spec.storageClassName"),
        (claim("1Gi", accessModes=["A"]), claim("1Gi"), "spec.accessModes"),
        (claim("1Gi", storageClassName="fast"), claim("1Gi"), "spec.storageClassName"),
        (config("a", immutable=True), config("b", immutable=True), "data"),
        (config("a", immutable=True), config("a"), "immutable"),
        (
            thing("v1", "Service", spec={"clusterIP": "10.0.0.1"}),
            thing("v1", "Service", spec={"clusterIP": "None"}),
            "spec.clusterIP",
        ),
        (
            thing("trainer.kubeflow.org/v1alpha1", "TrainJob", spec={"runtimeRef": {"name": "a"}}),
            thing("trainer.kubeflow.org/v1alpha1", "TrainJob", spec={"runtimeRef": {"name": "b"}}),
            "spec.runtimeRef",
        ),
    ],
)
def test_a_refused_change_is_named_with_its_path(old: Data, new: Data, path: str) -> None:
    assert [where for where, _ in violations(old, new)] == [path]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (job("a"), job("a")),
        (claim("1Gi"), claim("2Gi")),
        (claim("1Gi"), claim("1024Mi")),
        (config("a"), config("b")),
        (config("a"), config("b", immutable=True)),
        (
            thing("v1", "Service", spec={"clusterIP": "None"}),
            thing("v1", "Service", spec={}),
        ),
        (thing("acme.example.com/v1", "Foo", spec=1), thing("acme.example.com/v1", "Foo", spec=2)),
    ],
)
def test_a_change_that_the_server_takes_is_no_violation(old: Data, new: Data) -> None:
    assert violations(old, new) == []


def test_a_deployment_may_change_everything_but_its_selector() -> None:
    old = thing(
        "apps/v1",
        "Deployment",
        spec={"replicas": 1, "selector": {"matchLabels": {"a": "1"}}, "template": {}},
    )
    new = copy.deepcopy(old)
    new["spec"]["replicas"], new["spec"]["template"] = 3, {"spec": {}}
    assert violations(old, new) == []
    new["spec"]["selector"]["matchLabels"] = {"a": "2"}
    assert [path for path, _ in violations(old, new)] == ["spec.selector"]


def test_entries_of_a_list_are_compared_by_name_and_not_by_position() -> None:
    def job_set(*names: str, after: str = "") -> Data:
        jobs = [{"name": name, "dependsOn": [{"name": after}]} for name in names]
        return thing("jobset.x-k8s.io/v1alpha2", "JobSet", spec={"replicatedJobs": jobs})

    assert violations(job_set("a", "b"), job_set("b", "a")) == []
    changed = violations(job_set("a"), job_set("a", after="b"))
    assert [path for path, _ in changed] == ["spec.replicatedJobs[a].dependsOn"]


def test_every_rule_over_an_older_object_in_the_compact_schemas_has_its_field_here() -> None:
    wanted = set()
    for entry in (files("compiler") / "schemas").iterdir():
        document = json.loads(entry.read_text(encoding="utf-8"))
        for key, kind in document.get("kinds", {}).items():
            group, _, name = key.split("/")
            for path in rules(document["nodes"], kind["schema"], ()):
                wanted.add((group, name, path))
    missing = [
        one
        for one in wanted
        if f"{one[0]}/{one[1]}" not in ONLY_WHILE_RUNNING
        and not any(f.path[: len(one[2])] == one[2] for f in IMMUTABLE.get(one[:2], ()))
    ]
    assert wanted
    assert missing == []


def rules(nodes: list[Data], number: int, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    node = nodes[number]
    found = [path for rule in node.get("rules", ()) if "oldSelf" in rule["rule"]]
    for name, child in node.get("properties", {}).items():
        found += rules(nodes, child, (*path, name))
    if "items" in node:
        found += rules(nodes, node["items"], (*path, "[name]"))
    return found
