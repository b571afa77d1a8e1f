"""The resident process: what it is made of, in which order it begins, and what its loop does.

Everything that changes anything runs in the loop's thread; other threads hand it calls. It needs
no network to be ready, and it leaves nothing half done when it is told to end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from sidecar.activation import links
from sidecar.contract.accept import Accepted
from sidecar.disk import owner
from sidecar.disk.journal import Journal
from sidecar.model.reasons import ReasonError
from sidecar.model.status import Status
from sidecar.resident import accepting, snapshot
from sidecar.resident.chores import Chores
from sidecar.resident.doors import Doors, Switchboard, Views, in_main_thread, no_outbox
from sidecar.resident.groups import Group
from sidecar.resident.holding import Held, Holding
from sidecar.resident.jobs import Job
from sidecar.resident.loop import Loop
from sidecar.resident.means import Means, NoHouse
from sidecar.resident.plan import Node, Plan
from sidecar.resident.reaping import Orphans
from sidecar.resident.voice import Voice
from sidecar.resident.watch import PERIOD, Watch
from sidecar.resident.workers import Workers
from sidecar.surface.control import Control, no_lists
from sidecar.surface.counters import Counters
from sidecar.wire.server import Handler

_STACK = 256 * 1024
_READABLE = frozenset({"StoreReadOnly", "DiskFull"})
"""Reasons for which a store cannot be changed, though what is active in it may well serve."""
_MANY, _PAUSE = 64, 0.5
"""With so many groups a status is made this rarely while much happens, in seconds."""
_SWEEP = 0.5
"""Seconds at the very end to take what a worker left last."""


class Options(NamedTuple):
    """How a process was started. `base` is the pod's own volume.

    One that is `alone` comes before the server, so it tells nobody anything and has no doors.
    """

    config: str
    base: str = links.VIEW
    node: bool = False
    host: str = ""
    address: str = ""
    alone: bool = False


class Clock(NamedTuple):
    """`now` is monotonic and says when to do something; `wall` is what people mean."""

    now: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time


Command = Callable[[Plan], str]


class Service:
    """One resident process, from its config to its end."""

    def __init__(self, options: Options, clock: Clock = Clock()) -> None:  # noqa: B008 - it is frozen
        self.options = options
        self.clock = clock
        self.voice = Voice()
        self.loop = Loop()
        self.counters = Counters()
        self.workers = Workers(
            self.loop.post, lambda: self.counters.add("workers"), self._swept_after
        )
        self.watch = Watch(options.config)
        self.holding = Holding()
        self.orphans = Orphans()
        self.outbox = Switchboard()
        self.lists = Switchboard(no_lists)
        self.doors = Doors(
            Views(
                options.address, lambda: self.status, lambda: self.loop.beat, self.counters,
                lambda words: self.voice.note(event="amiss", detail=words),
            ),
            Control(
                rollback=lambda name: self._told(lambda plan: plan.rollback(name)),
                retry=lambda name: self._told(lambda plan: plan.retry(name)),
                collect=lambda: self._told(_collect),
                outbox=self.outbox,
                lists=self.lists,
            ),
        )  # fmt: skip
        self.accepted: Accepted | None = None
        self.plan: Plan | None = None
        self.status: Status | None = None
        self.rejected = ""
        self._refused = ("", "")
        self._planned: Accepted | None = None
        self._standby: Sequence[Group] = ()
        self._due = 0.0
        self._published = 0.0

    def run(self) -> None:
        """Serve until told to end."""
        threading.stack_size(_STACK)
        self.loop.heed_signals()
        try:
            self.loop.run(self.tick, PERIOD)
        finally:
            self.close()

    def tick(self, now: float) -> float:
        """Do what is due and say when to be called again."""
        if now >= self._due:
            self._due = now + PERIOD
            self._look()
            if self.plan is not None and self._planned is None:
                self.plan.watch()
            self.orphans.reap(self.workers.processes)
        due = [self._due, *self._begin(now)]
        if self.plan is not None and self._planned is None:
            due += self.plan.tick(now, self.status)
        due.append(self.workers.look(now))
        self._publish()
        return min(one for one in due if one > 0)

    def close(self) -> None:
        """Let go of everything; what was accepted for others is kept for the next process."""
        sending = self.plan.sending if self.plan else None
        if self.plan is not None:
            self.plan.close()
        if sending is not None:
            sending.box.sweep(_SWEEP)
        self.workers.close(1.0)
        self.doors.close()
        with suppress(OSError, ReasonError):
            self.holding.leave()

    def _look(self) -> None:
        """Follow the mounted config, or what was accepted before it."""
        if self.holding.held is not None:
            self.holding.held.owner.beat()
        if self.watch.changed():
            self._offered(self.watch.read())
        if not self.options.alone:
            self.doors.tend()

    def _offered(self, text: bytes | None) -> None:
        offer = accepting.look(text, self.accepted, self.options.config)
        news = (offer.reason, offer.detail)
        if offer.reason and news != self._refused:
            self.voice.note(event="config-rejected", reason=offer.reason, detail=offer.detail)
        self.rejected, self._refused = offer.reason, news
        found = offer.accepted
        if found is None and self.accepted is None:
            found = accepting.before(text, self.options.base)
        if found is None or (self.accepted and found.revision == self.accepted.revision):
            return
        self.voice.note(event="config-accepted", revision=found.revision)
        self.counters.add("config_changes")
        self.accepted = self._planned = found
        if not self.options.alone:
            self.doors.follow(found.config)

    def _begin(self, now: float) -> list[float]:
        """Take the place in the store and plan a new config, as soon as both can be done."""
        if self.accepted is None:
            return []
        holding, before = self.holding, self.holding.fault
        if holding.take(self.accepted.config, now) and holding.held:
            self._entered(holding.held, self.accepted)
        fault = holding.fault
        if fault is not None and (before is None or fault.code != before.code):
            self.voice.note(event="waits", reason=fault.code, detail=fault.detail)
        if holding.held and self._planned and self._quiet():
            self._plan(holding.held, self._planned)
        if self.plan is None and fault is not None and fault.code in _READABLE:
            self._stand_by(self.accepted)
        return [] if holding.complete else [holding.due]

    def _stand_by(self, accepted: Accepted) -> None:
        """Serve what can be read, until the store can be written again."""
        from sidecar.resident.offline import stand_by

        self._standby = self._standby or stand_by(accepted, self.options.base)

    def _quiet(self) -> bool:
        """Whether no server is being told anything, which would mix with what comes next."""
        if self.plan is None:
            return True
        self.plan.stop()
        return self.plan.quiet

    def _entered(self, held: Held, accepted: Accepted) -> None:
        if held.lock is not None:
            tenant = accepted.config.tenant.directory
            self.voice.journal = Journal(held.layout, tenant)
            self.voice.note(event="began", tenant=tenant)
        links.sweep(self.options.base)
        self._planned = accepted

    def _plan(self, held: Held, accepted: Accepted) -> None:
        """Make a plan for a config."""
        lead = held.lock is not None
        self.workers.configure(accepted.document, accepted.revision)
        if lead and not self._kept(held, accepted):
            return
        self._planned = None
        self._standby = ()
        if self.plan is not None:
            self.plan.close()
        means = self._means(held, accepted)
        chores = Chores(means, self.counters, self._rotten)
        means = means._replace(house=chores)
        node = Node(self.options.host, self.options.address) if self.options.node else None
        self.plan = Plan(means, chores, node, lead=lead)
        self.plan.begin()
        sending = self.plan.sending
        self.outbox.handler = sending.box.handle if sending else no_outbox
        self.lists.handler = _lists(means) if lead else no_lists

    def _kept(self, held: Held, accepted: Accepted) -> bool:
        """Whether a config could be written down as the accepted one."""
        try:
            accepting.keep(held.layout, held.owner, accepted, self.options.base)
        except ReasonError as fault:
            self.voice.note(event="failed", reason=fault.code, detail=fault.detail)
            self.holding.fault = fault
            return False
        self.holding.fault = None
        return True

    def _means(self, held: Held, accepted: Accepted) -> Means:
        return Means(
            layout=held.layout,
            owner=held.owner,
            config=accepted.config,
            base=self.options.base,
            ask=self.workers.ask,
            post=self.loop.post,
            note=self.voice.note,
            tally=self.counters.add,
            house=NoHouse(),
            now=self.clock.now,
            wall=self.clock.wall,
            alone=self.options.alone,
        )

    def _swept_after(self) -> None:
        """Delete what a worker left that had no time to: it ends at once when it is let go."""
        held = self.holding.held
        if held is not None and not self.loop.ending:
            Job(lambda _: owner.sweep(held.layout), lambda _: None, self.loop.post)

    def _rotten(self) -> None:
        if self.plan is not None:
            self.plan.wake()

    def _told(self, command: Command) -> str:
        """Carry out what somebody asks for on the socket."""

        def call() -> str:
            if self.plan is None or not self.plan.lead:
                raise self.holding.fault or ReasonError("WaitingForTenant", "the sidecar begins")
            return command(self.plan)

        return in_main_thread(self.loop.post, call)

    def _publish(self) -> None:
        plan, now = self.plan, time.monotonic()
        many = plan is not None and len(plan.groups) > _MANY
        if self.accepted is None or (many and now - self._published < _PAUSE):
            return
        self._published = now
        figures = plan.chores.figures if plan else None
        self.status = snapshot.status(
            snapshot.Seen(
                config=self.accepted.config,
                host=self.options.host,
                planned=plan is not None or bool(self._standby),
                groups=plan.groups if plan else self._standby,
                streams=plan.sending.statuses() if plan and plan.sending else (),
                rejected=self.rejected,
                fault=self.holding.fault,
                offline=plan.chores.offline if plan else False,
                store_bytes=figures.store_bytes if figures else 0,
                free_bytes=figures.free_bytes if figures else 0,
            )
        )


def _lists(means: Means) -> Handler:
    if not any(one.kind == "dataset" for one in means.config.artifacts):
        return no_lists
    from sidecar.resident.lists import lists

    return lists(means)


def _collect(plan: Plan) -> str:
    plan.chores.collect_soon()
    return "what no tenant needs goes within seconds, or when the grace of its readers is over"


def host(given: str) -> str:
    """The name of the node: what the environment says, or what the kernel does."""
    return given or os.uname().nodename
