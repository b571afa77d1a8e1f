"""The status of an InferenceModel, as a sidecar's report tells it to whoever has no report to read.

Says only what was reported: a site that never reported gets no status, and none is healthy.
It is judged against the live object and not against what is compiled here: a run from an older
commit tells no untruth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from compiler.model.readable import moment
from compiler.model.truth import Mark, Truth

REFRESHED = 3600
"""Seconds after which `reportedAt` is written anew though nothing else has changed."""
_PHASES = {
    "REFUSED": "RolledBack", "BLOCKED": "Blocked", "STAGED": "Staged", "TRIAL": "Activating",
}  # fmt: skip
_PATIENT = ("WindowShut",)
"""Reasons to wait that an engine must not wait for: such a site has no phase."""
_LONGEST = 1024
_ORDER = ("GOOD", "STAGED", "TRIAL", "PENDING", "BLOCKED", "REFUSED")

Live = Mapping[str, Any]
Said = Mapping[str, Any]


def status_of(truth: Truth, live: Live, now: float) -> dict[str, Any] | None:
    """The status that a live record should have; None where nobody ever reported."""
    said = _of_record(truth, live)
    if not said:
        return None
    spec = live.get("spec") or {}
    worst = max(said, key=lambda one: _rank(one, str(spec.get("digest") or "")))
    phase, reason, message = _phase(truth, worst, str(spec.get("digest") or ""))
    at = moment(now - max(one["ageSeconds"] for one in said))
    ready = {"Ready": "True", "Offline": "Unknown"}.get(phase, "False")
    found = {
        "phase": phase,
        "version": worst["version"],
        "digest": worst["digest"],
        "reason": reason,
        "message": message[:_LONGEST],
        "reportedAt": at,
        "observedGeneration": _generation(truth, live, worst),
        "conditions": [_ready(live, ready, reason or phase or "Waiting", message, at)],
    }
    return {key: value for key, value in found.items() if value not in (None, "")}


def differs(live: Live, wanted: Mapping[str, Any], now: float) -> bool:
    """Whether a status has to be written: it says something else, or its time is old."""
    status = live.get("status") or {}
    if any(_plain(status).get(key) != value for key, value in _plain(wanted).items()):
        return True
    if any(key not in wanted for key in _OURS if status.get(key) is not None):
        return True
    told, news = str(status.get("reportedAt") or ""), str(wanted["reportedAt"])
    return told < moment(now - REFRESHED) < news


def is_newer(live: Live, wanted: Mapping[str, Any]) -> bool:
    """Whether somebody wrote a later report meanwhile."""
    return str((live.get("status") or {}).get("reportedAt") or "") > str(wanted["reportedAt"])


_OURS = ("phase", "version", "digest", "reason", "message", "observedGeneration")


def _plain(status: Mapping[str, Any]) -> dict[str, Any]:
    """A status without its times."""
    found = {key: status[key] for key in _OURS if key in status}
    ready = [one for one in status.get("conditions") or () if one.get("type") == "Ready"]
    found["ready"] = [(one.get("status"), one.get("reason")) for one in ready]
    return found


def _of_record(truth: Truth, live: Live) -> Sequence[Said]:
    """The reports that a record is about: of one host where its name ends with one."""
    name = str(live["metadata"]["name"])
    mine = [one for one in truth.said if one["host"] and name.endswith(f"-{one['host']}")]
    return mine or truth.said


def _rank(said: Said, digest: str) -> tuple[bool, int]:
    state = str(said["state"])
    return said["digest"] != digest, _ORDER.index(state) if state in _ORDER else 0


def _phase(truth: Truth, said: Said, digest: str) -> tuple[str, str, str]:
    """Phase, reason in one word, and the words of whoever gave it."""
    reason, _, detail = str(said["why"] or said["reason"] or "").partition(": ")
    if truth.running.mark is Mark.OLD:
        return "Offline", "NotReported", truth.running.words
    if said["rejected"]:
        return "Blocked", str(said["rejected"]), "the newest config was refused"
    if said["state"] == "GOOD":
        if said["digest"] == digest:
            return "Ready", "", ""
        return "Pending", "ConfigNotArrived", "the new config has not arrived"
    if reason in _PATIENT:
        return "", reason, detail
    waits = "Fetching" if said["phase"] == "fetch" else "Pending"
    return _PHASES.get(str(said["state"]), waits), reason, detail


def _generation(truth: Truth, live: Live, said: Said) -> int | None:
    """The live generation, where the sidecar has the config that was compiled with it."""
    same = (live.get("spec") or {}).get("digest") == truth.wish.digest
    if said["revision"] != said["wantedRevision"] or not same:
        return None
    found = live["metadata"].get("generation")
    return int(found) if found is not None else None


def _ready(live: Live, status: str, reason: str, message: str, at: str) -> dict[str, Any]:
    """The condition that `kubectl wait` understands; its time moves only with its status."""
    before = [
        one
        for one in (live.get("status") or {}).get("conditions") or ()
        if (one.get("type"), one.get("status")) == ("Ready", status)
    ]
    since = before[0].get("lastTransitionTime") if before else None
    found = {"type": "Ready", "status": status, "reason": reason, "lastTransitionTime": since or at}
    return {**found, "message": message[:_LONGEST]} if message else found
