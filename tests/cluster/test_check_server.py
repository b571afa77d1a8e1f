"""`edgewright check --server` before a real API server: what only it knows lands on spec lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from ryaml import loads, loads_all  # type: ignore[attr-defined]

from tests.cluster import control_plane, prepared
from tests.cluster.api import Api, Json, RefusedError
from tests.cluster.control_plane import ADMINISTRATOR, NOBODY, ControlPlane
from tests.cluster.process import await_true
from tests.commands.running import run
from tests.stages.resolving import SHOP

SPEC = SHOP.replace("gitops: {engine: argocd}", "crds: install, gitops: {engine: flux}").replace(
    'kubernetes: "1.32"', 'kubernetes: "1.34"'
).replace('provides: {kubeedge: "1.23"}, ', "")  # fmt: skip
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane with the engine's namespace and the project's, as after the first apply."""
    running = control_plane.start(tmp_path_factory.mktemp("plane"), prepared.store())
    api = running.api()
    api.apply({**SPACE, "metadata": {"name": "flux-system"}})
    api.apply(SPACE)
    yield running
    running.stop()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write(tmp_path, SPEC)


def write(folder: Path, text: str) -> Path:
    (folder / "specs").mkdir(exist_ok=True)
    (folder / "specs" / "spec.yaml").write_text(text, encoding="utf-8")
    return folder


def check(
    plane: ControlPlane, shop: Path, *options: str, user: str = ADMINISTRATOR
) -> tuple[int, dict[str, Any]]:
    """Exit code and document of a check."""
    config = str(plane.kubeconfig(user))
    words = ("check", "--server", "--kubeconfig", config, "--format", "json", *options)
    result = run(*words, at=shop)
    assert result.stdout, result.output
    return result.exit_code, json.loads(result.stdout)


def told(document: dict[str, Any], code: str) -> list[tuple[str, int]]:
    """Message and line of every finding with a code."""
    found = document["diagnostics"]
    return [(one["message"], one["line"]) for one in found if one["code"] == code]


def state(api: Api) -> dict[str, str]:
    """The version of every object of every kind that the server has."""
    found = {}
    groups = [f"{one['name']}" for one in api.call("GET", "/apis")["groups"]]
    versions = ["v1", *(api.call("GET", f"/apis/{g}")["preferredVersion"]["groupVersion"]
                        for g in groups)]  # fmt: skip
    for version in versions:
        prefix = "/apis/" if "/" in version else "/api/"
        for one in api.call("GET", prefix + version)["resources"]:
            if "/" not in one["name"] and "list" in one["verbs"] and one["name"] != "events":
                for item in api.items(version, one["kind"]):
                    metadata = item["metadata"]
                    key = f"{version} {one['kind']} {metadata.get('namespace')} {metadata['name']}"
                    found[key] = metadata.get("resourceVersion", "")
    return {key: value for key, value in found.items() if "Lease" not in key}


def line_of(text: str, words: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), 1) if words in line)


def removed(api: Api, *objects: Json) -> None:
    for one in objects:
        api.delete(one)


def test_a_good_spec_is_accepted_and_nothing_in_the_cluster_changes(
    plane: ControlPlane, api: Api, shop: Path
) -> None:
    before = state(api)
    assert len(before) > 60
    code, document = check(plane, shop)
    assert code == 0, document
    (cluster,) = document["clusters"]
    assert cluster["objects"] == cluster["judged"] == cluster["accepted"] > 15
    assert not [one for one in document["diagnostics"] if one["code"][1:3] == "81"]
    assert state(api) == before


def test_a_user_who_may_only_do_dry_runs_is_enough(
    plane: ControlPlane, api: Api, shop: Path
) -> None:
    """The role and the policy of the page: whatever were stored would be denied."""
    page = (Path(__file__).parents[2] / "docs" / "check-server.md").read_text(encoding="utf-8")
    given = [one for one in _manifests(page) if one["metadata"]["name"] == "edgewright-check"]
    assert len(given) == 4
    for one in given:
        text = json.dumps(one).replace("fleet-ci", NOBODY)
        api.apply(json.loads(text))
    try:
        probe = {"apiVersion": "v1", "kind": "ConfigMap",
                 "metadata": {"name": "probe", "namespace": "shop"}}  # fmt: skip
        own = plane.api(NOBODY)
        await_true(lambda: _denied(own, probe), 20, "the policy holds")
        code, document = check(plane, shop, user=NOBODY)
        assert code == 0, document
        (cluster,) = document["clusters"]
        assert cluster["accepted"] == cluster["objects"]
    finally:
        removed(api, *given)


