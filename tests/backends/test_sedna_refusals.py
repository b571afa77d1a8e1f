"""What Sedna would accept and get wrong is refused with the reason."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from compiler.backends.sedna import BACKEND
from compiler.model import plan
from compiler.model.backend import Answer
from compiler.model.inputs import Artifact, Binding, HostData, Location, Port, Slot
from compiler.model.member import Delivery, Expose, Member, Place, Replicas
from compiler.model.worker import ConfigFile, Volume
from tests.backends.sedna_cases import HUB, artifact, cascade, loop

CLOUD = cascade().cloud
EDGE = cascade().edges[0]
TEXT = HostData("dataset", "helmets", "/data/train.txt", "txt")


def cloud(**changes: Any) -> plan.Cascade:
    return cascade(cloud=dataclasses.replace(CLOUD, **changes))


def worker(**changes: Any) -> plan.Cascade:
    return cloud(worker=dataclasses.replace(CLOUD.worker, **changes))


def model(given: Any) -> plan.Cascade:
    return cloud(inputs=(Binding("model", given),))


def share(**changes: Any) -> plan.Loop:
    return loop(dataset=dataclasses.replace(loop().dataset, **changes))


def gate(**changes: Any) -> plan.Loop:
    assert loop().gate is not None
    return loop(gate=dataclasses.replace(loop().gate, **changes))  # type: ignore[type-var]


def slot(url: str, form: str = "") -> plan.Loop:
    return loop(deploy=Slot("deploy", Location(url), "improve-yard", form))


def data(url: str, **changes: Any) -> Artifact:
    return dataclasses.replace(artifact(url, kind="dataset"), **changes)


FEDERATION = plan.Federation(
    job="together",
    name="together",
    aggregator=CLOUD,
    participants=(),
    initial=None,
    rounds=1,
    min_participants=0,
    stop_when=None,
    algorithm="FedAvg",
    algorithm_params={},
    transport="websocket",
    results=Location("host:/x"),
)

REFUSED = {
    "a lifelong loop": (loop(mode="lifelong", deploy=None), "not compile to Sedna yet"),
    "a federation": (FEDERATION, "not compile to Sedna yet"),
    "a name that begins with a digit": (cascade(name="3d-look"), "begins with a letter"),
    "a name with -deployment": (cascade(name="my-deployment-x"), "would not find"),
    "two clusters": (cloud(place=Place("west", "cloud", "cloud")), "one cluster"),
    "no hard examples": (cascade(hard_examples=None), "no hardExamples"),
    "code of one's own": (
        cascade(hard_examples=plan.HardExamples(code="io", entry="hard.py")),
        "code of one's own",
    ),
    "an unknown algorithm": (
        cascade(hard_examples=plan.HardExamples(algorithm="ITB")),
        "does not know the hard example algorithm ITB",
    ),
    "no model": (cloud(inputs=()), "has one model, not 0"),
    "an archive": (model(artifact("s3://v/m.tar.gz", unpack="tar.gz")), "unpacks tar.gz archives"),
    "a strange address": (model(artifact("oci://r/m.pb")), "cannot read oci://"),
    "a model without a format": (model(artifact("s3://v/model")), "needs the format"),
    "a port": (model(Port("train", "best", "model")), "reads no port here"),
    "a hot cascade": (cloud(delivery=Delivery(mode="native", update="hot")), "learning loop"),
    "our delivery": (
        cloud(delivery=Delivery(artifacts=(artifact("s3://v/m.pb"),))),
        "delivery by our sidecar",
    ),
    "code": (
        cloud(inputs=(*CLOUD.inputs, Binding("code", artifact("s3://v/c.py", kind="code")))),
        "brings no code",
    ),
    "two replicas": (cloud(replicas=Replicas(2)), "one pod"),
    "autoscaling": (cloud(replicas=Replicas(minimum=1, maximum=1, cpu=70)), "may not scale"),
    "an ingress": (cloud(expose=Expose(to="ingress", ingress_host="x")), "asks for ingress"),
    "a model server": (worker(server="triton"), "not by triton"),
    "a claim": (worker(volumes=(Volume("/x", "claim", size="1Gi"),)), "claim"),
    "a file over a volume": (
        worker(volumes=(Volume("/x/", "host", source="/x"),), files=(ConfigFile("/x/a.yaml", ""),)),
        "a file in /x would hide",
    ),
    "a file in a system directory": (worker(files=(ConfigFile("/etc/a", ""),)), "/etc would hide"),
    "no model to start from": (loop(initial=None), "starts from a model"),
    "an archive to start from": (
        loop(initial=artifact("s3://v/m.zip", unpack="zip")),
        "unpacks zip archives",
    ),
    "an archive to compare with": (
        loop(initial_evaluation=artifact("s3://v/m.zip", unpack="zip")),
        "unpacks zip archives",
    ),
    "no slot": (loop(deploy=None), "place to hand its model over"),
    "a slot over http": (slot("https://x/m.pb"), "hand a model over at https://"),
    "a slot without a format": (slot("host:/models/m"), "extension is the slot's format"),
    "csv": (share(format="csv"), "helmets is csv"),
    "an archive of data": (share(input=data("s3://v/d.zip", unpack="zip")), "is an archive"),
    "data over http": (share(input=data("https://x/d.txt")), "watch a dataset at https://"),
    "a seed": (share(seed=7), "knows no seed"),
    "three parts": (share(split={"train": 0.7, "val": 0.2, "test": 0.1}), "in two"),
    "no split": (share(split={}), "in two"),
    "parts that do not add up": (share(split={"train": 0.7, "test": 0.2}), "add up to 1"),
    "another period": (
        loop(trigger=plan.Trigger(new_samples=5, every=10)),
        "every 60 seconds, whatever is written",
    ),
    "no gate": (loop(gate=None), "has no gate"),
    "a gate with a split": (gate(split="test"), "no unit, dataset, split or profile"),
    "results over http": (loop(results=Location("https://x/out")), "write results to https://"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_reason(case: str) -> None:
    node, reason = REFUSED[case]
    found = BACKEND.refusal(node, HUB)
    assert found is not None
    assert reason in found.reason


def test_the_published_examples_are_taken() -> None:
    assert BACKEND.refusal(cascade(), HUB) is None
    assert BACKEND.refusal(loop(), HUB) is None


def test_a_cluster_without_sedna_is_refused_before_anything_else() -> None:
    found = BACKEND.refusal(cascade(hard_examples=None), dataclasses.replace(HUB, provides={}))
    assert found is not None
    assert found.reason == "cluster hub does not provide sedna"


@pytest.mark.parametrize("url", ["s3://v/d.txt"])
def test_data_in_a_store_is_taken(url: str) -> None:
    assert BACKEND.refusal(share(input=data(url)), HUB) is None


@pytest.mark.parametrize("node", [cascade(), loop(), FEDERATION])
def test_every_field_of_a_node_has_an_answer(node: plan.Node) -> None:
    found = BACKEND.answers(node)
    assert tuple(found) == node.FIELDS
    for field in found.values():
        assert (field.answer is Answer.PASSED) is bool(field.needs)
        assert field.reason or field.answer is Answer.ENFORCED


def test_unverified_delivery_is_said_aloud() -> None:
    assert "unverified" in BACKEND.answers(cascade())["delivery"].reason


def test_members_of_a_place_are_judged_one_by_one() -> None:
    bad: Member = dataclasses.replace(EDGE, replicas=Replicas(3))
    found = BACKEND.refusal(cascade(edges=(EDGE, bad)), HUB)
    assert found is not None
    assert "the edge worker" in found.reason
