"""The sidecar of a pod: its containers, its volumes and the ConfigMap that drives it.

One native sidecar per pod; where a kubelet older than 1.29 may run, `once` before an ordinary
container. `prepare` hands the hostPath (root's, and deaf to fsGroup) to the sidecar's user.
The config is a ConfigMap of stable name for hot jobs, so that a new model changes no pod; for
rolling ones its name follows its content, so that old pods keep the config that they began with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from compiler.backends.kubernetes_account import account, token
from compiler.backends.kubernetes_containers import container
from compiler.backends.kubernetes_images import Pull, pull
from compiler.backends.kubernetes_scope import Scope
from compiler.backends.kubernetes_volumes import Pairs, authorities
from compiler.model import contract
from compiler.model.fleet import Cluster
from compiler.model.layout import (
    CONFIG,
    CONFIG_FILE,
    OWNER,
    RUN,
    STORE,
    VIEW,
)
from compiler.model.manifest import Draft
from compiler.model.quantity import canonical_quantities
from compiler.model.record import dataclass
from compiler.model.worker import Quantities

CONFIG_KEY = "sidecar"
NATIVE_SINCE = (1, 29)
_NODE_PORTS = range(20000, 30000)
"""Below the node ports of Services and the ephemeral ports of every distribution."""

STORE_MOUNT: dict[str, Any] = {"name": "store", "mountPath": STORE}
_VIEW_MOUNTS: list[dict[str, Any]] = [
    {"name": "view", "mountPath": VIEW},
    {"name": "run", "mountPath": RUN},
]
WORKER_MOUNTS: list[dict[str, Any]] = [
    {"name": "store", "mountPath": STORE, "readOnly": True},
    {"name": "view", "mountPath": VIEW, "readOnly": True},
    {"name": "run", "mountPath": RUN},
]
"""What a worker mounts of the sidecar's: artifacts to read, and a place to leave files."""