def test_a_user_without_a_role_gets_6_and_is_told_what_is_lacking(
    plane: ControlPlane, shop: Path
) -> None:
    code, document = check(plane, shop, user=NOBODY)
    assert code == 6
    ((message, line),) = told(document, "E8006")
    assert "user nobody may not patch" in message
    assert "namespace flux-system" in message
    assert line == line_of(SPEC, "hub:")
    assert document["clusters"][0]["judged"] == 0


def test_what_a_policy_says_lands_on_the_line_of_the_job(
    plane: ControlPlane, api: Api, shop: Path
) -> None:
    policy, binding = _image_policy()
    api.apply(policy)
    api.apply(binding)
    bad = {"apiVersion": "apps/v1", "kind": "Deployment",
           "metadata": {"name": "probe", "namespace": "shop"},
           "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
               "metadata": {"labels": {"a": "b"}},
               "spec": {"containers": [{"name": "a", "image": "r.example.com/x"}]}}}}  # fmt: skip
    try:
        await_true(lambda: _denied(api, bad), 20, "the policy holds")
        code, document = check(plane, shop)
        assert code == 3
        found = told(document, "E8103")
        assert {line for _, line in found} == {line_of(SPEC, "kind: serve")}
        assert all("images come from ours" in message for message, _ in found)
    finally:
        removed(api, policy, binding)
        # A deleted policy is asked for a while longer, and would speak in the next test.
        await_true(lambda: not _denied(api, bad), 20, "the policy is forgotten")


def test_a_limit_on_pods_is_found_although_the_deployment_itself_would_be_taken(
    plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    limits = {"apiVersion": "v1", "kind": "LimitRange",
              "metadata": {"name": "small", "namespace": "shop"},
              "spec": {"limits": [{"type": "Container", "max": {"memory": "1Gi"}}]}}  # fmt: skip
    text = SPEC.replace("server: ovms,", "server: ovms, resources: {limits: {memory: 2Gi}},")
    shop = write(tmp_path, text)
    assert check(plane, shop)[0] == 0
    api.apply(limits)
    try:
        code, document = check(plane, shop)
    finally:
        removed(api, limits)
    assert code == 3
    found = told(document, "E8103")
    assert {line for _, line in found} == {line_of(text, "kind: serve")}
    assert "its pods: maximum memory usage per Container is 1Gi, but limit is 2Gi" in found[0][0]


def test_pod_security_is_asked_for_the_pods(plane: ControlPlane, api: Api, shop: Path) -> None:
    """The namespace of the compile says privileged itself; another one says what it says."""
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    other = {**SPACE, "metadata": {"name": "strict", "labels": label}}
    api.apply(other)
    text = SPEC.replace("project: {name: shop}", "project: {name: shop, namespace: absent}")
    code, document = check(plane, write(shop, text), "--stand-in", "strict")
    assert code == 3
    assert any("violates PodSecurity" in message for message, _ in told(document, "E8103"))


def test_a_full_quota_is_a_warning_and_one_too_small_an_error(
    plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    shop = write(tmp_path, SPEC)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "few", "namespace": "shop"},
    }
    try:
        for hard, expected in (("7", 0), ("0", 3)):
            api.apply({**quota, "spec": {"hard": {"pods": hard}}})
            # What a controller would count.
            counted = {"hard": {"pods": hard}, "used": {"pods": hard}}
            api.merge(quota, {"status": counted}, "status")
            await_true(partial(_quota_holds, api, hard), 20, "the quota holds")
            code, document = check(plane, shop)
            assert code == expected, document
            sort = "E8103" if expected else "W8112"
            assert any("exceeded quota: few" in message for message, _ in told(document, sort))
    finally:
        removed(api, quota)


def test_a_live_field_that_may_not_change_is_an_error_on_the_line_of_the_job(
    plane: ControlPlane, api: Api, shop: Path
) -> None:
    assert run("compile", "--no-cache", at=shop).exit_code == 0
    (file,) = (shop / "generated/shop/default/hub/sites/north-1").glob("deployment.apps-*.yaml")
    live = loads(file.read_text(encoding="utf-8"))
    live["spec"]["selector"]["matchLabels"]["older"] = "yes"
    live["spec"]["template"]["metadata"]["labels"]["older"] = "yes"
    live["spec"]["progressDeadlineSeconds"] = 4321
    api.apply(live, manager="somebody")
    try:
        code, document = check(plane, shop)
    finally:
        removed(api, live)
    assert code == 1
    ((message, line),) = told(document, "E8102")
    assert "spec.selector: the live object has another value" in message
    assert line == line_of(SPEC, "kind: serve")


