"""What the change of one object does, by its kind: the table, and what holds for every kind.

Judges a pair of parsed objects of one identity. What depends on other objects of the change (a
ConfigMap that its workload's pods read, a roll whose bytes are not there yet) is for `compare`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from compiler.model.changes import Effect
from compiler.model.immutable import violations
from compiler.model.manifest import UnitRole
from compiler.model.sync import KEEP
from compiler.stages.compare import pods
from compiler.stages.compare.delivery import config_of, swapped
from compiler.stages.compare.pods import Data, Verdict

CLAIM = ("", "PersistentVolumeClaim")
_FORCED = {
    "kustomize.toolkit.fluxcd.io/force": "enabled",
    "argocd.argoproj.io/sync-options": "Replace=true",
}
_LOOPS = ("IncrementalLearningJob", "LifelongLearningJob", "FederatedLearningJob")
_OURS = "edgewright.io"
_SEDNA = "sedna.io"
_DATA: Mapping[tuple[str, str], str] = {
    CLAIM: "the volume and all that was written to it",
    ("", "PersistentVolume"): "the volume and all that was written to it",
    ("", "Namespace"): "everything in the namespace, claims as well",
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "every object of its kind",
    (_OURS, "Dataset"): "the record of the dataset",
    (_SEDNA, "Dataset"): "the dataset, and with it what loops know of it",
}
"""(group, kind) to what is lost when it is deleted."""
_RECORDS = (
    (_OURS, "InferenceModel"), (_OURS, "TrainingModel"), (_OURS, "Dataset"),
    (_SEDNA, "Model"), (_SEDNA, "Dataset"),
)  # fmt: skip
"""Kinds that nothing that runs reads again."""


def key_of(data: Data) -> tuple[str, str]:
    """(group, kind) of an object."""
    return str(data.get("apiVersion", "")).rpartition("/")[0], str(data.get("kind", ""))


def changed(old: Data, new: Data, role: str = "") -> Verdict:
    """What an object's change does in the place where it is applied."""
    refused = violations(old, new)
    if refused:
        return _refused(new, refused)
    judge = _JUDGES.get(key_of(new))
    verdict = judge(old, new) if judge else _generic(old, new)
    verdict = verdict or _quiet(old, new)
    if role == UnitRole.ROOT and verdict.effect is not Effect.NO_OP:
        hint = f"an administrator has to apply {role}/ once more"
        return Verdict(verdict.effect, verdict.summary, hint)
    return verdict


def removed(old: Data) -> Verdict:
    """What the deletion of an object does."""
    if is_kept(old):
        summary = "leaves Git and stays in the cluster: no engine prunes it"
        return Verdict(Effect.REMOVED, summary, "delete it by hand if it is to go")
    lost = _DATA.get(key_of(old))
    if lost:
        hint = "copy what is needed first, or keep it in the spec"
        return Verdict(Effect.DATA_LOSS, f"pruned, and with it {lost}", hint)
    return Verdict(Effect.REMOVED, "pruned from the cluster")


def added(new: Data) -> Verdict:
    """What a new object does."""
    del new
    return Verdict(Effect.NEW, "made anew")


def renamed(old: Data, new: Data) -> Verdict:
    """What an object does that follows its content or a `moved:` entry to another name."""
    kind = key_of(new)
    if kind[1] in _LOOPS:
        return Verdict(Effect.LOOP_RESTART, "the loop begins again from its first round")
    if kind in _RECORDS:
        return Verdict(Effect.METADATA_ONLY, "a record under a new name")
    if kind[1] in ("Job", "TrainJob", "Workflow"):
        summary = "runs again under a new name; the old run is pruned"
        return Verdict(Effect.RE_CREATE, summary)
    if kind == CLAIM:
        return removed(old)
    return Verdict(Effect.MOVED, "the old name is pruned and the new one made")


def is_kept(data: Data) -> bool:
    """Whether annotations forbid every engine to prune the object."""
    notes = (data.get("metadata") or {}).get("annotations") or {}
    return any(notes.get(key) == value for key, value in KEEP.items())


def _refused(new: Data, refused: list[tuple[str, str]]) -> Verdict:
    if is_forced(new):
        return Verdict(Effect.RE_CREATE, "the engine deletes it and makes it anew")
    path, reason = refused[0]
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    return Verdict(Effect.IMMUTABLE, f"the apply fails at {path}{more}: {reason}", _way_out(new))


def is_forced(data: Data) -> bool:
    """Whether annotations tell an engine to delete and re-create what cannot be changed."""
    notes = (data.get("metadata") or {}).get("annotations") or {}
    return any(value in str(notes.get(key, "")) for key, value in _FORCED.items())


