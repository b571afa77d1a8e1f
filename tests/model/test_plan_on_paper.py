"""Five real jobs written as plan nodes by hand: what the waist must be able to hold."""

from __future__ import annotations

import dataclasses
import typing

import pytest

from compiler.model import plan
from compiler.model.diagnostics import Span
from compiler.model.inputs import Artifact, Binding, Endpoint, HostData, Input, Location, Port, Slot
from compiler.model.invariants import slot_conflicts, violations
from compiler.model.member import Delivery, Member, Place, Release, Replicas
from compiler.model.worker import ContainerPort, EnvironmentVariable, Volume, Worker

STORE = "s3://vision-artifacts"


def artifact(name: str, version: str, **changes: typing.Any) -> Artifact:
    location = Location(f"{STORE}/{name}/{version}.tar.gz", store="main", read_secret="s3-reader")
    return dataclasses.replace(
        Artifact("model", name, version, location, sha256="ab" * 32, unpack="tar.gz"), **changes
    )


def worker(name: str, image: str, **changes: typing.Any) -> Worker:
    return dataclasses.replace(Worker(name=name, image=image), **changes)


def edge(site: str, host: str = "") -> Place:
    return Place("hub", site, "edge", host)


CLOUD = Place("hub", "cloud", "cloud")


# 1. A hot serve job with two models on three sites.

DETECTOR = artifact("shelf-detector", "1.4.0", serve_version=7)
INT8 = artifact("shelf-detector", "1.4.0", variant="int8-orin", framework="tensorrt")
COUNTER = artifact("people-counter", "2.0.0", serve_version=2)


def hot_service(site: str, detector: Artifact) -> plan.Service:
    models = (detector, COUNTER)
    return plan.Service(
        job="watch",
        name=f"watch-{site}",
        member=Member(
            role="worker",
            place=edge(site, f"{site}-a"),
            worker=worker(
                "worker",
                "registry.example.com/ovms:2025.3",
                server="ovms",
                ports=(ContainerPort("http", 8000),),
            ),
            inputs=tuple(Binding("model", model) for model in models),
            delivery=Delivery(update="hot", artifacts=models, window="01:00-05:00"),
        ),
    )


def test_a_hot_service_is_one_node_per_site_with_its_own_variant() -> None:
    chosen = {"store-1": DETECTOR, "store-2": INT8, "store-3": DETECTOR}
    nodes = [hot_service(site, detector) for site, detector in chosen.items()]
    assert [n.member.place.site for n in nodes] == ["store-1", "store-2", "store-3"]
    assert [len(n.member.delivery.artifacts) for n in nodes if n.member.delivery] == [2, 2, 2]
    assert nodes[1].member.inputs[0].input is INT8
    assert nodes[0].member.worker == nodes[2].member.worker
    assert all(violations(n) == () for n in nodes)


# 2. A joint inference: as one Cascade (Sedna takes it), and lowered to two Services.

LITTLE = HostData("model", "helmet-little", "/data/models/little.pb", "pb")
BIG = HostData("model", "helmet-big", "/data/models/big.pb", "pb")
RELEASE = Release("helmet-pair", "1.0", "cd" * 32)


def cascade() -> plan.Cascade:
    volumes = (Volume("/video/", "host", source="/joint_inference/video/"),)
    little = worker("little-model", "kubeedge/little:v0.1.0", volumes=volumes)
    return plan.Cascade(
        job="second-look",
        name="second-look",
        model="helmet-pair",
        version="1.0",
        cloud=Member(
            role="cloud",
            place=CLOUD,
            worker=worker("big-model", "kubeedge/big:v0.1.0"),
            inputs=(Binding("model", BIG),),
            delivery=Delivery(mode="native", release=RELEASE),
        ),
        edges=tuple(
            Member(
                role="edge",
                place=edge(site, f"{site}-a"),
                worker=little,
                inputs=(Binding("model", LITTLE),),
                delivery=Delivery(mode="native", release=RELEASE),
            )
            for site in ("store-1", "store-2")
        ),
        hard_examples=plan.HardExamples(
            algorithm="IBT", params={"threshold_img": "0.9", "threshold_box": "0.9"}
        ),
    )


def test_a_cascade_holds_one_cloud_member_and_its_edges() -> None:
    node = cascade()
    assert [m.role for m in node.members] == ["cloud", "edge", "edge"]
    assert len({m.delivery.release for m in node.members if m.delivery}) == 1
    assert violations(node) == ()


def test_a_lowered_cascade_is_services_that_know_the_cloud_by_a_link_not_an_input() -> None:
    node = cascade()
    link = Endpoint("cloud", "second-look-cloud.default", 5000)
    lowered = [
        plan.Service(
            job=node.job,
            name=f"second-look-edge-{member.place.site}",
            member=dataclasses.replace(
                member,
                endpoints=(link,),
                worker=dataclasses.replace(
                    member.worker,
                    env=(
                        EnvironmentVariable("BIG_MODEL_IP", link.address),
                        EnvironmentVariable("BIG_MODEL_PORT", str(link.port)),
                        EnvironmentVariable("MODEL_URL", "/home/data/data/models/little.pb"),
                    ),
                ),
            ),
        )
        for member in node.edges
    ]
    assert all(violations(service) == () for service in lowered)
    assert {service.member.endpoints[0].address for service in lowered} == {link.address}


