"""Whether work fits its hosts."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stages.check import objects
from tests.stages.check.objects import (
    Data,
    cluster,
    container,
    facts,
    joint_inference,
    lines,
    model,
    obj,
    site,
)

POD_ENDS_FIRST = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
POD_STARTS_FIRST = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def deployment(name: str, *containers: Data, **pod: Any) -> Data:
    """A Deployment that takes no more room in an update than it has."""
    data = objects.deployment(name, *containers, **pod)
    data["spec"]["strategy"] = POD_ENDS_FIRST
    return data


def asks(name: str = "web", *, cpu: str = "1", memory: str = "1Gi", **pod: object) -> Data:
    amounts = {"cpu": cpu, "memory": memory}
    return deployment(name, container(resources={"requests": amounts}, ports=[]), **pod)


def gpu(name: str, count: str = "1", resource: str = "nvidia.com/gpu") -> Data:
    amounts = {resource: count}
    resources = {"requests": amounts, "limits": amounts}
    return deployment(name, container(resources=resources, ports=[]))


def on(node: str) -> dict[str, Any]:
    return {"nodeSelector": {"kubernetes.io/hostname": node}}


def rolls(data: Data, strategy: Data | None = POD_STARTS_FIRST, replicas: int = 1) -> Data:
    """The same workload with another strategy; None leaves it to the API server."""
    data["spec"] |= {"replicas": replicas, "strategy": strategy}
    if strategy is None:
        del data["spec"]["strategy"]
    return data


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


def test_an_update_that_starts_a_pod_first_needs_room_for_it() -> None:
    assert at_site(rolls(asks(cpu="3", memory="4Gi"))) == []
    (found,) = at_site(rolls(asks(cpu="3001m", memory="4Gi")))
    assert found.startswith(
        "E5050 store-1/edge-1: an update of jobs.web starts a new pod before it ends an old one: "
        "the pods here request cpu 3001m together, one more 3001m, and the host gives 6 "
        "(profile orin)"
    )
    ends_first = "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"
    written = f"{{job: web, kind: Deployment, patch: {{spec: {{{ends_first}}}}}}}"
    assert f"Request less, or let the old pod go first: under patches: write {written}" in found
    assert found.endswith("or in it strategy: {type: Recreate, rollingUpdate: null}.")


def test_every_resource_that_an_update_lacks_is_told() -> None:
    (found,) = at_site(rolls(gpu("a")), asks("b", cpu="6"))
    assert "request nvidia.com/gpu 1 together, one more 1, and the host gives 1" in found
    (found,) = at_site(rolls(asks(cpu="4", memory="5Gi")))
    assert "cpu 4 together, one more 4, and the host gives 6; the pods here request memory" in found


def test_updates_of_one_commit_need_room_one_after_the_other() -> None:
    pair = [rolls(asks(name, cpu="2")) for name in ("a", "b")]
    assert at_site(*pair) == []
    found = at_site(*pair, asks("c", cpu="1"))
    assert [line.partition(" starts")[0] for line in found] == [
        f"E5050 store-1/edge-1: an update of jobs.{name}" for name in ("a", "b")
    ]


@pytest.mark.parametrize(
    ("strategy", "replicas", "needs_room"),
    [
        (None, 1, True),
        (None, 3, True),
        (None, 4, False),
        ({"type": "Recreate"}, 3, False),
        ({"rollingUpdate": {"maxSurge": "10%", "maxUnavailable": "30%"}}, 3, True),
        ({"rollingUpdate": {"maxSurge": "10%", "maxUnavailable": "34%"}}, 3, False),
        ({"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 0}}, 3, True),
        ({"rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}}, 3, False),
        ({"rollingUpdate": {"maxSurge": 0}}, 1, False),
    ],
)
def test_an_update_needs_room_unless_it_may_end_a_pod_first(
    strategy: Data | None, replicas: int, needs_room: bool
) -> None:
    each = {1: "6", 3: "2", 4: "1500m"}[replicas]
    found = at_site(rolls(asks(cpu=each, memory="1Gi"), strategy, replicas))
    assert len(found) == needs_room
    # One more pod is enough for any number: the next one has the room of the first to go.
    less = {1: "3", 3: "1500m", 4: "1200m"}[replicas]
    assert at_site(rolls(asks(cpu=less, memory="1Gi"), strategy, replicas)) == []


def test_an_update_cannot_have_the_port_of_the_pod_that_it_replaces() -> None:
    taken = container(ports=[{"containerPort": 80, "hostPort": 80}])
    assert at_site(deployment("a", taken)) == []
    (found,) = at_site(rolls(deployment("a", taken)))
    assert found.startswith("E5032 store-1/edge-1: an update of jobs.a starts a new pod")
    assert "the old one has port 80/TCP of the host | Let the old pod go first: under" in found


def test_the_author_of_an_object_is_told_what_to_write_in_it() -> None:
    (found,) = lines(obj(rolls(asks(cpu="4")), site="store-1", raw=True))
    assert "let the old pod go first: write strategy: {rollingUpdate:" in found
    assert found.endswith("under spec of the Deployment.")


def test_an_update_of_pods_that_choose_their_host_needs_one_with_room() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    free = obj(rolls(asks(cpu="3")), site="store-1")
    held = obj(asks("b", cpu="3001m", **on("edge-1")), site="store-1")
    assert lines(free, held, known=known) == []
    (found,) = lines(free, held, obj(asks("c", cpu="3"), site="store-1"), known=known)
    assert found.startswith("E5050 store-1: an update of jobs.web starts a new pod before")
    assert "it takes cpu 3, memory 1Gi, and beside the other pods here the 2 hosts" in found


def test_an_update_on_one_host_can_take_the_room_of_pods_that_choose() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    bound = rolls(asks("a", cpu="3", **on("edge-1")))
    loose = asks("b", cpu="3")
    other = asks("c", cpu="3", **on("edge-2"))
    given = [obj(one, site="store-1") for one in (bound, loose, other)]
    assert lines(*given, known=known) == []
    (found,) = lines(*given, obj(asks("d", cpu="1"), site="store-1"), known=known)
    assert found.startswith("E5050 store-1: an update of jobs.a starts a new pod before")


def test_an_update_of_pods_that_choose_may_lack_a_port_alone() -> None:
    known = facts(site("store-1", ["edge-1", "edge-2"]))
    port = [{"containerPort": 80, "hostPort": 80}]
    one, two = [rolls(deployment(n, container(ports=port))) for n in ("a", "b")]
    assert lines(obj(one, site="store-1"), known=known) == []
    found = lines(obj(one, site="store-1"), obj(two, site="store-1"), known=known)
    assert [line.partition(" starts")[0] for line in found] == [
        f"E5032 store-1: an update of jobs.{name}" for name in ("a", "b")
    ]


def daemon(cpu: str = "2", **pod: Any) -> Data:
    data = asks("watcher", cpu=cpu, **pod)
    del data["spec"]["replicas"], data["spec"]["strategy"]
    return data | {"kind": "DaemonSet"}


def required(*expressions: Data) -> Data:
    terms = [{"matchExpressions": list(expressions)}]
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"affinity": {"nodeAffinity": rule}}


def beside(*data: Data, **profile: Any) -> list[str]:
    """What is said of work on one host of each of two sites, and of objects of no site."""
    known = facts(site("store-1", **profile), site("store-2", ["edge-2"], **profile))
    work = [obj(asks(name, cpu="5"), site=f"store-{name}") for name in ("1", "2")]
    return [line.split()[1] for line in lines(*work, *(obj(one) for one in data), known=known)]


BOTH = ["store-1/edge-1:", "store-2/edge-2:"]


def test_a_daemon_of_no_site_is_counted_on_every_host_that_admits_it() -> None:
    assert beside(daemon("1")) == []
    assert beside(daemon()) == BOTH
    assert beside(daemon(nodeSelector={"kubernetes.io/arch": "arm64"})) == BOTH
    assert beside(daemon(nodeSelector={"kubernetes.io/arch": "amd64"})) == []
    assert beside(daemon(nodeSelector={"disk": "fast"})) == []
    hostname = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["edge-2", "edge-3"]}
    assert beside(daemon(**required(hostname))) == BOTH[1:]
    assert beside(daemon(**required(hostname | {"operator": "NotIn"}))) == BOTH[:1]
    control = {"key": "node-role.kubernetes.io/control-plane"}
    assert beside(daemon(**required(control | {"operator": "DoesNotExist"}))) == BOTH
    assert beside(daemon(**required(control | {"operator": "Exists"}))) == []


def test_a_daemon_of_a_site_is_counted_on_the_hosts_of_others_too() -> None:
    known = facts(site("store-1"), site("store-2", ["edge-2"]))
    work = obj(asks(cpu="5"), site="store-2")
    (found,) = lines(work, obj(daemon(), site="store-1"), known=known)
    assert found.startswith("E5050 store-2/edge-2: ")
    kept = daemon(nodeSelector={"kubernetes.io/hostname": "edge-1"})
    assert lines(work, obj(kept, site="store-1"), known=known) == []


@pytest.mark.parametrize(
    ("toleration", "admitted"),
    [
        (None, False),
        ({"operator": "Exists"}, True),
        ({"key": "shop", "operator": "Exists", "effect": "NoSchedule"}, True),
        ({"key": "shop", "value": "yes"}, True),
        ({"key": "shop", "value": "no"}, False),
        ({"key": "shop", "operator": "Exists", "effect": "NoExecute"}, False),
    ],
)
def test_a_taint_keeps_a_daemon_away_unless_it_is_tolerated(
    toleration: Data | None, admitted: bool
) -> None:
    pod: Data = {"tolerations": [toleration]} if toleration else {}
    tainted = {"taints": ("shop=yes:NoSchedule",)}
    assert beside(daemon(**pod), **tainted) == (BOTH if admitted else [])
    assert beside(daemon(), taints=("shop=yes:PreferNoSchedule",)) == BOTH


def test_the_role_of_an_edge_node_is_known_where_kubeedge_gives_it() -> None:
    edge = daemon(nodeSelector={"node-role.kubernetes.io/edge": ""})
    given = [obj(asks(cpu="5"), site="store-1"), obj(edge)]
    assert lines(*given) == []
    joined = {objects.TARGET: cluster(provides={"kubeedge": "1.23"})}
    (found,) = lines(*given, known=facts(site(), clusters=joined))
    assert "cpu 7 together, and the host gives 6 (profile orin): jobs.web 5" in found


def test_a_daemon_may_surge_on_every_host() -> None:
    surging = {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    data = daemon("4")
    assert lines(obj(data)) == []
    data["spec"]["updateStrategy"] = surging
    (found,) = lines(obj(data))
    assert "under patches: write {job: watcher, kind: DaemonSet, patch: {spec: {update" in found


def test_a_host_takes_no_more_pods_than_a_kubelet_does() -> None:
    small = {"cpu": "1m", "memory": "1Mi"}
    many = rolls(asks("a", **small), POD_ENDS_FIRST, 100)
    rest = [rolls(asks("b", **small), POD_ENDS_FIRST, count) for count in (10, 11)]
    assert at_site(many, rest[0]) == []
    (found,) = at_site(many, rest[1])
    assert found.startswith(
        "E5050 store-1/edge-1: 111 pods are placed here, and the host takes 110 (profile orin): "
        "jobs.a 100, jobs.b 11"
    )
    (found,) = at_site(many, rolls(asks("b", **small), replicas=10))
    assert "request pods 110 together, one more 1, and the host gives 110" in found
