"""Who names whom: the references of one object, as data, without looking for their targets.

Secrets are left out on purpose: the compiler knows their names and nobody but the cluster has
them. So are classes (storage, runtime, priority, ingress), which belong to the cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compiler.stages.check.pods import Template, freeze
from compiler.stages.check.summary import Path, Reference, Scale, Selection

Found = tuple[Path, str, str, str, str | int]
"""Path, group, kind, name and port (or nothing)."""


def references(
    number: int, group: str, kind: str, data: Mapping[str, Any], pods: list[Template]
) -> list[Reference]:
    """Every reference of an object to one of its own namespace that must be in the output."""
    namespace = str((data.get("metadata") or {}).get("namespace", ""))
    found = [one for template in pods for one in _of_pod(template)]
    finder = _FINDERS.get((group, kind))
    if finder is not None:
        found.extend(finder(data.get("spec") or {}, data))
    return [
        Reference(number, path, target_group, target, namespace, name, port)
        for path, target_group, target, name, port in found
        if name
    ]


def selection(number: int, group: str, kind: str, data: Mapping[str, Any]) -> Selection | None:
    """What a Service or a disruption budget selects, or None."""
    spec = data.get("spec") or {}
    namespace = str((data.get("metadata") or {}).get("namespace", ""))
    if (group, kind) == ("", "Service") and spec.get("selector"):
        ports = tuple(
            (("spec", "ports", i, "targetPort"), port.get("targetPort", port["port"]))
            for i, port in enumerate(spec.get("ports") or ())
        )
        return Selection(number, namespace, freeze(spec["selector"]), ports)
    if (group, kind) == ("policy", "PodDisruptionBudget"):
        labels = (spec.get("selector") or {}).get("matchLabels") or {}
        return Selection(number, namespace, freeze(labels)) if labels else None
    return None


def service_ports(data: Mapping[str, Any]) -> tuple[str | int, ...]:
    """Names and numbers of the ports that a Service offers."""
    ports = (data.get("spec") or {}).get("ports") or ()
    return tuple(port[key] for port in ports for key in ("name", "port") if key in port)


def scale(data: Mapping[str, Any]) -> Scale:
    """What a HorizontalPodAutoscaler may do to its target."""
    spec = data.get("spec") or {}
    target = spec.get("scaleTargetRef") or {}
    namespace = str((data.get("metadata") or {}).get("namespace", ""))
    return Scale(namespace, str(target.get("kind")), str(target.get("name")), spec["maxReplicas"])


def _of_pod(template: Template) -> Iterator[Found]:
    spec, path = template.spec, template.path
    if account := spec.get("serviceAccountName"):
        yield (*path, "serviceAccountName"), "", "ServiceAccount", str(account), ""
    for number, volume in enumerate(spec.get("volumes") or ()):
        yield from _of_volume((*path, "volumes", number), volume)
    for where, container in template.containers:
        for number, variable in enumerate(container.get("env") or ()):
            source = (variable.get("valueFrom") or {}).get("configMapKeyRef")
            yield from _config_map((*where, "env", number, "valueFrom", "configMapKeyRef"), source)
        for number, origin in enumerate(container.get("envFrom") or ()):
            yield from _config_map((*where, "envFrom", number), origin.get("configMapRef"))


def _of_volume(path: Path, volume: Mapping[str, Any]) -> Iterator[Found]:
    yield from _config_map((*path, "configMap"), volume.get("configMap"))
    if claim := volume.get("persistentVolumeClaim"):
        where = (*path, "persistentVolumeClaim", "claimName")
        yield where, "", "PersistentVolumeClaim", str(claim.get("claimName", "")), ""
    sources = (volume.get("projected") or {}).get("sources") or ()
    for number, source in enumerate(sources):
        yield from _config_map((*path, "projected", "sources", number), source.get("configMap"))


def _config_map(path: Path, source: Mapping[str, Any] | None) -> Iterator[Found]:
    if source and not source.get("optional"):
        yield (*path, "name"), "", "ConfigMap", str(source.get("name", "")), ""


def _at(spec: Any, *path: str | int) -> Any:
    for part in path:
        try:
            spec = spec[part]
        except (KeyError, IndexError, TypeError):
            return None
    return spec


def _sedna(*ways: tuple[str, tuple[str | int, ...]]) -> Any:
    def find(spec: Mapping[str, Any], _data: Mapping[str, Any]) -> Iterator[Found]:
        for kind, way in ways:
            if name := _at(spec, *way, "name"):
                yield ("spec", *way, "name"), "sedna.io", kind, str(name), ""
        for number, worker in enumerate(spec.get("trainingWorkers") or ()):
            if name := _at(worker, "dataset", "name"):
                path = ("spec", "trainingWorkers", number, "dataset", "name")
                yield path, "sedna.io", "Dataset", str(name), ""

    return find


def _autoscaler(spec: Mapping[str, Any], _data: Mapping[str, Any]) -> Iterator[Found]:
    target = spec.get("scaleTargetRef") or {}
    group = str(target.get("apiVersion", "")).rpartition("/")[0]
    path = ("spec", "scaleTargetRef", "name")
    yield path, group, str(target.get("kind", "")), str(target.get("name", "")), ""


def _ingress(spec: Mapping[str, Any], _data: Mapping[str, Any]) -> Iterator[Found]:
    yield from _backend(("spec", "defaultBackend"), spec.get("defaultBackend"))
    for i, rule in enumerate(spec.get("rules") or ()):
        for j, path in enumerate(_at(rule, "http", "paths") or ()):
            where = ("spec", "rules", i, "http", "paths", j, "backend")
            yield from _backend(where, path.get("backend"))


def _backend(path: Path, backend: Mapping[str, Any] | None) -> Iterator[Found]:
    service = (backend or {}).get("service") or {}
    port = service.get("port") or {}
    wanted = port.get("name") or port.get("number") or ""
    yield (*path, "service", "name"), "", "Service", str(service.get("name", "")), wanted


def _kustomization(spec: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Found]:
    own = _at(data, "metadata", "namespace")
    for number, other in enumerate(spec.get("dependsOn") or ()):
        if other.get("namespace", own) == own:
            path = ("spec", "dependsOn", number, "name")
            yield path, _KUSTOMIZE, "Kustomization", str(other.get("name", "")), ""
    source = spec.get("sourceRef") or {}
    if source.get("namespace", own) == own:
        where = ("spec", "sourceRef", "name")
        yield where, _SOURCE, str(source.get("kind", "")), str(source.get("name", "")), ""


def _cron_workflow(spec: Mapping[str, Any], _data: Mapping[str, Any]) -> Iterator[Found]:
    prefix: tuple[str, ...] = ("workflowSpec",) if "workflowSpec" in spec else ()
    template = _at(spec, *prefix, "workflowTemplateRef") or {}
    kind = "ClusterWorkflowTemplate" if template.get("clusterScope") else "WorkflowTemplate"
    path = ("spec", *prefix, "workflowTemplateRef", "name")
    yield path, "argoproj.io", kind, str(template.get("name", "")), ""


def _binding(_spec: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Found]:
    own = _at(data, "metadata", "namespace")
    role = data.get("roleRef") or {}
    if role.get("kind") == "Role":
        group = "rbac.authorization.k8s.io"
        yield ("roleRef", "name"), group, "Role", str(role.get("name", "")), ""
    for number, subject in enumerate(data.get("subjects") or ()):
        if subject.get("kind") == "ServiceAccount" and subject.get("namespace", own) == own:
            path = ("subjects", number, "name")
            yield path, "", "ServiceAccount", str(subject.get("name", "")), ""


_KUSTOMIZE = "kustomize.toolkit.fluxcd.io"
_SOURCE = "source.toolkit.fluxcd.io"
_LEARNING = (
    ("Dataset", ("dataset",)),
    ("Model", ("initialModel",)),
    ("Model", ("deploySpec", "model")),
    ("Model", ("evalSpec", "initialEvalModel")),
)
_FEDERATED = (("Model", ("aggregationWorker", "model")), ("Model", ("pretrainedModel",)))
_FINDERS: Mapping[tuple[str, str], Any] = {
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("rbac.authorization.k8s.io", "RoleBinding"): _binding,
    (_KUSTOMIZE, "Kustomization"): _kustomization,
    ("argoproj.io", "CronWorkflow"): _cron_workflow,
    ("argoproj.io", "Workflow"): _cron_workflow,
    ("sedna.io", "JointInferenceService"): _sedna(
        ("Model", ("edgeWorker", "model")), ("Model", ("cloudWorker", "model"))
    ),
    ("sedna.io", "IncrementalLearningJob"): _sedna(*_LEARNING),
    ("sedna.io", "LifelongLearningJob"): _sedna(*_LEARNING),
    ("sedna.io", "FederatedLearningJob"): _sedna(*_FEDERATED),
    ("sedna.io", "FeatureExtractionService"): _sedna(("Model", ("model",))),
    ("sedna.io", "VideoAnalyticsJob"): _sedna(("Model", ("model",))),
}
