"""Nodes that do not exist: Node objects for hosts, and a stand-in for every kubelet.

The stand-in is kwok with stages of our own: a pod that has a node runs, a Job's pod completes,
a deleted pod goes. No container starts, no image is pulled, no probe is asked, no volume is
mounted: a missing Secret or ConfigMap holds nothing back here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.api import Api
from tests.cluster.control_plane import HOST as LOOPBACK
from tests.cluster.control_plane import KUBELET, ControlPlane
from tests.cluster.process import Server, free_port, listens

STAGES = Path(__file__).parent / "stages"
HOSTNAME = "kubernetes.io/hostname"
ARCH = "kubernetes.io/arch"
SYSTEM = "kubernetes.io/os"
PODS = "110"
"""Pods that a kubelet takes unless told otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A node to be: resources are Kubernetes text by name, taints are `key[=value]:Effect`.

    `labels` are added to those that every kubelet sets. Without `capacity`, it is what is
    allocatable.
    """

    name: str
    arch: str = "amd64"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[str, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)
    capacity: Mapping[str, str] = field(default_factory=dict)


def create(api: Api, hosts: Iterable[Host]) -> None:
    """Make a ready Node for each host."""
    # Eight at once: as many connections as a client keeps.
    with ThreadPoolExecutor(8) as crew:
        for _ in crew.map(lambda host: api.create(node(host)), hosts):
            pass


def node(host: Host) -> dict[str, Any]:
    """The Node that a kubelet on the host would register."""
    allocatable = {"pods": PODS, **host.allocatable}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": host.name,
            "labels": {
                HOSTNAME: host.name,
                ARCH: host.arch,
                SYSTEM: "linux",
                **host.labels,
            },
        },
        "spec": {"taints": [taint(text) for text in host.taints]},
        "status": {
            "allocatable": allocatable,
            "capacity": {**allocatable, **host.capacity},
            "conditions": [{"type": "Ready", "status": "True", "reason": "StandIn"}],
        },
    }


def taint(text: str) -> dict[str, str]:
    """A taint written as `key=value:Effect` or `key:Effect`."""
    key_value, _, effect = text.rpartition(":")
    key, equals, value = key_value.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if equals else {})}


def start_kubelets(plane: ControlPlane) -> Server:
    """Start the stand-in for the kubelet of every node; it ends with the control plane."""
    port = free_port()
    configs = [f"--config={path}" for path in sorted(STAGES.glob("*.yaml"))]
    arguments = [
        f"--kubeconfig={plane.kubeconfig(KUBELET)}",
        f"--server-address={LOOPBACK}:{port}",
        # Wide enough for the pods of thousands of sites.
        "--cidr=10.64.0.0/10",
        f"--node-ip={LOOPBACK}",
        "--v=WARN",
        *configs,
    ]
    # The home folder of whoever runs the tests is not asked for further stages.
    server = plane.start("kwok", arguments, {"HOME": str(plane.folder)})
    server.ready(lambda: listens(port))
    return server
