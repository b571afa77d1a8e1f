"""Which line of the spec a line of an object answers to, as near as names can tell.

A generated line is found by its key; the spec's word for that key is looked up where the job's
author wrote it. What no rule knows is left to the caller, who names the job itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.inputs import Artifact
from compiler.model.layout import CONFIG_FILE
from compiler.model.manifest import Object
from compiler.model.marks import Path, lines_of_paths
from compiler.model.plan import Node, Record
from compiler.model.source import parse
from compiler.model.spec.job import JobSpec
from compiler.model.spec.worker import WorkerSpec
from compiler.workshop import Front

OF_WORKER = {
    "image": "image",
    "imagePullPolicy": "imagePullPolicy",
    "command": "command",
    "args": "args",
    "env": "env",
    "ports": "ports",
    "resources": "resources",
    "volumeMounts": "volumes",
    "securityContext": "user",
    "startupProbe": "server",
    "readinessProbe": "server",
    "livenessProbe": "server",
}
"""The key of a container to the key of a worker."""
BY_SERVER = ("command", "args", "ports")
"""What a server flavour gives where the author wrote nothing."""
OF_NODE = {
    "replicas": "replicas",
    "affinity": "place",
    "nodeSelector": "place",
    "nodeAffinity": "place",
    "tolerations": "place",
    "strategy": "update",
    "hardExampleMining": "hardExamples",
    "trigger": "trigger",
}
"""A key anywhere in an object to the key of a job."""
OF_KIND = {"Service": "expose", "Ingress": "expose", "HorizontalPodAutoscaler": "replicas"}
"""The kind of a whole object to the key of a job."""
SIDECARS = ("prepare", "sidecar", "fetch")
PARAMS_FILE = "params.json"


def spec_span(front: Front, one: Object, line: int) -> Span | None:
    """The line of the spec behind a line of an object; None where only the object is known."""
    path = path_at(one.text, line)
    nodes = list(_nodes(front, one))
    text = one.text.split("\n")[line - 1]
    return _by_digest(nodes, text) or _by_key(front, nodes, one, path)


def value_path(text: str, line: int) -> str:
    """The path of the key on a line, such as `spec.replicas`."""
    steps = path_at(text, line)
    return "".join(
        f"[{step}]" if isinstance(step, int) else f"{'.' if place else ''}{step}"
        for place, step in enumerate(steps)
    )


def path_at(text: str, line: int) -> Path:
    """The longest path whose key or item begins on the line, or the last one before it."""
    documents = parse("", text, Diagnostics())
    found: Path = ()
    best = 0
    for path, at in lines_of_paths(documents[0].data if documents else None):
        if best <= at <= line:
            best, found = at, path
    return found


def _nodes(front: Front, one: Object) -> Iterator[Node]:
    job = one.origin.subject.removeprefix("jobs.")
    for assignment in front.assignments:
        node = assignment.node
        sites = {place.site for place in node.places}
        if node.job == job and (not one.origin.site or one.origin.site in sites):
            yield node


def _by_digest(nodes: list[Node], text: str) -> Span | None:
    """The version whose digest the line shows."""
    for node in nodes:
        for member in node.members:
            for binding in member.inputs:
                if isinstance(binding.input, Artifact) and binding.input.sha256 in text:
                    return binding.input.span
    return None


def _by_key(front: Front, nodes: list[Node], one: Object, path: Path) -> Span | None:
    jobs = [node for node in nodes if not isinstance(node, Record)]
    container = _container(one.data, path)
    if container in SIDECARS:
        sidecar = front.resolved.spec.sidecar
        return sidecar.span if sidecar else None
    for step in reversed(path):
        key = OF_NODE.get(step) if isinstance(step, str) else None
        found = key and next((n.fields[key] for n in jobs if key in n.fields), None)
        if found:
            return found
        if isinstance(step, str) and step in OF_WORKER:
            return _of_worker(front, jobs, one, path, OF_WORKER[step], container)
    kind = str(one.data.get("kind"))
    if kind == "ConfigMap" and len(path) > 1 and path[1] != CONFIG_FILE:
        key = "params" if path[1] == PARAMS_FILE else "files"
        return _of_worker(front, jobs, one, path, key, "")
    wanted = OF_KIND.get(kind, "")
    return next((node.fields[wanted] for node in jobs if wanted in node.fields), None)


def _of_worker(
    front: Front, nodes: list[Node], one: Object, path: Path, key: str, container: str
) -> Span | None:
    """Where the worker's key was written, as deep as the author wrote it."""
    for node in nodes:
        for member in node.members:
            here = one.origin.site in ("", member.place.site)
            if here and container in ("", member.worker.name):
                job = front.resolved.view(member.place.site).jobs.get(node.job)
                spec = _worker_spec(job, member.role)
                if spec is None or spec.marks is None:
                    continue
                if key in member.worker.fields:
                    return spec.marks.at(_in_spec(key, one.data, path, spec))
                if key in BY_SERVER and "server" in member.worker.fields:
                    return member.worker.fields["server"]
    return None


def _worker_spec(job: JobSpec | None, role: str) -> WorkerSpec | None:
    found = getattr(job, "worker", None) or getattr(getattr(job, "workers", None), role, None)
    return found if isinstance(found, WorkerSpec) else None


def _in_spec(key: str, data: Any, path: Path, spec: WorkerSpec) -> Path:
    """The path in the spec's worker for a path in the object."""
    names = [step for step in OF_WORKER if OF_WORKER[step] == key and step in path]
    start = path.index(names[0]) if names else len(path)
    rest = path[start + 1 :]
    if key == "env" and rest:
        return key, str(_value(data, path[: start + 2]).get("name", ""))
    if key == "volumes" and rest:
        mount = _value(data, path[: start + 2]).get("mountPath")
        index = [place for place, one in enumerate(spec.volumes) if one.path == mount]
        return (key, index[0]) if index else (key,)
    if key == "resources" and spec.marks is not None:
        flat = spec.marks.child(key).entry(str(rest[0])) is None if rest else False
        return (key, *(rest[1:] if flat else rest))
    return (key, *rest) if key in ("command", "args") else (key,)


def _container(data: Any, path: Path) -> str:
    """The name of the container that a path leads into, or an empty string."""
    for key in ("containers", "initContainers"):
        if key in path and path.index(key) + 1 < len(path):
            return str(_value(data, path[: path.index(key) + 2]).get("name", ""))
    return ""


def _value(data: Any, path: Path) -> Mapping[str, Any]:
    for step in path:
        data = data[step]
    return data if isinstance(data, Mapping) else {}
