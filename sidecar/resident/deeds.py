"""What each step of a group does. Whether it is time for it was decided before.

A deed says whether the next step is to be decided at once. It writes the record before it changes
what the record is about, and raises where the disk does not allow it.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

from sidecar.activation import quarantine, releases, switch
from sidecar.model import tasks
from sidecar.model.reasons import REASONS, ReasonError
from sidecar.model.tasks import Message
from sidecar.resident import telling
from sidecar.resident.groups import Group
from sidecar.resident.machine import Step
from sidecar.wire.stream import StoppedError

_UNBOUND = float("inf")


class Leader(Group):
    """A group of the process that switches it."""

    def act(self, step: Step, now: float) -> bool:
        """Do what was decided; whether to decide again at once."""
        deed = _DEEDS.get(step.kind)
        return deed(self, step, now) if deed is not None else False


def go_back(group: Group) -> None:
    """Return to the version before, as somebody asks for; the wanted one waits for a new word.

    A version on trial is left at once: what tries it is told to stop.

    Raises:
        ReasonError: `UnableToRollBack` where there is none.
    """
    group.look()
    if group.before is None:
        raise ReasonError("UnableToRollBack", "there is no version before, or it rotted")
    group.stop()
    _flip_back(group, "Quarantined", "rolled back by hand; rollback --retry undoes it")
    group.wake()


def _flip_back(group: Group, reason: str, detail: str) -> None:
    """Quarantine what is wanted and flip back to the version before."""
    means, wall, name = group.means, group.means.wall(), group.wanted.name
    if group.record.phase != "rollback":
        entry = quarantine.Entry(name, reason, detail, wall)
        quarantine.add(means.layout, group.slot.owner, means.tenant, group.wanted.gate, entry)
    record = group.record._replace(
        wanted=group.wanted.identity, gate=group.wanted.gate, begun=group.record.begun + 1,
        since=wall, reason=reason, detail=detail,
    )  # fmt: skip
    group.record = switch.go_back(group.slot, record)
    means.tally("rollbacks", 1, name)
    means.note(event="rollback", group=name, reason=reason, detail=detail)
    group.forget_tries()
    group.align()


def _rest(group: Group, step: Step, now: float) -> bool:
    if group.mending and not step.until:
        group.align(mend=True)
        group.mending = False
        group.means.note(event="mended", group=group.wanted.name)
    if group.expire_at and group.expire_at <= now:
        switch.expire(group.slot)
        group.expire_at = 0.0
    group.due = min((one for one in (step.until, group.expire_at) if one), default=0.0)
    return False


def _fetch(group: Group, step: Step, now: float) -> bool:
    del step
    group.fetching.begin(now, first=group.active is None, changed=group.wake)
    lack = group.fetching.failure()
    group.due = lack.due if lack else 0.0
    return not group.fetching.running and lack is None


def _mend(group: Group, step: Step, now: float) -> bool:
    group.mending = True
    return _fetch(group, step, now)


def _ask(group: Group, step: Step, now: float) -> bool:
    del step
    group.due = group.barrier.ask(now, group.wake)
    group.reason, group.detail = "WaitingForRelease", group.barrier.detail
    return False


def _activate(group: Group, step: Step, now: float) -> bool:
    del step, now
    members = group.members()
    if members is None:
        return True
    serving = telling.written(group.told, group.wanted.gate)
    group.record = switch.activate(group.slot, members, serving, group.begun("activate"))
    group.means.tally("switches", 1, group.wanted.name)
    group.means.note(event="activate", group=group.wanted.name, release=group.record.target)
    group.forget_tries()
    group.align()
    return True


def _notify(group: Group, step: Step, now: float) -> bool:
    del step, now
    if group.means.alone:
        return False
    record, wanted = group.record, group.wanted
    same = (record.phase, record.wanted, record.gate) == ("notify", wanted.identity, wanted.gate)
    if not (same and group.tried):
        active = group.active.id if group.active else ""
        group.write(group.begun("notify")._replace(target=active))
    server, told = group.means.config.server, group.told

    def work(stop: Event) -> None:
        telling.load(told, server, stop, group.waiting)

    group.start("notify", work)
    return False


def _probation(group: Group, step: Step, now: float) -> bool:
    del step, now
    wall, server, told = group.means.wall(), group.means.config.server, group.told
    longest = float(max((one.probe.timeout for one in told if one.probe), default=0))
    if group.record.phase != "probation":
        group.write(group.begun("probation")._replace(deadline=wall + longest))
    left = min(longest, group.record.deadline - wall)

    def work(stop: Event) -> None:
        telling.see(told, server, stop, left)
        telling.compare(told, stop, lambda key, stop: _compare(group, key, stop))

    group.start("probation", work)
    return False


def _compare(group: Group, key: str, stop: Event) -> None:
    """Ask the worker for a golden comparison and wait for it, in a job's thread."""
    answered = Event()
    heard: list[Message] = []

    def hear(message: Message) -> None:
        if message.event in ("done", "failed"):
            heard.append(message)
            answered.set()

    def ask() -> None:
        group.means.ask("golden", tasks.golden(key), hear)

    group.means.post(ask)
    while not answered.wait(0.2):
        if stop.is_set():
            raise StoppedError("stopped")
    if heard[0].event == "failed":
        body = heard[0].body
        raise ReasonError(str(body["reason"]), str(body["detail"]), after=body.get("after", 0))


