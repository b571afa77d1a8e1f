"""Why plain Kubernetes does not take a node, and what the author must change at its site.

`refusal` needs only the node and the cluster, so that another backend can be asked; `problems`
looks at the site and the server flavour and reports on the author's lines. Nothing here emits.
"""

from __future__ import annotations

from collections.abc import Iterator

from compiler.backends import kubernetes_files as files
from compiler.backends.kubernetes_sidecar import minor, native
from compiler.model.backend import EmitContext, Refusal
from compiler.model.codes import plan as codes
from compiler.model.diagnostics import Diagnostic, Span
from compiler.model.fleet import Cluster
from compiler.model.inputs import Artifact, Binding, Port, Slot
from compiler.model.member import Member, Place
from compiler.model.names import is_dns_1035_label
from compiler.model.plan import (
    Companion,
    Distribution,
    Node,
    Pipeline,
    Run,
    Schedule,
    Service,
    Work,
)
from compiler.model.worker import Worker

TIME_ZONE_SINCE = (1, 27)
RELAXED_NAMES_SINCE = (1, 34)
MESH_HINT = "write expose: mesh, and install EdgeMesh"


def refusal(node: Node, cluster: Cluster) -> Refusal | None:
    """The first reason why the node is not taken on the cluster, or None."""
    return next(_reasons(node, cluster), None)


def problems(node: Node, context: EmitContext) -> tuple[Diagnostic, ...]:
    """What the author must change before the node can run at its site."""
    found = [*_place_problems(node, context)]
    if isinstance(node, Service):
        found += _service_problems(node, context)
    if isinstance(node, Distribution):
        found += _peer_problems(node, context)
    return tuple(found)


def _reasons(node: Node, cluster: Cluster) -> Iterator[Refusal]:
    if isinstance(node, Service):
        if node.load_test:
            yield Refusal(
                "loadTest is not supported yet: nothing here would run it",
                "remove loadTest, or measure in a pipeline",
                node.field_span("loadTest"),
            )
        yield from _worker_reasons(node, node.member.worker)
        yield from _input_reasons(node, node.member)
        yield from _replica_reasons(node)
        yield from _expose_reasons(node, cluster)
    elif isinstance(node, Run):
        yield from _run_reasons(node, cluster)
    elif isinstance(node, Schedule):
        yield from _schedule_reasons(node, cluster)
    elif isinstance(node, Distribution):
        yield from _distribution_reasons(node)


def _worker_reasons(node: Node, worker: Worker) -> Iterator[Refusal]:
    problem = files.problem(worker)
    if problem:
        yield Refusal(
            problem, "use another directory", _span(node, worker, "worker.files", "files")
        )


def _input_reasons(node: Service, member: Member) -> Iterator[Refusal]:
    unstable = _unstable(member.inputs)
    if unstable:
        yield Refusal(f"a service reads only what has a digest or lies on its host, not {unstable}")
    digests = any(isinstance(binding.input, Artifact) for binding in member.inputs)
    by_sidecar = member.delivery is not None and member.delivery.mode == "sidecar"
    if digests and not by_sidecar:
        yield Refusal(
            "nothing but the sidecar fetches and verifies an artifact with a digest",
            "write delivery: sidecar, or a uri host:/path for bytes that are on the host",
            node.field_span("delivery"),
        )


def _replica_reasons(node: Service) -> Iterator[Refusal]:
    member = node.member
    replicas, worker, span = member.replicas, member.worker, node.field_span("replicas")
    if replicas.autoscaled and "cpu" not in worker.requests:
        yield Refusal(
            "replicas by cpu are measured against a cpu request, and the worker has none",
            "add resources: {requests: {cpu: ...}} to the worker",
            span,
        )
    if replicas.most == 1:
        return
    if any(volume.kind == "claim" for volume in worker.volumes):
        yield Refusal(
            f"{replicas.most} replicas would share a claim that one node at a time can mount",
            "use replicas: 1, or a volume with host:",
            span,
        )
    if not member.place.host:
        return
    if worker.host_network:
        yield Refusal(
            f"{replicas.most} replicas on host {member.place.host} would share its ports, "
            "since hostNetwork is set",
            "use replicas: per-host or 1",
            span,
        )
    if member.delivery and member.delivery.update == "hot":
        yield Refusal(
            f"{replicas.most} hot pods on host {member.place.host} would share the slots of one "
            "artifact store",
            "use replicas: per-host or 1, or update: rolling",
            span,
        )


