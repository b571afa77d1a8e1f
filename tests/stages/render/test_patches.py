"""Strategic merge: what Kubernetes' own merge would make, and refusals where it would not fit."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from compiler.model import emit
from compiler.model.codes import render as codes
from compiler.model.diagnostics import Code, Diagnostics, Span
from compiler.model.source import parse
from compiler.stages.render.patches import PatchError, PatchRule, apply, report_unused

KUBECTL = Path(sys.executable).with_name("kubectl")

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "d", "labels": {"a": "1", "b": "2"}, "finalizers": ["x/a", "x/b"]},
    "spec": {
        "replicas": 1,
        "template": {
            "spec": {
                "containers": [
                    {
                        "name": "main",
                        "image": "a",
                        "args": ["1", "2"],
                        "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
                        "ports": [{"containerPort": 80, "name": "http"}],
                        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
                    },
                    {"name": "side", "image": "b"},
                ],
                "initContainers": [{"name": "init", "image": "i"}],
                "volumes": [
                    {"name": "v", "hostPath": {"path": "/x"}},
                    {"name": "w", "emptyDir": {}},
                ],
                "tolerations": [{"key": "a", "operator": "Exists"}],
                "imagePullSecrets": [{"name": "s"}],
            }
        },
    },
}
SERVICE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "s"},
    "spec": {"ports": [{"name": "a", "port": 80, "targetPort": 8080}], "selector": {"a": "b"}},
}
CUSTOM: dict[str, Any] = {
    "apiVersion": "sedna.io/v1alpha1",
    "kind": "JointInferenceService",
    "metadata": {"name": "j"},
    "spec": {"template": {"spec": {"containers": [{"name": "a", "image": "x"}]}}},
}


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def main(**container: Any) -> dict[str, Any]:
    return pod(containers=[{"name": "main", **container}])


ACCEPTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (DEPLOYMENT, {}),
    (DEPLOYMENT, {"spec": {"replicas": 3}}),
    (DEPLOYMENT, {"metadata": {"labels": {"a": None, "c": "3"}}}),
    (DEPLOYMENT, {"metadata": {"annotations": {"x": "y", "gone": None}}}),
    (DEPLOYMENT, {"metadata": {"labels": {"$patch": "replace", "only": "1"}}}),
    (DEPLOYMENT, {"metadata": {"finalizers": ["x/b", "x/c"]}}),
    (DEPLOYMENT, {"metadata": {"$deleteFromPrimitiveList/finalizers": ["x/a"]}}),
    (DEPLOYMENT, main(image="new", args=["3"])),
    (DEPLOYMENT, main(env=[{"name": "B", "value": "9"}, {"name": "C", "value": "3"}])),
    (DEPLOYMENT, main(env=[{"name": "A", "$patch": "delete"}])),
    (DEPLOYMENT, main(env=[{"$patch": "replace"}, {"name": "Z", "value": "0"}])),
    (DEPLOYMENT, main(ports=[{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81}])),
    (DEPLOYMENT, main(volumeMounts=[{"mountPath": "/v", "readOnly": True, "name": "v"}])),
    (DEPLOYMENT, main(resources={"limits": {"cpu": "1"}})),
    (DEPLOYMENT, pod(containers=[{"name": "third", "image": "c"}])),
    (DEPLOYMENT, pod(containers=[{"name": "side", "$patch": "delete"}])),
    (DEPLOYMENT, pod(initContainers=[{"name": "init", "image": "j"}])),
    (DEPLOYMENT, pod(volumes=[{"name": "v", "hostPath": {"type": "Directory"}}])),
    (DEPLOYMENT, pod(volumes=[{"name": "v", "hostPath": None, "emptyDir": {}}])),
    (DEPLOYMENT, pod(volumes=[{"name": "v", "$retainKeys": ["name", "emptyDir"], "emptyDir": {}}])),
    (DEPLOYMENT, pod(tolerations=[{"key": "b", "operator": "Exists"}])),
    (DEPLOYMENT, pod(imagePullSecrets=[{"name": "t"}])),
    (DEPLOYMENT, pod(nodeSelector={"a": "b"}, hostNetwork=True)),
    (DEPLOYMENT, pod(containers=[{"name": "z", "image": "c"}, {"name": "side", "image": "d"}])),
    (DEPLOYMENT, pod(containers=[{"name": "side", "image": "d"}, {"name": "main", "image": "e"}])),
    (DEPLOYMENT, main(env=[{"name": "Z", "value": "9"}, {"name": "A", "value": "3"}])),
    (DEPLOYMENT, {"metadata": {"finalizers": ["x/c", "x/b", "x/d"]}}),
    (SERVICE, {"spec": {"ports": [{"port": 80, "nodePort": 30080}, {"port": 81, "name": "b"}]}}),
    (SERVICE, {"spec": {"selector": None}}),
]


def merged(data: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    return apply(PatchRule("watch", data["kind"], patch), data)


@pytest.mark.parametrize(("data", "patch"), ACCEPTED)
def test_a_patch_makes_what_kubectl_makes(
    tmp_path: Path, data: dict[str, Any], patch: dict[str, Any]
) -> None:
    wanted = patched_by_kubectl(tmp_path, data, patch)
    # The second, empty patch gives ours the empty fields that kubectl writes of typed objects.
    found = patched_by_kubectl(tmp_path, merged(data, patch), {})
    assert json.dumps(found) == json.dumps(wanted)


def patched_by_kubectl(path: Path, data: dict[str, Any], patch: dict[str, Any]) -> Any:
    file = path / "object.yaml"
    file.write_text(emit.dump(data))
    command = ["patch", "--local", "-o", "json", "--type", "strategic", "-p", json.dumps(patch)]
    done = subprocess.run(
        [KUBECTL, *command, "-f", file], capture_output=True, check=True, encoding="utf-8"
    )
    return json.loads(done.stdout)


def test_a_list_of_a_custom_resource_is_replaced() -> None:
    found = merged(CUSTOM, pod(containers=[{"name": "b", "image": "y", "args": None}]))
    assert found["spec"]["template"]["spec"]["containers"] == [{"name": "b", "image": "y"}]


@pytest.mark.parametrize(("data", "patch"), ACCEPTED)
def test_a_patch_never_changes_its_input(data: dict[str, Any], patch: dict[str, Any]) -> None:
    before = copy.deepcopy((data, patch))
    merged(data, patch)
    assert (data, patch) == before


REFUSED: list[tuple[dict[str, Any], dict[str, Any], Code, str]] = [
    (DEPLOYMENT, {"metadata": {"name": "other"}}, codes.PATCH_IDENTITY, "metadata.name"),
    (DEPLOYMENT, {"metadata": {"namespace": "x"}}, codes.PATCH_IDENTITY, "metadata.namespace"),
    (DEPLOYMENT, {"apiVersion": None}, codes.PATCH_IDENTITY, "apiVersion"),
    (DEPLOYMENT, {"$patch": "delete"}, codes.PATCH_IDENTITY, "apiVersion"),
    (DEPLOYMENT, {"spec": {"$patch": "remove"}}, codes.PATCH_DIRECTIVE, "remove"),
    (DEPLOYMENT, {"spec": {"$setElementOrder/x": []}}, codes.PATCH_DIRECTIVE, "$setElementOrder/x"),
    (DEPLOYMENT, {"spec": {"$retainKeys": "a"}}, codes.PATCH_DIRECTIVE, "takes a list"),
    (
        CUSTOM,
        pod(containers=[{"name": "a", "$patch": "delete"}]),
        codes.PATCH_DIRECTIVE,
        "not merge",
    ),
    (DEPLOYMENT, pod(containers=[{"image": "a"}]), codes.PATCH_SHAPE, "has no name"),
    (DEPLOYMENT, pod(containers=[{"name": ["a"]}]), codes.PATCH_SHAPE, "has no name"),
    (DEPLOYMENT, pod(containers=["a"]), codes.PATCH_SHAPE, "has no name"),
    (
        DEPLOYMENT,
        pod(containers={"name": "a"}),
        codes.PATCH_SHAPE,
        "a mapping at spec.template.spec",
    ),
    (DEPLOYMENT, {"spec": {"replicas": [1]}}, codes.PATCH_SHAPE, "the value 1"),
    (DEPLOYMENT, {"spec": "x"}, codes.PATCH_SHAPE, "a single value at spec"),
]


@pytest.mark.parametrize(("data", "patch", "code", "words"), REFUSED)
def test_a_patch_that_does_not_fit_is_refused(
    data: dict[str, Any], patch: dict[str, Any], code: Code, words: str
) -> None:
    with pytest.raises(PatchError) as caught:
        merged(data, patch)
    assert caught.value.code is code
    assert words in str(caught.value)


def test_a_refusal_points_into_the_patch() -> None:
    text = "spec:\n  replicas: 2\n  template:\n    spec: 7\n"
    (document,) = parse("patch.yaml", text, Diagnostics())
    rule = PatchRule("watch", "Deployment", document.data, Span("jobs.yaml", 1, 1))
    with pytest.raises(PatchError) as caught:
        apply(rule, DEPLOYMENT)
    assert caught.value.span(rule) == Span("patch.yaml", 4, 11)


def test_a_patch_that_no_object_matches_is_an_error_with_the_kinds_there_are() -> None:
    diagnostics = Diagnostics()
    rules = [
        PatchRule("watch", "Deploymnt", {}, Span("jobs.yaml", 1, 1)),
        PatchRule("watch", "Service", {}),
        PatchRule("other", "Service", {}, Span("jobs.yaml", 2, 1)),
    ]
    kinds = {"jobs.watch": frozenset({"Deployment", "Service"})}
    report_unused(rules, kinds, diagnostics)
    first, second = diagnostics.in_order()
    assert first.code is second.code is codes.PATCH_UNUSED
    assert "it has Deployment, Service" in first.message
    assert first.hint == "Did you mean Deployment?"
    assert "it has no objects" in second.message
