"""Why Sedna does not take a node: everything that it would accept and then get wrong.

Sedna validates nothing at admission. What it ignores, mistakes or stalls on is refused here with
the reason, before it is written. Only what the node and the cluster tell; what depends on the
sites is in `sedna_problems`.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.backends import sedna_inputs as inputs
from compiler.backends.sedna_loop_refusals import loop_refusals
from compiler.model.backend import Refusal
from compiler.model.fleet import Cluster
from compiler.model.hard_examples import ALGORITHMS
from compiler.model.member import Member
from compiler.model.names import is_dns_1035_label
from compiler.model.plan import Cascade, HardExamples, Loop, Node

DEPLOYMENT = "-deployment"
SYSTEM = frozenset(
    ("/", "/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys",
     "/usr", "/usr/bin", "/usr/lib", "/usr/local", "/var")
)  # fmt: skip
"""Directories that a mounted file would hide with everything else that an image has there."""


def refusal(node: Node, cluster: Cluster) -> Refusal | None:
    """The first reason why Sedna does not take the node on the cluster, or None."""
    return next(_refusals(node, cluster), None)


def _refusals(node: Node, cluster: Cluster) -> Iterator[Refusal]:
    if "sedna" not in cluster.provides:
        yield Refusal(
            f"cluster {cluster.name} does not provide sedna",
            'install Sedna there and write provides: {sedna: "0.7"}',
        )
    if isinstance(node, Cascade):
        yield from _name(node)
        yield from _cascade(node)
    elif isinstance(node, Loop) and node.mode == "single-task":
        yield from loop_refusals(node)
        yield from _common(node, node.hard_examples)
    else:
        yield Refusal("this kind of work does not compile to Sedna yet", span=node.span)


def _name(node: Node) -> Iterator[Refusal]:
    if not is_dns_1035_label(node.name):
        yield Refusal(
            f"Sedna makes the Service {node.name}-cloud, and a Service's name begins with a letter",
            "give the job a name that begins with a letter",
            node.span,
        )
    if DEPLOYMENT in node.name:
        yield Refusal(
            f"Sedna finds a service by what stands before {DEPLOYMENT!r} in its workers' names, "
            f"so it would not find {node.name}",
            "give the job a name without it",
            node.span,
        )


def _cascade(node: Cascade) -> Iterator[Refusal]:
    clusters = sorted({member.place.cluster for member in node.members})
    if len(clusters) > 1:
        yield Refusal(
            f"Sedna joins workers of one cluster; these are on {' and '.join(clusters)}",
            "place both parts on sites of one cluster",
            node.field_span("place"),
        )
    for member in node.members:
        yield from _model(node, member)
        if member.delivery and member.delivery.update == "hot":
            yield Refusal(
                "Sedna reloads a model in a running worker only in a learning loop",
                "write update: rolling",
                node.field_span("update"),
            )
    yield from _common(node, node.hard_examples)


def _common(node: Node, hard_examples: HardExamples | None) -> Iterator[Refusal]:
    yield from _mining(node, hard_examples)
    for member in node.members:
        yield from _member(node, member)


def _mining(node: Node, mining: HardExamples | None) -> Iterator[Refusal]:
    span = (mining and mining.span) or node.field_span("hardExamples")
    if mining is None or not mining.algorithm:
        what = "code of one's own" if mining else "no hardExamples"
        yield Refusal(
            f"Sedna needs a hard example algorithm that it knows, and the job has {what}",
            f"write hardExamples: {{algorithm: NAME}} with one of {', '.join(ALGORITHMS)}",
            span,
        )
    elif mining.algorithm not in ALGORITHMS:
        yield Refusal(
            f"Sedna does not know the hard example algorithm {mining.algorithm}",
            f"it knows {', '.join(ALGORITHMS)}",
            span,
        )


def _model(node: Node, member: Member) -> Iterator[Refusal]:
    models = [b.input for b in member.inputs if b.role == "model"]
    if len(models) != 1:
        yield Refusal(
            f"a {member.role} worker of Sedna has one model, not {len(models)}",
            span=node.field_span("model"),
        )
    for model in models:
        if problem := inputs.problem(model):
            yield Refusal(*problem, node.field_span("model"))


def _member(node: Node, member: Member) -> Iterator[Refusal]:
    worker, role = member.worker, f"the {member.role} worker"
    if member.delivery and member.delivery.mode == "sidecar" and member.delivery.artifacts:
        yield Refusal(
            "delivery by our sidecar does not compile to Sedna yet",
            "write delivery: native, and Sedna fetches by itself, unverified",
            node.field_span("delivery"),
        )
    if any(b.role == "code" for b in member.inputs):
        yield Refusal(
            f"Sedna brings no code to {role}",
            "build it into the image",
            worker.field_span("code"),
        )
    if member.replicas.autoscaled or member.replicas.most != 1:
        yield Refusal(
            f"Sedna runs one pod of {role}; its published roles may not scale it",
            "write replicas: 1",
            node.field_span("replicas"),
        )
    if member.expose.to in ("node", "ingress"):
        yield Refusal(
            f"Sedna exposes no worker outside the cluster, and {role} asks for {member.expose.to}",
            "write expose: cluster or mesh",
            node.field_span("expose"),
        )
    yield from _worker(member)


def _worker(member: Member) -> Iterator[Refusal]:
    worker, role = member.worker, f"the {member.role} worker"
    if worker.server not in ("", "custom"):
        yield Refusal(
            f"Sedna's workers serve by its library, not by {worker.server}",
            "leave server: out",
            worker.field_span("server"),
        )
    if any(volume.kind == "claim" for volume in worker.volumes):
        yield Refusal(
            f"a claim for {role} does not compile to Sedna yet",
            "use a directory of the host, or memory",
            worker.field_span("volumes"),
        )
    directories = {file.path.rpartition("/")[0] or "/" for file in worker.files}
    taken = {volume.path.rstrip("/") for volume in worker.volumes} | SYSTEM
    for directory in sorted(directories & taken):
        yield Refusal(
            f"a file in {directory} would hide what else is there for {role}",
            "give the file a directory of its own",
            worker.field_span("files"),
        )
