"""A Run as a Job, a Schedule as a CronJob, a Distribution as the node role."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from compiler.backends.kubernetes_run import work_key
from compiler.model.diagnostics import Span
from compiler.model.fleet import Host
from compiler.model.inputs import Binding, HostData, Location
from compiler.model.member import Place
from compiler.model.plan import Companion, Distribution, OutputPort, Run, Schedule, Work
from compiler.model.worker import ConfigFile, Volume, Worker
from tests.backends.kubernetes_cases import (
    JSON,
    artifact,
    cluster,
    container,
    context,
    emit,
    pod,
    site,
)

RESULTS = Location("s3://out/fit/", store="main", write_secret="s3-writer")
CLOUD = Place("hub", "cloud", "cloud")


def stage(name: str = "fit", **changes: Any) -> Work:
    given: JSON = {
        "name": name,
        "worker": Worker(name=name, image="registry.example.com/fit:1", params={"epochs": 10}),
        "inputs": (Binding("base", artifact()),),
        "outputs": (OutputPort(name=f"{name}-best", type="model"),),
    }
    return Work(**{**given, **changes})


def run(*stages: Work, **changes: Any) -> Run:
    given: JSON = {"job": "fit", "name": "fit-cloud", "place": CLOUD, "results": RESULTS}
    return Run(**{**given, "stages": stages or (stage(),), **changes})


def config(objects: dict[str, JSON], name: str) -> JSON:
    found: JSON = json.loads(objects[f"ConfigMap/{name}-sidecar"]["data"]["config.json"])
    return found


def order(spec: JSON) -> list[str]:
    return [one["name"] for one in spec["initContainers"]]


def test_a_run_fetches_works_in_order_and_sends() -> None:
    objects = emit(run(stage("prep"), stage("fit")))
    spec = pod(objects, "Job")
    assert order(spec) == ["prepare", "fetch", "prep", "fit"]
    assert [one["name"] for one in spec["containers"]] == ["push"]
    assert spec["restartPolicy"] == "Never"
    assert "readinessProbe" not in container(spec, "fit")
    assert objects["Job"]["spec"]["backoffLimit"] == 2
    assert "ttlSecondsAfterFinished" not in objects["Job"]["spec"]


def test_results_lie_under_the_work_key_that_every_container_knows() -> None:
    node = run()
    objects = emit(node)
    key = work_key(node, context())
    assert objects["Job"]["metadata"]["annotations"]["edgewright.io/work-key"] == key
    spec = pod(objects, "Job")
    assert {"name": "EDGEWRIGHT_WORK_KEY", "value": key} in container(spec, "fit")["env"]
    assert container(spec, "push")["args"][-2:] == ["--work-key", key]
    streams = config(objects, "fit-cloud")["outbox"]
    assert [one["to"] for one in streams] == [f"s3://out/fit/{key}/fit-best/"]


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": 1},
        {"stages": (stage(worker=Worker(name="fit", image="r/other:1")),)},
        {"stages": (stage(worker=dataclasses.replace(stage().worker, params={"epochs": 11})),)},
        {"stages": (stage(worker=dataclasses.replace(stage().worker, args=("x",))),)},
        {"stages": (stage(inputs=(Binding("base", artifact(digest="cd")),)),)},
        {"stages": (stage(inputs=(Binding("base", HostData("dataset", "d", "/d")),)),)},
    ],
)
def test_another_image_command_parameter_input_or_attempt_is_other_work(change: JSON) -> None:
    other = dataclasses.replace(run(), **change)
    assert work_key(other, context()) != work_key(run(), context())
    before, after = (emit(node)["Job"]["metadata"]["name"] for node in (run(), other))
    assert before != after


def test_a_line_that_moved_in_the_spec_is_no_other_work() -> None:
    def at(line: int) -> Run:
        span = Span("jobs.yaml", line, 1)
        data = HostData("dataset", "d", "/d", span=span)
        moved = dataclasses.replace(stage().worker, span=span)
        return run(stage(worker=moved, inputs=(Binding("train", data),)))

    assert work_key(at(1), context()) == work_key(at(2), context())


def test_the_same_work_has_the_same_name_and_the_lock_changes_it() -> None:
    assert emit(run())["Job"] == emit(run())["Job"]
    pinned = context(images={"registry.example.com/fit:1": f"r.example.com/fit@sha256:{'1' * 64}"})
    assert work_key(run(), pinned) != work_key(run(), context())


def test_only_kept_models_are_sent() -> None:
    outputs = tuple(OutputPort(name=name, type="model") for name in ("best", "last"))
    outputs += (OutputPort(name="metrics", type="metrics"),)
    objects = emit(run(stage(outputs=outputs), keep=("best",)))
    assert [one["name"] for one in config(objects, "fit-cloud")["outbox"]] == ["best", "metrics"]


def test_companions_live_beside_the_stages() -> None:
    server = Worker(name="x", image="registry.example.com/ovms:1", server="ovms")
    companion = Companion(name="served", worker=server, inputs=(Binding("model", artifact()),))
    spec = pod(emit(run(companions=(companion,))), "Job")
    assert order(spec) == ["prepare", "fetch", "served", "fit"]
    served = container(spec, "served")
    assert served["restartPolicy"] == "Always"
    assert served["startupProbe"]["httpGet"]["path"] == "/v2/health/live"
    assert served["args"][0] == "--model_name=shelf-detector"


def test_two_stages_keep_their_files_volumes_and_parameters_apart() -> None:
    def worker(name: str) -> Worker:
        return dataclasses.replace(
            stage(name).worker,
            files=(ConfigFile("/etc/app/a.yaml", name),),
            volumes=(Volume("/scratch", "claim", size="1Gi"),),
        )

    node = run(stage("one", worker=worker("one")), stage("two", worker=worker("two")))
    objects = emit(node)
    texts = [objects[f"ConfigMap/fit-cloud-{name}-files"]["data"] for name in ("one", "two")]
    assert [data["a.yaml"] for data in texts] == ["one", "two"]
    names = [one["name"] for one in pod(objects, "Job")["volumes"]]
    assert len(names) == len(set(names))
    assert objects["PersistentVolumeClaim/fit-cloud-scratch"]


def test_host_data_is_at_its_artifact_path_in_every_stage() -> None:
    data = Binding("train", HostData("dataset", "surface", "/data/train.txt"))
    spec = pod(emit(run(stage(inputs=(data,)))), "Job")
    assert container(spec, "push")["args"][-1] == "--repeat"
    for name in ("fetch", "fit"):
        paths = [one["mountPath"] for one in container(spec, name)["volumeMounts"]]
        assert "/edgewright/datasets/surface" in paths


def test_a_schedule_is_a_cron_job_that_never_overlaps_in_the_sites_time_zone() -> None:
    node = Schedule(job="fit", name="f" * 60, cron="0 2 * * *", work=run())
    zoned = context(site("cloud", layer="cloud", hosts=(), timezone="Europe/Vienna"))
    objects = emit(node, zoned)
    spec = objects["CronJob"]["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("0 2 * * *", "Europe/Vienna")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert len(objects["CronJob"]["metadata"]["name"]) <= 52
    inner = spec["jobTemplate"]["spec"]["template"]["spec"]
    assert order(inner) == ["prepare", "fetch", "fit"]
    own = emit(dataclasses.replace(node, timezone="Asia/Tokyo"), zoned)
    assert own["CronJob"]["spec"]["timeZone"] == "Asia/Tokyo"


def distribution(**changes: Any) -> Distribution:
    given: JSON = {
        "job": "spread",
        "name": "spread-store-1",
        "place": Place("hub", "store-1", "edge"),
        "artifacts": (Binding("model", artifact()),),
    }
    return Distribution(**{**given, **changes})


def test_a_distribution_is_the_node_role_on_the_sites_hosts() -> None:
    objects = emit(distribution())
    spec = pod(objects, "DaemonSet")
    assert container(spec, "sidecar")["args"][-2:] == ["--role", "node"]
    assert order(spec) == ["prepare"]
    assert objects["DaemonSet"]["spec"]["updateStrategy"]["rollingUpdate"]["maxSurge"] == 0
    found = config(objects, "spread-store-1")
    assert found["artifacts"][0]["activation"] == {"update": "stage"}
    assert "hostNetwork" not in spec


def test_a_new_artifact_restarts_no_node_role() -> None:
    new = distribution(artifacts=(Binding("model", artifact(digest="cd")),))
    assert emit(distribution())["DaemonSet"] == emit(new)["DaemonSet"]


def test_peers_ask_each_other_on_the_hosts_own_addresses() -> None:
    hosts = (Host("store-1-a", "10.0.0.1"), Host("store-1-b", "10.0.0.2"))
    objects = emit(distribution(peers=True), context(site(hosts=hosts)))
    peers = config(objects, "spread-store-1")["peers"]
    port = peers["serve"]
    assert peers["members"] == [f"http://10.0.0.1:{port}", f"http://10.0.0.2:{port}"]
    spec = pod(objects, "DaemonSet")
    assert spec["hostNetwork"] is True
    offered = [one["hostPort"] for one in container(spec, "sidecar")["ports"]]
    assert port in offered


def test_an_old_cluster_still_gets_a_run_without_companions() -> None:
    old = context(clusters=[cluster(kubernetes=("1.28", "1.30"), provides={})])
    assert order(pod(emit(run(), old), "Job")) == ["prepare", "fetch", "fit"]
