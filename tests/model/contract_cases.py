"""Members, sites and artifacts from which the contract's tests build documents."""

from __future__ import annotations

from typing import Literal

from compiler.model.contract import Facts
from compiler.model.fleet import Network, Profile, Site
from compiler.model.inputs import Artifact, ArtifactKind, Endpoint, Golden, Location
from compiler.model.member import Delivery, Member, Output, Place, Release
from compiler.model.worker import Worker

STORE = Location(
    url="s3://vision-artifacts",
    store="main",
    endpoint="https://s3.eu.example.com",
    region="eu-west-1",
    read_secret="s3-reader",
    write_secret="s3-writer",
)


def location(path: str) -> Location:
    return Location(
        url=f"{STORE.url}/{path}",
        store="main",
        path=path,
        endpoint=STORE.endpoint,
        region=STORE.region,
        read_secret="s3-reader",
        write_secret="s3-writer",
    )


def artifact(
    name: str = "shelf",
    kind: ArtifactKind = "model",
    number: int = 1,
    framework: str = "onnx",
    golden: bool = False,
) -> Artifact:
    return Artifact(
        kind=kind,
        name=name,
        version=f"1.{number}.0",
        location=location(f"{name}/1.{number}.0.tar.gz"),
        sha256=f"{number:064x}",
        unpack="tar.gz",
        size=1000,
        unpacked=3000,
        serve_version=number,
        framework=framework,
        golden=Golden(location("shelf.jpg"), location("shelf.json"), (("boxes.iou", 0.9),))
        if golden
        else None,
    )


def site(name: str = "store-001", **extra: str) -> Site:
    profile = Profile(name="jetson", arch="arm64", cpu="6", memory="8Gi")
    return Site(name=name, cluster="hub", layer="edge", profile=profile, **extra)  # type: ignore[arg-type]


def facts(name: str = "store-001") -> Facts:
    return Facts(
        project="store-vision",
        environment="prod",
        namespace="store-vision",
        site=site(name, link_rate="20Mbit/s", link_window="01:00-05:00", timezone="Europe/Vienna"),
        network=Network("http://proxy:3128", ("10.0.0.0/8",), "corp-ca"),
        reports=location("reports/"),
        stores={"main": STORE},
    )


def member(
    *artifacts: Artifact,
    update: Literal["hot", "rolling"] = "hot",
    server: str = "ovms",
    release: Release | None = None,
    host: str = "",
) -> Member:
    return Member(
        role="serve",
        place=Place("hub", "store-001", "edge", host),
        worker=Worker(name="serve", image="registry.example.com/server:1", server=server),
        endpoints=(Endpoint("cloud", "shelf-cloud.store-vision", 8000),) if release else (),
        delivery=Delivery(
            update=update,
            artifacts=artifacts,
            release=release,
            window="02:00-03:00",
            timezone="Europe/Vienna",
        ),
        outputs=(Output("hard", f"{STORE.url}/hard/", "s3-writer", "2Gi"),),
    )