def _expose_reasons(node: Service, cluster: Cluster) -> Iterator[Refusal]:
    expose, span = node.member.expose, node.field_span("expose")
    if expose.to == "none":
        return
    relaxed = all(minor(version) >= RELAXED_NAMES_SINCE for version in cluster.kubernetes)
    if not relaxed and not is_dns_1035_label(node.name):
        yield Refusal(
            f"the name {node.name} begins with a digit, which a Service may do from Kubernetes "
            "1.34 on",
            "rename the job so that it begins with a letter",
            node.span,
        )
    if not cluster.kubeedge or node.member.place.layer != "edge":
        return
    if expose.to == "ingress":
        yield Refusal(
            "no ingress controller reaches a KubeEdge edge node: its pods have no address that "
            "the cloud can route to",
            MESH_HINT,
            span,
        )
    if expose.to in ("cluster", "node"):
        word = "a cluster address" if expose.to == "cluster" else "a node port"
        yield Refusal(
            f"no kube-proxy runs on a KubeEdge edge node, so {word} leads nowhere there",
            f"{MESH_HINT}, or set worker.hostNetwork: true and expose: none",
            span,
        )


def _run_reasons(node: Run, cluster: Cluster) -> Iterator[Refusal]:
    if node.nodes > 1:
        yield Refusal(
            f"numNodes: {node.nodes}, but a Job here is one pod on one node",
            "provide trainer on the cluster, or write numNodes: 1",
            node.field_span("numNodes"),
        )
    for stage in node.stages:
        for gate in stage.gates:
            yield Refusal(
                f"the gate on {gate.metric} of stage {stage.name} is not supported yet: no "
                "container of the pod can judge a metric",
                "remove the gate here and judge the metric when the version is added",
                gate.span or node.field_span("gates"),
            )
    parts: list[Companion | Work] = [*node.companions, *node.stages]
    for part in parts:
        yield from _worker_reasons(node, part.worker)
        unstable = _unstable(part.inputs)
        if unstable:
            yield Refusal(
                f"a Run of its own cannot read {unstable}", span=node.field_span("inputs")
            )
    if node.companions and not native(cluster):
        yield Refusal(
            f"companions need Kubernetes 1.29, and {cluster.name} has {cluster.kubernetes[0]}",
            span=node.field_span("companions"),
        )
    yield from _result_reasons(node)


def _result_reasons(node: Run) -> Iterator[Refusal]:
    names = [port.name for stage in node.stages for port in stage.outputs]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        yield Refusal(f"two stages leave an output called {doubled[0]}", "rename one of them")
    if node.results and node.results.url.startswith("host:"):
        yield Refusal(
            f"results go to {node.results.url}, but the sidecar sends them to a store",
            "write results: {uri: STORE:path/}",
            node.field_span("results"),
        )


def _schedule_reasons(node: Schedule, cluster: Cluster) -> Iterator[Refusal]:
    if isinstance(node.work, Pipeline):
        yield Refusal(
            "a CronJob runs one pod, and a pipeline's steps are several",
            "provide argo-workflows on the cluster",
            node.field_span("schedule"),
        )
        return
    if any(minor(version) < TIME_ZONE_SINCE for version in cluster.kubernetes):
        yield Refusal(
            f"a CronJob has no time zone before Kubernetes 1.27, and {cluster.name} has "
            f"{cluster.kubernetes[0]}",
            span=node.field_span("schedule"),
        )
    yield from _reasons(node.work, cluster)


