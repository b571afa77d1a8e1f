"""Work that fits a profile to the last unit, and what one unit less says of it.

`CASES` are judged as they stand, `ROLLS` by an update on top. Writes specs; asks nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BOX = {"arch": "amd64", "cpu": 8, "memory": "16Gi", "disk": "64Gi"}
GPU = {"name": "gpu", "resource": "example.com/gpu"}
SIDECAR = {"requests": {"cpu": "50m", "memory": "96Mi"}, "limits": {"memory": "96Mi"}}
DIGEST = "2e7d2c03a9507ae265ecf5b5356885a53393a2029d241394997265a1a25aefc6"


def job(**worker: Any) -> dict[str, Any]:
    """A serving job on the edge; `on`, `replicas` and `update` are the job's own words."""
    own: dict[str, Any] = {key: worker.pop(key) for key in ("replicas", "update") if key in worker}
    place = {"layer": "edge", **({"host": worker.pop("on")} if "on" in worker else {})}
    resources = worker.pop("resources", {"cpu": "100m", "memory": "100Mi"})
    return {
        "kind": "serve",
        "models": ["shelves"],
        "worker": {
            "image": "registry.example.com/ovms:1",
            "server": "ovms",
            "resources": resources,
            **worker,
        },
        "place": place,
        **own,
    }


@dataclass(frozen=True, slots=True)
class Case:
    """Jobs, a profile that they just fit, one that they do not, and who says what of it."""

    name: str
    jobs: Mapping[str, Any]
    fits: Mapping[str, Any]
    less: Mapping[str, Any]
    code: str
    words: str
    """What the scheduler says of a node that lacks it."""
    hosts: tuple[str, ...] = ("box-a",)
    apart: bool = False
    """Whether each job has to be compiled alone, since no profile makes them fit together."""
    beside: Mapping[str, Any] | None = None
    """An object of the author's own."""
    strategy: Mapping[str, Any] | None = None
    """What a patch writes as the strategy of every job."""


DAEMON = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "watcher-{site}", "namespace": "fit"},
    "spec": {
        "selector": {"matchLabels": {"app": "watcher"}},
        "template": {
            "metadata": {"labels": {"app": "watcher"}},
            "spec": {
                "containers": [
                    {
                        "name": "watcher",
                        "image": f"registry.example.com/watcher@sha256:{DIGEST}",
                        "resources": {"requests": {"cpu": "1", "memory": "64Mi"}},
                    }
                ]
            },
        },
    },
}
CASES = (
    Case(
        "cpu",
        {"one": job(resources={"cpu": "2", "memory": "1Gi"})},
        {"cpu": "2050m"},
        {"cpu": "2049m"},
        "E5050",
        "Insufficient cpu",
    ),
    Case(
        "reserved-cpu",
        {"one": job(resources={"cpu": "2", "memory": "1Gi"})},
        {"cpu": 4, "reserved": {"cpu": "1950m"}},
        {"cpu": 4, "reserved": {"cpu": "1951m"}},
        "E5050",
        "Insufficient cpu",
    ),
    Case(
        "memory",
        {"one": job(resources={"cpu": "1", "memory": "2Gi"})},
        {"memory": str(2144 * 2**20)},
        {"memory": str(2144 * 2**20 - 1)},
        "E5050",
        "Insufficient memory",
    ),
    Case(
        "memory-of-two-jobs",
        {name: job(resources={"cpu": "1", "memory": "2Gi"}) for name in ("one", "two")},
        {"memory": str(2 * 2144 * 2**20)},
        {"memory": str(2 * 2144 * 2**20 - 1)},
        "E5050",
        "Insufficient memory",
    ),
    Case(
        "accelerators",
        {name: job(accelerator={"count": 1}) for name in ("one", "two")},
        {"accelerator": {**GPU, "count": 2}},
        {"accelerator": {**GPU, "count": 1}},
        "E5050",
        "Insufficient example.com/gpu",
    ),
    Case(
        "replicas",
        {"one": job(replicas=3, resources={"cpu": "1", "memory": "1Gi"}, update="rolling")},
        {"cpu": "4200m"},
        {"cpu": "3149m"},
        "E5050",
        "Insufficient cpu",
    ),
    Case(
        "device",
        {"one": job(devices=["/dev/video0"])},
        {"devices": {"/dev/video0": {"resource": "example.com/video"}}},
        {},
        "E3004",
        "Insufficient example.com/video",
    ),
    Case(
        "daemon-on-every-host",
        {"one": job(resources={"cpu": "3", "memory": "1Gi"}, on="box-a")},
        {"cpu": "4050m"},
        {"cpu": "4049m"},
        "E5050",
        "Insufficient cpu",
        hosts=("box-a", "box-b"),
        beside=DAEMON,
    ),
    Case(
        "daemon-of-no-site",
        {"one": job(resources={"cpu": "3", "memory": "1Gi"})},
        {"cpu": "4050m"},
        {"cpu": "4049m"},
        "E5050",
        "Insufficient cpu",
        beside={**DAEMON, "metadata": {"name": "watcher", "namespace": "fit"}},
    ),
    Case(
        "port-of-the-host",
        {name: job(hostNetwork=True) for name in ("one", "two")},
        {},
        {},
        "E5032",
        "didn't have free ports",
        apart=True,
    ),
    Case(
        "port-of-two-hosts",
        {name: job(hostNetwork=True) for name in ("one", "two", "six")},
        {},
        {},
        "E5032",
        "didn't have free ports",
        hosts=("box-a", "box-b"),
        apart=True,
    ),
    Case(
        "beside-what-is-bound",
        {
            "one": job(resources={"cpu": "3", "memory": "1Gi"}, on="box-a"),
            "two": job(resources={"cpu": "3", "memory": "1Gi"}, on="box-b"),
            "six": job(resources={"cpu": "1", "memory": "1Gi"}),
        },
        {"cpu": "4100m"},
        {"cpu": "4099m"},
        "E5050",
        "Insufficient cpu",
        hosts=("box-a", "box-b"),
    ),
    Case(
        "hosts-one-by-one",
        {name: job(resources={"cpu": "2500m", "memory": "1Gi"}) for name in ("one", "two", "six")},
        {"cpu": "5100m"},
        {"cpu": 4},
        "E5050",
        "Insufficient cpu",
        hosts=("box-a", "box-b"),
    ),
)


