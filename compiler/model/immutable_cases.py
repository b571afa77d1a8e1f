"""Changes that the API server refuses by rules over several fields: Pods, Jobs, update strategies.

Each case takes the old and the new object of one kind and names what cannot change. Fields that
stand by themselves are a table in `immutable`.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Data = Mapping[str, Any]
Refusals = Iterator[tuple[str, str]]

DISKS = (
    "awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc",
    "flexVolume", "flocker", "gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local",
    "nfs", "photonPersistentDisk", "portworxVolume", "quobyte", "rbd", "scaleIO", "storageos",
    "vsphereVolume",
)  # fmt: skip
"""Where a PersistentVolume keeps its bytes: exactly one of these fields."""

_POD = "of a Pod only images can change; let a Deployment replace it"
_RUN = "a Job runs once; a changed one needs a new name"
_FLAVOR = "with a topology these cannot change"
_PLACING = ("nodeSelector", "tolerations", "affinity", "schedulingGates")
"""What may change in the template of a Job that is suspended."""
_KEPT = (
    "the cluster keeps the rollingUpdate that it filled in, which this type forbids; write "
    "rollingUpdate out in a commit before this one"
)


def _pod(old: Data, new: Data) -> Refusals:
    before, after = _spec(old), _spec(new)
    free = {"containers", "initContainers", "tolerations", "activeDeadlineSeconds"}
    for field in sorted((before.keys() | after.keys()) - free):
        if before.get(field) != after.get(field):
            yield f"spec.{field}", _POD
    for field in ("containers", "initContainers"):
        yield from _containers(field, before.get(field) or [], after.get(field) or [])
    tolerated = after.get("tolerations") or []
    if any(one not in tolerated for one in before.get("tolerations") or []):
        yield "spec.tolerations", _POD


def _containers(field: str, before: Any, after: Any) -> Refusals:
    names = [[str(one.get("name")) for one in side] for side in (before, after)]
    if names[0] != names[1]:
        yield f"spec.{field}", _POD
        return
    for one, other in zip(before, after, strict=True):
        for key in sorted((one.keys() | other.keys()) - {"image"}):
            if one.get(key) != other.get(key):
                yield f"spec.{field}[{one.get('name')}].{key}", _POD


def _job(old: Data, new: Data) -> Refusals:
    before, after = _spec(old), _spec(new)
    suspended = before.get("suspend") is True
    if _fixed(before.get("template"), suspended) != _fixed(after.get("template"), suspended):
        yield "spec.template", _RUN
    if before.get("completions") == after.get("completions"):
        return
    # An Indexed Job grows and shrinks where all its pods run at once.
    elastic = before.get("completionMode") == "Indexed"
    if not elastic or after.get("completions") != after.get("parallelism"):
        yield "spec.completions", _RUN


def _fixed(template: Any, suspended: bool) -> Any:
    if not suspended or not isinstance(template, Mapping):
        return template
    pod = {key: value for key, value in _spec(template).items() if key not in _PLACING}
    return {key: value for key, value in template.items() if key != "metadata"} | {"spec": pod}


def _deployment(old: Data, new: Data) -> Refusals:
    yield from _strategy(old, new, "strategy", "Recreate")


def _stateful_set(old: Data, new: Data) -> Refusals:
    yield from _strategy(old, new, "updateStrategy", "OnDelete")


def _strategy(old: Data, new: Data, field: str, kind: str) -> Refusals:
    before, after = _spec(old).get(field) or {}, _spec(new).get(field) or {}
    # What a file wrote itself goes when the file leaves it out; what the server filled in stays,
    # and not even a null takes it away.
    own = before.get("rollingUpdate")
    if after.get("type") == kind != before.get("type") and not own:
        yield f"spec.{field}.type", _KEPT


def _secret(old: Data, new: Data) -> Refusals:
    if old.get("immutable") is True and _bytes(old) != _bytes(new):
        yield "data", "the object says immutable: true; give it a new name"


def _bytes(secret: Data) -> dict[str, str]:
    """What a Secret holds in base64; `stringData` wins, as on the server."""
    plain = secret.get("stringData") or {}
    encoded = {key: b64encode(str(text).encode()).decode() for key, text in plain.items()}
    return {**(secret.get("data") or {}), **encoded}


def _flavor(old: Data, new: Data) -> Refusals:
    before, after = _spec(old), _spec(new)
    if not before.get("topologyName"):
        return
    for field in ("nodeLabels", "nodeTaints", "tolerations"):
        given = (before.get(field), after.get(field))
        if None not in given and given[0] != given[1]:
            yield f"spec.{field}", _FLAVOR


def _spec(data: Data) -> Data:
    found = data.get("spec")
    return found if isinstance(found, Mapping) else {}


CASES: Mapping[tuple[str, str], Callable[[Data, Data], Refusals]] = {
    ("", "Pod"): _pod,
    ("", "Secret"): _secret,
    ("batch", "Job"): _job,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("kueue.x-k8s.io", "ResourceFlavor"): _flavor,
}
"""(group, kind) to what names its refused changes."""