def _distribution_reasons(node: Distribution) -> Iterator[Refusal]:
    for binding in node.artifacts:
        if not isinstance(binding.input, Artifact):
            yield Refusal(
                f"{binding.role} {binding.input.name} has no digest, so no copy of it can be "
                "verified",
                "give it a uri in a store",
                binding.input.span or node.span,
            )


def _unstable(inputs: tuple[Binding, ...]) -> str:
    for binding in inputs:
        if isinstance(binding.input, Port):
            return f"the output {binding.input.step}.{binding.input.name} of a pipeline's step"
        if isinstance(binding.input, Slot):
            return f"the slot {binding.input.name}, which its loop rewrites"
    return ""


def _span(node: Node, worker: Worker, field: str, own: str) -> Span | None:
    return worker.fields.get(own) or node.field_span(field)


def _place_problems(node: Node, context: EmitContext) -> Iterator[Diagnostic]:
    for place in dict.fromkeys(node.places):
        if isinstance(node, Service | Run | Schedule | Distribution) and _anywhere(place, context):
            yield Diagnostic(
                codes.ANY_NODE,
                f"{node.job} at {place.site}: the site has neither hosts nor a nodeSelector, so "
                f"any edge node of {place.cluster} could run it",
                context.sites[place.site].span or node.span,
                f"add hosts: to fleet.sites.{place.site}",
            )


def _anywhere(place: Place, context: EmitContext) -> bool:
    site = context.sites[place.site]
    bound = bool(place.host or site.hosts or site.node_selector)
    if bound or place.layer != "edge" or context.cluster_of(place.site).each_site:
        return False
    others = (one for one in context.sites.values() if one.name != site.name)
    return any(one.cluster == site.cluster and one.layer == "edge" for one in others)


def _service_problems(node: Service, context: EmitContext) -> Iterator[Diagnostic]:
    member, hosts = node.member, context.sites[node.member.place.site].hosts
    flavour = context.servers[member.worker.server or "custom"]
    hot = member.delivery is not None and member.delivery.update == "hot"
    if hot and not flavour.can_hot:
        yield Diagnostic(
            codes.HOT_WITHOUT_HOOK,
            f"{node.job}: {flavour.title} has no load hook, so update: hot changes nothing",
            node.field_span("update"),
            "write update: rolling",
        )
    alone = hot or member.worker.host_network
    if alone and hosts and not member.place.host and member.replicas.most > len(hosts):
        yield Diagnostic(
            codes.TOO_FEW_HOSTS,
            f"{node.job} at {member.place.site}: {member.replicas.most} replicas, each on a host "
            f"of its own, but the site has {len(hosts)}",
            node.field_span("replicas"),
            f"use replicas: {len(hosts)} or per-host",
        )
    names = [port.name for port in member.worker.ports or flavour.ports]
    yield from _port_problems(node, names)


def _port_problems(node: Service, names: list[str]) -> Iterator[Diagnostic]:
    expose, span = node.member.expose, node.field_span("expose")
    if expose.to != "none" and not names:
        yield Diagnostic(
            codes.NO_SUCH_PORT,
            f"{node.job}: expose is set, but the worker has no port",
            span,
            "add ports: [8080] to the worker",
        )
    for name in expose.node_ports:
        if name not in names:
            yield Diagnostic(
                codes.NO_SUCH_PORT,
                f"{node.job}: expose names port {name}; the worker has "
                f"{', '.join(names) or 'none'}",
                span,
                f"use {names[0]}" if names else "add it to worker.ports",
            )


def _peer_problems(node: Distribution, context: EmitContext) -> Iterator[Diagnostic]:
    hosts = context.sites[node.place.site].hosts
    without = [host.name for host in hosts if not host.address]
    if node.peers and (without or not hosts):
        yield Diagnostic(
            codes.PEERS_WITHOUT_ADDRESS,
            f"{node.job} at {node.place.site}: peers: true, but "
            + (f"{', '.join(without)} has no address" if without else "the site lists no hosts"),
            node.field_span("peers"),
            "write hosts: {NAME: {address: 10.0.0.1}}",
        )
