"""The resident process: what it is made of, in which order it begins, and what its loop does.

Everything that changes anything runs in the loop's thread; other threads hand it calls. It needs
no network to be ready, and it leaves nothing half done when it is told to end.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from sidecar.activation import links
from sidecar.contract.accept import Accepted
from sidecar.disk.journal import Journal
from sidecar.model.reasons import ReasonError
from sidecar.model.status import Status
from sidecar.resident import accepting, snapshot
from sidecar.resident.barrier import Barrier
from sidecar.resident.following import Follower
from sidecar.resident.groups import Group
from sidecar.resident.holding import Held, Holding
from sidecar.resident.loop import Loop
from sidecar.resident.means import Means
from sidecar.resident.voice import Voice
from sidecar.resident.wanted import groups as wanted_groups
from sidecar.resident.watch import PERIOD, Watch
from sidecar.resident.workers import Workers

_STACK = 256 * 1024


class Options(NamedTuple):
    """How a process was started. `base` is the pod's own volume.

    One that is `alone` comes before the server, so it tells nobody anything.
    """

    config: str
    base: str = links.VIEW
    node: bool = False
    host: str = ""
    alone: bool = False


class Service:
    """One resident process, from its config to its end."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.voice = Voice()
        self.loop = Loop()
        self.workers = Workers(self.loop.post)
        self.watch = Watch(options.config)
        self.holding = Holding()
        self.accepted: Accepted | None = None
        self.groups: Sequence[Group] = ()
        self.planned = False
        self.status: Status | None = None
        self._rejected = ""
        self._planned: Accepted | None = None
        self._due = 0.0

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
        due = [self._due, *self._begin(now), *self._move(now), self.workers.look(now)]
        self._publish()
        return min(one for one in due if one > 0)

    def close(self) -> None:
        """Let go of everything: workers first, so that nothing is written any more."""
        for group in self.groups:
            group.stop()
        self.workers.close(1.0)
        with suppress(OSError, ReasonError):
            self.holding.leave()

    def _look(self) -> None:
        """Follow the mounted config, or what was accepted before it."""
        if not self.watch.changed():
            return
        text = self.watch.read()
        offer = accepting.look(text, self.accepted)
        if offer.reason and offer.reason != self._rejected:
            self.voice.note(event="config-rejected", reason=offer.reason, detail=offer.detail)
        self._rejected = offer.reason
        found = offer.accepted
        if found is None and self.accepted is None:
            found = accepting.before(text, self.options.base)
        if found is None or (self.accepted and found.revision == self.accepted.revision):
            return
        self.voice.note(event="config-accepted", revision=found.revision)
        self.accepted = self._planned = found

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
        return [] if holding.complete else [holding.due]

    def _quiet(self) -> bool:
        """Whether no server is being told anything, which would mix with what comes next."""
        for group in self.groups:
            group.stop()
        return not any(group.telling for group in self.groups)

    def _entered(self, held: Held, accepted: Accepted) -> None:
        if held.lock is not None:
            tenant = accepted.config.tenant.directory
            self.voice.journal = Journal(held.layout, tenant)
            self.voice.note(event="began", tenant=tenant)
        links.sweep(self.options.base)
        self._planned = accepted

    def _plan(self, held: Held, accepted: Accepted) -> None:
        """Make groups anew for a config."""
        self._planned = None
        self.workers.configure(accepted.document, accepted.revision)
        if held.lock is not None:
            accepting.keep(held.layout, held.owner, accepted, self.options.base)
        means = self._means(held, accepted)
        barrier = Barrier(accepted.config.release, self.workers.ask, means.now)
        kind = Group if held.lock is not None else Follower
        self.groups = [kind(means, one, barrier) for one in wanted_groups(accepted.config)]
        self.planned = True
        for group in self.groups:
            group.begin()

    def _means(self, held: Held, accepted: Accepted) -> Means:
        return Means(
            layout=held.layout,
            owner=held.owner,
            config=accepted.config,
            base=self.options.base,
            ask=self.workers.ask,
            post=self.loop.post,
            note=self.voice.note,
            now=time.monotonic,
            wall=time.time,
            alone=self.options.alone,
        )

    def _move(self, now: float) -> list[float]:
        if self._planned is not None:
            return []
        for group in self.groups:
            if 0 < group.due <= now:
                group.step(now)
        return [group.due for group in self.groups]

    def _publish(self) -> None:
        if self.accepted is not None:
            self.status = snapshot.status(
                self.accepted.config,
                self.options.host,
                self.groups,
                (),
                snapshot.Figures(),
                self._rejected,
                planned=self.planned,
            )


def host(given: str) -> str:
    """The name of the node: what the environment says, or what the kernel does."""
    return given or os.uname().nodename
