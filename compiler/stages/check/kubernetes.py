"""The Kubernetes schemas of every version, as data of an installed package, cut to one kind.

A version's definitions are read once for each process (8 ms), and a kind's schema holds only
what it reaches. What the published definitions leave to prose and the API server enforces
(allowed words, port numbers, quantities) is added. Nothing here validates.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from compiler.model.quantity import PATTERN
from compiler.stages.check.rules_between import KIND_RULES
from compiler.stages.check.rules_kinds import KIND_FIELDS, KIND_NEEDED
from compiler.stages.check.rules_pods import POD_FIELDS, POD_NEEDED, POD_RULES
from compiler.stages.check.structural import BASE64, BOUNDS, Schema

_FOLDER = re.compile(r"v(\d+)\.(\d+)\.\d+-local-strict")
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_CORE = "io.k8s.api.core.v1."

_PORT = {"minimum": 1, "maximum": 65535}
_NATURAL = {"minimum": 0}
_POSITIVE = {"minimum": 1}
_PROTOCOL = ("TCP", "UDP", "SCTP")
_PULL = ("Always", "IfNotPresent", "Never")
_ACCESS = ("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")
_HOST_PATH = ("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket",
              "CharDevice", "BlockDevice")  # fmt: skip
_CONTAINER = {
    "imagePullPolicy": _PULL,
    "terminationMessagePolicy": ("File", "FallbackToLogsOnError"),
}
_UPDATE = ("RollingUpdate", "OnDelete")
_PROBE = dict.fromkeys(
    ("periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"), _POSITIVE
)

WORDS: Mapping[str, Mapping[str, Any]] = {
    f"{_CORE}Container": _CONTAINER,
    f"{_CORE}PodSpec": {
        "restartPolicy": ("Always", "OnFailure", "Never"),
        "dnsPolicy": ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
        "preemptionPolicy": ("PreemptLowerPriority", "Never"),
        "terminationGracePeriodSeconds": _NATURAL,
        "activeDeadlineSeconds": _POSITIVE,
    },
    f"{_CORE}ContainerPort": {"protocol": _PROTOCOL, "containerPort": _PORT, "hostPort": _PORT},
    f"{_CORE}ServicePort": {"protocol": _PROTOCOL, "port": _PORT, "nodePort": _PORT},
    f"{_CORE}ServiceSpec": {
        "type": ("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
        "sessionAffinity": ("None", "ClientIP"),
        "externalTrafficPolicy": ("Cluster", "Local"),
        "internalTrafficPolicy": ("Cluster", "Local"),
        "ipFamilyPolicy": ("SingleStack", "PreferDualStack", "RequireDualStack"),
    },
    f"{_CORE}HostPathVolumeSource": {"type": _HOST_PATH},
    f"{_CORE}Probe": {**_PROBE, "initialDelaySeconds": _NATURAL},
    f"{_CORE}HTTPGetAction": {"scheme": ("HTTP", "HTTPS")},
    f"{_CORE}VolumeMount": {
        "mountPropagation": ("None", "HostToContainer", "Bidirectional"),
        "recursiveReadOnly": ("Disabled", "IfPossible", "Enabled"),
    },
    f"{_CORE}SeccompProfile": {"type": ("RuntimeDefault", "Localhost", "Unconfined")},
    f"{_CORE}Toleration": {"effect": ("", "NoSchedule", "PreferNoSchedule", "NoExecute")},
    f"{_CORE}NodeSelectorRequirement": {
        "operator": ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")
    },
    f"{_CORE}TopologySpreadConstraint": {"whenUnsatisfiable": ("DoNotSchedule", "ScheduleAnyway")},
    f"{_CORE}PersistentVolumeClaimSpec": {
        "volumeMode": ("Filesystem", "Block"),
        "accessModes": {"items": {"type": "string", "enum": list(_ACCESS)}},
    },
    f"{_CORE}ImageVolumeSource": {"pullPolicy": _PULL},
    f"{_META}LabelSelectorRequirement": {"operator": ("In", "NotIn", "Exists", "DoesNotExist")},
    "io.k8s.api.apps.v1.DeploymentSpec": {
        "replicas": _NATURAL, "progressDeadlineSeconds": _NATURAL, "minReadySeconds": _NATURAL,
    },
    "io.k8s.api.apps.v1.DeploymentStrategy": {"type": ("Recreate", "RollingUpdate")},
    "io.k8s.api.apps.v1.DaemonSetUpdateStrategy": {"type": _UPDATE},
    "io.k8s.api.apps.v1.StatefulSetUpdateStrategy": {"type": _UPDATE},
    "io.k8s.api.apps.v1.StatefulSetSpec": {
        "podManagementPolicy": ("OrderedReady", "Parallel"),
        "replicas": _NATURAL,
    },
    "io.k8s.api.batch.v1.CronJobSpec": {"concurrencyPolicy": ("Allow", "Forbid", "Replace")},
    "io.k8s.api.batch.v1.JobSpec": {
        "completionMode": ("NonIndexed", "Indexed"),
        "podReplacementPolicy": ("TerminatingOrFailed", "Failed"),
        "backoffLimit": _NATURAL,
        "parallelism": _NATURAL,
        "completions": _NATURAL,
        "activeDeadlineSeconds": _NATURAL,
        "ttlSecondsAfterFinished": _NATURAL,
    },
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerSpec": {"maxReplicas": _POSITIVE},
    "io.k8s.api.autoscaling.v2.MetricSpec": {
        "type": ("ContainerResource", "External", "Object", "Pods", "Resource")
    },
    "io.k8s.api.autoscaling.v2.MetricTarget": {"type": ("Utilization", "Value", "AverageValue")},
    "io.k8s.api.networking.v1.HTTPIngressPath": {
        "pathType": ("Exact", "Prefix", "ImplementationSpecific")
    },
    "io.k8s.api.networking.v1.NetworkPolicyPort": {"protocol": _PROTOCOL},
    "io.k8s.api.policy.v1.PodDisruptionBudgetSpec": {
        "unhealthyPodEvictionPolicy": ("IfHealthyBudget", "AlwaysAllow")
    },
}  # fmt: skip
"""Definition and field to the words, or the bounds, that the API server takes."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    f"{_CORE}Pod": ("spec",),
    f"{_CORE}PodTemplateSpec": ("spec",),
    f"{_CORE}Service": ("spec",),
    f"{_CORE}PersistentVolumeClaim": ("spec",),
    f"{_CORE}PersistentVolumeClaimSpec": ("accessModes", "resources"),
    f"{_CORE}Container": ("image",),
    "io.k8s.api.apps.v1.Deployment": ("spec",),
    "io.k8s.api.apps.v1.DaemonSet": ("spec",),
    "io.k8s.api.apps.v1.StatefulSet": ("spec",),
    "io.k8s.api.batch.v1.Job": ("spec",),
    "io.k8s.api.batch.v1.CronJob": ("spec",),
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler": ("spec",),
    "io.k8s.api.networking.v1.Ingress": ("spec",),
}
"""Fields that a definition calls optional and the API server refuses to miss."""

