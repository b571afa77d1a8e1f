"""A Service node as a Deployment and what goes with it: every word of the worker vocabulary."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from compiler.model.fleet import Host, Network, Registry
from compiler.model.inputs import Binding, HostData
from compiler.model.member import Delivery, Expose, Replicas
from compiler.model.worker import (
    Accelerator,
    ConfigFile,
    ContainerPort,
    Device,
    EnvironmentVariable,
    User,
    Volume,
)
from tests.backends.kubernetes_cases import (
    JSON,
    artifact,
    cluster,
    container,
    context,
    emit,
    pod,
    profile,
    service,
    site,
)


def worker_of(objects: dict[str, JSON]) -> JSON:
    return container(pod(objects), "watch")


def terms(objects: dict[str, JSON]) -> list[JSON]:
    affinity = pod(objects)["affinity"]["nodeAffinity"]
    required = affinity["requiredDuringSchedulingIgnoredDuringExecution"]
    (term,) = required["nodeSelectorTerms"]
    found: list[JSON] = term["matchExpressions"]
    return found


def mount(objects: dict[str, JSON], name: str, path: str) -> JSON:
    mounts = container(pod(objects), name)["volumeMounts"]
    return next(one for one in mounts if one["mountPath"] == path)


def volume(objects: dict[str, JSON], name: str) -> JSON:
    return next(one for one in pod(objects)["volumes"] if one["name"] == name)


def at(objects: dict[str, JSON], path: str) -> JSON:
    return volume(objects, mount(objects, "watch", path)["name"])


def test_an_edge_pod_gets_every_default() -> None:
    spec = pod(emit(service((artifact(),))))
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert "serviceAccountName" not in spec
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(spec, "watch")["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 65532,
        "runAsGroup": 65532,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    kept = [one["key"] for one in spec["tolerations"] if one["effect"] == "NoExecute"]
    assert kept == ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
    assert all("tolerationSeconds" not in one for one in spec["tolerations"])


@pytest.mark.parametrize(
    ("kubeedge", "layer", "operators"),
    [
        (True, "edge", ["Exists", "In"]),
        (True, "cloud", ["DoesNotExist"]),
        (False, "edge", ["In"]),
    ],
)
def test_affinity_keeps_edge_and_cloud_apart(
    kubeedge: bool, layer: str, operators: list[str]
) -> None:
    where = context(clusters=[cluster(provides={"kubeedge": "1.23"} if kubeedge else {})])
    objects = emit(service(member={"place": layer}), where)
    assert [term["operator"] for term in terms(objects)] == operators


def test_a_site_without_hosts_is_bound_by_selector_and_architecture() -> None:
    pool = site("cloud", layer="cloud", hosts=(), node_selector={"pool": "gpu"})
    objects = emit(service(member={"place": "cloud"}), context(pool))
    assert pod(objects)["nodeSelector"] == {"pool": "gpu", "kubernetes.io/arch": "amd64"}
    assert "tolerations" not in pod(objects)


def test_a_member_of_one_host_is_bound_to_it() -> None:
    node = service()
    place = dataclasses.replace(node.member.place, host="store-1-b")
    bound = dataclasses.replace(node, member=dataclasses.replace(node.member, place=place))
    both = site(hosts=(Host("store-1-a"), Host("store-1-b")))
    assert terms(emit(bound, context(both)))[1]["values"] == ["store-1-b"]
    assert terms(emit(node, context(both)))[1]["values"] == ["store-1-a", "store-1-b"]


def test_taints_of_the_profile_are_tolerated() -> None:
    tainted = site(
        profile=profile(taints=("edge=true:NoSchedule", "gpu:NoExecute", "bare=:NoExecute"))
    )
    assert pod(emit(service(), context(tainted)))["tolerations"][:3] == [
        {"key": "edge", "operator": "Equal", "value": "true", "effect": "NoSchedule"},
        {"key": "gpu", "operator": "Exists", "effect": "NoExecute"},
        {"key": "bare", "operator": "Equal", "effect": "NoExecute"},
    ]


def test_command_args_and_pull_policy_of_the_author_win_over_the_server() -> None:
    plain = worker_of(emit(service((artifact(),))))
    assert plain["args"][0] == "--config_path=/etc/edgewright/server/config.json"
    own = worker_of(
        emit(service((artifact(),), command=("sh",), args=("-c",), image_pull_policy="Always"))
    )
    assert (own["command"], own["args"], own["imagePullPolicy"]) == (["sh"], ["-c"], "Always")


def test_env_is_a_literal_or_a_secret_and_never_twice() -> None:
    env = (
        EnvironmentVariable("RTSP_URL", secret="camera-store-1", key="url"),
        EnvironmentVariable("LANG", "no"),
        EnvironmentVariable("QUIET", ""),
        EnvironmentVariable("HTTP_PROXY", "http://mine:1"),
    )
    proxied = site(network=Network(proxy="http://proxy:3128", no_proxy=("10.0.0.0/8",)))
    found = worker_of(emit(service(env=env), context(proxied)))["env"]
    assert found[0]["valueFrom"] == {"secretKeyRef": {"name": "camera-store-1", "key": "url"}}
    values = {one["name"]: one.get("value") for one in found}
    assert len(values) == len(found)
    assert values["LANG"] == "no"
    assert {"name": "QUIET"} in found
    assert values["HTTP_PROXY"] == "http://mine:1"
    assert values["https_proxy"] == "http://proxy:3128"
    assert values["NO_PROXY"].endswith(",10.0.0.0/8")


def test_extra_authorities_are_mounted_and_named_in_the_usual_variables() -> None:
    objects = emit(service((artifact(),)), context(site(network=Network(ca_config_map="corp-ca"))))
    assert volume(objects, "ca")["configMap"] == {"name": "corp-ca"}
    for name in ("watch", "sidecar"):
        assert mount(objects, name, "/etc/edgewright/ca")["readOnly"] is True
    values = {one["name"]: one.get("value") for one in worker_of(objects)["env"]}
    assert values["SSL_CERT_FILE"] == values["AWS_CA_BUNDLE"] == "/etc/edgewright/ca/ca.crt"


def test_a_sidecar_learns_its_way_out_from_its_config() -> None:
    proxied = site(network=Network(proxy="http://proxy:3128", ca_config_map="corp-ca"))
    objects = emit(service((artifact(),)), context(proxied))
    names = [one["name"] for one in container(pod(objects), "sidecar")["env"]]
    assert names == ["EDGEWRIGHT_HOST", "EDGEWRIGHT_POD_IP"]
    text = objects["ConfigMap/watch-store-1-sidecar"]["data"]["config.json"]
    network = json.loads(text)["network"]
    assert network == {"proxy": "http://proxy:3128", "caFile": "/etc/edgewright/ca/ca.crt"}


def test_files_of_a_directory_share_a_volume_without_sub_path() -> None:
    files = (
        ConfigFile("/etc/app/app.yaml", "a: 1\n"),
        ConfigFile("/etc/app/more/app.yaml", "b: 2\n"),
        ConfigFile("/srv/conf/labels.txt", "x\n"),
    )
    objects = emit(service(files=files))
    assert "subPath" not in json.dumps(objects["Deployment"])
    first, second = at(objects, "/etc/app")["configMap"], at(objects, "/srv/conf")["configMap"]
    assert [item["path"] for item in first["items"]] == ["app.yaml", "more/app.yaml"]
    assert first["name"] == second["name"] == objects["ConfigMap"]["metadata"]["name"]
    data = objects["ConfigMap/watch-store-1-files"]["data"]
    assert [data[item["key"]] for item in first["items"]] == ["a: 1\n", "b: 2\n"]
    assert objects["ConfigMap"]["immutable"] is True


def test_params_keep_their_numbers_and_lie_where_the_layout_says() -> None:
    class Text(float):
        text = "1.10"

    params = {"size": 640, "iou": Text(1.1), "deep": {"list": [True, None, "é"]}, "none": {}}
    alone = emit(service(server="", params=params))
    written = alone["ConfigMap"]["data"]["params.json"]
    assert '"iou": 1.10' in written
    assert json.loads(written) == {**params, "iou": 1.1}
    assert at(alone, "/edgewright")["configMap"]["name"] == alone["ConfigMap"]["metadata"]["name"]
    beside = emit(service((artifact(),), params=params))
    assert at(beside, "/edgewright") == {"name": "view", "emptyDir": {}}
    items = at(beside, "/etc/edgewright/params")["configMap"]["items"]
    assert items == [{"key": "params.json", "path": "params.json"}]


def test_quantities_are_written_as_a_server_keeps_them() -> None:
    volumes = (
        Volume("/scratch", "claim", size="1024Mi"),
        Volume("/dev/shm", "memory", size="2048Ki"),
    )
    objects = emit(service(volumes=volumes, requests={"cpu": "1000m"}, limits={"memory": "0.5Gi"}))
    found = worker_of(objects)["resources"]
    assert found == {"requests": {"cpu": "1"}, "limits": {"memory": "512Mi"}}
    claim = objects["PersistentVolumeClaim"]["spec"]["resources"]["requests"]
    assert claim == {"storage": "1Gi"}
    assert at(objects, "/dev/shm")["emptyDir"]["sizeLimit"] == "2Mi"


def test_volumes_are_host_paths_claims_or_memory() -> None:
    volumes = (
        Volume("/data", "host", source="/srv/pos", read_only=True),
        Volume("/made", "host", source="/srv/made", create=True),
        Volume("/scratch", "claim", size="20Gi"),
        Volume("/dev/shm", "memory", size="1Gi"),
    )
    objects = emit(service(volumes=volumes))
    assert at(objects, "/data")["hostPath"] == {"path": "/srv/pos", "type": "Directory"}
    assert mount(objects, "watch", "/data")["readOnly"] is True
    assert at(objects, "/made")["hostPath"]["type"] == "DirectoryOrCreate"
    claim = objects["PersistentVolumeClaim"]
    assert claim["metadata"]["name"] == "watch-store-1-scratch"
    assert claim["spec"]["resources"]["requests"] == {"storage": "20Gi"}
    assert at(objects, "/scratch")["persistentVolumeClaim"]["claimName"] == "watch-store-1-scratch"
    assert at(objects, "/dev/shm")["emptyDir"] == {"medium": "Memory", "sizeLimit": "1Gi"}
    assert objects["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}


def test_a_device_is_a_resource_or_a_privileged_container() -> None:
    plugged = {"/dev/video0": "acme/camera", "/dev/video1": "acme/camera"}
    cameras = tuple(Device(path, resource) for path, resource in plugged.items())
    where = context(site(profile=profile(devices=plugged)))
    found = worker_of(emit(service(devices=cameras), where))
    assert found["resources"]["limits"] == {"acme/camera": "2"}
    assert "privileged" not in found["securityContext"]
    objects = emit(service(devices=(Device("/dev/ttyUSB0"),)))
    assert worker_of(objects)["securityContext"]["privileged"] is True
    assert at(objects, "/dev/ttyUSB0")["hostPath"] == {"path": "/dev/ttyUSB0", "type": "CharDevice"}


def test_an_accelerator_is_a_resource_and_a_runtime_class_and_never_surges() -> None:
    gpu = Accelerator("nvidia-orin", 2, "nvidia.com/gpu", "nvidia")
    node = service(accelerator=gpu, requests={"cpu": "2"}, limits={"memory": "2Gi"})
    objects = emit(node, context(site(profile=profile(accelerator=gpu))))
    assert worker_of(objects)["resources"] == {
        "requests": {"cpu": "2", "nvidia.com/gpu": "2"},
        "limits": {"memory": "2Gi", "nvidia.com/gpu": "2"},
    }
    assert pod(objects)["runtimeClassName"] == "nvidia"
    assert objects["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}


def test_a_root_user_keeps_only_what_images_expect_and_a_writable_root_needs_no_scratch() -> None:
    objects = emit(service(user=User(0, 0, read_only_root=False)))
    security = worker_of(objects)["securityContext"]
    assert (security["runAsUser"], security["runAsNonRoot"]) == (0, False)
    assert security["readOnlyRootFilesystem"] is False
    assert security["capabilities"]["drop"] == ["ALL"]
    assert "SYS_ADMIN" not in security["capabilities"]["add"]
    assert "volumes" not in pod(objects)
    assert at(emit(service()), "/tmp")["emptyDir"] == {"sizeLimit": "1Gi"}


def test_host_network_states_host_ports_and_recreates() -> None:
    objects = emit(service((artifact(),), host_network=True, ports=(ContainerPort("http", 8000),)))
    spec = pod(objects)
    assert (spec["hostNetwork"], spec["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
    assert container(spec, "watch")["ports"][0]["hostPort"] == 8000
    assert objects["Deployment"]["spec"]["strategy"] == {"type": "Recreate"}
    surface = container(spec, "sidecar")["startupProbe"]["httpGet"]["port"]
    assert container(spec, "sidecar")["ports"][0]["hostPort"] == surface
    assert 20000 <= surface < 30000
    other = emit(service((artifact(),), host_network=True, name="count-store-1"))
    assert container(pod(other), "sidecar")["startupProbe"]["httpGet"]["port"] != surface


def test_probes_are_those_of_the_server_or_of_the_first_port() -> None:
    ovms = worker_of(emit(service((artifact(),))))
    assert ovms["readinessProbe"]["httpGet"]["path"] == "/v2/models/shelf-detector/ready"
    assert ovms["startupProbe"]["failureThreshold"] * ovms["startupProbe"]["periodSeconds"] >= 600
    custom = worker_of(emit(service(server="", ports=(ContainerPort("web", 9),))))
    assert custom["readinessProbe"]["tcpSocket"] == {"port": 9}
    assert "readinessProbe" not in worker_of(emit(service(server="custom")))


def test_images_come_by_digest_and_from_the_mirror_with_its_secret() -> None:
    written = "registry.example.com/ovms:2025.3"
    pinned = f"registry.example.com/ovms@sha256:{'0' * 64}"
    rule = Registry("registry.example.com", "regcred", "registry.shop:5000")
    where = context(images={written: pinned}, registries={"store-1": (rule,)})
    objects = emit(service((artifact(),)), where)
    assert worker_of(objects)["image"] == f"registry.shop:5000/ovms@sha256:{'0' * 64}"
    image = container(pod(objects), "sidecar")["image"]
    assert image == "registry.shop:5000/edgewright-sidecar:1"
    assert pod(objects)["imagePullSecrets"] == [{"name": "regcred"}]
    noted = objects["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert noted["edgewright.io/mirrored"].startswith(pinned)


def test_a_bare_image_belongs_to_docker_hub_when_that_is_mirrored() -> None:
    rule = Registry("docker.io", "", "mirror:5000")
    objects = emit(service(image="nginx:1"), context(registries={"store-1": (rule,)}))
    assert worker_of(objects)["image"] == "mirror:5000/library/nginx:1"
    assert "imagePullSecrets" not in pod(objects)


def test_only_secrets_of_registries_in_use_are_named() -> None:
    rules = (Registry("registry.example.com", "used"), Registry("other.example.com", "unused"))
    spec = pod(emit(service(), context(registries={"store-1": rules})))
    assert spec["imagePullSecrets"] == [{"name": "used"}]


def test_a_meshed_service_has_names_that_tell_edgemesh_the_protocol() -> None:
    ports = (
        ContainerPort("http", 8000),
        ContainerPort("grpc", 9000),
        ContainerPort("in", 5, "UDP"),
    )
    spec = emit(service(ports=ports, member={"expose": Expose("mesh")}))["Service"]["spec"]
    assert [one["name"] for one in spec["ports"]] == ["http-0", "tcp-1", "udp-2"]
    assert [one["targetPort"] for one in spec["ports"]] == ["http", "grpc", "in"]
    assert "Service" not in emit(service(ports=ports))


def test_a_node_port_and_an_ingress_lead_to_the_worker() -> None:
    ports = (ContainerPort("web", 8080), ContainerPort("admin", 9))
    expose = Expose("node", node_ports={"admin": 30009})
    objects = emit(service(ports=ports, member={"place": "cloud", "expose": expose}))
    spec = objects["Service"]["spec"]
    assert spec["type"] == "NodePort"
    assert [one.get("nodePort") for one in spec["ports"]] == [None, 30009]
    expose = Expose(
        "ingress", ingress_host="a.example.com", ingress_class="nginx", tls_secret="tls"
    )
    spec = emit(service(ports=ports, member={"place": "cloud", "expose": expose}))["Ingress"][
        "spec"
    ]
    assert spec["ingressClassName"] == "nginx"
    assert spec["tls"] == [{"hosts": ["a.example.com"], "secretName": "tls"}]
    backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "watch-store-1", "port": {"name": "web"}}


def test_several_replicas_have_a_budget_and_an_autoscaler_owns_the_number() -> None:
    fixed = emit(service(member={"place": "cloud", "replicas": Replicas(3)}))
    assert fixed["Deployment"]["spec"]["replicas"] == 3
    assert fixed["PodDisruptionBudget"]["spec"]["maxUnavailable"] == 1
    scaled = emit(
        service(
            requests={"cpu": "1"},
            member={"place": "cloud", "replicas": Replicas(1, minimum=1, maximum=5, cpu=70)},
        )
    )
    assert "replicas" not in scaled["Deployment"]["spec"]
    assert "PodDisruptionBudget" not in scaled
    spec = scaled["HorizontalPodAutoscaler"]["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 5)
    assert spec["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


def test_a_model_change_of_a_hot_job_changes_nothing_but_the_sidecars_config() -> None:
    old = emit(service((artifact(),), params={"a": 1}))
    new = emit(service((artifact(digest="cd", version="2", serve_version=9),), params={"a": 1}))
    changed = [key for key in old if old[key] != new[key] and "/" in key]
    assert changed == ["ConfigMap/watch-store-1-sidecar"]
    assert old["Deployment"]["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 0,
        "maxUnavailable": 1,
    }


def test_a_model_change_of_a_rolling_job_rolls_its_pods() -> None:
    old, new = (emit(service((artifact(digest=one),), update="rolling")) for one in ("ab", "cd"))
    before, after = (
        one["Deployment"]["spec"]["template"]["metadata"]["annotations"] for one in (old, new)
    )
    assert before != after
    assert volume(old, "sidecar-config") != volume(new, "sidecar-config")
    assert old["ConfigMap/watch-store-1-sidecar"]["immutable"] is True
    assert old["Deployment"]["spec"]["selector"] == new["Deployment"]["spec"]["selector"]
    assert old["Deployment"]["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": 1,
        "maxUnavailable": 0,
    }


def test_the_deadline_of_a_roll_is_that_of_the_delivery() -> None:
    node = service((artifact(),), delivery={"progress_deadline": 9000})
    assert emit(node)["Deployment"]["spec"]["progressDeadlineSeconds"] == 9000


def test_several_hot_pods_of_a_site_each_have_a_host_of_their_own() -> None:
    three = site(hosts=tuple(Host(f"h{index}") for index in range(3)))
    node = service((artifact(),), member={"replicas": Replicas(2)})
    affinity = pod(emit(node, context(three)))["affinity"]
    (apart,) = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    assert apart["topologyKey"] == "kubernetes.io/hostname"


def test_native_data_is_mounted_where_an_artifact_would_be() -> None:
    data = HostData("model", "helmet", "/models/helmet.pb")
    alone = {"inputs": (Binding("model", data),), "delivery": Delivery(mode="native")}
    objects = emit(service(server="", member=alone))
    assert "initContainers" not in pod(objects)
    assert at(objects, "/edgewright/models/helmet")["hostPath"]["path"] == "/models/helmet.pb"
    both = service((artifact(),))
    inputs = (*both.member.inputs, Binding("data", HostData("dataset", "d", "/data")))
    mixed = dataclasses.replace(both, member=dataclasses.replace(both.member, inputs=inputs))
    objects = emit(mixed)
    # The sidecar mounts it too: that makes the mount point below the read-only view.
    for name in ("watch", "sidecar"):
        assert mount(objects, name, "/edgewright/datasets/d")["readOnly"] is True


def test_labels_name_the_owner_and_never_a_version() -> None:
    objects = emit(service((artifact(),)))
    labels: dict[str, Any] = objects["Deployment"]["metadata"]["labels"]
    assert labels["edgewright.io/job"] == "watch"
    assert labels["edgewright.io/site"] == "store-1"
    assert labels["edgewright.io/environment"] == "prod"
    assert labels["app.kubernetes.io/managed-by"] == "edgewright"
    assert "1.0.0" not in json.dumps(labels)
    selector = objects["Deployment"]["spec"]["selector"]["matchLabels"]
    assert selector.items() <= labels.items()
    assert set(selector) == {"app.kubernetes.io/name", "app.kubernetes.io/instance"}
