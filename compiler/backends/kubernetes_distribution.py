"""A Distribution as the sidecar's node role: a DaemonSet on the hosts of one site.

A site's hosts hold what its config lists, and a DaemonSet's pods share one config, so there is
one per site and not one per cluster. It stages artifacts and starts no worker. With `peers` the
hosts offer each other verified bytes on their own addresses, so the pod is in the host's network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from compiler.backends import kubernetes_sidecar as side
from compiler.backends.kubernetes_images import pull
from compiler.backends.kubernetes_pod import pod
from compiler.backends.kubernetes_scope import Scope, scope
from compiler.model import contract
from compiler.model.backend import EmitContext
from compiler.model.inputs import Artifact
from compiler.model.manifest import Draft
from compiler.model.plan import Distribution

ROLE = "node"
_PEER_PORTS = range(19000, 20000)


def drafts(node: Distribution, context: EmitContext) -> Iterator[Draft]:
    """The node role's ConfigMap and DaemonSet."""
    where = scope(node, node.place, context, ROLE)
    config = _config(node, where)
    # A new artifact is staged by the running pod: only the config changes.
    yield side.config_draft(where, contract.text(config), stable=True)
    image = pull(context.sidecar.image, where)
    volumes, mounts = side.parts(where, contract.secrets(config))
    port = side.surface_port(node.name, host_network=node.peers)
    resident = side.resident_container(
        where, image, mounts, port, "--role", ROLE, host_network=node.peers
    )
    if node.peers:
        resident["ports"].append(_offered(peer_port(node.name)))
    values = {
        "selector": where.selector,
        "pod": {
            **pod(
                where,
                containers=[resident],
                init=[],
                volumes=volumes,
                pulls=[image],
                store=side.store(where, image),
            ),
            "hostNetwork": node.peers,
        },
    }
    yield where.draft("daemonset", values)


def peer_port(node: str) -> int:
    """The port that hosts of the site ask each other on; the same on all of them."""
    digest = hashlib.sha256(f"peers/{node}".encode()).digest()
    return _PEER_PORTS[int.from_bytes(digest[:4], "big") % len(_PEER_PORTS)]


def _config(node: Distribution, where: Scope) -> dict[str, Any]:
    artifacts = [b.input for b in node.artifacts if isinstance(b.input, Artifact)]
    document = contract.node_config(node.job, artifacts, side.facts(where, host_network=node.peers))
    if node.peers:
        port = peer_port(node.name)
        document["peers"] = {"serve": port, "members": _members(where, port)}
    return document


def _members(where: Scope, port: int) -> list[str]:
    # Every host gets the same list; the sidecar leaves itself out.
    return sorted(f"http://{host.address}:{port}" for host in where.site.hosts if host.address)


def _offered(port: int) -> dict[str, Any]:
    return {"name": "peers", "containerPort": port, "hostPort": port, "protocol": "TCP"}