_REPLACED: Mapping[str, Schema] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {
        "type": ["string", "number", "null"], "pattern": PATTERN,
    },
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "type": ["integer", "string", "null"],
        "minimum": BOUNDS["int32"][0], "maximum": BOUNDS["int32"][1],
    },
}  # fmt: skip


@cache
def versions() -> tuple[str, ...]:
    """The minor versions that there are definitions for, oldest first."""
    numbers = (_FOLDER.fullmatch(entry.name) for entry in _root().iterdir())
    ordered = sorted((int(n[1]), int(n[2])) for n in numbers if n)
    return tuple(f"{major}.{minor}" for major, minor in ordered)


@cache
def kinds(version: str) -> Mapping[tuple[str, str], str]:
    """(apiVersion, kind) to the name of its definition, for one minor version."""
    found = {}
    for name, definition in definitions(version).items():
        for one in definition.get("x-kubernetes-group-version-kind", ()):
            group = f"{one['group']}/" if one["group"] else ""
            found[(f"{group}{one['version']}", one["kind"])] = name
    return found


@cache
def groups(version: str) -> frozenset[str]:
    """The API groups that Kubernetes itself serves in one minor version."""
    return frozenset(api.rpartition("/")[0] for api, _ in kinds(version))


@cache
def definitions(version: str) -> Mapping[str, Any]:
    """Every definition of one minor version, as published."""
    path = _root() / f"v{version}.0-local-strict" / "_definitions.json"
    data: dict[str, Any] = json.loads(path.read_bytes())["$defs"]
    return data


