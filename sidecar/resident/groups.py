"""One group of artifacts: sees how it stands, lets `machine.decide` say what next, and does that.

All of it runs in the main thread but for the jobs that wait for a server. A reason ends a step and
never the process; what is active stays active.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event

from sidecar.activation import links, quarantine, records, releases, switch
from sidecar.activation.records import Record
from sidecar.activation.releases import CURRENT, PREVIOUS, Release
from sidecar.disk import failure
from sidecar.model import tasks
from sidecar.model.reasons import REASONS, ReasonError
from sidecar.model.status import Phase
from sidecar.model.tasks import Message
from sidecar.resident import telling
from sidecar.resident.barrier import Barrier
from sidecar.resident.fetching import Fetching
from sidecar.resident.jobs import Job
from sidecar.resident.machine import RECHECK, Failure, Situation, Step, decide
from sidecar.resident.means import Means, backoff
from sidecar.resident.wanted import Wanted
from sidecar.wire.stream import StoppedError

_STEPS = 16
"""Steps that are taken at once; more would mean that deciding and doing disagree."""
_PHASES: dict[str, Phase] = {
    "rest": "idle", "settle": "idle", "hold": "staged", "fetch": "fetch", "wait": "wait",
    "block": "blocked", "ask": "wait", "activate": "activate", "notify": "notify",
    "probation": "probation", "rollback": "rollback", "restore": "rollback", "restored": "rollback",
}  # fmt: skip


class Group:
    """A group while one config is accepted."""

    def __init__(self, means: Means, wanted: Wanted, barrier: Barrier) -> None:
        self.means = means
        self.wanted = wanted
        self.slot = means.slot(wanted.name)
        self.fetching = Fetching(means, wanted.artifacts)
        self.phase: Phase = "idle"
        self.reason = ""
        self.detail = ""
        self.since = means.wall()
        self.due = means.now()
        self.record = records.read(self.slot.path)
        self.active: Release | None = None
        self.before: Release | None = None
        self._barrier = barrier
        self._attempts = 0
        self._job: Job | None = None
        self._doing = ""
        self._done = ""
        self._fault: Failure | None = None
        self._told = tuple(
            telling.told(one, f"{self.slot.path}/{CURRENT}/{one.key}") for one in wanted.artifacts
        )
        self._look()

    @property
    def attempts(self) -> int:
        """Tries that failed since there was any progress."""
        return max(self._attempts, self.fetching.attempts)

    @property
    def fulfilled(self) -> bool:
        """Whether what is active is what the config wants."""
        active = self.active
        return active is not None and active.wanted == self.wanted.identity

    @property
    def telling(self) -> bool:
        """Whether a job is under way."""
        return self._job is not None

    @property
    def good(self) -> bool:
        """Whether what is active served well, or is tried while there is a way back."""
        if self.active is None:
            return False
        trying = self.phase in ("notify", "probation", "rollback") or self._doing != ""
        return self.record.proven == self.active.id or (trying and self.before is not None)

    def begin(self) -> None:
        """What a kill may have cut short after the last switch, and the pod's links."""
        self._guarded(self._align)

    def step(self, now: float) -> None:
        """Do what there is to do; `due` is then when to be asked again, 0 for only when told."""
        for _ in range(_STEPS):
            step = decide(self.wanted, self._situation(now), self.record, now)
            self.due = step.until
            self._show(step)
            if not self._guarded(lambda step=step: self._do(step, now)):  # type: ignore[misc]
                return
        self.due = now + 1.0

    def wake(self) -> None:
        """Be asked again as soon as possible."""
        self.due = self.means.now()

    def retry(self) -> None:
        """Forget what failed, as somebody asks for."""
        quarantine.clear(self.means.layout, self.means.tenant, self.wanted.name)
        self._fault, self._attempts = None, 0
        self.fetching = Fetching(self.means, self.wanted.artifacts)
        if self.record.begun:
            self._write(self.record._replace(begun=0))
        self.wake()

    def go_back(self) -> None:
        """Return to the version before, as somebody asks for; the wanted one waits for a new word.

        Raises:
            ReasonError: `UnableToRollBack` where there is none.
        """
        if self.before is None or self.active is None or self.before.id == self.active.id:
            raise ReasonError("UnableToRollBack", "there is no version before")
        self._roll_back("Quarantined", "rolled back by hand")
        self.wake()

    def stop(self) -> None:
        """Let go of a job under way; it ends soon."""
        if self._job is not None:
            self._job.stop.set()

    def _situation(self, now: float) -> Situation:
        members = switch.staged(self.means.layout, self.wanted.artifacts)
        target = releases.release_id(members) if members else ""
        active = self.active
        fulfils = self.fulfilled or (active is not None and active.id == target)
        identity = self.wanted.identity if fulfils else active.wanted if active else ""
        return Situation(
            active=active.id if active else "",
            active_identity=identity,
            before=self.before.id if self.before else "",
            before_barred=self._barred_release(self.before),
            staged=members is not None,
            served=bool(target) and releases.read(self.slot.path, target) is not None,
            lack=self.fetching.failure(),
            busy="fetch" if self.fetching.running and not self._doing else self._doing,
            done=self._done,
            fault=self._fault,
            shut=self._barrier.shut(self.wanted.windows, now, self.means.wall()),
            agreed=self._barrier.agreed(now),
            barred=self._barred(),
        )

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

    def _do(self, step: Step, now: float) -> bool:
        """Carry out a step; whether the next one is to be decided at once."""
        doing: dict[str, Callable[[], bool]] = {
            "settle": self._settle,
            "fetch": lambda: self._fetch(now),
            "ask": lambda: self._ask(now),
            "activate": self._activate,
            "notify": self._notify,
            "probation": self._probation,
            "rollback": lambda: self._roll_back(step.reason, step.detail),
            "restore": self._restore,
            "restored": self._restored,
        }
        found = doing.get(step.kind)
        return found() if found is not None else False

    def _fetch(self, now: float) -> bool:
        self.fetching.begin(now, first=self.active is None, changed=self.wake)
        failure_ = self.fetching.failure()
        self.due = failure_.due if failure_ else 0.0
        return not self.fetching.running and failure_ is None

    def _ask(self, now: float) -> bool:
        self.due = self._barrier.ask(now, self.wake)
        self.reason, self.detail = "WaitingForRelease", self._barrier.detail
        return False

    def _activate(self) -> bool:
        members = switch.staged(self.means.layout, self.wanted.artifacts)
        if members is None:
            return True
        serving = telling.written(self._told, self.wanted.gate)
        self.means.note(event="activate", group=self.wanted.name, reason="")
        self.record = switch.activate(self.slot, members, serving, self._begun("activate"))
        self._forget_tries()
        self._align()
        return True

    def _notify(self) -> bool:
        if self.means.alone:
            return False
        again = (
            self.record.phase == "notify"
            and self.record.wanted == self.wanted.identity
            and self.record.gate == self.wanted.gate
            and self._fault is not None
        )
        if not again:
            active = self.active.id if self.active else ""
            self._write(self._begun("notify")._replace(target=active))
        server = self.means.config.server
        told = self._told

        def work(stop: Event) -> None:
            telling.load(told, server, stop, self._waiting)

        return self._start("notify", work)

    def _probation(self) -> bool:
        longest = max((one.probe.timeout for one in self._told if one.probe), default=0)
        wall = self.means.wall()
        if self.record.phase != "probation":
            self._write(self._begun("probation")._replace(deadline=wall + longest))
        server, told = self.means.config.server, self._told
        left = min(float(longest), self.record.deadline - wall)

        def work(stop: Event) -> None:
            telling.see(told, server, stop, left)
            telling.compare(told, stop, self._compare)

        return self._start("probation", work)

    def _settle(self) -> bool:
        active = self.active
        if active is None:
            return True
        serving = telling.written(self._told, self.wanted.gate)
        if active.serving != serving:
            releases.describe(self.slot.owner, self.slot.path, active._replace(serving=serving))
        self._write(
            self.record._replace(
                phase="idle", wanted=self.wanted.identity, gate=self.wanted.gate,
                origin="", target=active.id, proven=active.id, proven_gate=self.wanted.gate,
                begun=0, since=self.means.wall(), deadline=0.0, reason="", detail="",
            )
        )  # fmt: skip
        switch.prune(self.slot, self.record, self.means.config.limits.keep_previous)
        self._forget_tries()
        self._look()
        self.means.note(event="good", group=self.wanted.name, release=active.id)
        return True

    def _roll_back(self, reason: str, detail: str) -> bool:
        wall, group = self.means.wall(), self.wanted.name
        if self.record.phase != "rollback":
            entry = quarantine.Entry(group, reason, detail, wall)
            quarantine.add(
                self.means.layout, self.slot.owner, self.means.tenant, self.wanted.gate, entry
            )
        record = self.record._replace(
            wanted=self.wanted.identity, gate=self.wanted.gate, begun=self.record.begun + 1,
            since=wall, reason=reason, detail=detail,
        )  # fmt: skip
        self.record = switch.go_back(self.slot, record)
        self.means.note(event="rollback", group=group, reason=reason, detail=detail)
        self._forget_tries()
        self._align()
        return True

    def _restore(self) -> bool:
        if self.means.alone:
            return False
        told = telling.remembered(self.active.serving) if self.active else ()
        server = self.means.config.server

        def work(stop: Event) -> None:
            try:
                telling.load(told, server, stop, self._waiting)
                telling.see(told, server, stop, float("inf"))
            except ReasonError as fault:
                words = f"{self.record.reason}: {self.record.detail}; before: {fault.detail}"
                raise ReasonError("UnableToRollBack", words) from fault

        return self._start("restore", work)

    def _restored(self) -> bool:
        active, failed = self.active, self.record.origin
        if active is None:
            return True
        gate = active.serving.get("gate")
        self._write(
            self.record._replace(
                phase="blocked", origin="", target=active.id, proven=active.id,
                proven_gate=gate if isinstance(gate, str) else "", since=self.means.wall(),
            )
        )  # fmt: skip
        if failed != active.id:
            releases.forget(self.slot.owner, self.slot.path, failed)
        self._forget_tries()
        self._look()
        self.means.note(event="restored", group=self.wanted.name, release=active.id)
        return True

    def _begun(self, phase: str) -> Record:
        same = self.record.wanted == self.wanted.identity and self.record.gate == self.wanted.gate
        return self.record._replace(
            phase=phase, wanted=self.wanted.identity, gate=self.wanted.gate,
            begun=self.record.begun + 1 if same else 1, since=self.means.wall(),
            deadline=0.0, reason="", detail="",
        )  # fmt: skip

    def _start(self, name: str, work: Callable[[Event], None]) -> bool:
        self._doing, self._done, self._fault = name, "", None

        def ended(fault: ReasonError | None) -> None:
            stopped = job.stop.is_set()
            self._job, self._doing = None, ""
            if fault is not None:
                self._failed(fault)
            elif not stopped:
                self._done = name
            self.wake()

        job = self._job = Job(work, ended, self.means.post)
        return False

    def _failed(self, fault: ReasonError) -> None:
        self._attempts += 1
        wait = backoff(self._attempts, fault.after)
        if fault.reason.kind == "blocked":
            wait = max(wait, RECHECK)
        self._fault = Failure(fault.code, fault.detail, self.means.now() + wait)
        self.means.note(
            event="failed", group=self.wanted.name, reason=fault.code, detail=fault.detail
        )

    def _compare(self, key: str, stop: Event) -> None:
        """Ask the worker for a golden comparison and wait for it, from a job's thread."""
        answered, heard = Event(), []

        def hear(message: Message) -> None:
            if message.event in ("done", "failed"):
                heard.append(message)
                answered.set()

        self.means.post(lambda: _ignore(self.means.ask("golden", tasks.golden(key), hear)))
        while not answered.wait(0.2):
            if stop.is_set():
                raise StoppedError("stopped")
        if heard[0].event == "failed":
            body = heard[0].body
            raise ReasonError(str(body["reason"]), str(body["detail"]), after=body.get("after", 0))

    def _waiting(self, detail: str) -> None:
        def show() -> None:
            if self._doing:
                self.reason, self.detail = "WaitingForServer", detail

        self.means.post(show)

    def _align(self) -> None:
        switch.align(self.slot)
        self._look()
        if self.active is not None:
            targets = switch.link_targets(self.slot, self.wanted.artifacts)
            links.place(self.slot.owner, self.means.base, targets)

    def _look(self) -> None:
        self.active = self.slot.release(CURRENT)
        before = self.slot.release(PREVIOUS)
        same = before is not None and self.active is not None and before.id == self.active.id
        self.before = None if same else before

    def _write(self, record: Record) -> None:
        records.write(self.slot.owner, self.slot.path, record)
        self.record = record

    def _forget_tries(self) -> None:
        self._attempts, self._fault, self._done = 0, None, ""

    def _show(self, step: Step) -> None:
        phase = _PHASES.get(step.kind, self.phase)
        if phase != self.phase:
            self.since = self.means.wall()
        changed = step.reason and step.reason != self.reason
        self.phase, self.reason, self.detail = phase, step.reason or "", step.detail
        if changed and step.kind in ("wait", "block"):
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
        self.due = self._fault.due if self._fault else 0.0
        return False


def _ignore(_: object) -> None:
    """For calls whose answer comes another way."""
