from __future__ import annotations

from typing import Any

import pytest

from compiler.model import health
from compiler.model.observed import Verdict
from tests.cluster.health_cases import CASES, Case


def pod(**status: Any) -> dict[str, Any]:
    return {"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": status}


def condition(word: str, status: str, **more: str) -> dict[str, str]:
    return {"type": word, "status": status, **more}


def deployment(replicas: int | None = 1, generation: int = 1, **status: Any) -> dict[str, Any]:
    spec = {} if replicas is None else {"replicas": replicas}
    metadata = {"name": "d", "namespace": "shop", "generation": generation}
    status = {"observedGeneration": 1, **status}
    return {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": status}


def findings(live: dict[str, Any], *pods: dict[str, Any]) -> list[tuple[str, str]]:
    found = health.workload(live, "", map(health.pod, pods))
    return [(str(one.verdict), one.text) for one in health.workload_findings(live, found)]


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_the_records_and_sedna_s_jobs_mean_what_they_mean_to_the_engines(case: Case) -> None:
    live = {"apiVersion": case.api_version, "kind": case.kind,
            "metadata": {"name": "x", "generation": 1}, "spec": {}}  # fmt: skip
    if case.status is not None:
        live["status"] = case.status
    found = health.record_finding(live) if "edgewright" in case.api_version else (
        health.sedna_finding(live)
    )  # fmt: skip
    told = {None: "healthy", Verdict.PROGRESSING: "progressing", Verdict.DEGRADED: "degraded"}
    assert told[found.verdict if found else None] == case.verdict


def test_a_record_of_another_version_is_on_its_way() -> None:
    live = {"kind": "InferenceModel", "metadata": {"name": "x"}, "spec": {"version": "2"},
            "status": {"phase": "Offline", "version": "1"}}  # fmt: skip
    found = health.record_finding(live)
    assert found is not None
    assert found.text == "the site reports version 1, wanted is 2"


@pytest.mark.parametrize(
    ("status", "reason", "failing"),
    [
        ({"phase": "Running", "conditions": [condition("Ready", "True")]}, "", False),
        ({"phase": "Running", "conditions": [condition("Ready", "False")]}, "NotReady", False),
        ({"phase": "Succeeded"}, "", False),
        ({"phase": "Failed", "reason": "Evicted", "message": "disk"}, "Evicted", True),
        ({"phase": "Pending", "conditions": [
            condition("PodScheduled", "False", reason="Unschedulable", message="0/1 nodes")
        ]}, "Unschedulable", True),
        ({"phase": "Pending", "conditions": [
            condition("PodScheduled", "False", reason="SchedulingGated")
        ]}, "SchedulingGated", False),
        ({"phase": "Pending", "containerStatuses": [
            {"name": "w", "state": {"waiting": {"reason": "ContainerCreating"}}}
        ]}, "NotReady", False),
        ({"phase": "Pending", "initContainerStatuses": [
            {"name": "w", "state": {"waiting": {"reason": "ErrImagePull"}}}
        ]}, "ErrImagePull", True),
        ({"phase": "Running", "containerStatuses": [
            {"name": "w", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}
        ]}, "OOMKilled", True),
        ({"phase": "Running", "containerStatuses": [
            {"name": "w", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
        ]}, "NotReady", False),
        ({}, "NotReady", False),
    ],
)  # fmt: skip
def test_why_a_pod_is_not_ready(status: dict[str, Any], reason: str, failing: bool) -> None:
    found = health.pod(pod(**status))
    assert (found.reason, found.failing) == (reason, failing)


def test_a_pod_that_goes_is_no_fault() -> None:
    live = pod(phase="Failed")
    live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert health.pod(live).reason == "Terminating"
    assert not health.pod(live).failing


@pytest.mark.parametrize(
    ("live", "told"),
    [
        (deployment(updatedReplicas=1, availableReplicas=1), []),
        (deployment(None, updatedReplicas=1, availableReplicas=1), []),
        (deployment(0), []),
        (deployment(generation=2, updatedReplicas=1, availableReplicas=1),
         [("progressing", "no controller has taken up the Deployment's last change yet")]),
        (deployment(2, updatedReplicas=1, availableReplicas=2),
         [("progressing", "2 of 2 pods available, 1 of the newest revision")]),
        (deployment(updatedReplicas=1), [("progressing", "0 of 1 pods available")]),
        (deployment(updatedReplicas=1, conditions=[
            condition("Progressing", "False", reason="ProgressDeadlineExceeded")
        ]), [("degraded", "0 of 1 pods available (ProgressDeadlineExceeded)")]),
        (deployment(updatedReplicas=1, availableReplicas=1, conditions=[
            condition("ReplicaFailure", "True", reason="FailedCreate", message="quota")
        ]), [("degraded", "its pods cannot be made: FailedCreate")]),
    ],
)  # fmt: skip
def test_what_a_deployment_says(live: dict[str, Any], told: list[tuple[str, str]]) -> None:
    assert findings(live) == told


def test_a_crashing_pod_is_a_fault_of_its_workload_with_the_command_for_its_log() -> None:
    status = {"phase": "Running", "containerStatuses": [
        {"name": "w", "restartCount": 4, "state": {"waiting": {
            "reason": "CrashLoopBackOff", "message": "back-off"
        }}}
    ]}  # fmt: skip
    live = deployment(updatedReplicas=1)
    found = health.workload(live, "", [health.pod(pod(**status))])
    assert found.pods[0].restarts == 4
    first = next(iter(health.workload_findings(live, found)))
    assert (first.verdict, first.text) == (Verdict.DEGRADED, "a pod says CrashLoopBackOff")
    assert first.step == "kubectl -n shop logs p -c w --previous"


@pytest.mark.parametrize(
    ("conditions", "told"),
    [
        ([], [("progressing", "the run has not ended")]),
        ([condition("Complete", "True")], []),
        ([condition("Failed", "True", reason="BackoffLimitExceeded")],
         [("degraded", "the run failed (BackoffLimitExceeded)")]),
    ],
)  # fmt: skip
def test_what_a_run_says(conditions: list[Any], told: list[tuple[str, str]]) -> None:
    live = {"kind": "Job", "metadata": {"name": "j", "namespace": "shop"}, "spec": {},
            "status": {"conditions": conditions}}  # fmt: skip
    assert findings(live) == told


def test_a_daemon_set_counts_nodes() -> None:
    status = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}
    live = {"kind": "DaemonSet", "metadata": {"name": "d", "namespace": "shop"}, "spec": {},
            "status": status}  # fmt: skip
    assert findings(live) == [("progressing", "2 of 3 pods available")]


@pytest.mark.parametrize(
    ("status", "ready"), [("True", True), ("False", False), ("Unknown", False)]
)
def test_a_silent_node_is_not_ready(status: str, ready: bool) -> None:
    live = {"metadata": {"name": "n"}, "status": {"conditions": [
        condition("Ready", status, lastTransitionTime="then")
    ]}}  # fmt: skip
    assert (health.node(live).ready, health.node(live).since) == (ready, "then")


def test_words_of_others_stay_one_short_line() -> None:
    assert health.cut("a\n  b\tc") == "a b c"
    assert len(health.cut("x" * 5000)) == 240