def _settle(group: Group, step: Step, now: float) -> bool:
    del step
    active, means, wanted = group.active, group.means, group.wanted
    if active is None:
        return True
    serving = telling.written(group.told, wanted.gate)
    if active.serving != serving:
        members = group.members() or active.members
        known = active.members if active.wanted == wanted.identity else members
        found = active._replace(members=known, serving=serving)
        releases.describe(group.slot.owner, group.slot.path, found)
    group.write(
        group.record._replace(
            phase="idle", wanted=wanted.identity, gate=wanted.gate, origin="", target=active.id,
            proven=active.id, proven_gate=wanted.gate, begun=0, since=means.wall(), deadline=0.0,
            reason="", detail="",
        )
    )  # fmt: skip
    group.forget_tries()
    group.look()
    group.expire_at = now + means.config.limits.grace
    means.house.collect_soon()
    brought = group.fetching.brought
    means.house.check_soon([one.digest for one in active.members if one.key not in brought])
    means.note(event="good", group=wanted.name, release=active.id)
    return True


def _roll_back(group: Group, step: Step, now: float) -> bool:
    del now
    _flip_back(group, step.reason, step.detail)
    return True


def _restore(group: Group, step: Step, now: float) -> bool:
    del now
    if group.means.alone:
        return False
    serving: dict[str, Any] = group.active.serving if group.active else {}
    told, server = telling.remembered(serving), group.means.config.server
    why = f"{step.reason}: {step.detail}"

    def work(stop: Event) -> None:
        try:
            telling.load(told, server, stop, group.waiting)
            telling.see(told, server, stop, _UNBOUND)
        except ReasonError as fault:
            words = f"{why}; and before it: {fault.detail}"
            raise ReasonError("UnableToRollBack", words) from fault

    group.start("restore", work)
    return False


def _restored(group: Group, step: Step, now: float) -> bool:
    del now
    active, failed, means = group.active, group.record.origin, group.means
    if active is None:
        return True
    gate = active.serving.get("gate")
    group.write(
        group.record._replace(
            phase="blocked", origin="", target=active.id, proven=active.id,
            proven_gate=gate if isinstance(gate, str) else "", since=means.wall(),
        )
    )  # fmt: skip
    if failed not in ("", active.id) and REASONS[step.reason].kind == "undone":
        releases.forget(group.slot.owner, group.slot.path, failed)
    group.forget_tries()
    group.look()
    means.house.collect_soon()
    means.house.check_soon([one.digest for one in active.members])
    means.note(event="restored", group=group.wanted.name, release=active.id)
    return True


_DEEDS: dict[str, Callable[[Group, Step, float], bool]] = {
    "rest": _rest,
    "fetch": _fetch,
    "mend": _mend,
    "ask": _ask,
    "activate": _activate,
    "notify": _notify,
    "probation": _probation,
    "settle": _settle,
    "rollback": _roll_back,
    "restore": _restore,
    "restored": _restored,
}
"""What is done for each kind of step; the others are only waited for."""
