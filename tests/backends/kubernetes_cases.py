"""Nodes, a fleet and a renderer for the tests of the kubernetes backend."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
import kubernetes_validate
import ryaml

from compiler.backends import kubernetes
from compiler.model.backend import EmitContext, SidecarSettings
from compiler.model.fleet import Cluster, Gitops, Host, Layer, Profile, Repository, Site
from compiler.model.inputs import Artifact, Binding, Location
from compiler.model.manifest import Draft, Naming, Reference
from compiler.model.member import Delivery, Member, Place
from compiler.model.plan import Node, Service
from compiler.model.worker import Worker
from compiler.servers import BY_NAME

TEMPLATES = Path(__file__).parents[2] / "templates"
JSON = dict[str, Any]


def cluster(name: str = "hub", **changes: Any) -> Cluster:
    given: JSON = {
        "name": name,
        "target": f"store-vision/prod/{name}",
        "namespace": "store-vision",
        "gitops": Gitops("flux"),
        "repository": Repository("https://git.example.com/fleet.git", "deploy", "generated"),
        "kubernetes": ("1.30", "1.34"),
        "provides": {"kubeedge": "1.23"},
    }
    return Cluster(**{**given, **changes})


def profile(**changes: Any) -> Profile:
    given: JSON = {"name": "nuc", "arch": "amd64", "cpu": "8", "memory": "16Gi"}
    return Profile(**{**given, **changes})


def site(name: str = "store-1", **changes: Any) -> Site:
    given: JSON = {
        "name": name,
        "cluster": "hub",
        "layer": "edge",
        "profile": profile(),
        "hosts": (Host(f"{name}-a"),),
    }
    return Site(**{**given, **changes})


def context(*sites: Site, clusters: Iterable[Cluster] = (), **changes: Any) -> EmitContext:
    every = sites or (site(), site("cloud", layer="cloud", hosts=()))
    quantities = {"cpu": "50m", "memory": "96Mi"}
    settings = SidecarSettings(
        image="registry.example.com/edgewright-sidecar:1",
        contract=1,
        requests=quantities,
        limits={"memory": "96Mi"},
    )
    given: JSON = {
        "project": "store-vision",
        "environment": "prod",
        "namespace": "store-vision",
        "clusters": {one.name: one for one in (*clusters,) or (cluster(),)},
        "sites": {one.name: one for one in every},
        "sidecar": settings,
        "servers": BY_NAME,
    }
    return EmitContext(**{**given, **changes})


def artifact(name: str = "shelf-detector", digest: str = "ab", **changes: Any) -> Artifact:
    location = Location(
        f"s3://vision/{name}.tar.gz",
        store="main",
        endpoint="https://s3.example.com",
        read_secret="s3-reader",
    )
    made = Artifact("model", name, "1.0.0", location, sha256=digest * 32, unpack="tar.gz")
    return dataclasses.replace(made, **changes)


def worker(**changes: Any) -> Worker:
    given: JSON = {"name": "watch", "image": "registry.example.com/ovms:2025.3", "server": "ovms"}
    return Worker(**{**given, **changes})


def service(
    artifacts: tuple[Artifact, ...] = (),
    *,
    update: str = "hot",
    delivery: JSON | None = None,
    member: JSON | None = None,
    name: str = "watch-store-1",
    **changes: Any,
) -> Service:
    """A Service of one worker; `changes` are the worker's, `delivery` is None for no sidecar."""
    layer: Layer = "cloud" if (member or {}).get("place") == "cloud" else "edge"
    place = Place("hub", "store-1" if layer == "edge" else "cloud", layer)
    brought = None
    if artifacts:
        brought = Delivery(update=update, artifacts=artifacts, **(delivery or {}))  # type: ignore[arg-type]
    given: JSON = {
        "role": "worker",
        "place": place,
        "worker": worker(**changes),
        "inputs": tuple(Binding("model", one) for one in artifacts),
        "delivery": brought,
        **{key: value for key, value in (member or {}).items() if key != "place"},
    }
    return Service(job="watch", name=name, member=Member(**given))


def emit(node: Node, where: EmitContext | None = None) -> dict[str, JSON]:
    """The rendered objects of a node by kind, each checked against the strict schemas.

    Two of one kind are told apart by name: `ConfigMap/watch-store-1-sidecar`.
    """
    objects = render(kubernetes.BACKEND.emit(node, where or context()))
    found: dict[str, JSON] = {}
    for one in objects:
        found[f"{one['kind']}/{one['metadata']['name']}"] = one
        found.setdefault(one["kind"], one)
    return found


def render(drafts: Iterable[Draft]) -> list[JSON]:
    """Drafts as objects. A content name ends in `-hash`; schemas of two versions are obeyed."""
    drafts = list(drafts)
    names = {draft.key: _name(draft) for draft in drafts if draft.key}
    objects = [_object(draft, names) for draft in drafts]
    for one in objects:
        valid(one)
    return objects


def valid(data: JSON) -> None:
    """Raise where a core object breaks the strict schema of an old or a new Kubernetes."""
    if "edgewright.io" in data["apiVersion"] or "apiextensions" in data["apiVersion"]:
        return
    for version in ("1.30", "1.34"):
        kubernetes_validate.validate(data, version, strict=True)


def _object(draft: Draft, names: dict[str, str]) -> JSON:
    if draft.raw is not None:
        return dict(draft.raw)

    def encode(value: Any) -> str:
        if isinstance(value, jinja2.Undefined):
            raise jinja2.UndefinedError(str(value))
        return json.dumps(value, default=lambda one: _final(one, names))

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, finalize=encode, loader=jinja2.FileSystemLoader(TEMPLATES)
    )
    text = environment.get_template(draft.template).render(draft.values)
    data: JSON = ryaml.loads(text)  # type: ignore[attr-defined]
    data["metadata"]["name"] = _name(draft)
    return data


def _final(value: Any, names: dict[str, str]) -> str:
    assert isinstance(value, Reference), value
    return names[value.key]


def _name(draft: Draft) -> str:
    base = str(draft.values["name"])
    return f"{base}-hash" if draft.naming is Naming.CONTENT else base


def pod(objects: dict[str, JSON], kind: str = "Deployment") -> JSON:
    """The pod specification of a workload."""
    found: JSON = objects[kind]["spec"]["template"]["spec"]
    return found


def container(spec: JSON, name: str) -> JSON:
    """The container or init container of a name."""
    every = [*spec.get("initContainers", ()), *spec["containers"]]
    return next(one for one in every if one["name"] == name)
