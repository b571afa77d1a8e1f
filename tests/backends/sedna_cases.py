"""Sedna's two published helmet detection examples as plan nodes, and the fleet they run on."""

from __future__ import annotations

import dataclasses
from typing import Any

from compiler.model import plan
from compiler.model.backend import EmitContext, SidecarSettings
from compiler.model.diagnostics import Span
from compiler.model.fleet import Cluster, Gitops, Host, Profile, Repository, Site
from compiler.model.inputs import Artifact, Binding, HostData, Location, Slot
from compiler.model.member import Delivery, Member, Place
from compiler.model.worker import EnvironmentVariable, User, Volume, Worker
from tests.backends.sedna_published import CLASSES, INCREMENTAL, JOINT

ROOT = User(0, 0, read_only_root=False)
LITTLE = HostData("model", "little-model", "/data/little-model/yolov3_resnet18.pb", "pb")
BIG = HostData("model", "big-model", "/data/big-model/yolov3_darknet.pb", "pb")
IBT = plan.HardExamples(algorithm="IBT", params={"threshold_img": "0.9", "threshold_box": "0.9"})
NUC = Profile(name="nuc", arch="amd64", cpu="8", memory="16Gi")
HUB = Cluster(
    name="hub",
    target="helmets/default/hub",
    namespace="helmets",
    gitops=Gitops("flux"),
    repository=Repository("https://git.example.com/fleet.git", "main", "generated"),
    kubernetes=("1.32",),
    provides={"kubeedge": "1.23", "sedna": "0.7"},
)


def site(name: str, layer: Any, *hosts: str, **changes: Any) -> Site:
    made = Site(
        name=name,
        cluster="hub",
        layer=layer,
        profile=NUC,
        hosts=tuple(Host(one) for one in hosts),
    )
    return dataclasses.replace(made, **changes)


def context(*sites: Site, cluster: Cluster = HUB, **changes: Any) -> EmitContext:
    fleet = sites or (site("cloud", "cloud", "cloud-node"), site("yard", "edge", "edge-node"))
    made = EmitContext(
        project="helmets",
        environment="default",
        namespace="helmets",
        clusters={"hub": cluster},
        sites={one.name: one for one in fleet},
        sidecar=SidecarSettings(image="sidecar:1", contract=1, requests={}, limits={}),
    )
    return dataclasses.replace(made, **changes)


def env(**values: str) -> tuple[EnvironmentVariable, ...]:
    return tuple(EnvironmentVariable(key, value) for key, value in values.items())


def worker(name: str, image: str, **changes: Any) -> Worker:
    made = Worker(name=name, image=image, user=ROOT, implements=("sedna-lib",))
    return dataclasses.replace(made, **changes)


def member(role: str, layer: Any, made: Worker, model: Any = None, **changes: Any) -> Member:
    place = Place("hub", "cloud" if layer == "cloud" else "yard", layer)
    inputs = (Binding("model", model),) if model else ()
    delivery = Delivery(mode="native")
    one = Member(role=role, place=place, worker=made, inputs=inputs, delivery=delivery)
    return dataclasses.replace(one, **changes)


LITTLE_WORKER = worker(
    "little-model",
    f"{JOINT}-little:v0.3.0",
    env=env(
        input_shape="416,736",
        video_url="rtsp://localhost/video",
        all_examples_inference_output="/data/output",
        hard_example_cloud_inference_output="/data/hard_example_cloud_inference_output",
        hard_example_edge_inference_output="/data/hard_example_edge_inference_output",
    ),
    requests={"memory": "64M", "cpu": "100m"},
    limits={"memory": "2Gi"},
    volumes=(Volume("/data/", "host", source="/joint_inference/output"),),
)
BIG_WORKER = worker(
    "big-model",
    f"{JOINT}-big:v0.3.0",
    env=env(input_shape="544,544"),
    requests={"memory": "2Gi"},
)


def cascade(**changes: Any) -> plan.Cascade:
    made = plan.Cascade(
        job="watch-helmets",
        name="watch-helmets",
        model="helmet-pair",
        version="1.0",
        cloud=member("cloud", "cloud", BIG_WORKER, BIG),
        edges=(member("edge", "edge", LITTLE_WORKER, LITTLE),),
        hard_examples=IBT,
        span=Span("specs/jobs.yaml", 3, 3),
    )
    return dataclasses.replace(made, **changes)


TRAIN = worker(
    "train-worker",
    INCREMENTAL,
    args=("train.py",),
    env=env(
        batch_size="32",
        epochs="1",
        input_shape="352,640",
        class_names=CLASSES,
        nms_threshold="0.4",
        obj_threshold="0.3",
    ),
)
EVALUATE = worker(
    "eval-worker",
    INCREMENTAL,
    args=("eval.py",),
    env=env(input_shape="352,640", class_names=CLASSES),
)
INFER = worker(
    "infer-worker",
    INCREMENTAL,
    args=("inference.py",),
    env=env(
        input_shape="352,640", video_url="file://video/video.mp4", HE_SAVED_URL="/he_saved_url"
    ),
    limits={"memory": "2Gi"},
    volumes=(
        Volume("/video/", "host", source="/incremental_learning/video/", create=True),
        Volume("/he_saved_url", "host", source="/incremental_learning/he/", create=True),
    ),
)


def loop(**changes: Any) -> plan.Loop:
    made = plan.Loop(
        job="improve",
        name="improve-yard",
        mode="single-task",
        dataset=plan.Share(
            name="helmets",
            input=HostData(
                "dataset", "helmets", "/data/helmet_detection/train_data/train_data.txt", "txt"
            ),
            format="txt",
            host="edge-node",
            split={"train": 0.8, "test": 0.2},
        ),
        train=member("train", "edge", TRAIN),
        evaluate=member("evaluate", "edge", EVALUATE),
        infer=member("infer", "edge", INFER),
        trigger=plan.Trigger(new_samples=500, every=60, window="02:00-20:00"),
        gate=plan.Gate(metric="precision", comparison="improves_by", value=0.1),
        initial=HostData("model", "helmet-detector", "/models/base_model", "ckpt"),
        deploy=Slot(
            "deploy",
            Location("host:/models/deploy_model/saved_model.pb"),
            writer="improve-yard",
            format="pb",
        ),
        results=Location("host:/output"),
        hot_poll=60,
        hard_examples=IBT,
        span=Span("specs/jobs.yaml", 20, 3),
    )
    return dataclasses.replace(made, **changes)


def artifact(url: str, **changes: Any) -> Artifact:
    made = Artifact(
        "model", "big-model", "1.0", Location(url, read_secret="s3-reader"), sha256="ab" * 32
    )
    return dataclasses.replace(made, **changes)
