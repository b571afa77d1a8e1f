"""What plain Kubernetes refuses, what it reports on a site, and its answers per field."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compiler.backends import kubernetes
from compiler.model.backend import Answer
from compiler.model.diagnostics import Span
from compiler.model.fleet import Host
from compiler.model.inputs import Binding, HostData, Location, Port, Slot
from compiler.model.member import Delivery, Expose, Place, Replicas
from compiler.model.plan import (
    Companion,
    Distribution,
    Gate,
    Node,
    OutputPort,
    Pipeline,
    Record,
    Run,
    Schedule,
    Service,
    Step,
    Work,
)
from compiler.model.worker import ConfigFile, ContainerPort, Device, User, Volume, Worker
from tests.backends.kubernetes_cases import JSON, artifact, cluster, context, service, site

CLOUD = Place("hub", "cloud", "cloud")
WORKER = Worker(name="fit", image="r.example.com/fit:1")
FILE = ConfigFile("/etc/app/app.yaml", "")


def stage(**changes: Any) -> Work:
    return Work(**{"name": "fit", "worker": WORKER, **changes})


def run(*stages: Work, **changes: Any) -> Run:
    return Run(job="fit", name="fit", place=CLOUD, stages=stages or (stage(),), **changes)


def pinned(node: Service, **changes: Any) -> Service:
    place = dataclasses.replace(node.member.place, host="store-1-a")
    return dataclasses.replace(
        node, member=dataclasses.replace(node.member, place=place, **changes)
    )


def with_input(found: Any) -> Service:
    return service(member={"inputs": (Binding("model", found),)})


OUTPUTS = (OutputPort(name="best", type="model"),)
STEP = Step(name="fit", run=run())
TWO = Replicas(2)
REFUSED: list[tuple[Node, JSON, str]] = [
    (
        dataclasses.replace(service(), load_test={"duration": "30s"}),
        {},
        "loadTest is not supported yet",
    ),
    (service(files=(ConfigFile("/etc/app.yaml", ""),)), {}, "a file in /etc would hide"),
    (
        service(files=(FILE,), volumes=(Volume("/etc/app", "memory", size="1Mi"),)),
        {},
        "/etc/app is a volume and also the directory of a file",
    ),
    (
        service(files=(FILE,), volumes=(Volume("/etc/app/data", "memory", size="1Mi"),)),
        {},
        "the volume /etc/app/data lies in /etc/app, which files make read-only",
    ),
    (
        service(files=(FILE,), volumes=(Volume("/etc", "host", source="/x", read_only=True),)),
        {},
        "the files of /etc/app lie in the read-only volume /etc",
    ),
    (
        service(
            volumes=(
                Volume("/a", "host", source="/x", read_only=True),
                Volume("/a/b", "memory", size="1Mi"),
            )
        ),
        {},
        "the volume /a/b lies in the read-only volume /a",
    ),
    (
        service(volumes=(Volume("/edgewright/run", "memory", size="1Mi"),)),
        {},
        "/edgewright/run is the sidecar's",
    ),
    (with_input(Port("prep", "train", "dataset")), {}, "prep.train of a pipeline's step"),
    (with_input(Slot("deploy", Location("host:/m"), "loop")), {}, "the slot deploy"),
    (with_input(artifact()), {}, "nothing but the sidecar fetches and verifies"),
    (
        dataclasses.replace(
            service((artifact(),)),
            member=dataclasses.replace(
                service((artifact(),)).member, delivery=Delivery(mode="native")
            ),
        ),
        {},
        "nothing but the sidecar fetches and verifies",
    ),
    (
        service(member={"replicas": Replicas(1, 1, 3, 70)}),
        {},
        "measured against a cpu request",
    ),
    (
        service(member={"replicas": TWO}, volumes=(Volume("/s", "claim", size="1Gi"),)),
        {},
        "2 replicas would share a claim",
    ),
    (pinned(service(host_network=True), replicas=TWO), {}, "would share its ports"),
    (pinned(service((artifact(),)), replicas=TWO), {}, "would share the slots"),
    (service(member={"expose": Expose("ingress", ingress_host="a.b")}), {}, "no ingress"),
    (service(member={"expose": Expose("cluster")}), {}, "so a cluster address leads nowhere"),
    (service(member={"expose": Expose("node")}), {}, "so a node port leads nowhere"),
    (
        service(member={"expose": Expose("mesh")}, name="3d-store-1"),
        {},
        "the name 3d-store-1 begins with a digit",
    ),
    (run(nodes=2), {}, "numNodes: 2"),
    (
        run(stage(gates=(Gate(metric="map50", comparison="at_least", value=0.5),))),
        {},
        "the gate on map50 of stage fit is not supported yet",
    ),
    (run(stage(inputs=(Binding("a", Port("p", "o", "model")),))), {}, "cannot read the output p.o"),
    (run(stage(worker=dataclasses.replace(WORKER, files=(ConfigFile("/tmp/x", ""),)))), {}, "hide"),
    (
        run(companions=(Companion(name="s", worker=WORKER),)),
        {"kubernetes": ("1.28",)},
        "companions need Kubernetes 1.29, and hub has 1.28",
    ),
    (
        run(stage(outputs=OUTPUTS), stage(name="b", outputs=OUTPUTS)),
        {},
        "two stages leave an output called best",
    ),
    (run(results=Location("host:/out")), {}, "results go to host:/out"),
    (
        Schedule(
            job="f", name="f", cron="* * * * *", work=Pipeline(job="f", name="f", steps=(STEP,))
        ),
        {},
        "a pipeline's steps are several",
    ),
    (
        Schedule(job="f", name="f", cron="* * * * *", work=run()),
        {"kubernetes": ("1.26",)},
        "no time zone before Kubernetes 1.27",
    ),
    (Schedule(job="f", name="f", cron="* * * * *", work=run(nodes=3)), {}, "numNodes: 3"),
    (
        Distribution(
            job="s",
            name="s",
            place=CLOUD,
            artifacts=(Binding("dataset", HostData("dataset", "d", "/d")),),
        ),
        {},
        "dataset d has no digest",
    ),
]


@pytest.mark.parametrize(("node", "facts", "words"), REFUSED, ids=[one[2] for one in REFUSED])
def test_what_cannot_be_is_refused_with_the_reason(node: Node, facts: JSON, words: str) -> None:
    refusal = kubernetes.BACKEND.refusal(node, cluster(**facts))
    assert refusal is not None
    assert words in refusal.reason


TAKEN: list[tuple[Node, JSON]] = [
    (service((artifact(),), files=(FILE,)), {}),
    (service(files=(FILE, ConfigFile("/etc/app/deep/er.yaml", ""))), {}),
    (service(member={"expose": Expose("mesh")}), {}),
    (service(member={"expose": Expose("node")}), {"provides": {}}),
    (service(member={"place": "cloud", "expose": Expose("ingress", ingress_host="a.b")}), {}),
    (service(member={"expose": Expose("mesh")}, name="3d"), {"kubernetes": ("1.34",)}),
    (service((artifact(),), member={"replicas": TWO}), {}),
    (service(requests={"cpu": "1"}, member={"replicas": Replicas(1, 1, 3, 70)}), {}),
    (run(), {}),
    (run(), {"kubernetes": ("1.28",)}),
    (Schedule(job="f", name="f", cron="* * * * *", work=run()), {}),
]


@pytest.mark.parametrize(("node", "facts"), TAKEN)
def test_what_can_be_is_taken(node: Node, facts: JSON) -> None:
    assert kubernetes.BACKEND.refusal(node, cluster(**facts)) is None


def test_a_refusal_points_at_the_line_that_wrote_the_field() -> None:
    line = Span("jobs.yaml", 7, 3)
    node = dataclasses.replace(run(nodes=2), fields={"numNodes": line})
    refusal = kubernetes.BACKEND.refusal(node, cluster())
    assert refusal is not None
    assert (refusal.span, bool(refusal.hint)) == (line, True)


def codes(node: Node, *sites: Any, **changes: Any) -> list[str]:
    known = context(*sites, **changes) if sites else context(**changes)
    return [one.code.id for one in kubernetes.problems(node, known)]


def spread(**changes: Any) -> Distribution:
    place = Place("hub", "store-1", "edge")
    return Distribution(job="s", name="s", place=place, artifacts=(), **changes)


def test_a_hot_job_needs_a_server_with_a_load_hook() -> None:
    assert codes(service((artifact(),))) == []
    assert codes(service((artifact(),), server="bentoml-1")) == ["E3301"]
    assert codes(service((artifact(),), server="bentoml-1", update="rolling")) == []


@pytest.mark.parametrize("changes", [{"host_network": True}, {"artifacts": (artifact(),)}])
def test_pods_that_need_a_host_each_are_no_more_than_the_hosts(changes: JSON) -> None:
    artifacts = changes.pop("artifacts", ())
    node = service(artifacts, member={"replicas": TWO}, **changes)
    assert codes(node) == ["E3302"]
    assert codes(node, site(hosts=(Host("a"), Host("b")))) == []


def test_only_ports_that_exist_are_exposed() -> None:
    expose = Expose("node", node_ports={"http": 30001, "htpt": 30002})
    node = service(member={"place": "cloud", "expose": expose})
    (found,) = kubernetes.problems(node, context())
    assert found.code.id == "E3303"
    assert "port htpt; the worker has http, grpc" in found.message
    assert codes(service(server="", member={"expose": Expose("mesh")})) == ["E3303"]
    web = (ContainerPort("web", 80),)
    assert codes(service(server="", ports=web, member={"expose": Expose("mesh")})) == []


def test_peers_need_addresses() -> None:
    assert codes(spread(peers=True)) == ["E3304"]
    assert codes(spread(peers=True), site(hosts=())) == ["E3304"]
    assert codes(spread(peers=True), site(hosts=(Host("a", "10.0.0.1"),))) == []
    assert codes(spread()) == []


def test_work_of_a_shared_cluster_is_bound_to_its_site() -> None:
    alone, other = site(hosts=()), site("store-2")
    assert codes(service(), alone) == []
    assert codes(service(), alone, other) == ["E3305"]
    assert codes(service(), site(hosts=(), node_selector={"a": "b"}), other) == []
    each = [cluster(each_site=True)]
    assert codes(service(), alone, other, clusters=each) == []


@pytest.mark.parametrize("kind", [Service, Run, Schedule, Distribution, Record])
def test_every_field_of_every_node_that_is_taken_has_an_answer_with_a_reason(
    kind: type[Node],
) -> None:
    nodes: dict[type[Node], Node] = {
        Service: service(),
        Run: run(),
        Schedule: Schedule(job="f", name="f", cron="* * * * *", work=run()),
        Distribution: spread(),
        Record: Record(job="", name="d", kind="Dataset", facts={}),
    }
    answers = kubernetes.BACKEND.answers(nodes[kind])
    assert tuple(answers) == kind.FIELDS
    assert all(answer.reason for answer in answers.values())


def test_answers_say_aloud_what_weakens_the_host() -> None:
    node = service(
        server="",
        devices=(Device("/dev/video0"),),
        user=User(0, 0, read_only_root=False),
        member={"inputs": (Binding("model", HostData("model", "m", "/m")),)},
    )
    answers = kubernetes.BACKEND.answers(node)
    assert answers["worker.devices"].reason.startswith("PRIVILEGED: /dev/video0")
    assert answers["worker.user"].reason == "ROOT: uid 0 with a writable root file system"
    assert answers["delivery"].reason.startswith("UNVERIFIED")
    assert tuple(answers) == Service.FIELDS


def test_what_is_answered_refused_is_refused() -> None:
    answers = kubernetes.BACKEND.answers(run())
    refused = {field for field, one in answers.items() if one.answer is Answer.REFUSED}
    assert refused == {"numNodes", "gates"}
