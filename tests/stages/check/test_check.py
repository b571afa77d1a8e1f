"""The check of single objects: shape, versions, definitions, names, sizes."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given, settings

from compiler.model.manifest import Object, Origin, Unit, UnitRole
from compiler.stages.check.check import check
from tests.stages.check.objects import (
    TARGET,
    Data,
    cluster,
    config_map,
    container,
    deployment,
    directory,
    facts,
    joint_inference,
    judge,
    lines,
    model,
    obj,
    service,
    site,
    spoilt,
)

LONG_NOTES = {"name": "a", "namespace": "shop", "annotations": {"a": "x" * 262_144}}


def sedna() -> list[Object]:
    return [obj(model()), obj(model("big")), obj(joint_inference())]


def with_version(*versions: str) -> Any:
    return facts(site(), clusters={TARGET: cluster(kubernetes=versions)})


def changed(data: Data, path: str, value: Any) -> Data:
    """A copy of `data` with `value` at a dotted path; numbers index lists."""
    out = copy.deepcopy(data)
    *way, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    at: Any = out
    for part in way:
        at = at[part]
    at[last] = value
    return out


def one(*objects: Object, known: Any = None) -> str:
    found = lines(*objects, known=known)
    assert len(found) == 1, found
    return found[0]


def test_sound_objects_give_no_finding() -> None:
    assert lines(obj(deployment()), obj(service()), obj(config_map()), *sedna()) == []


def test_a_finding_stands_on_the_line_of_the_spec_and_names_the_generated_file() -> None:
    (found,) = judge(obj(changed(deployment(), "spec.replicas", "3"), line=17))
    assert str(found.span) == "jobs.yaml:17:3"
    assert found.message.startswith("shop/default/hub/base/deployment-web.yaml: spec.replicas")


@pytest.mark.parametrize(
    ("path", "value", "code", "words"),
    [
        ("spec.template.spec.containers.0.imagePullPolcy", "Always", "E5010",
         "spec.template.spec.containers[0].imagePullPolcy is not a field of Deployment"),
        ("spec.replicas", "3", "E5011", "must be a whole number, not \"3\""),
        ("metadata.labels.app", 3, "E5011", "must be a text, not 3 | Put it in quotes."),
        ("spec.template.spec.containers.0.imagePullPolicy", "always", "E5013",
         "Always, IfNotPresent, Never, not \"always\" | Did you mean Always?"),
        ("spec.template.spec.containers.0.ports.0.containerPort", 70000, "E5014",
         "the most allowed is 65535"),
        ("spec.template.spec.containers.0.resources.limits.memory", "1GB", "E5014",
         "a quantity such as 500m or 2Gi"),
        ("spec.replicas", -1, "E5014", "the least allowed is 0"),
        ("status", {"replicas": 1}, "E5017", "status is written by the cluster"),
        ("spec.template.spec.dnsPolicy", "ClusterFirstWithHostnet", "E5013",
         "Did you mean ClusterFirstWithHostNet?"),
    ],
)  # fmt: skip
def test_a_fault_of_shape_is_told_in_words(path: str, value: Any, code: str, words: str) -> None:
    found = one(obj(changed(deployment(), path, value)))
    assert found.startswith(code)
    assert words in found


def test_a_missing_required_field_is_named_with_its_path() -> None:
    broken = deployment()
    del broken["spec"]["selector"]
    assert "E5012" in one(obj(broken))
    assert "spec.selector is required and missing" in one(obj(broken))


def test_all_faults_of_an_object_are_reported_in_one_run() -> None:
    broken = changed(changed(deployment(), "spec.replicas", "3"), "spec.oops", 1)
    assert [line[:5] for line in sorted(lines(obj(broken)))] == ["E5010", "E5011"]


def test_labels_in_a_sedna_template_are_an_error_because_the_api_server_prunes_them() -> None:
    broken = changed(
        joint_inference(), "spec.edgeWorker.template.metadata", {"labels": {"app": "x"}}
    )
    found = one(obj(model()), obj(model("big")), obj(broken))
    assert found.startswith("E5010")
    assert "spec.edgeWorker.template.metadata.labels is not a field" in found


def test_a_pod_that_sedna_would_make_later_is_held_against_kubernetes_now() -> None:
    volume = {"name": "x", "hostPath": {"path": "/x", "type": "DirectoryorCreate"}}
    broken = changed(joint_inference(), "spec.edgeWorker.template.spec.volumes", [volume])
    found = one(obj(model()), obj(model("big")), obj(broken))
    assert "Did you mean DirectoryOrCreate?" in found


def test_an_unquoted_number_in_a_sedna_model_is_refused() -> None:
    assert "spec.format must be a text, not 7" in one(obj(model(format=7)))


def test_a_custom_kind_without_definition_is_refused_and_schemas_is_named() -> None:
    found = one(obj({"apiVersion": "acme.example/v1", "kind": "Robot", "metadata": {"name": "r"}}))
    assert found.startswith("E5003")
    assert "schemas:" in found


def test_a_wrong_version_of_a_known_custom_kind_names_the_served_one() -> None:
    assert "serves Model as v1alpha1" in one(obj(model() | {"apiVersion": "sedna.io/v2"}))


def test_a_kind_that_kubernetes_no_longer_serves_names_the_version_that_is_served() -> None:
    budget = {
        "apiVersion": "policy/v1beta1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "x"},
    }
    assert "It serves PodDisruptionBudget of policy/v1." in one(obj(budget))


@pytest.mark.parametrize(("version", "hint"), [("1.99", "install a newer"), ("1.12", "from 1.25")])
def test_a_kubernetes_version_without_definitions_is_refused(version: str, hint: str) -> None:
    found = one(obj(deployment()), known=with_version("1.34", version))
    assert found.startswith("E5001")
    assert f"Kubernetes {version} cannot be checked" in found
    assert hint in found


def test_every_declared_version_is_checked_and_equal_schemas_only_once() -> None:
    known = with_version("1.30", "1.34")
    assert lines(obj(deployment()), known=known) == []
    young = changed(deployment(), "spec.template.spec.resources", {"requests": {"cpu": "1"}})
    assert "Kubernetes 1.30" in one(obj(young), known=known)
    assert lines(obj(young), known=with_version("1.34")) == []


def definition(**properties: Any) -> Data:
    spec = {
        "type": "object",
        "properties": {"arms": {"type": "integer", "minimum": 1}, **properties},
        "required": ["arms"],
        "x-kubernetes-validations": [
            {"rule": "!has(self.legs) || self.legs > self.arms", "message": "more legs than arms"}
        ],
    }
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}},
    }
    names = {"kind": "Robot", "plural": "robots"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "robots.acme.example"},
        "spec": {
            "group": "acme.example",
            "scope": "Cluster",
            "names": names,
            "versions": [version],
        },
    }


def robot(**spec: Any) -> Data:
    return {
        "apiVersion": "acme.example/v1",
        "kind": "Robot",
        "metadata": {"name": "r"},
        "spec": spec,
    }


def test_a_definition_among_the_facts_judges_its_own_objects() -> None:
    known = facts(site(), definitions=(definition(legs={"type": "integer"}),))
    assert lines(obj(robot(arms=2, legs=4)), known=known) == []
    assert "spec.arms is required" in one(obj(robot()), known=known)
    assert "Did you mean arms?" in one(obj(robot(arms=2, armz=2)), known=known)
    broken = one(obj(robot(arms=2, legs=1)), known=known)
    assert broken.startswith("E5016")
    assert "more legs than arms" in broken


def test_a_definition_in_the_checked_tree_is_found_without_being_named() -> None:
    assert lines(obj(definition()), obj(robot(arms=1))) == []


def test_a_definition_that_cannot_be_used_is_an_error_of_its_own() -> None:
    old = definition() | {"apiVersion": "apiextensions.k8s.io/v1beta1"}
    found = one(obj(deployment()), known=facts(site(), definitions=(old,)))
    assert found.startswith("E5004 robots.acme.example is of 'apiextensions.k8s.io/v1beta1'")


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (config_map("Settings"), "E5020", "metadata.name"),
        (service("web.x"), "E5020", "metadata.name"),
        (model() | {"metadata": {"name": "m"}}, "E5024", "metadata.namespace is missing"),
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a", "namespace": "b"}},
         "E5024", "belongs to the whole cluster"),
        (config_map(metadata={"name": "a", "namespace": "shop", "labels": {"a b": "x"}}),
         "E5021", "metadata.labels[\"a b\"]: the key"),
        (config_map(metadata={"name": "a", "namespace": "shop", "labels": {"a": "x" * 64}}),
         "E5021", "metadata.labels.a: the value"),
        (config_map(metadata=LONG_NOTES),
         "E5022", "metadata.annotations has 262,145 bytes"),
        (config_map(data={"a": "x" * 1024 * 1024}), "E5022", "1,048,576 are allowed"),
        (config_map(data={"a/b": "x"}), "E5023", "data[\"a/b\"]"),
        (config_map(binaryData={"a.yaml": "YQ=="}), "E5023", "in data and in binaryData"),
        (config_map(binaryData={"b": "not base64"}), "E5014", "binaryData.b"),
    ],
)  # fmt: skip
def test_names_labels_sizes_and_keys_are_judged(data: Data, code: str, words: str) -> None:
    selected = [obj(deployment(data["metadata"]["name"]))] if data["kind"] == "Service" else []
    found = [line for line in lines(obj(data), *selected) if line.startswith(code)]
    assert found
    assert words in found[0]


def test_a_sedna_service_whose_derived_names_would_be_too_long_is_refused() -> None:
    job = joint_inference("l" * 47)
    assert "46 are allowed because Sedna adds" in one(obj(model()), obj(model("big")), obj(job))


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": 3},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": ["x"]},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "x-"}},
        config_map(data={1: "a"}),
        config_map(data={"a": float("nan")}),
        deployment() | {"spec": {"template": "x", "selector": []}},
        service() | {"spec": [1]},
    ],
)  # fmt: skip
def test_any_rubbish_that_an_author_writes_is_an_error_and_never_a_traceback(data: Data) -> None:
    file = Object(Unit(TARGET, UnitRole.BASE), Origin("objects"), data, "x", "f.yaml")
    assert lines(file)


def every_shape() -> list[Data]:
    """Objects that reach every reader of the check."""
    mounts = [{"name": "v", "configMap": {"name": "settings"}}]
    pod = deployment("web", container(env=[{"name": "A", "value": "b"}]), volumes=mounts)
    stateful = copy.deepcopy(pod) | {"kind": "StatefulSet"}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    stateful["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "d"}, "spec": claim}]
    scaler = service("h") | {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler"}
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler["spec"] = {"maxReplicas": 3, "scaleTargetRef": target}
    budget = service("b") | {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
    budget["spec"] = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    kustomization = service("k") | {"apiVersion": "kustomize.toolkit.fluxcd.io/v1"}
    kustomization["kind"] = "Kustomization"
    source = {"kind": "GitRepository", "name": "g"}
    kustomization["spec"] = {"interval": "1m", "prune": True, "sourceRef": source}
    return [pod, stateful, scaler, budget, kustomization, service(), config_map(), model(),
            joint_inference(), definition()]  # fmt: skip


def test_a_spoilt_object_gives_diagnostics_and_never_a_traceback(campaign: bool) -> None:
    @given(spoilt(every_shape()))
    @settings(max_examples=20_000 if campaign else 200, deadline=None, database=None)
    def survives(data: Data) -> None:
        file = Object(Unit(TARGET, UnitRole.BASE), Origin("objects"), data, "x", "f.yaml")
        lines(file)

    survives()


def test_a_value_that_could_be_a_secret_is_never_shown() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "shop"},
        "data": {"password": "hunter2!"},
    }
    variable = {"name": "DB_URL", "value": {"hunter2!": 1}}
    found = lines(obj(secret), obj(deployment("web", container(env=[variable]))))
    assert len(found) == 2
    assert not any("hunter2" in line for line in found)


def test_a_summary_travels_between_processes() -> None:
    summaries = check([directory(obj(deployment()), obj(service()))], facts(site()))
    assert pickle.loads(pickle.dumps(summaries)) == summaries


def test_a_directory_of_an_unknown_cluster_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError):
        check([directory(obj(deployment()))], facts(site(), clusters={}))
