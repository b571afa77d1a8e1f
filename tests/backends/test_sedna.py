"""What Sedna gets, against its own published helmet detection examples (v0.7.0)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compiler.backends.sedna import BACKEND, pods
from compiler.model import plan
from compiler.model.codes import plan as codes
from compiler.model.fleet import Gitops, Network, Registry
from compiler.model.inputs import Slot
from compiler.model.manifest import Naming, Reference
from compiler.model.member import Member, Place
from compiler.model.names import is_dns_label, with_suffix
from compiler.model.worker import (
    Accelerator,
    ConfigFile,
    ContainerPort,
    Device,
    EnvironmentVariable,
    User,
    Volume,
)
from tests.backends.rendered import directories, judge, render_all
from tests.backends.sedna_cases import (
    HUB,
    LITTLE_WORKER,
    artifact,
    cascade,
    context,
    loop,
    site,
)
from tests.backends.sedna_published import incremental_learning, joint_inference

Spec = dict[str, Any]


def emitted(node: plan.Node, **changes: Any) -> dict[str, Spec]:
    """Objects by kind; of several of a kind, by kind and the end of what they hold."""
    found: dict[str, Spec] = {}
    for data in render_all(BACKEND.emit(node, context(**changes))):
        kind = data["kind"]
        if kind in ("Model", "Dataset"):
            kind += " " + data["spec"]["url"]
        found[kind] = data
    return found


# The published objects, as facts.


def named(node: plan.Node, kind: str) -> dict[str, Spec]:
    """The `spec` of every object of a kind, by name."""
    made = render_all(BACKEND.emit(node, context()))
    return {data["metadata"]["name"]: data["spec"] for data in made if data["kind"] == kind}


def test_the_joint_inference_equals_the_published_one_in_meaning() -> None:
    (service,) = named(cascade(), "JointInferenceService").values()
    joint_inference(service, named(cascade(), "Model"))


def test_the_incremental_loop_equals_the_published_one_but_for_its_faults() -> None:
    (job,) = named(loop(), "IncrementalLearningJob").values()
    incremental_learning(job, named(loop(), "Model"), named(loop(), "Dataset"))


# What every object of Sedna's must be.


def rich() -> plan.Cascade:
    """A cascade whose edge worker uses every word of the vocabulary that Sedna takes."""
    edge = cascade().edges[0]
    worker = dataclasses.replace(
        LITTLE_WORKER,
        user=User(),
        files=(ConfigFile("/etc/app/app.yaml", "a: 1\n"), ConfigFile("/etc/app/b.yaml", "b\n")),
        params={"epochs": 10},
        env=(EnvironmentVariable("URL", secret="camera", key="url"),),
        devices=(Device("/dev/video0", "smarter-devices/video0"),),
        accelerator=Accelerator("orin", 1, "nvidia.com/gpu", "nvidia"),
        ports=(ContainerPort("http", 8080),),
        volumes=(Volume("/dev/shm", "memory", size="1Gi"),),
        command=("python3",),
    )
    return cascade(edges=(dataclasses.replace(edge, worker=worker),))


@pytest.mark.parametrize("node", [cascade(), loop(), rich()], ids=["cascade", "loop", "rich"])
def test_every_object_satisfies_sednas_own_schema_and_loses_nothing_to_pruning(
    node: plan.Node,
) -> None:
    found = [
        data for data in render_all(BACKEND.emit(node, context())) if data["kind"] != "ConfigMap"
    ]
    assert found
    for data in found:
        assert judge(data, "sedna") == [], data["kind"]


def test_metadata_in_a_pod_template_would_be_seen() -> None:
    data = emitted(cascade())["JointInferenceService"]
    data["spec"]["edgeWorker"]["template"]["metadata"] = {"labels": {"a": "b"}}
    assert len(judge(data, "sedna")) == 1


def test_models_and_datasets_lie_in_inputs_and_loops_with_their_site() -> None:
    units = {d.template: d.unit.path for d in BACKEND.emit(loop(), context())}
    assert units == {
        "sedna/model.yaml.j2": "helmets/default/hub/inputs/improve",
        "sedna/dataset.yaml.j2": "helmets/default/hub/inputs/improve",
        "sedna/incrementallearningjob.yaml.j2": "helmets/default/hub/sites/yard",
    }
    units = {d.template: d.unit.path for d in BACKEND.emit(cascade(), context())}
    assert units["sedna/jointinferenceservice.yaml.j2"] == "helmets/default/hub/jobs/watch-helmets"


@pytest.mark.parametrize(
    ("engine", "wanted"), [("argocd", {"argocd.argoproj.io/sync-wave": "-1"}), ("flux", None)]
)
def test_argo_cd_gets_inputs_in_a_wave_before_the_job(engine: Any, wanted: Any) -> None:
    cluster = dataclasses.replace(HUB, gitops=Gitops(engine))
    found = emitted(cascade(), cluster=cluster)
    waves = {name: data["metadata"].get("annotations") for name, data in found.items()}
    assert waves.pop("JointInferenceService") is None
    assert all(wave == wanted for wave in waves.values())


def test_a_models_name_changes_with_what_it_says_and_only_then() -> None:
    def name(**changes: Any) -> str:
        slot = Slot("deploy", dataclasses.replace(loop().deploy.location, **changes), "w", "pb")  # type: ignore[union-attr]
        found = emitted(loop(deploy=slot))
        return str(found["IncrementalLearningJob"]["spec"]["deploySpec"]["model"]["name"])

    assert name() == name()
    assert name(url="host:/models/other.pb") != name()


def test_what_several_sites_share_names_none_of_them() -> None:
    *models, service = BACKEND.emit(cascade(), context())
    assert {draft.origin.site for draft in models} == {""}
    assert not any("edgewright.io/site" in draft.values["labels"] for draft in models)
    assert service.origin.site == service.values["labels"]["edgewright.io/site"] == "yard"


def test_a_loops_name_is_its_content() -> None:
    job = emitted(loop())["IncrementalLearningJob"]["metadata"]["name"]
    again = emitted(loop())["IncrementalLearningJob"]["metadata"]["name"]
    later = emitted(loop(trigger=plan.Trigger(new_samples=9)))["IncrementalLearningJob"]
    assert job == again
    assert job.startswith("improve-yard-")
    assert later["metadata"]["name"] != job


def test_a_directory_is_one_file_for_each_object_with_the_job_in_its_header() -> None:
    (inputs, site_) = directories(BACKEND.emit(loop(), context()))
    assert len(inputs.objects) == 3
    assert site_.objects[0].text.startswith("# edgewright: jobs.improve @ yard, do not edit\n")
    assert 'start: "02:00"' in site_.objects[0].text


def test_other_bytes_at_the_same_address_are_another_model() -> None:
    def name(sha256: str) -> str:
        model = artifact("s3://vision/big.pb", sha256=sha256)
        found = emitted(cascade(cloud=with_model(cascade().cloud, model)))
        return str(found["Model s3://vision/big.pb"]["metadata"]["name"])

    assert name("ab" * 32) == name("ab" * 32)
    assert name("ab" * 32) != name("cd" * 32)


def test_two_loops_of_one_job_share_no_object() -> None:
    other = loop(name="improve-dock", infer=dataclasses.replace(loop().infer, place=DOCK))
    sites = (site("yard", "edge", "edge-node"), site("dock", "edge", "dock-node"))
    names = [
        draft.values["name"]
        for node in (loop(), other)
        for draft in BACKEND.emit(node, context(*sites))
    ]
    assert len(names) == len(set(names)) == 8


DOCK = Place("hub", "dock", "edge")


def test_a_loop_is_a_new_object_when_it_changes_and_a_service_is_not() -> None:
    (job,) = (d for d in BACKEND.emit(loop(), context()) if "incremental" in d.template)
    assert job.naming is Naming.CONTENT
    (service,) = (d for d in BACKEND.emit(cascade(), context()) if "joint" in d.template)
    assert service.naming is Naming.FIXED


def test_names_leave_room_for_what_sedna_appends() -> None:
    long = "a-job-with-a-name-that-goes-on-and-on-until-the-limit-is-hit"
    service = list(BACKEND.emit(cascade(name=long), context()))
    job = list(BACKEND.emit(loop(name=long), context()))
    assert all(is_dns_label(draft.values["name"]) for draft in (*service, *job))
    assert len(service[-1].values["name"] + "-deployment-cloud") <= 63
    assert len(with_suffix(job[-1].values["name"], "0" * 8) + "-inference-abcde") <= 63


def test_every_edge_has_its_own_service_and_the_models_are_shared() -> None:
    edge = cascade().edges[0]
    sites = [site("cloud", "cloud", "cloud-node")]
    edges = []
    for number in range(3):
        sites.append(site(f"yard-{number}", "edge", f"node-{number}"))
        place = Place("hub", f"yard-{number}", "edge")
        edges.append(dataclasses.replace(edge, place=place))
    node = cascade(edges=tuple(edges))
    drafts = list(BACKEND.emit(node, context(*sites)))
    assert [d.values["name"] for d in drafts if "joint" in d.template] == [
        f"watch-helmets-yard-{number}" for number in range(3)
    ]
    assert len([d for d in drafts if "model" in d.template]) == 2
    assert pods(node, node.cloud) == 3
    assert pods(node, node.edges[0]) == 1


def test_inputs_come_first_and_their_names_are_those_that_jobs_use() -> None:
    drafts = list(BACKEND.emit(loop(), context()))
    assert [d.unit.role for d in drafts] == sorted(d.unit.role for d in drafts)
    assert drafts[-1].template.startswith("sedna/incremental")


# Pods.


def pod(node: plan.Cascade, side: str = "edgeWorker", **changes: Any) -> Spec:
    found = emitted(node, **changes)["JointInferenceService"]["spec"][side]["template"]["spec"]
    return dict(found)


def test_an_edge_pod_keeps_to_the_edge_stays_when_cut_off_and_has_no_token() -> None:
    made = pod(cascade())
    assert made["automountServiceAccountToken"] is False
    assert made["enableServiceLinks"] is False
    assert _expressions(made) == [{"key": "node-role.kubernetes.io/edge", "operator": "Exists"}]
    assert {t["key"] for t in made["tolerations"]} == {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    }


def test_a_cloud_pod_keeps_off_the_edge() -> None:
    made = pod(cascade(), "cloudWorker")
    expected = [{"key": "node-role.kubernetes.io/edge", "operator": "DoesNotExist"}]
    assert _expressions(made) == expected
    assert "tolerations" not in made


def test_a_cloud_of_several_hosts_is_chosen_by_the_scheduler() -> None:
    sites = (
        site("cloud", "cloud", "a", "b", node_selector={"pool": "gpu"}),
        site("yard", "edge", "edge-node"),
    )
    data = render_all(BACKEND.emit(cascade(), context(*sites)))[-1]
    made = data["spec"]["cloudWorker"]["template"]["spec"]
    assert "nodeName" not in made
    assert made["nodeSelector"] == {"pool": "gpu"}
    assert {"key": "kubernetes.io/hostname", "operator": "In", "values": ["a", "b"]} in (
        _expressions(made)
    )


def _expressions(made: Spec) -> list[Any]:
    required = made["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return list(required["nodeSelectorTerms"][0]["matchExpressions"])


def test_a_loops_pods_resolve_service_names_on_the_hosts_network() -> None:
    spec = emitted(loop())["IncrementalLearningJob"]["spec"]
    for part in ("trainSpec", "evalSpec", "deploySpec"):
        made = spec[part]["template"]["spec"]
        assert made["hostNetwork"] is True
        assert made["dnsPolicy"] == "ClusterFirstWithHostNet"
    assert "hostNetwork" not in pod(cascade())


def test_every_word_of_the_worker_reaches_the_pod() -> None:
    found = emitted(rich())
    made = found["JointInferenceService"]["spec"]["edgeWorker"]["template"]["spec"]
    (container,) = made["containers"]
    assert container["command"] == ["python3"]
    assert container["env"] == [
        {"name": "URL", "valueFrom": {"secretKeyRef": {"name": "camera", "key": "url"}}}
    ]
    assert container["ports"] == [{"name": "http", "containerPort": 8080, "protocol": "TCP"}]
    assert container["resources"]["limits"] == {
        "memory": "2Gi",
        "smarter-devices/video0": "1",
        "nvidia.com/gpu": "1",
    }
    assert made["runtimeClassName"] == "nvidia"
    assert container["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    paths = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert paths == {"/dev/shm", "/tmp", "/etc/app", "/edgewright"}
    config = found["ConfigMap"]
    assert config["immutable"] is True
    assert sorted(config["data"].values()) == ["a: 1\n", "b\n", '{\n  "epochs": 10\n}\n']


def test_a_workers_texts_are_mounted_by_the_final_name_of_their_config_map() -> None:
    drafts = list(BACKEND.emit(rich(), context()))
    (config,) = (d for d in drafts if d.template == "sedna/configmap.yaml.j2")
    assert config.naming is Naming.CONTENT
    values = drafts[-1].values["edge"]["pod"]["volumes"]
    used = {v["configMap"]["name"] for v in values if "configMap" in v}
    assert used == {Reference(config.key)}
    keys = {i["key"] for v in values if "configMap" in v for i in v["configMap"]["items"]}
    assert keys == set(config.values["data"])
    assert config.unit == drafts[-1].unit


def test_a_device_without_a_resource_makes_the_container_privileged() -> None:
    edge = cascade().edges[0]
    worker = dataclasses.replace(edge.worker, devices=(Device("/dev/video0"),))
    made = pod(cascade(edges=(dataclasses.replace(edge, worker=worker),)))
    assert made["containers"][0]["securityContext"]["privileged"] is True
    assert {"hostPath": {"path": "/dev/video0", "type": "CharDevice"}, "name": "device-0"} in (
        made["volumes"]
    )


def test_images_come_by_digest_and_from_the_sites_mirror_with_its_secret() -> None:
    image = LITTLE_WORKER.image
    pinned = f"{image}@sha256:{'1' * 64}"
    rule = Registry("docker.io", "regcred", "registry.yard:5000")
    made = pod(cascade(), images={image: pinned}, registries={"yard": (rule,)})
    assert made["containers"][0]["image"] == f"registry.yard:5000/{pinned}"
    assert made["imagePullSecrets"] == [{"name": "regcred"}]


def test_the_way_out_of_a_site_reaches_its_workers() -> None:
    network = Network("http://proxy:3128", ("10.0.0.0/8",), "corp-ca")
    made = pod(cascade(), networks={"yard": network})
    given = {v["name"]: v["value"] for v in made["containers"][0]["env"]}
    assert given["HTTPS_PROXY"] == given["https_proxy"] == "http://proxy:3128"
    assert given["NO_PROXY"].endswith("10.0.0.0/8")
    assert {"name": "ca", "configMap": {"name": "corp-ca"}} in made["volumes"]


# Gates, credentials, sites.


@pytest.mark.parametrize(
    ("comparison", "value", "wanted"),
    [
        ("improves_by", 0.1, (">", 0.1, "map50_delta[0]")),
        ("no_worse_by", 0.02, (">=", -0.02, "map50_delta[0]")),
        ("at_least", 0.5, (">=", 0.5, "map50[0]")),
        ("at_most", 0.5, ("<=", 0.5, "map50[0]")),
    ],
)
def test_a_gate_is_a_comparison_of_the_first_value(
    comparison: Any, value: float, wanted: tuple[str, float, str]
) -> None:
    gate = plan.Gate(metric="map50", comparison=comparison, value=value)
    spec = emitted(loop(gate=gate))["IncrementalLearningJob"]["spec"]
    condition = spec["deploySpec"]["trigger"]["condition"]
    assert (condition["operator"], condition["threshold"], condition["metric"]) == wanted


def test_a_restarting_loop_states_the_poll_period_that_sedna_would_add() -> None:
    spec = emitted(loop(hot_poll=0))["IncrementalLearningJob"]["spec"]
    assert spec["deploySpec"]["model"]["hotUpdateEnabled"] is False
    assert spec["deploySpec"]["model"]["pollPeriodSeconds"] == 60


def test_a_loop_without_a_window_has_no_timer() -> None:
    spec = emitted(loop(trigger=plan.Trigger(new_samples=5)))["IncrementalLearningJob"]["spec"]
    assert "timer" not in spec["trainSpec"]["trigger"]


def test_a_models_secret_is_named() -> None:
    cloud = with_model(cascade().cloud, artifact("s3://vision/big.onnx"))
    data = emitted(cascade(cloud=cloud))["Model s3://vision/big.onnx"]
    assert data["spec"] == {
        "url": "s3://vision/big.onnx",
        "format": "onnx",
        "credentialName": "s3-reader",
    }


def with_model(one: Member, model: Any) -> Member:
    (binding,) = one.inputs
    return dataclasses.replace(one, inputs=(dataclasses.replace(binding, input=model),))


@pytest.mark.parametrize(
    ("hosts", "hint"),
    [((), "list the node of yard"), (("a", "b"), "write place: {host: a}")],
)
def test_a_site_without_one_host_is_an_error_that_says_what_to_write(
    hosts: tuple[str, ...], hint: str
) -> None:
    sites = (site("cloud", "cloud"), site("yard", "edge", *hosts))
    for node in (cascade(), loop()):
        (found,) = BACKEND.problems(node, context(*sites))
        assert found.code is codes.SEDNA_HOST
        assert found.hint.startswith(hint)
    assert BACKEND.problems(cascade(), context()) == ()


def test_a_host_that_is_named_is_the_host() -> None:
    edge = cascade().edges[0]
    node = cascade(edges=(dataclasses.replace(edge, place=Place("hub", "yard", "edge", "b")),))
    sites = (site("cloud", "cloud", "c"), site("yard", "edge", "a", "b"))
    assert BACKEND.problems(node, context(*sites)) == ()
    data = render_all(BACKEND.emit(node, context(*sites)))[-1]
    assert data["metadata"]["name"] == "watch-helmets-yard-b"
    assert data["spec"]["edgeWorker"]["template"]["spec"]["nodeName"] == "b"
