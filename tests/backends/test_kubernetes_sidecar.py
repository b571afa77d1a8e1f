"""The sidecar of a pod: order, users, mounts, credentials, old kubelets, reports."""

from __future__ import annotations

import dataclasses
import json

import pytest

from compiler.model.inputs import Location
from compiler.model.layout import OWNER, STORE, VIEW
from compiler.model.member import Expose, Output, Release
from compiler.model.worker import ContainerPort
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


def mounts(spec: JSON, name: str) -> dict[str, bool]:
    """Mount paths of a container, each with whether it is read-only."""
    found = container(spec, name)["volumeMounts"]
    return {one["mountPath"]: one.get("readOnly", False) for one in found}


def names(spec: JSON, kind: str) -> list[str]:
    return [one["name"] for one in spec.get(kind, [])]


def test_prepare_hands_over_the_store_before_a_native_sidecar_gates_the_worker() -> None:
    spec = pod(emit(service((artifact(),))))
    assert names(spec, "initContainers") == ["prepare", "sidecar"]
    assert names(spec, "containers") == ["watch"]
    assert container(spec, "sidecar")["restartPolicy"] == "Always"
    assert container(spec, "sidecar")["securityContext"]["runAsUser"] == OWNER
    assert container(spec, "prepare")["args"][-1] == f"{OWNER}:{OWNER}"
    assert container(spec, "sidecar")["startupProbe"]["httpGet"]["path"] == "/startupz"


def test_prepare_is_root_with_three_capabilities_and_one_mount() -> None:
    prepare = container(pod(emit(service((artifact(),)))), "prepare")
    assert prepare["securityContext"]["runAsUser"] == 0
    assert prepare["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["CHOWN", "DAC_OVERRIDE", "FOWNER"],
    }
    assert [one["mountPath"] for one in prepare["volumeMounts"]] == [STORE]


def test_an_old_kubelet_gets_fetch_before_an_ordinary_container() -> None:
    where = context(clusters=[cluster(kubernetes=("1.28", "1.30"), provides={})])
    spec = pod(emit(service((artifact(),)), where))
    assert names(spec, "initContainers") == ["prepare", "fetch"]
    assert names(spec, "containers") == ["watch", "sidecar"]
    assert all("restartPolicy" not in one for one in spec["initContainers"])


def test_the_worker_reads_the_store_at_the_same_path_and_cannot_write_its_view() -> None:
    spec = pod(emit(service((artifact(),), params={"a": 1})))
    worker, sidecar = mounts(spec, "watch"), mounts(spec, "sidecar")
    assert (worker[STORE], worker[VIEW], worker[f"{VIEW}/run"]) == (True, True, False)
    assert (sidecar[STORE], sidecar[VIEW], sidecar[f"{VIEW}/run"]) == (False, False, False)
    assert not any("credentials" in path or "sidecar" in path for path in worker)


def test_every_mount_below_the_read_only_view_is_made_by_the_sidecar_first() -> None:
    spec = pod(emit(service((artifact(),))))
    below = {path for path in mounts(spec, "watch") if path.startswith(f"{VIEW}/")}
    assert below <= set(mounts(spec, "sidecar"))


def test_the_store_is_one_host_directory_per_namespace() -> None:
    spec = pod(
        emit(service((artifact(),)), context(site(profile=profile(cache="/srv/edgewright/"))))
    )
    store = next(one for one in spec["volumes"] if one["name"] == "store")
    assert store["hostPath"] == {
        "path": "/srv/edgewright/store-vision",
        "type": "DirectoryOrCreate",
    }


def test_each_store_secret_is_mounted_where_the_config_says_and_in_no_environment() -> None:
    reports = Location("s3://reports/", store="reports", write_secret="s3-writer")
    node = service((artifact(),), member={"outputs": (Output("hard", "s3://h/", "s3-hard"),)})
    objects = emit(node, context(reports=reports))
    spec = pod(objects)
    config = json.loads(objects["ConfigMap/watch-store-1-sidecar"]["data"]["config.json"])
    said = {one["credentials"] for one in config["stores"]}
    assert {path.rpartition("/")[2] for path in said} == {"s3-reader", "s3-writer", "s3-hard"}
    assert said <= set(mounts(spec, "sidecar"))
    secrets = [one["secret"]["secretName"] for one in spec["volumes"] if "secret" in one]
    assert sorted(secrets) == ["s3-hard", "s3-reader", "s3-writer"]
    assert "secretKeyRef" not in json.dumps(spec)
    assert spec["terminationGracePeriodSeconds"] == 60


def test_the_config_is_mounted_as_a_directory_of_a_stable_name() -> None:
    objects = emit(service((artifact(),)))
    assert "immutable" not in objects["ConfigMap/watch-store-1-sidecar"]
    assert objects["ConfigMap"]["metadata"]["name"]
    spec = pod(objects)
    volume = next(one for one in spec["volumes"] if one["name"] == "sidecar-config")
    assert volume["configMap"] == {"name": "watch-store-1-sidecar"}
    assert container(spec, "sidecar")["args"][-1] == "/etc/edgewright/sidecar/config.json"


def test_a_worker_without_artifacts_has_no_sidecar() -> None:
    objects = emit(service())
    assert "initContainers" not in pod(objects)
    assert names(pod(objects), "containers") == ["watch"]


@pytest.mark.parametrize(("layer", "token"), [("cloud", True), ("edge", False)])
def test_a_token_goes_to_the_sidecar_alone_and_never_to_a_kubeedge_edge(
    layer: str, token: bool
) -> None:
    where = context(clusters=[cluster(reporting="kubernetes")])
    spec = pod(emit(service((artifact(),), member={"place": layer}), where))
    path = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert spec["automountServiceAccountToken"] is False
    assert (spec.get("serviceAccountName") == "store-vision-sidecar") is token
    assert (path in mounts(spec, "sidecar")) is token
    assert path not in mounts(spec, "watch")


def test_the_cloud_part_of_a_pair_answers_for_its_release() -> None:
    release = Release("pair", "1", "ef" * 32)
    node = service(
        (artifact(),),
        delivery={"release": release},
        ports=(ContainerPort("http", 80),),
        member={"place": "cloud", "expose": Expose("cluster")},
    )
    ports = emit(node)["Service"]["spec"]["ports"]
    assert [(one["name"], one["port"], one["targetPort"]) for one in ports] == [
        ("http", 80, "http"),
        ("sidecar", 9471, "sidecar"),
    ]


def test_a_smaller_sidecar_image_setting_reaches_every_container_of_it() -> None:
    where = context()
    settings = dataclasses.replace(
        where.sidecar, image="r.example.com/s:2", limits={}, requests={"memory": "2048Ki"}
    )
    spec = pod(emit(service((artifact(),)), dataclasses.replace(where, sidecar=settings)))
    assert container(spec, "sidecar")["image"] == "r.example.com/s:2"
    assert container(spec, "prepare")["image"] == "r.example.com/s:2"
    assert container(spec, "sidecar")["resources"] == {"requests": {"memory": "2Mi"}}


def test_a_site_writes_with_a_secret_of_its_own() -> None:
    reports = Location("s3://reports/", store="reports", write_secret="s3-writer-{site}")
    spec = pod(emit(service((artifact(),)), context(reports=reports)))
    secrets = {one["secret"]["secretName"] for one in spec["volumes"] if "secret" in one}
    assert "s3-writer-store-1" in secrets
