"""What single live objects say of their health: pods, workloads, nodes, records, Sedna's jobs.

Each function reads one object as the API server has it and returns facts, or findings with the
command that shows more. A field that nobody filled is no fault: a controller may not have come
to it, and an edge pod reports nothing. Knows neither what is wanted nor which row it is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from compiler.model.observed import Finding, Live, Node, Pod, Verdict, Workload
from compiler.model.sync import FAILED_PHASES, IN_PROGRESS_PHASES

STARTING = ("ContainerCreating", "PodInitializing")
"""Reasons of a waiting container that only say that it is not there yet."""
LOOPS = ("IncrementalLearningJob", "LifelongLearningJob", "FederatedLearningJob")
"""Sedna's kinds whose last condition counts: it says Failed of JointInferenceServices that work."""
_SHOWN = 240
_NO_EXIT = 0


def node(live: Live) -> Node:
    """A node's readiness; a node whose kubelet fell silent says Unknown, which is not ready."""
    found = _condition(live, "Ready")
    since = str(found.get("lastTransitionTime") or "")
    return Node(_name(live), found.get("status") == "True", since)


def pod(live: Live) -> Pod:
    """A pod's place, phase and, where it is not ready, the cluster's word for why."""
    status = _of(live, "status")
    containers = [
        *(status.get("initContainerStatuses") or ()),
        *(status.get("containerStatuses") or ()),
    ]
    reason, message, failing = _pod_reason(live, containers)
    return Pod(
        name=_name(live),
        node=str(_of(live, "spec").get("nodeName") or ""),
        phase=str(status.get("phase") or "Pending"),
        restarts=sum(int(one.get("restartCount") or 0) for one in containers),
        reason=reason,
        message=cut(message),
        failing=failing,
    )


def workload(live: Live, role: str, pods: Iterable[Pod]) -> Workload:
    """The counts of a workload of any kind that makes pods."""
    status, kind = _of(live, "status"), str(live.get("kind"))
    if kind == "DaemonSet":
        keys = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        wanted, updated, available = (int(status.get(key) or 0) for key in keys)
    elif kind == "Deployment":
        given = _of(live, "spec").get("replicas")
        wanted = 1 if given is None else int(given)
        updated, available = (
            int(status.get(key) or 0) for key in ("updatedReplicas", "availableReplicas")
        )
    else:
        wanted = updated = 1
        available = int(status.get("succeeded") or 0)
    return Workload(kind, _name(live), role, wanted, updated, available, tuple(pods))


def workload_findings(live: Live, found: Workload) -> Iterator[Finding]:
    """What a workload and its pods say against being ready."""
    namespace = str(_of(live, "metadata").get("namespace") or "")
    yield from (_pod_finding(one, namespace) for one in found.pods if one.failing)
    if found.kind == "Job":
        yield from _run_findings(live, found, namespace)
    elif found.kind in ("Deployment", "DaemonSet"):
        yield from _replica_findings(live, found, namespace)


def is_settled(found: Workload) -> bool:
    """Whether everything wanted of a workload is there and available."""
    return found.updated >= found.wanted <= found.available


def record_finding(live: Live) -> Finding | None:
    """What the status of one of our records says; nobody has to fill it."""
    status, kind = _of(live, "status"), str(live.get("kind"))
    seen, generation = status.get("observedGeneration"), _of(live, "metadata").get("generation")
    if None not in (seen, generation) and seen != generation:
        return Finding(
            Verdict.PROGRESSING, f"{kind}: the status is of another generation", _name(live)
        )
    phase = str(status.get("phase") or "")
    said = cut(f"{_name(live)}: {phase} {status.get('message') or status.get('reason') or ''}")
    if phase in FAILED_PHASES:
        return Finding(Verdict.DEGRADED, f"{kind} says {phase}", said.strip())
    if phase in IN_PROGRESS_PHASES:
        return Finding(Verdict.PROGRESSING, f"{kind} says {phase}", said.strip())
    wanted, running = _of(live, "spec").get("version"), status.get("version")
    if kind == "InferenceModel" and running and wanted and running != wanted:
        text = f"the site reports version {running}, wanted is {wanted}"
        return Finding(Verdict.PROGRESSING, text, _name(live))
    return None


def sedna_finding(live: Live) -> Finding | None:
    """What Sedna's own conditions say against a job of the kinds whose last condition counts."""
    conditions = _conditions(live)
    if live.get("kind") not in LOOPS or not conditions:
        return None
    last = conditions[-1]
    if last.get("type") != "Failed" or last.get("status") != "True":
        return None
    stage = f"{last['stage']} " if last.get("stage") else ""
    said = cut(f"{_name(live)}: {last.get('reason') or ''} {last.get('message') or ''}".strip())
    kind, namespace = live.get("kind"), _of(live, "metadata").get("namespace")
    step = f"kubectl -n {namespace} describe {str(kind).lower()}.sedna.io {_name(live)}"
    return Finding(Verdict.DEGRADED, f"Sedna says: {stage}Failed", said, step)


