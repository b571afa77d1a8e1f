"""What every engine has to say of an object's health, as data that the engines' tests share.

A case is a kind, the status that somebody wrote (None where nobody did) and the verdict. Only
statuses that the API server takes are here, so that a case can be tried on a live object.
Whatever an engine writes a check in, nothing of it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Verdict = Literal["healthy", "progressing", "degraded"]
Status = Mapping[str, Any]

RECORDS = "edgewright.io/v1alpha1"
SEDNA = "sedna.io/v1alpha1"

PHASES: Mapping[str, Mapping[str, Verdict]] = {
    "Dataset": {
        "Pending": "progressing",
        "Ready": "healthy",
        "Invalid": "degraded",
    },
    "InferenceModel": {
        "Pending": "progressing",
        "Fetching": "progressing",
        # A model that waits for its window and a site without a link are no fault of what was
        # applied.
        "Staged": "healthy",
        "Activating": "progressing",
        "Ready": "healthy",
        "RolledBack": "degraded",
        "Blocked": "degraded",
        "Offline": "healthy",
    },
    "TrainingModel": {
        "Pending": "progressing",
        # A night of training holds up nothing.
        "Training": "healthy",
        "Evaluating": "healthy",
        "Ready": "healthy",
        "Failed": "degraded",
    },
}
"""The verdict of every phase that a definition of ours allows."""
ANOTHER = 7
"""A generation that no object of a case has; all of them were made once and never changed."""


@dataclass(frozen=True, slots=True)
class Case:
    """One object of a kind as its status stands, and what an engine has to say of it."""

    api_version: str
    kind: str
    status: Status | None
    verdict: Verdict
    name: str
    """Which case it is, for a test's id."""

    @property
    def stale(self) -> bool:
        """Whether the status says that it is of another state of the object."""
        return (self.status or {}).get("observedGeneration") == ANOTHER

    @property
    def id(self) -> str:
        """Kind and case."""
        return f"{self.kind}-{self.name}"


def _records() -> list[Case]:
    found = []
    for kind, phases in PHASES.items():
        found += [
            Case(RECORDS, kind, None, "healthy", "no status"),
            Case(RECORDS, kind, {}, "healthy", "empty status"),
            Case(RECORDS, kind, {"message": "seen"}, "healthy", "no phase"),
            *(Case(RECORDS, kind, {"phase": one}, said, one) for one, said in phases.items()),
        ]
        failed = next(one for one, said in phases.items() if said == "degraded")
        for one, said in (("Ready", phases["Ready"]), (failed, phases[failed])):
            now, then = ({"phase": one, "observedGeneration": seen} for seen in (1, ANOTHER))
            found.append(Case(RECORDS, kind, now, said, f"{one} of this generation"))
            found.append(Case(RECORDS, kind, then, "progressing", f"{one} of another generation"))
    return found


def _stage(stage: str, word: str, status: str = "True") -> Status:
    return {"stage": stage, "type": word, "status": status}


_BEGUN = _stage("Train", "Waiting")
_FAILED = _stage("Train", "Failed")
_LOOP: tuple[tuple[str, Status | None, Verdict], ...] = (
    ("no status", None, "healthy"),
    ("empty status", {}, "healthy"),
    ("no conditions", {"startTime": "2026-01-01T00:00:00Z"}, "healthy"),
    ("empty conditions", {"conditions": []}, "healthy"),
    ("waiting", {"conditions": [_BEGUN]}, "healthy"),
    ("running", {"conditions": [_BEGUN, _stage("Train", "Running")]}, "healthy"),
    ("failed", {"conditions": [_BEGUN, _FAILED]}, "degraded"),
    ("failed no more", {"conditions": [_stage("Train", "Failed", "False")]}, "healthy"),
    ("failed once, goes on", {"conditions": [_FAILED, _stage("Eval", "Ready")]}, "healthy"),
    ("deployed, then failed", {"conditions": [_stage("Deploy", "Completed"), _FAILED]}, "degraded"),
)
_SERVICE: tuple[tuple[str, Status | None, Verdict], ...] = (
    ("no status", None, "healthy"),
    ("empty status", {}, "healthy"),
    ("running", {"conditions": [{"type": "Running", "status": "True"}]}, "healthy"),
    # Sedna says Failed of a service that restarted once, and never takes it back.
    ("failed", {"conditions": [{"type": "Failed", "status": "True"}], "failed": 1}, "healthy"),
)

CASES: tuple[Case, ...] = (
    *_records(),
    *(Case(SEDNA, "IncrementalLearningJob", status, said, name) for name, status, said in _LOOP),
    *(Case(SEDNA, "JointInferenceService", status, said, name) for name, status, said in _SERVICE),
)
"""Every case, kind by kind."""
