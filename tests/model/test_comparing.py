from __future__ import annotations

import copy
from typing import Any

import pytest

from compiler.model.comparing import first_difference

WANTED: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "one", "namespace": "shop", "labels": {"a": "b"}},
    "spec": {
        "replicas": 0,
        "template": {
            "spec": {
                "containers": [
                    {"name": "worker", "image": "i:1", "resources": {"limits": {"cpu": "0.5"}}},
                    {"name": "other", "image": "i:2", "args": []},
                ],
                "volumes": [{"name": "v", "emptyDir": {"sizeLimit": "1024Mi"}}],
            }
        },
    },
}


def live() -> dict[str, Any]:
    """The object as a server would have it."""
    made = copy.deepcopy(WANTED)
    made["metadata"] |= {"uid": "1", "labels": {"a": "b", "engine": "x"}, "resourceVersion": "7"}
    made["status"] = {"replicas": 0}
    pod = made["spec"]["template"]["spec"]
    pod["schedulerName"] = "default-scheduler"
    pod["containers"].reverse()
    del pod["containers"][0]["args"]
    pod["containers"][1]["resources"]["limits"]["cpu"] = "500m"
    pod["volumes"][0]["emptyDir"]["sizeLimit"] = "1Gi"
    return made


def test_what_a_server_adds_and_how_it_writes_quantities_is_no_difference() -> None:
    assert first_difference(WANTED, live()) == ""


def at(made: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = made["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda o: at(o)["containers"][1].update(image="i:9"),
         "spec.template.spec.containers[worker].image"),
        (lambda o: at(o)["containers"].pop(), "spec.template.spec.containers"),
        (lambda o: at(o)["containers"].append({"name": "more"}), "spec.template.spec.containers"),
        (lambda o: at(o)["containers"][1]["resources"]["limits"].update(cpu="501m"),
         "spec.template.spec.containers[worker].resources.limits.cpu"),
        (lambda o: o["metadata"]["labels"].update(a="c"), "metadata.labels.a"),
        (lambda o: o["spec"].update(replicas=1), "spec.replicas"),
        (lambda o: o.pop("spec"), "spec"),
    ],
)  # fmt: skip
def test_a_difference_is_named_by_its_path(change: Any, path: str) -> None:
    made = live()
    change(made)
    assert first_difference(WANTED, made) == path


def test_only_quantities_are_read_as_such() -> None:
    wanted = {"metadata": {}, "data": {"size": "1024Mi"}}
    assert first_difference(wanted, {"data": {"size": "1Gi"}}) == "data.size"


def test_an_absent_value_is_not_a_false_one_that_somebody_set() -> None:
    wanted = {"metadata": {}, "spec": {"force": False}}
    assert first_difference(wanted, {"spec": {}}) == ""
    assert first_difference(wanted, {"spec": {"force": True}}) == "spec.force"


def test_a_selector_is_compared_whole() -> None:
    wanted = {"spec": {"selector": {"matchLabels": {"app": "a"}}, "template": {}}}
    live = {"spec": {"selector": {"matchLabels": {"app": "a", "tier": "x"}}, "template": {"a": 1}}}
    assert first_difference(wanted, live) == "spec.selector.matchLabels.tier"
    live["spec"]["selector"] = {"matchLabels": {"app": "a"}, "matchExpressions": []}
    assert first_difference(wanted, live) == ""
    service = {"spec": {"selector": {"app": "a"}}}
    more = {"spec": {"selector": {"app": "a", "tier": "x"}}}
    assert first_difference(service, more) == "spec.selector.tier"