def cut(text: str) -> str:
    """One line of somebody else's words, none too long for a table."""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1]}…"


def _pod_reason(live: Live, containers: list[Mapping[str, Any]]) -> tuple[str, str, bool]:
    """Reason, message, and whether somebody has to act."""
    status = _of(live, "status")
    if _of(live, "metadata").get("deletionTimestamp"):
        return "Terminating", "", False
    if status.get("phase") == "Failed":
        reason = str(status.get("reason") or "Failed")
        return reason, str(status.get("message") or ""), True
    scheduled = _condition(live, "PodScheduled")
    if scheduled.get("status") == "False":
        reason = str(scheduled.get("reason") or "Unschedulable")
        return reason, str(scheduled.get("message") or ""), reason != "SchedulingGated"
    for one in containers:
        state = one.get("state") or {}
        waiting = state.get("waiting") or {}
        reason = str(waiting.get("reason") or "")
        if reason and reason not in STARTING:
            return reason, f"{one.get('name')}: {waiting.get('message') or ''}", True
        ended = state.get("terminated") or {}
        if int(ended.get("exitCode") or 0) != _NO_EXIT:
            message = f"{one.get('name')}: ended with {ended['exitCode']}"
            return str(ended.get("reason") or "Error"), message, True
    ready = _condition(live, "Ready").get("status") == "True"
    done = status.get("phase") == "Succeeded"
    return ("" if ready or done else "NotReady"), "", False


def _pod_finding(found: Pod, namespace: str) -> Finding:
    where = f" on {found.node}" if found.node else ""
    said = f": {found.message}" if found.message else ""
    step = f"kubectl -n {namespace} describe pod {found.name}"
    if found.reason in ("CrashLoopBackOff", "Error", "OOMKilled") and ":" in found.message:
        container = found.message.partition(":")[0]
        step = f"kubectl -n {namespace} logs {found.name} -c {container} --previous"
    text = f"a pod says {found.reason}"
    return Finding(Verdict.DEGRADED, text, f"{found.name}{where}{said}", step)


def _replica_findings(live: Live, found: Workload, namespace: str) -> Iterator[Finding]:
    kind, name = found.kind, found.name
    step = f"kubectl -n {namespace} describe {kind.lower()} {name}"
    failure = _condition(live, "ReplicaFailure")
    if failure.get("status") == "True":
        said = cut(str(failure.get("message") or ""))
        reason = failure.get("reason") or "ReplicaFailure"
        yield Finding(Verdict.DEGRADED, f"its pods cannot be made: {reason}", said, step)
    seen = int(_of(live, "status").get("observedGeneration") or 0)
    if seen < int(_of(live, "metadata").get("generation") or 0):
        text = f"no controller has taken up the {kind}'s last change yet"
        yield Finding(Verdict.PROGRESSING, text, name, step)
    elif not is_settled(found):
        late = _condition(live, "Progressing")
        stuck = late.get("status") == "False"
        counted = f"{found.available} of {found.wanted} pods available"
        if found.updated < found.wanted:
            counted += f", {found.updated} of the newest revision"
        reason = f" ({late.get('reason')})" if stuck else ""
        verdict = Verdict.DEGRADED if stuck else Verdict.PROGRESSING
        yield Finding(verdict, f"{counted}{reason}", name, step)


def _run_findings(live: Live, found: Workload, namespace: str) -> Iterator[Finding]:
    step = f"kubectl -n {namespace} logs job/{found.name} --all-containers"
    failed = _condition(live, "Failed")
    if failed.get("status") == "True":
        said = cut(f"{found.name}: {failed.get('message') or ''}")
        reason = failed.get("reason") or "Failed"
        yield Finding(Verdict.DEGRADED, f"the run failed ({reason})", said, step)
    elif _condition(live, "Complete").get("status") != "True":
        yield Finding(Verdict.PROGRESSING, "the run has not ended", found.name, step)


def _conditions(live: Live) -> list[Mapping[str, Any]]:
    return [one for one in _of(live, "status").get("conditions") or () if isinstance(one, Mapping)]


def _condition(live: Live, word: str) -> Mapping[str, Any]:
    return next((one for one in _conditions(live) if one.get("type") == word), {})


def _of(live: Live, key: str) -> Mapping[str, Any]:
    found = live.get(key)
    return found if isinstance(found, Mapping) else {}


def _name(live: Live) -> str:
    return str(_of(live, "metadata").get("name") or "")