_IDENTITY: list[dict[str, Any]] = [
    {"name": "EDGEWRIGHT_HOST", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
    {"name": "EDGEWRIGHT_POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
]
"""All that a sidecar is told by its environment: a proxy in its config restarts no pod."""


@dataclass(frozen=True, slots=True)
class Sidecar:
    """The sidecar's part of a pod, beside its store: containers, and volumes of its own."""

    store: dict[str, Any]
    init: list[dict[str, Any]]
    containers: list[dict[str, Any]]
    volumes: list[dict[str, Any]]
    image: Pull


def sidecar(
    scope: Scope, secrets: Mapping[str, str], *, host_network: bool, host_mounts: Pairs
) -> Sidecar:
    """The sidecar of a long-running pod.

    `secrets` maps each Secret of its stores to the directory to mount it at. `host_mounts` are
    mounts of the worker below its view: they are the sidecar's too, because a mount point must
    exist before the view is mounted read-only.
    """
    image = pull(scope.context.sidecar.image, scope)
    volumes, mounts = parts(scope, secrets)
    mounts += [mount for _, mount in host_mounts]
    if account(scope):
        volume, mount = token()
        volumes.append(volume)
        mounts.append(mount)
    port = surface_port(scope.name, host_network=host_network)
    resident = resident_container(scope, image, mounts, port, host_network=host_network)
    kept = store(scope, image)
    if native(scope.cluster):
        return Sidecar(kept, [{**resident, "restartPolicy": "Always"}], [], volumes, image)
    first = once_container(scope, image, mounts)
    return Sidecar(kept, [first], [resident], volumes, image)


def config_draft(scope: Scope, text: str, *, stable: bool) -> Draft:
    """The ConfigMap of the sidecar's config; `stable` for hot jobs."""
    values = {"data": {CONFIG_FILE: text}, "immutable": not stable}
    return scope.draft("configmap", values, suffix="sidecar", key=CONFIG_KEY, content=not stable)


def facts(scope: Scope, *, host_network: bool = False) -> contract.Facts:
    """What the sidecar's config says of the place."""
    context, site = scope.context, scope.site
    texts = {
        "{site}": site.name,
        "{host}": site.hosts[0].name if len(site.hosts) == 1 else "",
        "{project}": context.project,
        "{environment}": context.environment,
        **{f"{{site.vars.{name}}}": value for name, value in site.vars.items()},
    }
    return contract.Facts(
        project=context.project,
        environment=context.environment,
        namespace=context.namespace,
        site=scope.site,
        network=scope.network,
        reports=context.reports.at(texts) if context.reports else None,
        stores={name: store.at(texts) for name, store in context.stores.items()},
        images=context.images,
        surface_port=surface_port(scope.name, host_network=host_network),
        contract=context.sidecar.contract,
    )


def native(cluster: Cluster) -> bool:
    """Whether every kubelet of the cluster knows init containers that keep running."""
    return all(minor(version) >= NATIVE_SINCE for version in cluster.kubernetes)


def minor(version: str) -> tuple[int, int]:
    """`1.32` or `v1.32.4` as (1, 32)."""
    parts = version.lstrip("v").split(".")
    return int(parts[0]), int(parts[1])


def surface_port(node: str, *, host_network: bool) -> int:
    """The port of probes and metrics: fixed in a pod's own network, by name on a host's."""
    if not host_network:
        return contract.SURFACE_PORT
    digest = hashlib.sha256(node.encode()).digest()
    return _NODE_PORTS[int.from_bytes(digest[:4], "big") % len(_NODE_PORTS)]


def once_container(
    scope: Scope, image: Pull, mounts: list[dict[str, Any]], *more: str
) -> dict[str, Any]:
    """The init container that fetches, switches and ends; `more` are further arguments."""
    return container(
        "fetch",
        image,
        "IfNotPresent",
        args=["once", "--config", f"{CONFIG}/{CONFIG_FILE}", *more],
        env=_IDENTITY,
        resources=_resources(scope),
        volumeMounts=mounts,
    )


def resident_container(
    scope: Scope,
    image: Pull,
    mounts: list[dict[str, Any]],
    port: int,
    *more: str,
    host_network: bool = False,
) -> dict[str, Any]:
    """The container that stays: fetch, verify, switch, upload, report."""
    surface: dict[str, Any] = {"name": "sidecar", "containerPort": port}
    if host_network:
        # The API server would fill it in, which an engine could take for drift.
        surface["hostPort"] = port
    return container(
        "sidecar",
        image,
        "IfNotPresent",
        args=["run", "--config", f"{CONFIG}/{CONFIG_FILE}", *more],
        env=_IDENTITY,
        ports=[{**surface, "protocol": "TCP"}],
        resources=_resources(scope),
        # A first download over a thin link takes hours; a kill would only begin it anew.
        startupProbe=_http("/startupz", port, period=5, failures=17280),
        livenessProbe=_http("/healthz", port, period=20, failures=6),
        volumeMounts=mounts,
    )


def push_container(scope: Scope, image: Pull, mounts: list[dict[str, Any]], *more: str) -> Any:
    """The container that sends what a Run left in its outbox, and ends."""
    return container(
        "push",
        image,
        "IfNotPresent",
        args=["push", "--config", f"{CONFIG}/{CONFIG_FILE}", *more],
        env=_IDENTITY,
        resources=_resources(scope),
        volumeMounts=mounts,
    )


def store(scope: Scope, image: Pull) -> dict[str, Any]:
    """The values `pod.store`: the store's volumes, and `prepare`, which hands it over."""
    return {
        "image": image.reference,
        "root": STORE,
        "owner": f"{OWNER}:{OWNER}",
        "path": f"{scope.site.profile.cache.rstrip('/')}/{scope.context.namespace}",
        "config": scope.reference(CONFIG_KEY),
    }


def parts(
    scope: Scope, secrets: Mapping[str, str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Volumes of the sidecar beside its store, and the mounts of its own containers."""
    volumes: list[dict[str, Any]] = []
    mounts = [
        STORE_MOUNT,
        *_VIEW_MOUNTS,
        {"name": "sidecar-config", "mountPath": CONFIG, "readOnly": True},
    ]
    for index, (secret, directory) in enumerate(secrets.items()):
        key = f"credentials-{index}"
        volumes.append({"name": key, "secret": {"secretName": secret, "defaultMode": 0o440}})
        mounts.append({"name": key, "mountPath": directory, "readOnly": True})
    if scope.network.ca_config_map:
        mounts.append(authorities(scope)[1])
    return volumes, mounts


def _resources(scope: Scope) -> dict[str, Quantities]:
    settings = scope.context.sidecar
    found = {"requests": settings.requests, "limits": settings.limits}
    return {key: canonical_quantities(value) for key, value in found.items() if value}


def _http(path: str, port: int, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": port},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
