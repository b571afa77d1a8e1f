"""What a change of a workload does to its pods: replaced one by one, all at once, or not at all.

Deployments, DaemonSets, StatefulSets and what else holds a pod template. Judges by the rules of
the controllers, with the API server's defaults; knows nothing of bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.model.changes import Effect
from compiler.model.record import dataclass
from compiler.stages.compare.defaults import filled

SIDECARS = ("prepare", "sidecar", "fetch")
"""Containers of ours beside a worker's."""

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """An effect, what happens in a sentence, and what to do about it; both without a full stop."""

    effect: Effect
    summary: str
    hint: str = ""


def workload(old: Data, new: Data) -> Verdict | None:
    """What a changed workload's controller does; None where only its metadata differs, if that."""
    before, after = _spec(old), _spec(new)
    count, wanted = replicas(before), replicas(after)
    if not _same_template(before, after):
        if not count or not wanted:
            return _scaled(count, wanted) or _later("when it is scaled up")
        return _replaced(str(new.get("kind", "")), before, after, wanted)
    if before.get("replicas") != after.get("replicas") and count != wanted:
        return _scaled(count, wanted)
    others = {key for key in {*before, *after} if key not in ("replicas", "template")}
    if any(before.get(key) != after.get(key) for key in others):
        names = ", ".join(sorted(key for key in others if before.get(key) != after.get(key)))
        return Verdict(Effect.CONFIG_RELOAD, f"{names} changes in place; no pod ends")
    return None


def schedule(old: Data, new: Data) -> Verdict | None:
    """What a changed CronJob does: runs that have begun are left alone."""
    if _spec(old) == _spec(new):
        return None
    return Verdict(Effect.CONFIG_RELOAD, "from the next run on; a run that has begun stays")


def pod(old: Data, new: Data) -> Verdict | None:
    """What a changed Pod does: of its template only images can change."""
    if filled({"spec": _spec(old)}) == filled({"spec": _spec(new)}):
        return None
    return Verdict(Effect.ROLLING_RESTART, "the kubelet restarts the container in place")


def template_of(data: Data) -> Data:
    """The pod template of anything that has one, else empty."""
    spec = _spec(data)
    if data.get("kind") == "Pod":
        return {"spec": spec}
    if data.get("kind") == "CronJob":
        spec = _spec(spec.get("jobTemplate") or {})
    found = spec.get("template")
    return found if isinstance(found, Mapping) else {}


def is_privileged(data: Any) -> bool:
    """Whether any container of an object is privileged; custom resources have theirs deeper."""
    if isinstance(data, Mapping):
        return data.get("privileged") is True or any(map(is_privileged, data.values()))
    return isinstance(data, list) and any(map(is_privileged, data))


def has_gap(data: Data) -> bool:
    """Whether a roll of the workload ends every pod before it starts one."""
    spec = _spec(data)
    if data.get("kind") != "Deployment":
        # A node's pod of a DaemonSet ends first unless it may surge.
        return data.get("kind") == "DaemonSet" and not _daemon_surges(spec)
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return True
    update = strategy.get("rollingUpdate") or {}
    count = replicas(spec)
    surge = _part(update.get("maxSurge", "25%"), count, up=True)
    unavailable = _part(update.get("maxUnavailable", "25%"), count, up=False)
    # The controller raises maxUnavailable to one where both come to nothing.
    unavailable = unavailable or int(not surge)
    return not surge and unavailable >= count


def replicas(spec: Data) -> int:
    """How many pods a spec asks for; one where nothing is said."""
    found = spec.get("replicas")
    return found if isinstance(found, int) else 1


def _replaced(kind: str, before: Data, after: Data, count: int) -> Verdict:
    if after.get("paused") is True:
        return _later("when it is no longer paused")
    if kind == "ReplicaSet":
        return _later("for pods that are made later; those that run stay")
    if _on_delete(after):
        return _later("when somebody deletes a pod")
    effect, how = _way(kind, after, count)
    if _same_template(_without_sidecar(before), _without_sidecar(after)):
        return Verdict(Effect.SIDECAR_CHANGE, f"the sidecar changes, so {how}")
    return Verdict(effect, how)


def _way(kind: str, after: Data, count: int) -> tuple[Effect, str]:
    if has_gap({"kind": kind, "spec": after}) and kind == "Deployment":
        pods = "its pod ends" if count == 1 else f"all {count} pods end"
        return Effect.RE_CREATE, f"{pods} before a new one serves"
    if kind == "DaemonSet":
        gap = "" if _daemon_surges(after) else ", each after its old one ended"
        return Effect.ROLLING_RESTART, f"its pods are replaced node after node{gap}"
    return Effect.ROLLING_RESTART, "pods are replaced one after another"


def _scaled(count: int, wanted: int) -> Verdict | None:
    if count == wanted:
        return None
    word = "pod" if wanted == 1 else "pods"
    summary = f"from {count} to {wanted} {word}" if wanted else f"from {count} to none: it stops"
    return Verdict(Effect.SCALE, summary)


def _later(when: str) -> Verdict:
    return Verdict(Effect.CONFIG_RELOAD, f"takes effect {when}")


def _on_delete(spec: Data) -> bool:
    return (spec.get("updateStrategy") or {}).get("type") == "OnDelete"


def _daemon_surges(spec: Data) -> bool:
    update = (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}
    return update.get("maxSurge", 0) not in (0, "0", "0%")


def _same_template(before: Data, after: Data) -> bool:
    one, other = before.get("template") or {}, after.get("template") or {}
    return one == other or filled(one) == filled(other)


def _without_sidecar(spec: Data) -> Data:
    """The spec less our own containers and the volumes that only they mount."""
    template = spec.get("template") or {}
    inside = dict(template.get("spec") or {})
    for key in ("containers", "initContainers"):
        inside[key] = [one for one in inside.get(key) or () if one.get("name") not in SIDECARS]
    mounted = {
        mount.get("name")
        for key in ("containers", "initContainers")
        for one in inside[key]
        for mount in one.get("volumeMounts") or ()
    }
    inside["volumes"] = [v for v in inside.get("volumes") or () if v.get("name") in mounted]
    return {**spec, "template": {**template, "spec": inside}}


def _part(written: Any, count: int, *, up: bool) -> int:
    if isinstance(written, int):
        return written
    digits = str(written).removesuffix("%")
    hundredths = int(digits) * count if digits.isdecimal() else 0
    return -(-hundredths // 100) if up else hundredths // 100


def _spec(data: Data) -> Data:
    found = data.get("spec")
    return found if isinstance(found, Mapping) else {}
