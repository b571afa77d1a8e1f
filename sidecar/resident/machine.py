"""What a group does next: a pure function of what is wanted, what is active and what happened.

It reads nothing and changes nothing. The links on disk decide what is active; the record only says
how far a change had come. A change that a newer config overtakes is left at the next safe point,
and the newest one is begun from there: nothing in between is replayed.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from sidecar.activation.records import Record
from sidecar.model.reasons import REASONS
from sidecar.resident.wanted import Wanted

Kind = Literal[
    "rest",  # what is wanted is active and good
    "mend",  # the same, but its stored bytes rotted: bring them again meanwhile
    "settle",  # note that what is active is good
    "hold",  # staged, and another process switches
    "work",  # what was begun is still under way
    "fetch",  # bring what is missing
    "wait",  # until a moment, then decide again
    "block",  # until somebody changes something, or a slow second look
    "ask",  # the other part of the joint model
    "activate",  # the switch
    "notify",  # tell the server
    "probation",  # see whether it serves
    "rollback",  # back to what served before
    "restore",  # tell the server of the version before
    "restored",  # note that the version before serves again
]

RECHECK = 300.0
"""Seconds until a blocked group looks again by itself."""


class Step(NamedTuple):
    """What to do. `until` is when to decide again, 0 where an event will tell."""

    kind: Kind
    reason: str = ""
    detail: str = ""
    until: float = 0.0


class Failure(NamedTuple):
    """Why the last try ended, and when another one makes sense."""

    reason: str
    detail: str
    due: float


class Situation(NamedTuple):
    """What is known of a group at one moment.

    `active` and `before` are release ids of `current` and `previous`, `active_identity` what the
    former fulfils; `active` is empty where its trees are not whole. `staged` is whether all
    members are in the store, `served` whether the wanted release was active here before.
    `rotten` is whether verified bytes of what is wanted are gone, `lack` why the last fetch failed.
    `busy` names a job under way, `done` the job that ended well, `fault` how the last one failed.
    `shut` is why no switch may happen now, `agreed` that the other part of the model is ready.
    """

    active: str = ""
    active_identity: str = ""
    before: str = ""
    before_barred: bool = False
    staged: bool = False
    served: bool = False
    rotten: bool = False
    lack: Failure | None = None
    busy: str = ""
    done: str = ""
    fault: Failure | None = None
    shut: Failure | None = None
    agreed: bool = False
    barred: Failure | None = None


def decide(wanted: Wanted, seen: Situation, record: Record, now: float) -> Step:
    """The next step of a group."""
    return _go_on(wanted, seen, record, now) or _begin(wanted, seen, record, now)


def _go_on(wanted: Wanted, seen: Situation, record: Record, now: float) -> Step | None:
    """The next step of a change that was begun, None where there is none or it is overtaken."""
    if record.phase == "rollback":
        return _rolling_back(wanted, seen, record, now)
    if record.wanted != wanted.identity or not record.target:
        return None
    if record.phase == "activate" and seen.active == record.target:
        return Step("notify") if wanted.told else Step("settle")
    if record.phase in ("notify", "probation") and seen.active == record.target:
        return _proving(wanted, seen, record, now)
    return None


def _rolling_back(wanted: Wanted, seen: Situation, record: Record, now: float) -> Step | None:
    if seen.active != record.target:
        return Step("rollback", record.reason, record.detail) if record.target else None
    if seen.busy:
        return Step("work")
    if seen.done == "restore":
        return Step("restored", record.reason, record.detail)
    if seen.fault is not None and now < seen.fault.due:
        if record.wanted != wanted.identity:
            # What cannot be restored must not stand in the way of a mended version.
            return _begin(wanted, seen._replace(fault=None), record, now)
        return Step("block", seen.fault.reason, seen.fault.detail, seen.fault.due)
    return Step("restore", record.reason, record.detail)


def _proving(wanted: Wanted, seen: Situation, record: Record, now: float) -> Step:
    if seen.busy:
        return Step("work")
    if record.gate != wanted.gate:
        return _loop(record, wanted, now) or Step("notify")
    if seen.fault is not None:
        return _failed(seen, record, now, seen.fault)
    if seen.done == "notify":
        return Step("probation")
    if seen.done == "probation":
        return Step("settle")
    return _loop(record, wanted, now) or Step("notify" if record.phase == "notify" else "probation")


def _failed(seen: Situation, record: Record, now: float, fault: Failure) -> Step:
    """Back to the version before, if there is one that may serve; else the new one stays."""
    undone = REASONS[fault.reason].kind == "undone"
    if undone and seen.before and seen.before != seen.active and not seen.before_barred:
        return Step("rollback", fault.reason, fault.detail)
    if now < fault.due:
        return _idle_for(fault)
    return Step("probation" if record.phase == "probation" and not undone else "notify")


def _begin(wanted: Wanted, seen: Situation, record: Record, now: float) -> Step:
    if seen.active and seen.active_identity == wanted.identity and wanted.update != "stage":
        return _active(wanted, seen, record, now)
    if seen.barred is not None:
        return Step("block", seen.barred.reason, seen.barred.detail)
    if not seen.staged:
        return _bring(seen, now)
    if wanted.update == "stage":
        return Step("hold")
    if seen.fault is not None and now < seen.fault.due:
        return _idle_for(seen.fault)
    return _loop(record, wanted, now) or _gate(wanted, seen)


def _bring(seen: Situation, now: float) -> Step:
    if seen.busy == "fetch":
        return Step("work")
    if seen.lack is not None and now < seen.lack.due:
        return _idle_for(seen.lack)
    return Step("fetch")


def _active(wanted: Wanted, seen: Situation, record: Record, now: float) -> Step:
    good = record.proven == seen.active and record.proven_gate == wanted.gate
    if good:
        settled = record.phase == "idle" and record.wanted == wanted.identity
        return _resting(seen, now) if settled else Step("settle")
    if not wanted.told:
        return Step("settle")
    return _loop(record, wanted, now) or Step("notify")


def _resting(seen: Situation, now: float) -> Step:
    if not seen.rotten or seen.busy == "fetch":
        return Step("rest")
    if seen.lack is not None and now < seen.lack.due:
        return Step("rest", until=seen.lack.due)
    return Step("mend")


def _gate(wanted: Wanted, seen: Situation) -> Step:
    """A return asks nobody, a first install no window: but it may not run ahead of the cloud."""
    if seen.served:
        return Step("activate")
    if seen.shut is not None and seen.active:
        return _idle_for(seen.shut)
    if wanted.asks and not seen.agreed:
        return Step("work") if seen.busy == "ask" else Step("ask")
    return Step("activate")


def _loop(record: Record, wanted: Wanted, now: float) -> Step | None:
    same = record.wanted == wanted.identity and record.gate == wanted.gate
    if not (same and record.looping):
        return None
    return Step("block", "StateLoop", f"begun {record.begun} times", now + RECHECK)


def _idle_for(fault: Failure) -> Step:
    kind: Kind = "block" if REASONS[fault.reason].kind == "blocked" else "wait"
    return Step(kind, fault.reason, fault.detail, fault.due)
