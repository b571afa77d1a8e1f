"""What a cluster was asked and what it said, and the words for what that means.

Pure data. A question that got no answer keeps the reason, so that nobody takes silence for
absence. Nothing here asks, and nothing here judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any

from compiler.model.record import dataclass

Live = Mapping[str, Any]
"""An object as the API server has it."""


class Verdict(StrEnum):
    """What a row ends in, the best first: the worst finding decides."""

    READY = "ready"
    """Applied as compiled, and running."""
    PROGRESSING = "progressing"
    """On its way: nobody has to act yet."""
    OLDER = "older"
    """Something live is not what is compiled here: an older commit, a newer one, or an edit."""
    UNKNOWN = "unknown"
    """The cluster was not reached, or did not let us see."""
    DEGRADED = "degraded"
    """Applied, and it does not work."""
    OFFLINE = "offline"
    """The node is not ready: what runs there is not known from here."""
    MISSING = "missing"
    """An object is not in the cluster."""

    @property
    def weight(self) -> int:
        """How bad it is; the worst finding of a row is the row's verdict."""
        return list(Verdict).index(self)


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """One list request. `namespace` is empty for kinds of the whole cluster.

    What is asked `by_the_way` only makes a proposal better: that it may not be seen is no problem.
    """

    api_version: str
    kind: str
    namespace: str = ""
    selector: str = ""
    by_the_way: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `problem` says why there is no answer; then `items` means nothing.

    `served` is False where the server has no such kind, which is an answer: there is none.
    """

    items: tuple[Live, ...] = ()
    problem: str = ""
    served: bool = True


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one cluster said. `unasked` is the problem of every question that was not asked."""

    answers: Mapping[Question, Answer] = field(default_factory=dict)
    unasked: str = "not asked"

    def answer(self, question: Question) -> Answer:
        """The answer to a question."""
        return self.answers.get(question, Answer(problem=self.unasked))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that speaks for a verdict.

    `text` is the same for every site with the same fault, so that sites can be grouped; `detail`
    names the one object, and `step` the command that shows more or mends it.
    """

    verdict: Verdict
    text: str
    detail: str = ""
    step: str = ""


class EngineState(StrEnum):
    """What an engine's object says of its unit."""

    READY = "ready"
    PROGRESSING = "progressing"
    FAILED = "failed"
    SUSPENDED = "suspended"
    MISSING = "missing"
    ELSEWHERE = "elsewhere"
    """Argo CD runs on another cluster, which was not asked."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Engine:
    """What the engine says of one sync unit: the revision that it applied, and its own words."""

    kind: str
    namespace: str
    name: str
    state: EngineState
    revision: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod: `reason` is why it is not ready, in the cluster's word, empty where it is."""

    name: str
    node: str
    phase: str
    restarts: int = 0
    reason: str = ""
    message: str = ""
    failing: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """One Deployment, DaemonSet, Job or CronJob, or what Sedna made of one object."""

    kind: str
    name: str
    role: str
    wanted: int
    updated: int
    available: int
    pods: tuple[Pod, ...] = ()


@dataclass(frozen=True, slots=True)
class Node:
    """One node. `since` is when it last changed between ready and not."""

    name: str
    ready: bool
    since: str = ""
