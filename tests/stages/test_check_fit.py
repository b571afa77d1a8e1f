"""Whether work fits its hosts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stages.objects import (
    Data,
    container,
    deployment,
    facts,
    joint_inference,
    lines,
    model,
    obj,
    site,
)


def asks(name: str = "web", *, cpu: str = "1", memory: str = "1Gi", **pod: object) -> Data:
    amounts = {"cpu": cpu, "memory": memory}
    return deployment(name, container(resources={"requests": amounts}, ports=[]), **pod)


def gpu(name: str, count: str = "1", resource: str = "nvidia.com/gpu") -> Data:
    amounts = {resource: count}
    resources = {"requests": amounts, "limits": amounts}
    return deployment(name, container(resources=resources, ports=[]))


def on(node: str) -> dict[str, Any]:
    return {"nodeSelector": {"kubernetes.io/hostname": node}}


def at_site(*data: Data, **profile: str) -> list[str]:
    known = facts(site(**profile))
    return lines(*(obj(one, site="store-1") for one in data), known=known)


def test_what_fits_exactly_fits() -> None:
    assert at_site(asks("a", cpu="4"), asks("b", cpu="2", memory="7Gi")) == []


def test_pods_of_several_jobs_are_summed_on_their_host() -> None:
    (found,) = at_site(asks("a", cpu="4"), asks("b", cpu="2001m"))
    assert found.startswith("E5050 store-1/edge-1: the pods here request cpu 6001m together")
    assert "the host gives 6 (profile orin): jobs.a 4, jobs.b 2001m" in found


def test_what_is_reserved_is_not_given_to_pods() -> None:
    assert at_site(asks(memory="7Gi")) == []
    (found,) = at_site(asks(memory="7Gi"), reserved_memory="1.5Gi")
    assert "request memory 7Gi together, and the host gives 6.5Gi" in found


def test_the_sidecar_counts() -> None:
    sidecar = container("sidecar", restartPolicy="Always", ports=[])
    sidecar["resources"] = {"requests": {"cpu": "3"}}
    assert at_site(asks(cpu="3", initContainers=[sidecar])) == []
    assert "cpu 7 together" in at_site(asks(cpu="4", initContainers=[sidecar]))[0]


def test_replicas_multiply_and_an_autoscaler_counts_at_its_most() -> None:
    three = asks(cpu="1")
    three["spec"]["replicas"] = 7
    assert "cpu 7 together" in at_site(three)[0]
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": "shop"},
        "spec": {
            "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        },
    }
    assert "cpu 9 together" in at_site(asks(cpu="1"), scaler)[0]


def test_an_accelerator_is_counted_and_must_be_there() -> None:
    assert at_site(gpu("a")) == []
    assert (
        "request nvidia.com/gpu 2 together, and the host gives 1" in at_site(gpu("a"), gpu("b"))[0]
    )
    (found,) = at_site(gpu("a", resource="amd.com/gpu"))
    assert found.startswith("E5051")
    assert "Resources of orin: nvidia.com/gpu, smarter-devices/video0." in found


def test_a_device_of_the_profile_may_be_shared() -> None:
    camera = [gpu(name, resource="smarter-devices/video0") for name in ("a", "b")]
    assert at_site(*camera) == []


def test_pods_bound_to_two_hosts_do_not_share_room() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    pair = [asks("a", cpu="5", **on("edge-1")), asks("b", cpu="5", **on("edge-2"))]
    assert lines(*(obj(one, site="store-1") for one in pair), known=known) == []
    pair = [asks("a", cpu="5", **on("edge-1")), asks("b", cpu="5", **on("edge-1"))]
    (found,) = lines(*(obj(one, site="store-1") for one in pair), known=known)
    assert "store-1/edge-1: the pods here request cpu 10" in found


def test_unbound_pods_share_all_hosts_of_a_site_but_each_must_fit_one() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    pair = [obj(asks(name, cpu="5"), site="store-1") for name in ("a", "b")]
    assert lines(*pair, known=known) == []
    (found,) = lines(obj(asks(cpu="7"), site="store-1"), known=known)
    assert "one pod requests cpu 7; a host of profile orin gives 6" in found


def test_unbound_pods_must_find_a_host_each_and_not_only_room_in_sum() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    three = [obj(asks(name, cpu="3500m"), site="store-1") for name in ("a", "b", "c")]
    assert lines(*three[:2], known=known) == []
    (found,) = lines(*three, known=known)
    assert found.startswith("E5050 store-1: ")
    assert "one pod takes cpu 3500m, memory 1Gi" in found
    assert "none of the 2 hosts has that left (profile orin)" in found


def test_a_layout_of_any_order_is_enough() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    # Largest by processors first, a and b would meet on one host, and c and d on the other.
    four = [("a", "3", "2Gi"), ("b", "3", "2Gi"), ("c", "2", "6Gi"), ("d", "2", "6Gi")]
    given = [obj(asks(name, cpu=cpu, memory=m), site="store-1") for name, cpu, m in four]
    assert lines(*given, known=known) == []


def test_unbound_pods_find_only_what_bound_ones_leave() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    pair = [asks(f"b{n}", cpu="4", **on(f"edge-{n}")) for n in (1, 2)]
    given = [obj(one, site="store-1") for one in pair]
    assert lines(*given, obj(asks("a", cpu="2"), site="store-1"), known=known) == []
    (found,) = lines(*given, obj(asks("a", cpu="2001m"), site="store-1"), known=known)
    assert found.startswith("E5050 store-1: ")


def test_more_pods_than_hosts_cannot_have_one_port() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    port = [{"containerPort": 80, "hostPort": 80}]
    three = [obj(deployment(n, container(ports=port)), site="store-1") for n in ("a", "b", "c")]
    assert lines(*three[:2], known=known) == []
    (found,) = lines(*three, known=known)
    assert found.startswith("E5032 store-1: ")
    assert "one pod takes port 80/TCP" in found


def test_a_site_without_hosts_has_no_sum() -> None:
    known = facts(site("store-1", []))
    many = [obj(asks(f"a{n}", cpu="5"), site="store-1") for n in range(3)]
    assert lines(*many, known=known) == []
    assert "one pod requests" in lines(obj(asks(cpu="7"), site="store-1"), known=known)[0]


def test_workers_of_sedna_count_on_the_hosts_that_they_name() -> None:
    job = joint_inference()
    big = {"requests": {"cpu": "7"}}
    job["spec"]["edgeWorker"]["template"]["spec"]["containers"][0]["resources"] = big
    (found,) = lines(obj(model()), obj(model("big")), obj(job))
    assert "store-1/edge-1: the pods here request cpu 7" in found


def loop() -> Data:
    def worker(cpu: str, **more: object) -> Data:
        requests = {"requests": {"cpu": cpu}}
        pod = {"nodeName": "edge-1", "containers": [container(resources=requests, ports=[])]}
        return {"template": {"spec": pod}} | more

    condition = {"operator": ">", "threshold": 500, "metric": "num_of_samples"}
    trigger = {"trigger": {"condition": condition}}
    deployed = {
        "model": {"name": "small"},
        "hardExampleMining": {"name": "IBT"},
        "trigger": {"condition": condition | {"metric": "precision_delta[0]"}},
    }
    dataset = {"name": "shelves", "trainProb": 0.8}
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "IncrementalLearningJob",
        "metadata": {"name": "learn", "namespace": "shop"},
        "spec": {
            "initialModel": {"name": "small"},
            "dataset": dataset,
            "trainSpec": worker("4", **trigger),
            "evalSpec": worker("3"),
            "deploySpec": worker("2", **deployed),
            "outputDir": "/out",
        },
    }


def test_workers_that_follow_each_other_are_not_added_up() -> None:
    shelves = model("shelves") | {"kind": "Dataset"}
    shelves["spec"] = {"url": "/d.txt", "format": "txt", "nodeName": "edge-1"}
    objects = [obj(loop()), obj(model()), obj(shelves)]
    assert lines(*objects) == []
    tight = facts(site(cpu="5"))
    assert "jobs.learn 4, jobs.learn 2" in lines(*objects, known=tight)[0]


@pytest.mark.parametrize("host_network", [True, False])
def test_two_pods_that_want_one_port_of_a_host_are_refused(host_network: bool) -> None:
    port = {"containerPort": 8080} | ({} if host_network else {"hostPort": 8080})
    pair = [
        deployment(name, container(ports=[port]), hostNetwork=host_network) for name in ("a", "b")
    ]
    (found,) = at_site(*pair)
    assert found.startswith("E5032 store-1/edge-1: port 8080/TCP of the host is taken twice")
    assert "by jobs.a and jobs.b" in found


def test_two_replicas_cannot_share_a_port_of_their_host() -> None:
    pair = deployment("a", container(ports=[{"containerPort": 80, "hostPort": 80}]))
    pair["spec"]["replicas"] = 2
    assert "by 2 pods of jobs.a" in at_site(pair)[0]