def rolling(cpu: str = "1", **more: Any) -> dict[str, Any]:
    """A job whose update starts a pod before it ends one; with its sidecar it takes 50m more."""
    return job(resources={"cpu": cpu, "memory": "64Mi"}, update="rolling", **more)


ROLLS = (
    Case(
        "one-job",
        {"one": rolling("2")},
        {"cpu": "4100m"},
        {"cpu": "4099m"},
        "E5050",
        "Insufficient cpu",
    ),
    Case(
        "two-jobs-after-each-other",
        {"one": rolling(), "two": rolling()},
        {"cpu": "3150m"},
        {"cpu": "3149m"},
        "E5050",
        "Insufficient cpu",
    ),
    Case(
        "more-pods-than-room",
        {"one": rolling(replicas=2)},
        {"cpu": "3150m"},
        {"cpu": "3149m"},
        "E5050",
        "Insufficient cpu",
        strategy={"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}},
    ),
    Case(
        "two-hosts",
        {"one": rolling("2", replicas=2)},
        {"cpu": "4100m"},
        {"cpu": "4099m"},
        "E5050",
        "Insufficient cpu",
        hosts=("box-a", "box-b"),
    ),
)
WAYS_OUT = (
    {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
    {"type": "Recreate", "rollingUpdate": None},
)
"""What the compiler advises an author to write who has no room for one more pod."""


def write(folder: Path, case: Case, jobs: Mapping[str, Any], profile: Mapping[str, Any]) -> Path:
    """A spec of one site; JSON is YAML."""
    repository = {"url": "https://git.example.com/fleet.git"}
    cluster = {
        "kubernetes": "1.32",
        "provides": {"kubeedge": "1.23"},
        "gitops": {"engine": "flux"},
        "repo": repository,
    }
    site = {
        "cluster": "hub",
        "layer": "edge",
        "profile": "box",
        "hosts": {name: {} for name in case.hosts},
    }
    version = {"uri": "main:shelves.tar.gz", "sha256": DIGEST, "unpack": "tar.gz"}
    store = {"url": "s3://artifacts", "region": "eu-west-1", "read": {"secret": "reader"}}
    spec: dict[str, Any] = {
        "edgewright": "v1",
        "project": {"name": "fit"},
        "sidecar": {"image": "registry.example.com/sidecar:1", "contract": 1, "resources": SIDECAR},
        "stores": {"main": store},
        "fleet": {
            "clusters": {"hub": cluster},
            "profiles": {"box": {**BOX, **profile}},
            "sites": {"shop": site},
        },
        "models": {"shelves": {"framework": "onnx", "versions": {"1": version}, "target": "1"}},
        "jobs": dict(jobs),
    }
    if case.strategy:
        patch = {"spec": {"strategy": case.strategy}}
        spec["patches"] = [{"job": name, "kind": "Deployment", "patch": patch} for name in jobs]
    folder.mkdir(parents=True)
    if case.beside:
        (folder / "objects").mkdir()
        (folder / "objects" / "beside.yaml").write_text(json.dumps(case.beside), encoding="utf-8")
        spec["objects"] = [{"from": "objects/beside.yaml", "place": {"layer": "edge"}}]
    (folder / "fleet.yaml").write_text(json.dumps(spec, indent=1), encoding="utf-8")
    return folder