def core_schema(version: str, definition: str) -> Schema:
    """The self-contained strict JSON Schema of a definition, with only what it reaches."""
    published, wanted = definitions(version), [definition]
    reached: dict[str, Schema] = {}
    while wanted:
        name = wanted.pop()
        if name not in reached:
            reached[name] = _replaced(name) or _clean(published[name], wanted)
            _add_words(reached[name], WORDS.get(name, {}))
            _add_rules(reached[name], name)
            _need_keys(reached[name], published[name], published)
    for one in reached.values():
        _forbid_nulls(one, reached)
    return {"$ref": f"#/$defs/{definition}", "$defs": dict(sorted(reached.items()))}


def reference_name(reference: str) -> str:
    """The definition that a `$ref` of the published files points to."""
    return reference.rpartition("/")[2]


@cache
def _root() -> Path:
    spec = find_spec("kubernetes_validate")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("the package kubernetes-validate is not installed")
    return Path(spec.submodule_search_locations[0]) / "kubernetes-json-schema"


def _replaced(name: str) -> Schema:
    return dict(_REPLACED.get(name, {}))


def _clean(schema: Mapping[str, Any], wanted: list[str]) -> Schema:
    out: Schema = {}
    for key, value in schema.items():
        if key == "properties":
            out[key] = {name: _clean(sub, wanted) for name, sub in value.items()}
        elif key == "$ref":
            name = reference_name(value)
            wanted.append(name)
            out[key] = f"#/$defs/{name}"
        elif isinstance(value, dict) and not key.startswith("x-"):
            out[key] = _clean(value, wanted)
        elif key in {"type", "required", "enum", "additionalProperties"}:
            out[key] = value
    out.update(_bounds(schema.get("format")))
    return out


def _bounds(name: str | None) -> Schema:
    if name in BOUNDS:
        return {"minimum": BOUNDS[name][0], "maximum": BOUNDS[name][1]}
    return {"pattern": BASE64} if name == "byte" else {}


def _add_words(schema: Schema, words: Mapping[str, Any]) -> None:
    for name, allowed in words.items():
        known = schema.get("properties", {}).get(name)
        if known is None:
            continue
        known.update(allowed if isinstance(allowed, dict) else {"enum": [*allowed, None]})


def _add_rules(schema: Schema, name: str) -> None:
    known = schema.get("properties", {})
    for table in (POD_FIELDS, KIND_FIELDS):
        for field, form in table.get(name, {}).items():
            if field in known:
                known[field].setdefault("allOf", []).append(form)
    needed = (*NEEDED.get(name, ()), *POD_NEEDED.get(name, ()), *KIND_NEEDED.get(name, ()))
    schema["required"] = [*schema.get("required", ()), *needed]
    rules = (*POD_RULES.get(name, ()), *KIND_RULES.get(name, ()))
    if rules:
        schema["allOf"] = list(rules)


def _need_keys(schema: Schema, source: Mapping[str, Any], published: Mapping[str, Any]) -> None:
    """An entry that server-side apply tells by its keys has to have them, but for defaults."""
    for field, sub in source.get("properties", {}).items():
        item = published.get(reference_name(sub.get("items", {}).get("$ref", "")), {})
        known = item.get("properties", {})
        keys = [
            key
            for key in sub.get("x-kubernetes-list-map-keys", ())
            if key != "protocol" and "default" not in known.get(key, {})
        ]
        if sub.get("x-kubernetes-list-type") == "set":
            schema["properties"][field]["uniqueItems"] = True
        if keys and item:
            form = {"type": ["object", "null"], "required": keys}
            schema["properties"][field].setdefault("allOf", []).append({"items": form})


def _forbid_nulls(schema: Schema, reached: Mapping[str, Schema]) -> None:
    """A null is taken for an absent field; an entry of a list or a required field cannot be."""
    properties = schema.get("properties", {})
    for name, sub in properties.items():
        if "items" in sub:
            _forbid_null(sub["items"], reached)
        if name in schema["required"]:
            _forbid_null(sub, reached)


def _forbid_null(schema: Schema, reached: Mapping[str, Schema]) -> None:
    target = reached[reference_name(schema["$ref"])] if "$ref" in schema else schema
    kinds = target.get("type")
    if isinstance(kinds, list):
        schema["type"] = [kind for kind in kinds if kind != "null"]
