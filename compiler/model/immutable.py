"""Fields that the API server refuses to change, as data, and the question whether a change would.

`write`, `diff` and `publish` hold an old and a new object of one identity and ask
`violations`. Nothing here knows what the cluster really holds: an object that somebody edited
there may still be refused. Objects that are deleted and made anew are not asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from compiler.model.immutable_cases import CASES, DISKS
from compiler.model.quantity import parse_quantity
from compiler.model.record import dataclass

Path = tuple[str, ...]


class When(Enum):
    """Which changes of a field are refused."""

    CHANGED = "changed"
    """Any: appearing, disappearing, another value."""
    BOTH = "both"
    """Another value where old and new have one: rules of custom resource definitions."""
    GIVEN = "given"
    """Another value in the new object; leaving it out keeps the cluster's value."""
    SMALLER = "smaller"
    """A smaller quantity."""
    SWITCHED = "switched"
    """Any, where the old object says `immutable: true`."""


@dataclass(frozen=True, slots=True)
class ImmutableField:
    """A path of a kind, when a change is refused, and why; `[name]` matches entries by name."""

    path: Path
    reason: str
    when: When = When.CHANGED
    default: Any = None
    """What the API server writes where the field is left out."""


def violations(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(path, reason) of each field whose change the API server would refuse; none for new kinds.

    Both objects are parsed manifests of the same group, kind, namespace and name. Another API
    version of the same group does not matter.
    """
    group, _, _ = str(old.get("apiVersion", "")).rpartition("/")
    found: list[tuple[str, str]] = []
    for one in IMMUTABLE.get((group, str(old.get("kind", ""))), ()):
        for path, before, after in _values(one.path, old, new, ""):
            if _refused(one, before, after, old):
                found.append((path, one.reason))
    case = CASES.get((group, str(old.get("kind", ""))))
    return [*found, *case(old, new)] if case else found


_ABSENT: Any = object()

_SELECTOR = ImmutableField(
    ("spec", "selector"), "the selector says which pods are its own and cannot change"
)
_DATA = "the object says immutable: true; give it a new name"
_SET = "it cannot change once it is set"
_RULE = "a rule of its definition forbids a change"
_RUN = "a Job runs once; a changed one needs a new name"
_CLAIM = "a claim is bound to its volume; only a larger request is allowed"
_STATEFUL = "of a StatefulSet only replicas, template and update policy can change"
_JOB_SET = "a JobSet runs once; a changed one needs a new name"

_JOB_SET_RULES = ("failurePolicy", "network", "startupPolicy", "successPolicy")


def _fields(
    reason: str, *paths: str, when: When = When.CHANGED, default: Any = None
) -> tuple[ImmutableField, ...]:
    return tuple(ImmutableField(tuple(path.split(".")), reason, when, default) for path in paths)


def _runtime(prefix: str) -> tuple[ImmutableField, ...]:
    names = [f"{prefix}.{name}" for name in _JOB_SET_RULES]
    return _fields(_RULE, *names, f"{prefix}.replicatedJobs.[name].dependsOn", when=When.BOTH)


_STAYS = ImmutableField(("immutable",), "an object that is immutable stays so", When.SWITCHED)
_CONFIG = (*_fields(_DATA, "data", "binaryData", when=When.SWITCHED), _STAYS)

IMMUTABLE: Mapping[tuple[str, str], tuple[ImmutableField, ...]] = {
    ("", "ConfigMap"): _CONFIG,
    ("", "Secret"): (
        _STAYS, *_fields("the type of a Secret cannot change", "type", default="Opaque"),
    ),
    ("", "Service"): _fields(
        "an address that a Service has got stays", "spec.clusterIP", "spec.clusterIPs",
        when=When.GIVEN,
    ),
    ("", "PersistentVolumeClaim"): (
        *_fields(
            _CLAIM, "spec.accessModes", "spec.selector", "spec.dataSource", "spec.dataSourceRef",
            "spec.storageClassName", "spec.resources.limits",
        ),
        *_fields(_CLAIM, "spec.volumeMode", default="Filesystem"),
        *_fields(_CLAIM, "spec.volumeName", when=When.GIVEN),
        *_fields(
            "a claim can grow and not shrink", "spec.resources.requests.storage",
            when=When.SMALLER,
        ),
    ),
    ("", "PersistentVolume"): (
        *_fields(_SET, *(f"spec.{disk}" for disk in DISKS)),
        *_fields(_SET, "spec.volumeMode", default="Filesystem"),
        *_fields(_SET, "spec.nodeAffinity", when=When.BOTH),
    ),
    ("discovery.k8s.io", "EndpointSlice"): _fields(_SET, "addressType"),
    ("apps", "Deployment"): (_SELECTOR,),
    ("apps", "DaemonSet"): (_SELECTOR,),
    ("apps", "ReplicaSet"): (_SELECTOR,),
    ("apps", "StatefulSet"): _fields(
        _STATEFUL, "spec.selector", "spec.serviceName", "spec.podManagementPolicy",
        "spec.volumeClaimTemplates",
    ),
    ("batch", "Job"): _fields(
        _RUN, "spec.selector", "spec.completionMode", "spec.podFailurePolicy",
        "spec.successPolicy", "spec.backoffLimitPerIndex",
        "spec.managedBy",
    ),
    ("rbac.authorization.k8s.io", "RoleBinding"): _fields(
        "a binding keeps its role; a new binding needs a new name", "roleRef"
    ),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _fields(
        "a binding keeps its role; a new binding needs a new name", "roleRef"
    ),
    ("networking.k8s.io", "IngressClass"): _fields(_SET, "spec.controller"),
    ("scheduling.k8s.io", "PriorityClass"): (
        *_fields(_SET, "value"),
        *_fields(_SET, "preemptionPolicy", default="PreemptLowerPriority"),
    ),
    ("node.k8s.io", "RuntimeClass"): _fields(_SET, "handler"),
    ("storage.k8s.io", "StorageClass"): (
        *_fields(_SET, "provisioner", "parameters"),
        *_fields(_SET, "reclaimPolicy", default="Delete"),
        *_fields(_SET, "volumeBindingMode", default="Immediate"),
    ),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _fields(
        _SET, "spec.group", "spec.scope", "spec.names.kind", "spec.names.plural"
    ),
    ("jobset.x-k8s.io", "JobSet"): (
        *_runtime("spec"),
        *_fields(_RULE, "spec.volumeClaimPolicies", when=When.BOTH),
        *_fields(_JOB_SET, "spec.replicatedJobs.[name].template"),
    ),
    ("trainer.kubeflow.org", "TrainingRuntime"): _runtime("spec.template.spec"),
    ("trainer.kubeflow.org", "ClusterTrainingRuntime"): _runtime("spec.template.spec"),
    ("trainer.kubeflow.org", "TrainJob"): (
        *_fields(_RULE, "spec.runtimeRef", when=When.BOTH),
        *_fields(_RULE, "spec.managedBy", default="trainer.kubeflow.org/trainjob-controller"),
    ),
    ("serving.kserve.io", "LocalModelCache"): _fields(
        _RULE, "spec.sourceModelUri", when=When.BOTH
    ),
    ("kueue.x-k8s.io", "LocalQueue"): _fields(_RULE, "spec.clusterQueue", when=When.BOTH),
    ("kueue.x-k8s.io", "ResourceFlavor"): _fields(
        "with a topology these cannot change", "spec.topologyName", when=When.BOTH
    ),
}  # fmt: skip
"""(group, kind) to the fields that cannot change in place."""


def _values(path: Path, old: Any, new: Any, at: str) -> Iterator[tuple[str, Any, Any]]:
    if not path:
        yield at, old, new
        return
    first, rest = path[0], path[1:]
    if first == "[name]":
        before, after = _by_name(old), _by_name(new)
        for name in sorted(before.keys() & after.keys()):
            yield from _values(rest, before[name], after[name], f"{at}[{name}]")
        return
    where = f"{at}.{first}" if at else first
    yield from _values(rest, _get(old, first), _get(new, first), where)


def _get(value: Any, key: str) -> Any:
    found = value.get(key) if isinstance(value, Mapping) else None
    return _ABSENT if found is None else found


def _by_name(items: Any) -> dict[str, Any]:
    if not isinstance(items, list):
        return {}
    return {str(item.get("name")): item for item in items if isinstance(item, Mapping)}


def _refused(one: ImmutableField, before: Any, after: Any, old: Mapping[str, Any]) -> bool:
    when = one.when
    if one.default is not None:
        before, after = (one.default if value is _ABSENT else value for value in (before, after))
    if before is after or before == after:
        return False
    if when is When.BOTH:
        return before is not _ABSENT and after is not _ABSENT
    if when is When.GIVEN:
        return after is not _ABSENT
    if when is When.SWITCHED:
        return old.get("immutable") is True
    return when is When.CHANGED or _shrinks(before, after)


def _shrinks(before: Any, after: Any) -> bool:
    try:
        return parse_quantity(str(after)) < parse_quantity(str(before))
    except ValueError:
        return False