# 3. An incremental loop on Sedna.


def loop(site: str, slot: str = "host:/models/deploy/saved_model.pb") -> plan.Loop:
    place = edge(site, f"{site}-a")
    image = "kubeedge/sedna-example-incremental-learning-helmet-detection:v0.4.0"

    def member(role: str) -> Member:
        args = (f"{role}.py",)
        return Member(role=role, place=place, worker=worker(role, image, args=args))

    return plan.Loop(
        job="improve",
        name=f"improve-{site}",
        mode="single-task",
        dataset=plan.Share(
            name="helmets",
            input=HostData("dataset", "helmets", "/data/train_data.txt", "txt"),
            format="txt",
            host=place.host,
            split={"train": 0.8, "test": 0.2},
        ),
        train=member("train"),
        evaluate=member("evaluate"),
        infer=member("infer"),
        trigger=plan.Trigger(new_samples=500, every=60, window="02:00-20:00"),
        gate=plan.Gate(metric="precision", comparison="improves_by", value=0.1),
        initial=HostData("model", "helmet", "/models/base_model", "ckpt"),
        deploy=Slot("deploy", Location(slot), writer=f"improve-{site}", format="pb"),
        results=Location("host:/output"),
        hot_poll=60,
    )


def test_a_loop_holds_three_members_a_slot_and_a_trigger_at_one_host() -> None:
    node = loop("store-1")
    assert [m.role for m in node.members] == ["train", "evaluate", "infer"]
    assert node.deploy is not None
    assert violations(node) == ()


def test_a_loop_over_two_hosts_is_unsound() -> None:
    node = loop("store-1")
    torn = dataclasses.replace(node, infer=dataclasses.replace(node.infer, place=edge("store-2")))
    assert violations(torn) == ("a loop runs on one host of one site",)


def test_two_loops_may_not_write_one_slot() -> None:
    first = loop("store-1")
    second = dataclasses.replace(first, name="improve-again")
    assert slot_conflicts([first, loop("store-2")]) == ()
    assert len(slot_conflicts([first, second])) == 1


def test_a_service_may_not_read_the_slot_that_a_loop_writes() -> None:
    node = loop("store-1")
    assert node.deploy is not None
    service = hot_service("store-1", DETECTOR)
    member = dataclasses.replace(service.member, inputs=(Binding("model", node.deploy),))
    assert violations(dataclasses.replace(service, member=member)) == (
        "a service may not read a slot: input model of worker",
    )


# 4. A federation: one node for Sedna; for Flower a Service, N Services and a Run.


def federation() -> plan.Federation:
    sites = ("edge-1", "edge-2")
    return plan.Federation(
        job="together",
        name="together",
        aggregator=Member(role="aggregate", place=CLOUD, worker=worker("agg", "agg:v0.1.0")),
        participants=tuple(
            plan.Participant(
                member=Member(role="train", place=edge(site), worker=worker("train", "train:1")),
                share=plan.Share(
                    name=f"surface-{site}",
                    input=HostData("dataset", "surface", f"/data/{site}/train.txt", "txt"),
                    format="txt",
                ),
            )
            for site in sites
        ),
        initial=artifact("defect-detector", "1.0.0"),
        rounds=10,
        min_participants=2,
        stop_when=plan.Gate(metric="accuracy", comparison="at_least", value=0.95),
        algorithm="FedAvg",
        algorithm_params={},
        transport="websocket",
        results=Location(f"{STORE}/defects/fl/"),
    )


def test_a_federation_gives_every_participant_its_own_share() -> None:
    node = federation()
    assert violations(node) == ()
    assert len({p.share.input for p in node.participants}) == 2
    lonely = dataclasses.replace(node, participants=node.participants[:1])
    assert violations(lonely) == ("1 participants, but a round needs 2",)


def test_a_federation_as_flower_processes_is_services_and_one_run() -> None:
    node = federation()
    fleet_api = Endpoint("superlink", "together-superlink.default", 9092)
    superlink = plan.Service(
        job="together",
        name="together-superlink",
        member=dataclasses.replace(
            node.aggregator,
            worker=worker(
                "superlink",
                "flwr/superlink:1.42.0",
                ports=(ContainerPort("fleet", 9092), ContainerPort("control", 9093)),
            ),
        ),
    )
    supernodes = [
        plan.Service(
            job="together",
            name=f"together-supernode-{p.member.place.site}",
            member=dataclasses.replace(
                p.member, inputs=(Binding("train", p.share.input),), endpoints=(fleet_api,)
            ),
        )
        for p in node.participants
    ]
    start = plan.Run(
        job="together",
        name="together-run",
        place=CLOUD,
        stages=(
            plan.Work(
                name="run",
                worker=worker("run", "flwr/superexec:1.42.0", args=("run", ".", "--stream")),
                inputs=(Binding("model", typing.cast("Input", node.initial)),),
                outputs=(plan.OutputPort(name="weights", type="model"),),
            ),
        ),
        results=node.results,
    )
    assert all(violations(n) == () for n in (superlink, *supernodes, start))


