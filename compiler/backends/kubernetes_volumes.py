"""Volumes and mounts of a worker: its `volumes:`, devices, certificates and scratch space.

A claim is named after the node, so that it outlives every pod. A device without a device-plugin
resource is a character device of the host. `/tmp` under a read-only root is an emptyDir on disk,
not in memory: a server that spools must not be killed for memory it never asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from compiler.backends.kubernetes_scope import Scope
from compiler.model.inputs import Binding, HostData
from compiler.model.layout import ARTIFACTS, AUTHORITIES
from compiler.model.names import name
from compiler.model.quantity import canonical_quantity
from compiler.model.worker import Volume, Worker

SCRATCH = "/tmp"  # noqa: S108 - a path inside the container
SCRATCH_LIMIT = "1Gi"
Pairs = list[tuple[dict[str, Any], dict[str, Any]]]
"""Volumes, each with its mount."""

_FOREIGN = re.compile(r"[^a-z0-9]+")


def worker_volumes(
    worker: Worker, scope: Scope, *, prefix: str = "", writable: tuple[str, ...] = ()
) -> Pairs:
    """Everything that a worker mounts for itself, in a stable order.

    `writable` lists directories that its server writes to; under a read-only root each becomes
    an emptyDir. `prefix` keeps apart the volumes of several workers of one pod.
    """
    pairs = [
        *_own(worker, scope, prefix),
        *_devices(worker, prefix),
        *_scratch(worker, prefix, writable),
    ]
    if scope.network.ca_config_map:
        pairs.append(authorities(scope))
    return pairs


def host_inputs(inputs: tuple[Binding, ...]) -> Pairs:
    """Data that is already on the host, at the path that an artifact of its kind would have."""
    found: Pairs = []
    wanted = dict.fromkeys(b.input for b in inputs if isinstance(b.input, HostData))
    for index, data in enumerate(wanted):
        volume = f"input-{index}"
        path = f"{ARTIFACTS[data.kind]}/{data.name}"
        found.append(
            (
                {"name": volume, "hostPath": {"path": data.path}},
                {"name": volume, "mountPath": path, "readOnly": True},
            )
        )
    return found


def authorities(scope: Scope) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ConfigMap of extra certificate authorities and its mount."""
    volume = {"name": "ca", "configMap": {"name": scope.network.ca_config_map}}
    return volume, {"name": "ca", "mountPath": AUTHORITIES, "readOnly": True}


def claims(worker: Worker, scope: Scope) -> Iterator[tuple[str, Volume]]:
    """The name of each claim with its volume."""
    for volume in worker.volumes:
        if volume.kind == "claim":
            yield claim_name(scope.name, volume.path), volume


def claim_name(node: str, path: str) -> str:
    """A claim's name, from its node and the path that it is mounted at."""
    return name(node, _slug(path))


def privileged(worker: Worker) -> bool:
    """Whether a pod of this worker needs a namespace that admits privileged pods."""
    return (
        worker.host_network
        or any(not device.resource for device in worker.devices)
        or any(volume.kind == "host" for volume in worker.volumes)
    )


def _own(worker: Worker, scope: Scope, prefix: str) -> Iterator[tuple[dict[str, Any], Any]]:
    for index, volume in enumerate(worker.volumes):
        key = f"{prefix}volume-{index}"
        mount: dict[str, Any] = {"name": key, "mountPath": volume.path}
        if volume.read_only:
            mount["readOnly"] = True
        yield {"name": key, **_source(volume, scope)}, mount


def _source(volume: Volume, scope: Scope) -> dict[str, Any]:
    if volume.kind == "host":
        kind = "DirectoryOrCreate" if volume.create else "Directory"
        return {"hostPath": {"path": volume.source, "type": kind}}
    if volume.kind == "claim":
        return {"persistentVolumeClaim": {"claimName": claim_name(scope.name, volume.path)}}
    return {"emptyDir": {"medium": "Memory", "sizeLimit": canonical_quantity(volume.size)}}


def _devices(worker: Worker, prefix: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for index, device in enumerate(worker.devices):
        if device.resource:
            continue
        key = f"{prefix}device-{index}"
        source = {"path": device.path, "type": "CharDevice"}
        yield {"name": key, "hostPath": source}, {"name": key, "mountPath": device.path}


def _scratch(
    worker: Worker, prefix: str, writable: tuple[str, ...]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    if not worker.user.read_only_root:
        return
    mounted = {volume.path.rstrip("/") for volume in worker.volumes}
    wanted = dict.fromkeys((SCRATCH, *writable))
    for path in (path for path in wanted if path.rstrip("/") not in mounted):
        key = f"{prefix}{_slug(path)}"
        source = {"sizeLimit": SCRATCH_LIMIT}
        yield {"name": key, "emptyDir": source}, {"name": key, "mountPath": path}


def _slug(path: str) -> str:
    return _FOREIGN.sub("-", path.lower()).strip("-") or "root"
