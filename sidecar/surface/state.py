"""How a group stands, in the one word that promotion, people and probes need."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal

from sidecar.model.reasons import REASONS
from sidecar.model.status import ArtifactStatus, GroupStatus

State = Literal["GOOD", "STAGED", "TRIAL", "PENDING", "BLOCKED", "REFUSED"]

STATES: Final[tuple[State, ...]] = (
    "GOOD",  # what is wanted is active, and served well
    "STAGED",  # what is wanted is complete on the node, and another process switches to it
    "TRIAL",  # what is wanted is active, and the server still has to show that it serves it
    "PENDING",  # on the way: it is fetched, or waits
    "BLOCKED",  # somebody has to change something
    "REFUSED",  # this version failed here and was left again
)
"""From best to worst."""


def state(group: GroupStatus) -> State:
    """The state of a group."""
    if group.phase in {"notify", "probation", "activate"}:
        return "TRIAL"
    if group.phase == "staged":
        return "STAGED"
    if group.phase == "rollback" or _undone(group.reason):
        return "REFUSED"
    if group.phase == "blocked":
        return "BLOCKED"
    complete = all(one.active == one.wanted for one in group.artifacts)
    return "GOOD" if group.phase == "idle" and complete else "PENDING"


def worst(states: Iterable[State]) -> State:
    """The worst of some states; the best where there is none."""
    return max(states, key=STATES.index, default="GOOD")


def percent(artifact: ArtifactStatus) -> int:
    """How much of an artifact was fetched; 0 where its size is not known."""
    return min(100, 100 * artifact.bytes // artifact.size) if artifact.size > 0 else 0


def _undone(reason: str) -> bool:
    return reason in {"Quarantined", "UnableToRollBack"} or (
        reason in REASONS and REASONS[reason].kind == "undone"
    )
