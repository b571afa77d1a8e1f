"""The check of pods: contradictions inside one, and what it asks the scheduler for."""

from __future__ import annotations

from typing import Any

import pytest

from compiler.model.requests import requests
from tests.stages.check.objects import Data, config_map, container, deployment, lines, obj

MOUNT = {"name": "data", "mountPath": "/data"}
VOLUME: Data = {"name": "data", "emptyDir": {}}


def port(number: int, **more: Any) -> Data:
    return {"containerPort": number} | more


@pytest.mark.parametrize(
    ("pod", "code", "words"),
    [
        (deployment("w", container(volumeMounts=[MOUNT | {"name": "dat"}]), volumes=[VOLUME]),
         "E5030", "the pod has no such volume | Did you mean data?"),
        (deployment("w", container(volumeMounts=[MOUNT, MOUNT]), volumes=[VOLUME]),
         "E5015", "volumeMounts[1] has the mountPath '/data' of entry 0"),
        (deployment("w", container("a"), container("a")), "E5015", "[1] has the name 'a'"),
        (deployment("w", container("a"), initContainers=[container("a", ports=[])]),
         "E5031", "another container is called 'a'"),
        (deployment("w", container("A")), "E5020", "the name 'A'"),
        (deployment("w", container(env=[{"name": "a=b", "value": "c"}])),
         "E5020", "the variable 'a=b'"),
        (deployment("w", container(env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}])),
         "E5015", "env[1] has the name 'A'"),
        (deployment("w", container(ports=[port(80, name="http"), port(81, name="http")])),
         "E5031", "another port of the container is called 'http'"),
        (deployment("w", container(ports=[port(80), port(80)])), "E5015", "containerPort '80'"),
        (deployment("w", container(ports=[port(80, name="not_a_port")])), "E5020", "the port name"),
        (deployment("w", container(ports=[port(80, hostPort=81)]), hostNetwork=True),
         "E5031", "hostPort must equal containerPort"),
        (deployment("w", container("a", ports=[port(80)]), container("b", ports=[port(80)]),
                    hostNetwork=True), "E5032", "takes port 80 of the host"),
        (deployment("w", container(resources={"requests": {"cpu": "2"}, "limits": {"cpu": "1"}})),
         "E5052", "requests.cpu is more than the limit, 1"),
        (deployment("w", container(resources={"requests": {"memory": "1"}, "limits": {
            "memory": None}})), "E5052", "requests.memory is more than the limit, nothing"),
        (deployment("w", container(resources={"requests": {"nvidia.com/gpu": "1"}})),
         "E5052", "must have a limit of the same amount"),
    ],
)  # fmt: skip
def test_a_pod_that_contradicts_itself_is_refused(pod: Data, code: str, words: str) -> None:
    found = [line for line in lines(obj(pod)) if line.startswith(code)]
    assert found, lines(obj(pod))
    assert words in found[0]


def test_equal_numbers_of_two_protocols_are_two_ports() -> None:
    both = [port(53, name="dns"), port(53, name="dns-udp", protocol="UDP")]
    assert lines(obj(deployment("w", container(ports=both)))) == []


def test_a_selector_that_misses_its_own_pods_is_refused() -> None:
    broken = deployment()
    broken["spec"]["template"]["metadata"] = {"labels": {"app": "other"}}
    (found,) = lines(obj(broken))
    assert found.startswith("E5033")
    assert "spec.selector.matchLabels.app is 'web', but the pod template has 'other'" in found


def test_a_stateful_set_mounts_the_claims_that_it_makes() -> None:
    stateful = deployment("w", container(volumeMounts=[MOUNT])) | {"kind": "StatefulSet"}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    stateful["spec"]["volumeClaimTemplates"] = [{"metadata": {"name": "data"}, "spec": claim}]
    assert lines(obj(stateful)) == []


def test_a_pod_of_a_cron_job_is_reached() -> None:
    pod = {"restartPolicy": "Never", "containers": [container(volumeMounts=[MOUNT])]}
    job = {"spec": {"template": {"spec": pod}}}
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "c", "namespace": "shop"},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": job},
    }
    (found,) = lines(obj(cron), obj(config_map()))
    assert "spec.jobTemplate.spec.template.spec.containers[0].volumeMounts[0].name" in found


def cpu(amount: str, **more: Any) -> Data:
    return {"resources": {"requests": {"cpu": amount}}} | more


@pytest.mark.parametrize(
    ("spec", "milli"),
    [
        ({"containers": [cpu("1"), cpu("500m")]}, 1500),
        ({"containers": [{"resources": {"limits": {"cpu": "2"}}}]}, 2000),
        ({"containers": [cpu("1")], "initContainers": [cpu("3")]}, 3000),
        ({"containers": [cpu("1")], "initContainers": [cpu("1", restartPolicy="Always")]}, 2000),
        ({"containers": [cpu("1")],
          "initContainers": [cpu("1", restartPolicy="Always"), cpu("3")]}, 4000),
        ({"containers": [cpu("1")],
          "initContainers": [cpu("3"), cpu("1", restartPolicy="Always")]}, 3000),
        ({"containers": [cpu("1")], "overhead": {"cpu": "250m"}}, 1250),
    ],
)  # fmt: skip
def test_a_pod_requests_what_the_scheduler_would_reserve(spec: Data, milli: int) -> None:
    assert requests(spec)["cpu"] == milli
