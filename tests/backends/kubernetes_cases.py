"""Nodes, a fleet and a renderer for the tests of the kubernetes backend."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

from compiler.backends import kubernetes
from compiler.model import definitions
from compiler.model.backend import EmitContext, SidecarSettings
from compiler.model.diagnostics import Diagnostics
from compiler.model.fleet import Cluster, Gitops, Host, Layer, Profile, Repository, Site
from compiler.model.inputs import Artifact, Binding, Location
from compiler.model.manifest import Draft, Identity
from compiler.model.member import Delivery, Member, Place
from compiler.model.plan import Node, Service
from compiler.model.worker import Worker
from compiler.servers import BY_NAME
from compiler.stages.check.check import CheckFacts, check, check_across
from compiler.stages.render import render as stage
from compiler.stages.render.templates import Templates, TemplateSource

ACCOUNT = Identity("", "ServiceAccount", "store-vision", "store-vision-sidecar")
"""An object of bootstrap/, which a node's own objects refer to."""
_CONTENT_HASH = re.compile(r"-[0-9a-f]{8}$")
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
    """The rendered and checked objects of a node by kind and by `Kind/name`; the last of a kind.

    The hash of a content name is cut off: `ConfigMap/watch-store-1-files`.
    """
    known = where or context()
    found: dict[str, JSON] = {}
    for one in render(kubernetes.BACKEND.emit(node, known), known):
        found[one["kind"]] = one
        found[f"{one['kind']}/{_CONTENT_HASH.sub('', one['metadata']['name'])}"] = one
    return found


def project(nodes: Iterable[Node], where: EmitContext | None = None) -> list[JSON]:
    """The rendered and checked objects of `bootstrap/` on the cluster `hub`."""
    known = where or context()
    need = kubernetes.need_of(nodes)
    return render(kubernetes.project_drafts(known, known.clusters["hub"], need), known)


def render(drafts: Iterable[Draft], known: EmitContext) -> list[JSON]:
    """Drafts as objects, by the real stages; everything that `check` finds fails the test."""
    diagnostics = Diagnostics()
    templates = Templates(TemplateSource())
    directories = stage.render(drafts, templates, diagnostics, namespace=known.namespace)
    facts = CheckFacts(
        clusters={one.target: one for one in known.clusters.values()},
        sites=known.sites,
        definitions=tuple(definitions.crds()),
        assumed=frozenset((ACCOUNT,)),
    )
    check_across(check(directories, facts), facts, diagnostics)
    assert [one.message for one in diagnostics.in_order()] == []
    return [dict(one.data) for directory in directories for one in directory.objects]


def pod(objects: dict[str, JSON], kind: str = "Deployment") -> JSON:
    """The pod specification of a workload."""
    found: JSON = objects[kind]["spec"]["template"]["spec"]
    return found


def container(spec: JSON, name: str) -> JSON:
    """The container or init container of a name."""
    every = [*spec.get("initContainers", ()), *spec["containers"]]
    return next(one for one in every if one["name"] == name)
