"""A Service node as objects: Deployment, ConfigMaps, Service, and what replicas and claims need.

A hot job's pod template holds no digest and nothing that follows from a model: a new model
changes the sidecar's ConfigMap and restarts nothing. A rolling job's template holds the digest
of its artifacts, so that pods roll. Two pods never share an exclusive port, device, claim or
accelerator, so such a Deployment is re-created instead of surging.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compiler.backends import kubernetes_files as files
from compiler.backends import kubernetes_network as network
from compiler.backends import kubernetes_sidecar as side
from compiler.backends.kubernetes_account import account
from compiler.backends.kubernetes_containers import worker_container
from compiler.backends.kubernetes_images import pull
from compiler.backends.kubernetes_pod import GRACE, pod
from compiler.backends.kubernetes_scope import Scope, scope
from compiler.backends.kubernetes_volumes import Pairs, claims, host_inputs, worker_volumes
from compiler.model import contract
from compiler.model.backend import EmitContext
from compiler.model.manifest import Draft
from compiler.model.member import Member
from compiler.model.plan import Service
from compiler.model.quantity import canonical_quantity
from compiler.model.record import dataclass
from compiler.model.server import Server, Serving

FILES_KEY = "files"
OUTBOX_GRACE = 60
DEADLINE = 600


def drafts(node: Service, context: EmitContext) -> Iterator[Draft]:
    """Every object of the node, leaves first."""
    member = node.member
    where = scope(node, member.place, context, member.role)
    flavour = context.servers[member.worker.server or "custom"]
    delivered = member.delivery is not None and member.delivery.mode == "sidecar"
    config = _config(node, where, flavour) if delivered else None
    hot = is_hot(member)
    if config is not None:
        yield side.config_draft(where, contract.text(config), stable=hot)
    serving = flavour.serving(_models(member), member.worker.ports or flavour.ports, hot=hot)
    texts = files.texts(member.worker, flavour.files(serving), view=delivered)
    if texts.data:
        values = {"data": texts.data, "immutable": True}
        yield where.draft("configmap", values, suffix="files", key=FILES_KEY, content=True)
    for claim, volume in claims(member.worker, where):
        values = {"name": claim, "storage": canonical_quantity(volume.size)}
        yield where.draft("persistentvolumeclaim", values)
    yield _deployment(_Parts(member, where, flavour, serving, texts, config, hot))
    yield from network.drafts(member, where, flavour)
    yield from _replicas(member, where)


def is_hot(member: Member) -> bool:
    """Whether the sidecar swaps files under the running server."""
    return member.delivery is not None and member.delivery.update == "hot"


def exclusive(member: Member) -> bool:
    """Whether a second pod beside the first could not start."""
    worker = member.worker
    return bool(
        worker.host_network
        or worker.accelerator
        or worker.devices
        or any(volume.kind == "claim" for volume in worker.volumes)
    )


def strategy(member: Member) -> dict[str, Any]:
    """The Deployment's update strategy: hot jobs and exclusive ones never surge."""
    if exclusive(member):
        return {"type": "Recreate", "rollingUpdate": None}
    surge, unavailable = (0, 1) if is_hot(member) else (1, 0)
    update = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": update}


@dataclass(frozen=True, slots=True)
class _Parts:
    member: Member
    scope: Scope
    flavour: Server
    serving: Serving
    texts: files.Texts
    config: dict[str, Any] | None
    hot: bool


def _deployment(parts: _Parts) -> Draft:
    member, where = parts.member, parts.scope
    image = pull(member.worker.image, where)
    inputs = host_inputs(member.inputs)
    mounted = worker_volumes(member.worker, where, writable=parts.flavour.writable)
    beside = _sidecar(parts, inputs)
    volumes = [volume for volume, _ in (*mounted, *inputs)]
    volumes += parts.texts.volumes(where.reference(FILES_KEY))
    values = {
        "autoscaled": member.replicas.autoscaled,
        "replicas": member.replicas.count,
        "progressDeadlineSeconds": _deadline(member),
        "strategy": strategy(member),
        "selector": where.selector,
        "pod": pod(
            where,
            containers=[_worker(parts, mounted, inputs), *(beside.containers if beside else ())],
            init=beside.init if beside else [],
            volumes=[*(beside.volumes if beside else ()), *volumes],
            pulls=[image, beside.image] if beside else [image],
            workers=[member.worker],
            annotations=_annotations(parts),
            store=beside.store if beside else None,
            account=account(where) if beside else None,
            spread=parts.hot and member.replicas.most > 1,
            grace=OUTBOX_GRACE if member.outputs else GRACE,
        ),
    }
    return where.draft("deployment", values)


def _worker(parts: _Parts, mounted: Pairs, inputs: Pairs) -> dict[str, Any]:
    flavour, serving = parts.flavour, parts.serving
    mounts = [mount for _, mount in (*mounted, *inputs)]
    if parts.config is not None:
        mounts = [*side.WORKER_MOUNTS, *mounts]
    return worker_container(
        parts.member.worker,
        pull(parts.member.worker.image, parts.scope),
        parts.scope,
        mounts=[*mounts, *parts.texts.mounts()],
        probes=flavour.probes(serving),
        args=flavour.args(serving),
        command=flavour.command(serving),
        env=flavour.env(serving),
        ports=parts.member.worker.ports or flavour.ports,
    )


def _sidecar(parts: _Parts, inputs: Pairs) -> side.Sidecar | None:
    if parts.config is None:
        return None
    return side.sidecar(
        parts.scope,
        contract.secrets(parts.config),
        host_network=parts.member.worker.host_network,
        host_mounts=inputs,
    )


def _config(node: Service, where: Scope, flavour: Server) -> dict[str, Any]:
    facts = side.facts(where, host_network=node.member.worker.host_network)
    return contract.config(node.job, node.member, flavour, facts)


def _annotations(parts: _Parts) -> dict[str, str] | None:
    if parts.hot or parts.config is None:
        return None
    return {"edgewright.io/artifacts": parts.config["tenant"]["revision"]}


def _models(member: Member) -> Any:
    return member.delivery.artifacts if member.delivery else ()


def _deadline(member: Member) -> int:
    return member.delivery.progress_deadline if member.delivery else DEADLINE


def _replicas(member: Member, where: Scope) -> Iterator[Draft]:
    replicas = member.replicas
    if replicas.autoscaled:
        values = {
            "minReplicas": replicas.minimum,
            "maxReplicas": replicas.maximum,
            "averageUtilization": replicas.cpu,
        }
        yield where.draft("horizontalpodautoscaler", values)
    if (replicas.minimum if replicas.autoscaled else replicas.count) > 1:
        yield where.draft("poddisruptionbudget", {"selector": where.selector})