def test_another_owner_is_a_warning_that_names_the_owner(
    plane: ControlPlane, api: Api, shop: Path
) -> None:
    assert run("compile", "--no-cache", at=shop).exit_code == 0
    (file,) = (shop / "generated/shop/default/hub/bootstrap").glob("namespace-*.yaml")
    live = loads(file.read_text(encoding="utf-8"))
    key = next(iter(live["metadata"]["labels"]))
    live["metadata"]["labels"][key] = "other"
    api.apply(live, manager="somebody")
    code, document = check(plane, shop)
    api.apply({**SPACE, "metadata": {"name": "shop"}}, manager="somebody")
    assert code == 0
    ((message, _),) = told(document, "W8111")
    assert message.endswith("owned by somebody")
    assert f"metadata.labels.{key}" in message


def test_a_kind_that_nothing_installs_is_an_error_and_one_of_this_compile_a_note(
    plane: ControlPlane, api: Api, tmp_path: Path
) -> None:
    name = "inferencemodels.edgewright.io"
    definition = api.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name)
    api.delete(definition)
    await_true(lambda: not _serves(api, "InferenceModel"), 30, "the kind is gone")
    try:
        code, document = check(plane, write(tmp_path, SPEC))
        assert code == 0
        ((note, _),) = told(document, "N8121")
        assert "InferenceModel" in note
        assert document["clusters"][0]["judged"] < document["clusters"][0]["objects"]
        code, document = check(plane, write(tmp_path, SPEC.replace("crds: install, ", "")))
        assert code == 1
        assert any("does not serve InferenceModel" in text for text, _ in told(document, "E8104"))
    finally:
        kept = {key: definition[key] for key in ("apiVersion", "kind", "spec")}
        control_plane.define(api, [{**kept, "metadata": {"name": name}}])


def test_a_namespace_that_does_not_exist_yet_is_told_and_a_stand_in_judges(
    plane: ControlPlane, tmp_path: Path
) -> None:
    text = SPEC.replace("project: {name: shop}", "project: {name: shop, namespace: absent}")
    shop = write(tmp_path, text)
    code, document = check(plane, shop)
    assert code == 0
    ((note, _),) = told(document, "N8120")
    assert "namespace absent does not exist yet" in note
    (cluster,) = document["clusters"]
    assert 0 < cluster["judged"] < cluster["objects"]
    code, document = check(plane, shop, "--stand-in", "default")
    assert code == 0
    (cluster,) = document["clusters"]
    assert cluster["accepted"] == cluster["objects"]


def test_another_version_than_the_spec_says_is_a_warning(
    plane: ControlPlane, tmp_path: Path
) -> None:
    shop = write(tmp_path, SPEC.replace('kubernetes: "1.34"', 'kubernetes: "1.33"'))
    code, document = check(plane, shop, "--only", "north-1")
    assert code == 0
    ((message, line),) = told(document, "W8113")
    assert message == "hub runs Kubernetes 1.34, and the spec says 1.33"
    assert line == line_of(SPEC, "hub:")


def _manifests(page: str) -> list[dict[str, Any]]:
    blocks = page.split("```yaml\n")[1:]
    return [one for block in blocks for one in loads_all(block.split("```")[0]) if one.get("kind")]


def _denied(api: Api, probe: Json) -> bool:
    try:
        api.apply(probe, force=True)
    except RefusedError as refused:
        return "denied request" in str(refused)
    return False


def _quota_holds(api: Api, limit: str) -> bool:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "shop"},
        "spec": {"containers": [{"name": "a", "image": "a"}]},
    }
    try:
        api.apply(pod, dry_run=True)
    except RefusedError as refused:
        return f"limited: pods={limit}" in str(refused)
    return False


def _serves(api: Api, kind: str) -> bool:
    listed = api.call("GET", "/apis/edgewright.io/v1alpha1")["resources"]
    return kind in {one["kind"] for one in listed}


def _image_policy() -> tuple[dict[str, Any], dict[str, Any]]:
    group = "admissionregistration.k8s.io/v1"
    rule = {"apiGroups": ["apps"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
            "resources": ["deployments"]}  # fmt: skip
    words = "object.spec.template.spec.containers.all(c, c.image.startsWith('ours.example.com/'))"
    policy = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "images"},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": words, "message": "images come from ours"}],
        },
    }
    binding = {
        "apiVersion": group,
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "images"},
        "spec": {"policyName": "images", "validationActions": ["Deny"]},
    }
    return policy, binding
