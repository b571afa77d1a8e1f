"""What plain Kubernetes and the sidecar make of each field of a node: `explain` prints it.

An answer depends on the node only where the reason does; what is refused is in
`kubernetes_refusals`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from compiler.model.backend import Answer, FieldAnswer
from compiler.model.inputs import HostData
from compiler.model.plan import Node


def answers(node: Node) -> Mapping[str, FieldAnswer]:
    """One answer for each of the node's fields.

    Raises:
        KeyError: a field that this backend knows nothing of; a test holds the tables together.
    """
    found = _of(node.FIELDS)
    said = {field: answer for field, answer in _remarks(node) if field in found}
    return {**found, **said} if said else found


@cache
def _of(fields: tuple[str, ...]) -> Mapping[str, FieldAnswer]:
    return {field: _ANSWERS[field] for field in fields}


def _remarks(node: Node) -> Iterator[tuple[str, FieldAnswer]]:
    """What every report must say aloud of this very node."""
    for member in node.members:
        bare = [device.path for device in member.worker.devices if not device.resource]
        if bare:
            yield (
                "worker.devices",
                _enforced(f"PRIVILEGED: {', '.join(bare)} has no device-plugin resource"),
            )
        if member.worker.user.uid == 0:
            root = "writable" if not member.worker.user.read_only_root else "read-only"
            yield "worker.user", _enforced(f"ROOT: uid 0 with a {root} root file system")
        if any(isinstance(binding.input, HostData) for binding in member.inputs):
            said = _enforced("UNVERIFIED: bytes of the host have no digest")
            yield from (("delivery", said), ("inputs", said))


def _enforced(reason: str) -> FieldAnswer:
    return FieldAnswer(Answer.ENFORCED, reason)


_ANSWERS: dict[str, FieldAnswer] = {
    "worker.image": _enforced("by digest where the lock has it; a mirror replaces the host part"),
    "worker.imagePullPolicy": _enforced("imagePullPolicy"),
    "worker.server": _enforced("its ports, probes, arguments and settings"),
    "worker.command": _enforced("command; without it the server's, then the image's"),
    "worker.args": _enforced("args; without them the server's, then the image's"),
    "worker.env": _enforced("env; Secrets by secretKeyRef, read when the container starts"),
    "worker.files": _enforced("a hash-suffixed ConfigMap, mounted by directory"),
    "worker.volumes": _enforced("hostPath, PersistentVolumeClaim or an emptyDir in memory"),
    "worker.devices": _enforced(
        "the extended resource; a device without one is a hostPath in a privileged container"
    ),
    "worker.accelerator": _enforced("the extended resource and runtimeClassName; no surge"),
    "worker.ports": _enforced("containerPort, and hostPort with hostNetwork"),
    "worker.resources": _enforced("requests and limits"),
    "worker.params": _enforced("/edgewright/params.json"),
    "worker.code": _enforced("the sidecar brings it to /edgewright/code"),
    "worker.user": _enforced("securityContext; root keeps only what reaches nothing of the host"),
    "worker.hostNetwork": _enforced("hostNetwork with dnsPolicy ClusterFirstWithHostNet"),
    "place": _enforced("required node affinity, nodeSelector and the profile's tolerations"),
    "replicas": _enforced("replicas, or a HorizontalPodAutoscaler; more than one: a budget"),
    "expose": _enforced("Service, NodePort or Ingress"),
    "models": _enforced("the sidecar fetches, verifies and switches"),
    "datasets": _enforced("the sidecar fetches and verifies"),
    "code": _enforced("the sidecar fetches, verifies and unpacks"),
    "update": _enforced("hot: only the sidecar's config changes; rolling: the pod template does"),
    "rollout": _enforced("each step is compiled: Git decides which site gets which version"),
    "delivery": _enforced("sidecar: verified; native: bytes of the host, UNVERIFIED"),
    "inputs": _enforced("an init container fetches and verifies before the first stage"),
    "results": _enforced("a last container sends them below the work key"),
    "attempt": _enforced("part of the work key and of the Job's name"),
    "keep": _enforced("models of other names are not sent"),
    "companions": _enforced("native sidecars that live as long as the stages"),
    "numNodes": FieldAnswer(Answer.REFUSED, "a Job here is one pod; one node is all it takes"),
    "gates": FieldAnswer(Answer.REFUSED, "no container of the pod can judge a metric yet"),
    "schedule": _enforced("a CronJob that never runs twice at a time"),
    "timezone": _enforced("timeZone; without one that of the site"),
    "peers": _enforced("hosts of the site ask each other by digest, on their own addresses"),
    "record": _enforced("an object of our definitions"),
}
