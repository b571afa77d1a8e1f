"""Rewrites a Cascade into one cloud Service and one edge Service per edge member.

The workers get the environment that Sedna's Global Manager gives them, name by name, so that
an image written for Sedna runs unchanged; `LC_SERVER` alone has no counterpart and is set to
the sidecar's address. A cascade whose hard examples no worker can honour is refused, as is one
that crosses clusters, where a cluster-internal address cannot be reached.
"""

from __future__ import annotations

import dataclasses
import json

from compiler.model.backend import EmitContext, Lowering, Refusal
from compiler.model.contract import SURFACE_PORT
from compiler.model.inputs import Artifact, Binding, Endpoint, HostData
from compiler.model.member import Expose, Member
from compiler.model.names import name
from compiler.model.plan import Cascade, Node, Service
from compiler.model.worker import ContainerPort, EnvironmentVariable, Volume, Worker

CLOUD_PORT = 5000
SIDECAR_ADDRESS = f"http://127.0.0.1:{SURFACE_PORT}"
DATA_PREFIX = "/home/data"
UNDERSTANDS = ("sedna-lib", "cascade-v1")


def lower(node: Node, context: EmitContext) -> tuple[Node, ...] | Refusal:
    """Return the cloud Service first, then the edges in the cascade's order."""
    if not isinstance(node, Cascade):
        raise TypeError(f"this lowering takes a Cascade, not a {type(node).__name__}")
    refusal = _refusal(node)
    if refusal is not None:
        return refusal
    address = f"{name(node.name, 'cloud')}.{context.namespace}"
    link = Endpoint("cloud", address, CLOUD_PORT)
    return (
        _cloud(node, context.namespace),
        *(_edge(node, member, link, context.namespace) for member in node.edges),
    )


LOWERING = Lowering(name="cascade-to-services", takes=Cascade, lower=lower)


def _refusal(node: Cascade) -> Refusal | None:
    clusters = sorted({member.place.cluster for member in node.members})
    if len(clusters) > 1:
        return Refusal(
            f"the cloud part and the edges are on different clusters ({', '.join(clusters)})",
            "place both parts on sites of one cluster",
            node.field_span("place"),
        )
    for member in node.members:
        if node.hard_examples and not set(UNDERSTANDS) & set(member.worker.implements):
            return Refusal(
                f"hardExamples is handed to user code, and the {member.role} worker does not "
                f"say that it implements {' or '.join(UNDERSTANDS)}",
                f"add implements: [{UNDERSTANDS[0]}] to workers.{member.role} if its image does",
                member.worker.span,
            )
    return None


def _cloud(node: Cascade, namespace: str) -> Service:
    member = node.cloud
    base = [
        _variable("BIG_MODEL_BIND_PORT", str(CLOUD_PORT)),
        *_common(node, member, namespace, "cloudworker"),
    ]
    port = ContainerPort("tcp-0", CLOUD_PORT)
    ports = member.worker.ports
    if all(declared.port != CLOUD_PORT for declared in ports):
        ports = (*ports, port)
    worker = dataclasses.replace(_with_models(member), ports=ports)
    expose = member.expose if member.expose.to != "none" else Expose(to="cluster")
    return _service(
        node,
        name(node.name, "cloud"),
        dataclasses.replace(member, worker=_with_env(worker, base), expose=expose),
    )


def _edge(node: Cascade, member: Member, link: Endpoint, namespace: str) -> Service:
    base = [
        _variable("BIG_MODEL_IP", link.address),
        _variable("BIG_MODEL_PORT", str(link.port)),
        _variable("LC_SERVER", SIDECAR_ADDRESS),
        *_hard_examples(node),
        *_common(node, member, namespace, "edgeworker"),
    ]
    place = member.place
    # The job's name and not the version's: an edge stays the same object whatever version it has.
    return _service(
        node,
        name(node.job, "edge", place.site, *((place.host,) if place.host else ())),
        dataclasses.replace(
            member,
            worker=_with_env(_with_models(member), base),
            endpoints=(*member.endpoints, link),
        ),
    )


def _service(node: Cascade, base_name: str, member: Member) -> Service:
    return Service(
        job=node.job,
        name=base_name,
        backend=node.backend,
        member=member,
        span=node.span,
        fields=node.fields,
    )


def _common(
    node: Cascade, member: Member, namespace: str, prefix: str
) -> list[EnvironmentVariable]:
    variables = [
        _variable("DATA_PATH_PREFIX", DATA_PREFIX),
        _variable("NAMESPACE", namespace),
        _variable("SERVICE_NAME", node.name),
        _variable("WORKER_NAME", name(prefix, member.place.site)),
    ]
    url = _model_url(member.inputs)
    return [*variables, _variable("MODEL_URL", url)] if url else variables


def _hard_examples(node: Cascade) -> list[EnvironmentVariable]:
    mining = node.hard_examples
    if mining is None or not mining.algorithm:
        return []
    parameters = [{"key": key, "value": value} for key, value in mining.params.items()]
    return [
        _variable("HEM_NAME", mining.algorithm),
        _variable("HEM_PARAMETERS", json.dumps(parameters, separators=(",", ":"))),
    ]


def _model_url(inputs: tuple[Binding, ...]) -> str:
    for binding in inputs:
        if binding.role != "model":
            continue
        if isinstance(binding.input, HostData):
            return DATA_PREFIX + binding.input.path
        if isinstance(binding.input, Artifact):
            return f"/edgewright/models/{binding.input.name}"
    return ""


def _with_models(member: Member) -> Worker:
    # A host path is mounted by its parent directory, as the Global Manager does.
    worker = member.worker
    mounts = []
    for binding in member.inputs:
        if isinstance(binding.input, HostData):
            parent = binding.input.path.rpartition("/")[0] + "/"
            mounts.append(Volume(DATA_PREFIX + parent, "host", source=parent))
    return dataclasses.replace(worker, volumes=(*worker.volumes, *dict.fromkeys(mounts)))


def _with_env(worker: Worker, added: list[EnvironmentVariable]) -> Worker:
    # What the author wrote wins, as it would in a pod template.
    written = {variable.name for variable in worker.env}
    kept = [variable for variable in added if variable.name not in written]
    return dataclasses.replace(worker, env=(*worker.env, *kept))


def _variable(key: str, value: str) -> EnvironmentVariable:
    return EnvironmentVariable(key, value)
