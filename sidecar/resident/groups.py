"""One group of artifacts: sees how it stands and lets `machine.decide` say what next.

All of it runs in the main thread but for the jobs that wait for a server. A reason ends a step and
never the process; what is active stays active.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Event
from typing import cast

from sidecar.activation import links, quarantine, records, releases, switch
from sidecar.activation.records import Record
from sidecar.activation.releases import CURRENT, Member, Release
from sidecar.disk import failure
from sidecar.model.config import Artifact
from sidecar.model.reasons import REASONS, ReasonError
from sidecar.model.status import Phase
from sidecar.resident import telling
from sidecar.resident.barrier import Barrier
from sidecar.resident.fetching import Fetching
from sidecar.resident.jobs import Job
from sidecar.resident.machine import RECHECK, Failure, Situation, Step, decide
from sidecar.resident.means import Means, backoff
from sidecar.resident.wanted import Wanted

_STEPS = 16
"""Steps that are taken at once; more would mean that deciding and doing disagree."""
_PHASES: dict[str, Phase] = {
    "rest": "idle", "mend": "idle", "settle": "idle", "hold": "staged", "fetch": "fetch",
    "wait": "wait", "block": "blocked", "ask": "wait", "activate": "activate", "notify": "notify",
    "probation": "probation", "rollback": "rollback", "restore": "rollback",
    "restored": "rollback",
}  # fmt: skip


class Group:
    """A group while one config is accepted. `due` is monotonic, 0 for only when told."""

    def __init__(self, means: Means, wanted: Wanted, barrier: Barrier) -> None:
        self.means = means
        self.wanted = wanted
        self.barrier = barrier
        self.slot = means.slot(wanted.name)
        self.fetching = Fetching(means, wanted.artifacts)
        self.told = tuple(telling.told(one, self._path(one)) for one in wanted.artifacts)
        self.phase: Phase = "idle"
        self.reason = ""
        self.detail = ""
        self.since = means.wall()
        self.due = means.now()
        self.expire_at = 0.0
        self.mending = False
        self.record = records.read(self.slot.path)
        self.active: Release | None = None
        self.before: Release | None = None
        self._attempts = 0
        self._job: Job | None = None
        self._doing = ""
        self._done = ""
        self._fault: Failure | None = None
        self._said = ""
        self._members: tuple[Member, ...] | None = None
        self.look()

    @property
    def attempts(self) -> int:
        """Tries that failed since there was any progress."""
        return max(self._attempts, self.fetching.attempts)

    @property
    def fulfilled(self) -> bool:
        """Whether what is active is what the config wants."""
        return self.active is not None and self.active.wanted == self.wanted.identity

    @property
    def good(self) -> bool:
        """Whether what is active served well, or is tried while there is a way back."""
        if self.active is None:
            return False
        trying = self.phase in ("notify", "probation", "rollback") or self._doing != ""
        return self.record.proven == self.active.id or (trying and self.before is not None)

    @property
    def occupied(self) -> bool:
        """Whether a job is under way."""
        return self._job is not None

    def begin(self) -> None:
        """What a kill may have cut short after the last switch, and the pod's links."""
        self._guarded(self._describe)
        self._guarded(self.align)
        grace = self.means.config.limits.grace
        waited = self.means.wall() - releases.flipped(self.slot.path)
        self.expire_at = self.means.now() + max(0.0, min(grace, grace - waited))

    def step(self, now: float) -> None:
        """Do what there is to do; `due` is then when to be asked again."""
        for _ in range(_STEPS):
            if not self._guarded(lambda: self._step(now)):
                return
        self.due = now + 1.0

    def watch(self) -> None:
        """See whether what served is still there, and whether what was missing is now.

        Somebody may have moved or deleted the one and loaded the other.
        """
        if self.fetching.arrived() or (self.fulfilled and not self._kept()):
            self.wake()
        active = self.active
        if active is None or self.occupied:
            return
        there = releases.pointed(self.slot.path, CURRENT) == active.id
        if not there or not switch.whole(self.means.layout, active.members):
            self.means.note(event="lost", group=self.wanted.name, release=active.id)
            self._members = None
            self._guarded(self.look)
            self.wake()

    def _kept(self) -> bool:
        """Whether what is wanted is whole, or is brought again already."""
        return self.mending or self.fetching.kept()

    def wake(self) -> None:
        """Be asked again as soon as possible."""
        self.due = self.means.now()

    def show_record(self) -> None:
        """Show what the record says, where nothing is decided."""
        record = self.record
        known = record.phase in _PHASES.values()
        self.phase = cast("Phase", record.phase) if known else "wait"
        self.reason, self.detail, self.since = record.reason, record.detail, record.since

    def stop(self) -> None:
        """Let go of a job under way; it ends soon."""
        if self._job is not None:
            self._job.stop.set()

    def retry(self) -> None:
        """Forget what failed, as somebody asks for."""
        quarantine.clear(self.means.layout, self.means.tenant, self.wanted.name)
        self.forget_tries()
        self.fetching = Fetching(self.means, self.wanted.artifacts)
        if self.record.begun:
            self.write(self.record._replace(begun=0))
        self.wake()

    @property
    def returned(self) -> bool:
        """Whether what is active is the version before a wanted one that was left again."""
        left = self.record.phase in ("rollback", "blocked") and not self.fulfilled
        return left and self.record.wanted == self.wanted.identity and self.active is not None

    def start(self, name: str, work: Callable[[Event], None]) -> None:
        """Begin a job; what comes of it is decided about when it has ended."""
        self._doing, self._done, self._fault = name, "", None

        def ended(fault: ReasonError | None) -> None:
            stopped = job.stop.is_set()
            self._job, self._doing = None, ""
            if fault is not None and not stopped:
                self._failed(fault)
            elif not stopped:
                self._done = name
            self.wake()

        job = self._job = Job(work, ended, self.means.post)

    def waiting(self, detail: str) -> None:
        """Show, from a job's thread, that nobody answers it."""

        def show() -> None:
            if self._doing:
                self.reason, self.detail = "WaitingForServer", detail

        self.means.post(show)

    def align(self, *, mend: bool = False) -> None:
        """Let views and links show what is active."""
        switch.align(self.slot, mend=mend)
        self.look()
        self.link()

    def link(self) -> None:
        """Let the pod's links lead to what is active."""
        if self.active is not None and os.path.isdir(self.means.base):
            targets = switch.link_targets(self.slot, self.wanted.artifacts)
            links.place(self.means.base, targets)

    def look(self) -> None:
        """Read the links."""
        self.active = self.slot.release(CURRENT)
        before = self.slot.way_back
        same = before is not None and self.active is not None and before.id == self.active.id
        self.before = None if same else before

    def write(self, record: Record) -> None:
        """Replace the record, on disk first."""
        records.write(self.slot.owner, self.slot.path, record)
        self.record = record

    def begun(self, phase: str) -> Record:
        """The record of a phase that begins now."""
        same = self.record.wanted == self.wanted.identity and self.record.gate == self.wanted.gate
        return self.record._replace(
            phase=phase, wanted=self.wanted.identity, gate=self.wanted.gate,
            begun=self.record.begun + 1 if same else 1, since=self.means.wall(),
            deadline=0.0, reason="", detail="",
        )  # fmt: skip

    def members(self) -> tuple[Member, ...] | None:
        """What the wanted artifacts become, once all are in the store; then they stay there."""
        if self._members is None:
            self._members = switch.staged(self.means.layout, self.wanted.artifacts)
        return self._members

    def forget_tries(self) -> None:
        """Begin to count and to wait anew."""
        self._attempts, self._fault, self._done = 0, None, ""

    @property
    def tried(self) -> bool:
        """Whether the phase under way failed in this process before."""
        return self._fault is not None

    def _describe(self) -> None:
        """Write anew what a release consists of, where that was lost."""
        active, members = self.active, self.members()
        if active is None or active.wanted == self.wanted.identity or members is None:
            return
        if active.id == releases.release_id(members):
            serving = telling.written(self.told, self.wanted.gate)
            found = Release(active.id, members, serving)
            releases.describe(self.slot.owner, self.slot.path, found)

    def _path(self, artifact: Artifact) -> str:
        """Where the server finds an artifact."""
        if artifact.link:
            return f"{self.means.base}/{links.below(artifact.link)}"
        return f"{self.slot.path}/{CURRENT}/{artifact.key}"

    def _step(self, now: float) -> bool:
        step = decide(self.wanted, self._situation(now), self.record, now)
        self.due = step.until
        self._show(step)
        return self.act(step, now)

    def act(self, step: Step, now: float) -> bool:
        """Do what was decided; whether to decide again at once. Whoever only looks does nothing."""
        del step, now
        return False

    def _situation(self, now: float) -> Situation:
        active = self.active
        members = self.members()
        target = releases.release_id(members) if members else ""
        fulfils = self.fulfilled or (active is not None and active.id == target)
        identity = self.wanted.identity if fulfils else active.wanted if active else ""
        return Situation(
            active=active.id if active else "",
            active_identity=identity,
            before=self.before.id if self.before else "",
            before_barred=self._barred_release(self.before),
            staged=members is not None,
            served=bool(target) and releases.read(self.slot.path, target) is not None,
            rotten=not self.fetching.kept(),
            lack=self.fetching.failure(),
            busy="fetch" if self.fetching.running and not self._doing else self._doing,
            done=self._done,
            fault=self._fault,
            shut=None if fulfils else self._shut(now),
            agreed=self.barrier.agreed(now),
            barred=self._barred(),
        )

    def _shut(self, now: float) -> Failure | None:
        return self.barrier.shut(self.wanted.windows, now, self.means.wall())

    def _barred(self) -> Failure | None:
        entry = quarantine.find(self.means.layout, self.means.tenant, self.wanted.gate)
        if entry is None:
            return None
        here = self.record.wanted == self.wanted.identity and self.record.reason == entry.reason
        if here and entry.reason in REASONS:
            return Failure(entry.reason, entry.detail, 0.0)
        return Failure("Quarantined", f"{entry.reason}: {entry.detail}", 0.0)

    def _barred_release(self, release: Release | None) -> bool:
        gate = release.serving.get("gate") if release else None
        return isinstance(gate, str) and (
            quarantine.find(self.means.layout, self.means.tenant, gate) is not None
        )

    def _failed(self, fault: ReasonError) -> None:
        self._attempts += 1
        wait = backoff(self._attempts, fault.after)
        if fault.reason.kind == "blocked":
            wait = max(wait, RECHECK)
        self.means.tally("failures", 1, fault.code)
        self._fault = Failure(fault.code, fault.detail, self.means.now() + wait)
        self.means.note(
            event="failed", group=self.wanted.name, reason=fault.code, detail=fault.detail
        )

    def _show(self, step: Step) -> None:
        phase = _PHASES.get(step.kind, self.phase)
        if phase != self.phase:
            self.since = self.means.wall()
        if step.kind != "work":
            self.phase, self.reason, self.detail = phase, step.reason, step.detail
        if step.kind in ("rest", "hold"):
            self._said = ""
        if step.kind in ("wait", "block") and step.reason != self._said:
            self._said = step.reason
            self.means.note(
                event="waits" if step.kind == "wait" else "blocked",
                group=self.wanted.name, reason=step.reason, detail=step.detail,
            )  # fmt: skip

    def _guarded(self, action: Callable[[], bool | None]) -> bool:
        """Run what touches the disk; a reason becomes the group's fault."""
        try:
            with failure.told(self.slot.path):
                return bool(action())
        except ReasonError as fault:
            self._failed(fault)
        except OSError as error:
            self._failed(ReasonError("StoreUnusable", str(error)))
        fault_ = self._fault
        self.due = fault_.due if fault_ else 0.0
        if fault_ is not None:
            self.reason, self.detail = fault_.reason, fault_.detail
        return False
