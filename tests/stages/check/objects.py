"""Objects, directories and facts that the tests of the check share."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import strategies as st

from compiler.model.diagnostics import Diagnostic, Diagnostics, Span
from compiler.model.fleet import Cluster, Gitops, Host, Profile, Repository, Site
from compiler.model.manifest import Directory, Object, Origin, Unit, UnitRole
from compiler.model.worker import Accelerator
from compiler.stages.check.check import CheckFacts, check, check_across

TARGET = "shop/default/hub"
Data = dict[str, Any]


def cluster(**changes: Any) -> Cluster:
    given: dict[str, Any] = {
        "name": "hub",
        "target": TARGET,
        "namespace": "shop",
        "gitops": Gitops("flux"),
        "repository": Repository("https://git.example.com/fleet.git", "main", "generated"),
        "kubernetes": ("1.34",),
        "span": Span("fleet.yaml", 3, 5),
    }
    return Cluster(**(given | changes))


def site(name: str = "store-1", hosts: Sequence[str] = ("edge-1",), **profile: Any) -> Site:
    given: dict[str, Any] = {
        "name": "orin",
        "arch": "arm64",
        "cpu": "6",
        "memory": "8Gi",
        "accelerator": Accelerator("nvidia-orin", 1, "nvidia.com/gpu", "nvidia"),
        "devices": {"/dev/video0": "smarter-devices/video0"},
    }
    return Site(
        name=name,
        cluster="hub",
        layer="edge",
        profile=Profile(**(given | profile)),
        hosts=tuple(Host(host) for host in hosts),
    )


def facts(*sites: Site, **changes: Any) -> CheckFacts:
    given: dict[str, Any] = {
        "clusters": {TARGET: cluster()},
        "sites": {one.name: one for one in sites},
    }
    return CheckFacts(**(given | changes))


def obj(data: Mapping[str, Any], *, line: int = 1, site: str = "", raw: bool = False) -> Object:
    kind, name = str(data.get("kind", "x")).lower(), (data.get("metadata") or {}).get("name", "x")
    return Object(
        unit=Unit(TARGET, UnitRole.BASE),
        origin=Origin(f"jobs.{name}", site, Span("jobs.yaml", line, 3)),
        data=data,
        text=str(data),
        file=f"{kind}-{name}.yaml",
        template="" if raw else "t.yaml",
    )


def directory(*objects: Object, unit: Unit | None = None) -> Directory:
    return Directory(unit or Unit(TARGET, UnitRole.BASE), objects, {})


def judge(*objects: Object, known: CheckFacts | None = None) -> tuple[Diagnostic, ...]:
    known = known or facts(site())
    diagnostics = Diagnostics()
    check_across(check([directory(*objects)], known), known, diagnostics)
    return diagnostics.in_order()


def lines(*objects: Object, known: CheckFacts | None = None) -> list[str]:
    return [f"{d.code.id} {d.message} | {d.hint}" for d in judge(*objects, known=known)]


def config_map(name: str = "settings", **changes: Any) -> Data:
    given = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop"},
        "data": {"a.yaml": "x"},
    }
    return given | changes


def container(name: str = "web", **changes: Any) -> Data:
    given: Data = {
        "name": name,
        "image": "registry.example.com/web:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        "resources": {
            "requests": {"cpu": "500m", "memory": "1Gi"},
            "limits": {"memory": "1Gi"},
        },
    }
    return given | changes


def deployment(name: str = "web", *containers: Data, **pod: Any) -> Data:
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": dict(labels)},
            "template": {
                "metadata": {"labels": dict(labels)},
                "spec": {"containers": list(containers) or [container()], **pod},
            },
        },
    }


def service(name: str = "web", **spec: Any) -> Data:
    given = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": "http"}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": given | spec,
    }


def model(name: str = "small", **spec: Any) -> Data:
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "Model",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"url": "s3://models/small.pb", "format": "pb"} | spec,
    }


def joint_inference(name: str = "look") -> Data:
    def worker(model: str, node: str, **more: Any) -> Data:
        pod = {"nodeName": node, "containers": [container()]}
        return {"model": {"name": model}, "template": {"spec": pod}} | more

    mining = {"name": "IBT", "parameters": [{"key": "threshold_img", "value": "0.9"}]}
    return {
        "apiVersion": "sedna.io/v1alpha1",
        "kind": "JointInferenceService",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "edgeWorker": worker("small", "edge-1", hardExampleMining=mining),
            "cloudWorker": worker("big", "cloud-1"),
        },
    }


JSON = st.one_of(
    st.builds(
        copy.deepcopy,
        st.sampled_from([None, [], {}, {"name": "x"}, [{"name": "x"}], [None]]),
    ),
    st.booleans(),
    st.integers(-5, 70000),
    st.text(max_size=4),
)
ANYTHING = st.one_of(JSON, st.builds(dict, st.just({1: "x"})), st.just(float("inf")))


@st.composite
def spoilt(
    draw: st.DrawFn, choice: Sequence[Data], rubbish: st.SearchStrategy[Any] = ANYTHING
) -> Data:
    """One of `choice` with up to two things replaced, removed or added at any depth."""
    data = copy.deepcopy(draw(st.sampled_from(choice)))
    for _ in range(draw(st.integers(0, 2))):
        _spoil(data, draw, rubbish)
    return data


def _spoil(value: Any, draw: st.DrawFn, rubbish: st.SearchStrategy[Any]) -> None:
    key: Any = "extra"
    while isinstance(value, dict | list) and value:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        key = draw(st.sampled_from(keys))
        deeper = isinstance(value[key], dict | list) and value[key]
        if not deeper or draw(st.integers(0, 4)) == 0:
            break
        value = value[key]
    if isinstance(value, list):
        value[key] = draw(rubbish)
    elif draw(st.integers(0, 2)) == 0:
        value.pop(key, None)
    else:
        value[draw(st.sampled_from([key, "extra"]))] = draw(rubbish)
