"""Pod templates, wherever a kind keeps them: contradictions, and what each pod wants.

Finds the templates of an object, judges each one by itself, and extracts the pods with their
requests and ports. What the pods of several objects want together is not judged here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from typing import Any

from compiler.model import names
from compiler.model.codes import check as codes
from compiler.model.record import dataclass
from compiler.model.requests import requests, worker_memory
from compiler.stages.check.summary import Labels, Path, Pods
from compiler.stages.check.words import Wrong, did_you_mean, path_text

_TEMPLATE: tuple[tuple[str, ...], ...] = (("spec", "template"),)
_LEARNING = tuple(("spec", part, "template") for part in ("trainSpec", "evalSpec", "deploySpec"))
_TRACKING = (("spec", "trackingWorkers", "*", "template"), ("spec", "reidWorkers", "template"))
TEMPLATES: Mapping[tuple[str, str], tuple[tuple[str, ...], ...]] = {
    ("", "Pod"): ((),),
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): (("spec", "jobTemplate", "spec", "template"),),
    ("jobset.x-k8s.io", "JobSet"): (
        ("spec", "replicatedJobs", "*", "template", "spec", "template"),
    ),
    ("sedna.io", "JointInferenceService"): (
        ("spec", "edgeWorker", "template"),
        ("spec", "cloudWorker", "template"),
    ),
    ("sedna.io", "IncrementalLearningJob"): _LEARNING,
    ("sedna.io", "LifelongLearningJob"): _LEARNING,
    ("sedna.io", "FederatedLearningJob"): (
        ("spec", "aggregationWorker", "template"),
        ("spec", "trainingWorkers", "*", "template"),
    ),
    ("sedna.io", "FeatureExtractionService"): _TEMPLATE,
    ("sedna.io", "ReidJob"): _TEMPLATE,
    ("sedna.io", "VideoAnalyticsJob"): _TEMPLATE,
    ("sedna.io", "ObjectTrackingService"): _TRACKING,
    ("sedna.io", "ObjectSearchService"): (("spec", "userWorker", "template"), *_TRACKING),
}
"""Where each kind keeps its pod templates; `*` stands for every entry of a list."""

_ONE_AFTER_THE_OTHER = {"trainSpec": "train", "evalSpec": "evaluate"}
_WORKLOADS = {"Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"}
_ROLLS: Mapping[str, tuple[str, tuple[int | str, int | str]]] = {
    "Deployment": ("strategy", ("25%", "25%")),
    "DaemonSet": ("updateStrategy", (0, 1)),
}
"""The kinds whose update may add pods: where that is said, and what holds where it is not."""


@dataclass(frozen=True, slots=True)
class Template:
    """A pod template of an object: the path of its spec, and its parts as parsed."""

    path: Path
    labels: Mapping[str, Any]
    spec: Mapping[str, Any]
    phase: str = ""
    annotations: Mapping[str, Any] = field(default_factory=dict)

    @property
    def containers(self) -> list[tuple[Path, Mapping[str, Any]]]:
        """Init containers, then containers, each with its path."""
        return [
            ((*self.path, field, number), container)
            for field in ("initContainers", "containers")
            for number, container in enumerate(self.spec.get(field) or ())
        ]


def templates(group: str, kind: str, data: Mapping[str, Any]) -> list[Template]:
    """The pod templates of an object whose shape is known to be right; none for most kinds."""
    found = []
    for way in TEMPLATES.get((group, kind), ()):
        for path, value in _reach(data, way, ()):
            if isinstance(value, dict) and isinstance(value.get("spec"), dict):
                metadata = value.get("metadata") or {}
                phase = _ONE_AFTER_THE_OTHER.get(way[1] if len(way) > 1 else "", "")
                labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
                found.append(Template((*path, "spec"), labels, value["spec"], phase, notes))
    return found


def check_template(template: Template, claims: frozenset[str]) -> Iterator[Wrong]:
    """The contradictions inside one pod; `claims` are volumes that a StatefulSet adds."""
    volumes = {v.get("name") for v in template.spec.get("volumes") or ()} | claims
    taken: set[str] = set()
    for path, container in template.containers:
        name = str(container.get("name", ""))
        if name in taken:
            yield Wrong(codes.POD, f"{path_text(path)}: another container is called {name!r} too")
        taken.add(name)
        if problem := _container_name(name):
            yield Wrong(codes.NAME, f"{path_text((*path, 'name'))}: the name {name!r} {problem}")
        yield from _mounts(path, container, volumes)
        yield from _environment(path, container)
        yield from _attached(path, container, template.spec, volumes)
        yield from _ports(path, container, template.spec.get("hostNetwork") is True)
    yield from _sysctls(template)
    yield from _same_host_port(template)


def check_selector(kind: str, data: Mapping[str, Any], template: Template) -> Iterator[Wrong]:
    """A workload's selector that does not select its own pods."""
    if kind not in _WORKLOADS:
        return
    wanted = ((data.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    yield from _expressions(data, template.labels)
    for key, value in wanted.items():
        if template.labels.get(key) != value:
            where = path_text(("spec", "selector", "matchLabels", key))
            has = f"{template.labels[key]!r}" if key in template.labels else "none"
            yield Wrong(codes.SELECTOR, f"{where} is {value!r}, but the pod template has {has}")


def pods_of(number: int, kind: str, data: Mapping[str, Any], template: Template) -> Pods:
    """What the pods of a template want; amounts that are no quantities count as nothing."""
    metadata = data.get("metadata") or {}
    host_network = template.spec.get("hostNetwork") is True
    ports = [port for _, container in template.containers for port in container.get("ports") or ()]
    bound = [p for p in ports if p.get("hostPort") or host_network]
    labels = {k: v for k, v in template.labels.items() if isinstance(v, str)}
    return Pods(
        number, template.path, str(metadata.get("namespace", "")), freeze(labels),
        _count(kind, data), requests(template.spec), _node(template.spec), kind == "DaemonSet",
        template.phase,
        tuple(p[key] for p in ports for key in ("name", "containerPort") if key in p),
        tuple((p.get("protocol", "TCP"), p.get("hostPort") or p["containerPort"]) for p in bound),
        _nodes(template.spec) if kind == "DaemonSet" else {}, _roll(kind, data),
        *worker_memory(template.spec),
    )  # fmt: skip


def freeze(labels: Mapping[str, str]) -> Labels:
    """Labels as sorted pairs."""
    return tuple(sorted(labels.items()))


def _reach(value: Any, way: Sequence[str], path: Path) -> Iterator[tuple[Path, Any]]:
    if not way:
        yield path, value
        return
    first, rest = way[0], way[1:]
    if first == "*":
        for number, item in enumerate(value if isinstance(value, list) else ()):
            yield from _reach(item, rest, (*path, number))
    elif isinstance(value, dict) and first in value:
        yield from _reach(value[first], rest, (*path, first))


@lru_cache(maxsize=4096)
def _container_name(name: str) -> str:
    return names.dns_label_problem(name)


def _mounts(path: Path, container: Mapping[str, Any], volumes: set[Any]) -> Iterator[Wrong]:
    seen: set[str] = set()
    for number, mount in enumerate(container.get("volumeMounts") or ()):
        name, target = mount.get("name"), str(mount.get("mountPath", ""))
        if name in volumes and target and target not in seen and ":" not in target:
            seen.add(target)
            continue
        where = path_text((*path, "volumeMounts", number))
        if name not in volumes:
            text = f"{where}.name is {name!r}, and the pod has no such volume"
            hint = did_you_mean(str(name), [str(v) for v in volumes])
            yield Wrong(codes.MOUNT, text, hint)
        if target in seen:
            yield Wrong(codes.POD, f"{where}.mountPath is {target!r}, which is mounted already")
        elif ":" in target or not target:
            yield Wrong(codes.POD, f"{where}.mountPath is {target!r}; it must be a path without :")


def _environment(path: Path, container: Mapping[str, Any]) -> Iterator[Wrong]:
    for number, variable in enumerate(container.get("env") or ()):
        name = str(variable.get("name", ""))
        if problem := _environment_name(name):
            where = path_text((*path, "env", number))
            yield Wrong(codes.NAME, f"{where}: the variable {name!r} {problem}")
        if variable.get("value") and variable.get("valueFrom"):
            where = path_text((*path, "env", number))
            yield Wrong(codes.POD, f"{where}: the variable {name!r} has a value and a valueFrom")


def _attached(
    path: Path, container: Mapping[str, Any], pod: Mapping[str, Any], volumes: set[Any]
) -> Iterator[Wrong]:
    """Devices and claims that the pod lacks, and hooks that outlast it."""
    claims = {claim.get("name") for claim in pod.get("resourceClaims") or ()}
    wanted = (container.get("resources") or {}).get("claims") or ()
    for number, claim in enumerate(wanted):
        if claim.get("name") not in claims:
            where = path_text((*path, "resources", "claims", number))
            yield Wrong(codes.POD, f"{where}: the pod has no claim {claim.get('name')!r}")
    for number, device in enumerate(container.get("volumeDevices") or ()):
        if device.get("name") not in volumes:
            where = path_text((*path, "volumeDevices", number))
            yield Wrong(codes.MOUNT, f"{where}: the pod has no volume {device.get('name')!r}")
    grace = pod.get("terminationGracePeriodSeconds")
    for hook, action in (container.get("lifecycle") or {}).items():
        seconds = (
            ((action or {}).get("sleep") or {}).get("seconds", 0) if hook != "stopSignal" else 0
        )
        if seconds > (30 if grace is None else grace):
            where = path_text((*path, "lifecycle", hook, "sleep"))
            yield Wrong(codes.POD, f"{where} is longer than the pod may take to end")


@lru_cache(maxsize=4096)
def _environment_name(name: str) -> str:
    return names.env_name_problem(name)


def _ports(path: Path, container: Mapping[str, Any], host_network: bool) -> Iterator[Wrong]:
    seen: set[str] = set()
    for number, port in enumerate(container.get("ports") or ()):
        name = port.get("name")
        if name is not None and not names.is_port_name(str(name)):
            problem = f"the port name {name!r} {names.port_name_problem(str(name))}"
            yield Wrong(codes.NAME, f"{path_text((*path, 'ports', number))}: {problem}")
        if name in seen:
            problem = f"another port of the container is called {name!r} too"
            yield Wrong(codes.POD, f"{path_text((*path, 'ports', number))}: {problem}")
        seen.add(name or f"#{number}")
        bound = port.get("hostPort") or port["containerPort"]
        # The API server compares the two of ordinary containers alone.
        if host_network and "containers" in path and bound != port["containerPort"]:
            problem = "under hostNetwork hostPort must equal containerPort"
            yield Wrong(codes.POD, f"{path_text((*path, 'ports', number))}: {problem}")


def _sysctls(template: Template) -> Iterator[Wrong]:
    seen: set[str] = set()
    for one in (template.spec.get("securityContext") or {}).get("sysctls") or ():
        name = str(one.get("name")).replace("/", ".")
        if name in seen:
            where = path_text((*template.path, "securityContext", "sysctls"))
            yield Wrong(codes.POD, f"{where} sets {name!r} twice")
        seen.add(name)


def _same_host_port(template: Template) -> Iterator[Wrong]:
    seen: dict[tuple[str, int, str], Path] = {}
    host_network = template.spec.get("hostNetwork") is True
    for path, container in template.containers:
        for number, port in enumerate(container.get("ports") or ()):
            wanted = port.get("hostPort") or (port["containerPort"] if host_network else 0)
            key, where = (
                (port.get("protocol", "TCP"), wanted, port.get("hostIP", "")),
                (*path, "ports", number),
            )
            if wanted and key in seen:
                first, second = path_text(seen[key]), path_text(where)
                text = f"{second} takes port {wanted} of the host, as {first} does"
                yield Wrong(codes.HOST_PORT, text)
            seen.setdefault(key, where)


def _count(kind: str, data: Mapping[str, Any]) -> int:
    spec = data.get("spec") or {}
    field = {"Job": "parallelism"}.get(kind, "replicas")
    number = spec.get(field, 1) if kind in _WORKLOADS | {"Job"} else 1
    return number if isinstance(number, int) else 1


def _nodes(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: spec[key] for key in ("nodeSelector", "affinity", "tolerations") if spec.get(key)}


def _roll(kind: str, data: Mapping[str, Any]) -> tuple[int | str, ...]:
    """What is written as maxSurge and maxUnavailable, with the API server's defaults."""
    if kind not in _ROLLS:
        return ()
    field, defaults = _ROLLS[kind]
    strategy = (data.get("spec") or {}).get(field) or {}
    if (strategy.get("type") or "RollingUpdate") != "RollingUpdate":
        return ()
    given = strategy.get("rollingUpdate") or {}
    written = zip((given.get("maxSurge"), given.get("maxUnavailable")), defaults, strict=True)
    return tuple(default if value is None else value for value, default in written)


def _node(spec: Mapping[str, Any]) -> str:
    selector = spec.get("nodeSelector") or {}
    bound = spec.get("nodeName") or selector.get("kubernetes.io/hostname")
    return str(bound) if bound else _node_of_affinity(spec.get("affinity") or {})


def _node_of_affinity(affinity: Mapping[str, Any]) -> str:
    required = (affinity.get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    terms: list[Mapping[str, Any]] = required.get("nodeSelectorTerms") or []
    if len(terms) != 1:
        return ""
    term = terms[0]
    wanted = [*(term.get("matchExpressions") or []), *(term.get("matchFields") or [])]
    for one in wanted:
        values: list[Any] = one.get("values") or []
        by_name = one.get("key") in {"kubernetes.io/hostname", "metadata.name"}
        if by_name and one.get("operator") == "In" and len(values) == 1:
            return str(values[0])
    return ""


def _expressions(data: Mapping[str, Any], labels: Mapping[str, Any]) -> Iterator[Wrong]:
    selector = (data.get("spec") or {}).get("selector") or {}
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield Wrong(codes.SELECTOR, "spec.selector is empty, and would select every pod")
    for number, one in enumerate(selector.get("matchExpressions") or ()):
        key, values = one.get("key"), one.get("values") or ()
        holds = {
            "In": labels.get(key) in values and key in labels,
            "NotIn": labels.get(key) not in values or key not in labels,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }
        if not holds.get(str(one.get("operator")), True):
            where = path_text(("spec", "selector", "matchExpressions", number))
            yield Wrong(codes.SELECTOR, f"{where} does not hold for the pod template's labels")