def _way_out(new: Data) -> str:
    group, kind = key_of(new)
    if (group, kind) == CLAIM:
        return "take the change back, or give the volume another path and copy its data"
    if kind in ("Job", "JobSet", "TrainJob"):
        return "a run needs a higher attempt:, an object of your own another name"
    if kind in ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet"):
        return "give it another name (that of its job, or its own), or take the change back"
    return "give the object another name, or take the change back"


def _config_map(old: Data, new: Data) -> Verdict | None:
    before, after = config_of(old), config_of(new)
    if before and after and before.document != after.document:
        return swapped(before, after)
    if _body(old) == _body(new):
        return None
    return Verdict(Effect.CONFIG_RELOAD, "files that are mounted change in place; no pod ends")


def _claim(old: Data, new: Data) -> Verdict | None:
    if old.get("spec") == new.get("spec"):
        return None
    return Verdict(Effect.CONFIG_RELOAD, "grows in place where its storage class lets it")


def _run(old: Data, new: Data) -> Verdict | None:
    before, after = old.get("spec") or {}, new.get("spec") or {}
    if before.get("parallelism", 1) != after.get("parallelism", 1):
        count = after.get("parallelism", 1)
        return Verdict(Effect.SCALE, f"from {before.get('parallelism', 1)} to {count} pods at once")
    return _generic({**old, "spec": _filled_run(before)}, {**new, "spec": _filled_run(after)})


def _filled_run(spec: Data) -> dict[str, Any]:
    # `violations` has let it through: the template is the same in meaning.
    return {key: value for key, value in spec.items() if key != "template"}


def _cascade(old: Data, new: Data) -> Verdict | None:
    if old.get("spec") == new.get("spec"):
        return None
    return Verdict(Effect.RE_CREATE, "Sedna replaces its workers; the edge ends before it starts")


def _federation(old: Data, new: Data) -> Verdict | None:
    if old.get("spec") == new.get("spec"):
        return None
    return Verdict(Effect.LOOP_RESTART, "Sedna starts every worker anew, from the first round")


def _loop(old: Data, new: Data) -> Verdict | None:
    if old.get("spec") == new.get("spec"):
        return None
    hint = "give it a new name, or delete its pods"
    return Verdict(Effect.CONFIG_RELOAD, "Sedna does not look at a changed loop", hint)


def _record(old: Data, new: Data) -> Verdict | None:
    if _body(old) == _body(new):
        return None
    return Verdict(Effect.METADATA_ONLY, "what is recorded of it; nothing that runs reads it")


def _scaler(old: Data, new: Data) -> Verdict | None:
    if _body(old) == _body(new):
        return None
    return Verdict(Effect.SCALE, "the bounds between which it scales")


def _inference_service(old: Data, new: Data) -> Verdict | None:
    if old.get("spec") == new.get("spec"):
        return None
    return Verdict(Effect.ROLLING_RESTART, "KServe rolls out a new revision")


def _generic(old: Data, new: Data) -> Verdict | None:
    if _body(old) == _body(new):
        return None
    return Verdict(Effect.CONFIG_RELOAD, "changes in place; no pod ends")


def _quiet(old: Data, new: Data) -> Verdict:
    if old == new or (_body(old) == _body(new) and _notes(old) == _notes(new)):
        return Verdict(Effect.NO_OP, "the same in meaning")
    if _notes(old) == _notes(new):
        return Verdict(Effect.NO_OP, "the same once defaults are filled in")
    return Verdict(Effect.METADATA_ONLY, "labels or annotations")


def _body(data: Data) -> dict[str, Any]:
    return {
        key: value
        for key, value in data.items()
        if key not in ("metadata", "apiVersion", "kind") and value not in (None, {}, [])
    }


def _notes(data: Data) -> dict[str, Any]:
    metadata = data.get("metadata") or {}
    return {key: value for key, value in metadata.items() if value not in (None, {}, [])}


_JUDGES: Mapping[tuple[str, str], Callable[[Data, Data], Verdict | None]] = {
    ("", "ConfigMap"): _config_map,
    ("", "Pod"): pods.pod,
    CLAIM: _claim,
    ("apps", "Deployment"): pods.workload,
    ("apps", "DaemonSet"): pods.workload,
    ("apps", "StatefulSet"): pods.workload,
    ("apps", "ReplicaSet"): pods.workload,
    ("batch", "Job"): _run,
    ("batch", "CronJob"): pods.schedule,
    ("autoscaling", "HorizontalPodAutoscaler"): _scaler,
    ("serving.kserve.io", "InferenceService"): _inference_service,
    (_SEDNA, "JointInferenceService"): _cascade,
    (_SEDNA, "FederatedLearningJob"): _federation,
    (_SEDNA, "IncrementalLearningJob"): _loop,
    (_SEDNA, "LifelongLearningJob"): _loop,
    **dict.fromkeys(_RECORDS, _record),
}
"""(group, kind) to what judges a change of its fields; any other kind changes in place."""
