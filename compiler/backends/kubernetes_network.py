"""How others reach a worker: Service and Ingress, by the worker's `expose:`.

EdgeMesh reads the protocol from a port's name (`tcp-0`, `http-0`), so a meshed Service names its
ports that way; any other keeps the worker's names. Opens no port that the worker does not have.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.backends.kubernetes_scope import Scope
from compiler.model.contract import SURFACE_PORT
from compiler.model.manifest import Draft
from compiler.model.member import Member
from compiler.model.server import Server
from compiler.model.worker import ContainerPort

_HTTP_NAMES = ("http", "rest", "web", "metrics", "management")


def drafts(member: Member, scope: Scope, flavour: Server) -> Iterator[Draft]:
    """Service and Ingress, where the member is exposed at all."""
    expose = member.expose
    if expose.to == "none":
        return
    ports = ports_of(member, flavour)
    values: dict[str, Any] = {
        "type": "NodePort" if expose.to == "node" else "ClusterIP",
        "selector": scope.selector,
        "ports": [_port(port, index, member) for index, port in enumerate(ports)],
    }
    yield scope.draft("service", values)
    if expose.to == "ingress":
        ingress = {
            "ingressClassName": expose.ingress_class,
            "tlsSecret": expose.tls_secret,
            "host": expose.ingress_host,
            "port": values["ports"][0]["name"],
        }
        yield scope.draft("ingress", ingress)


def ports_of(member: Member, flavour: Server) -> list[ContainerPort]:
    """The ports that others may call; the cloud part of a pair also answers for its release."""
    ports = list(member.worker.ports or flavour.ports)
    delivery = member.delivery
    asked = delivery is not None and delivery.release is not None and delivery.mode == "sidecar"
    if asked and not any(link.role == "cloud" for link in member.endpoints):
        ports.append(ContainerPort("sidecar", SURFACE_PORT))
    return ports


def _port(port: ContainerPort, index: int, member: Member) -> dict[str, Any]:
    return {
        "name": _mesh_name(port, index) if member.expose.to == "mesh" else port.name,
        "port": port.port,
        "targetPort": port.name,
        "nodePort": member.expose.node_ports.get(port.name),
        "protocol": port.protocol,
    }


def _mesh_name(port: ContainerPort, index: int) -> str:
    if port.protocol != "TCP":
        return f"{port.protocol.lower()}-{index}"
    web = port.name.partition("-")[0] in _HTTP_NAMES or port.name == "sidecar"
    return f"{'http' if web else 'tcp'}-{index}"