# 5. The SinaraML REST pipeline on Argo Workflows.


def step(
    name: str,
    inputs: dict[str, Input],
    outputs: dict[str, str],
    **changes: typing.Any,
) -> plan.Step:
    needs = tuple(dict.fromkeys(i.step for i in inputs.values() if isinstance(i, Port)))
    stage = plan.Work(
        name=name,
        worker=worker(name, f"registry.example.com/{name}:1", command=("python", "step.prod.py")),
        inputs=tuple(Binding(role, i) for role, i in inputs.items()),
        outputs=tuple(plan.OutputPort(name=n, type=t) for n, t in outputs.items()),
    )
    run = plan.Run(job="cv", name=f"cv-{name}", place=CLOUD, stages=(stage,), **changes)
    gates = (plan.Gate(metric="map50", comparison="at_least", value=0.45),)
    return plan.Step(name=name, run=run, needs=needs, gates=gates if name == "judge" else ())


def pipeline() -> plan.Pipeline:
    service = Port("pack", "service", "model", "bentoml")
    bento = plan.Companion(
        name="service",
        worker=worker("service", "registry.example.com/bento:1", server="bentoml-0.13"),
        inputs=(Binding("model", service),),
    )
    return plan.Pipeline(
        job="cv",
        name="cv",
        steps=(
            step("load", {}, {"images": "dataset", "weights": "model"}),
            step(
                "prep",
                {"images": Port("load", "images", "dataset", "coco")},
                {"train": "dataset", "val": "dataset", "test": "dataset"},
            ),
            step(
                "train",
                {
                    "train": Port("prep", "train", "dataset", "coco"),
                    "val": Port("prep", "val", "dataset", "coco"),
                    "base": Port("load", "weights", "model"),
                },
                {"best": "model", "last": "model"},
            ),
            step("pack", {"model": Port("train", "best", "model")}, {"service": "model"}),
            step(
                "judge",
                {"test": Port("prep", "test", "dataset", "coco"), "service": service},
                {"metrics": "metrics"},
            ),
            step("try", {"service": service}, {}, companions=(bento,)),
        ),
    )


def test_the_pipeline_holds_six_steps_typed_ports_a_gate_and_a_companion() -> None:
    node = pipeline()
    assert violations(node) == ()
    assert [s.name for s in node.steps] == ["load", "prep", "train", "pack", "judge", "try"]
    assert node.steps[2].needs == ("prep", "load")
    assert node.steps[5].run.companions[0].worker.server == "bentoml-0.13"
    weekly = plan.Schedule(job="cv", name="cv", cron="0 3 * * 0", work=node)
    assert violations(weekly) == ()


@pytest.mark.parametrize(
    ("port", "complaint"),
    [
        (Port("train", "worst", "model"), "reads train.worst, which is not an output"),
        (Port("train", "best", "dataset"), "wants a dataset from train.best, a model"),
        (Port("later", "x", "model"), "reads later, which is not an earlier step"),
    ],
)
def test_a_port_must_exist_and_have_the_type_that_is_read(port: Port, complaint: str) -> None:
    node = pipeline()
    broken = step("pack", {"model": port}, {"service": "model"})
    steps = tuple(broken if s.name == "pack" else s for s in node.steps)
    assert violations(dataclasses.replace(node, steps=steps)) == (f"step pack {complaint}",)


# What holds of the waist itself.


def test_every_node_class_is_listed_and_answers_for_named_fields() -> None:
    declared = {
        value
        for value in vars(plan).values()
        if isinstance(value, type) and issubclass(value, plan.Node) and value is not plan.Node
    }
    assert declared == set(plan.NODES)
    assert all(node.FIELDS for node in plan.NODES)
    assert all(len(set(node.FIELDS)) == len(node.FIELDS) for node in plan.NODES)


def test_an_input_is_exactly_one_of_four_kinds() -> None:
    assert set(typing.get_args(Input)) == {Artifact, Port, Slot, HostData}


def test_equality_of_nodes_ignores_where_they_were_written() -> None:
    first = hot_service("store-1", DETECTOR)
    moved = dataclasses.replace(
        first, span=Span("specs/jobs.yaml", 9, 3), fields={"place": Span("a", 1, 1)}
    )
    assert first == moved


def test_replicas_say_the_most_that_can_exist() -> None:
    assert Replicas(count=2).most == 2
    assert Replicas(minimum=1, maximum=4, cpu=70).autoscaled
    assert Replicas(minimum=1, maximum=4, cpu=70).most == 4
