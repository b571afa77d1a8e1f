"""Outboxes: the tenant's own, and for the role of a node those that nobody else sends any more.

How files come in and in which order they leave is the outbox's own affair; here they get their
turn, and an end.
"""

from __future__ import annotations

import os

from sidecar.disk import failure
from sidecar.model.reasons import ReasonError
from sidecar.model.status import StreamStatus
from sidecar.outbox import ground, orphans
from sidecar.outbox.box import Outbox, Ways
from sidecar.outbox.orphans import Orphan
from sidecar.resident.means import Means

ORPHAN_PERIOD = 30.0
ORPHAN_TURN = 60.0
"""Seconds that another tenant's lock is held at most: its own process may come back."""


class Sending:
    """The tenant's own outbox."""

    def __init__(self, means: Means) -> None:
        self.box = Outbox(
            lambda: orphans.spools(means.layout, means.owner, means.config),
            ways(means),
            run=os.path.dirname(means.config.surface.socket),
        )

    def tick(self, now: float) -> float:
        """Send what is due; when to be called again."""
        return self.box.step(now)

    def statuses(self) -> tuple[StreamStatus, ...]:
        """The streams."""
        return self.box.statuses()


class Orphanage:
    """Sends what tenants left behind whose processes are gone."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._found: list[tuple[Orphan, Outbox]] = []
        self._until = 0.0
        self._due = means.now()

    def tick(self, now: float) -> float:
        """Take and send in turns; when to be called again."""
        if self._found:
            due = [box.step(now) for _, box in self._found]
            if now < self._until and not all(box.idle for _, box in self._found):
                return min([one for one in due if one > 0], default=self._until)
            self.let_go()
            self._due = now + ORPHAN_PERIOD
        elif now >= self._due:
            self._take(now)
        return self._due

    def let_go(self) -> None:
        """Give the tenants' locks back."""
        for orphan, box in self._found:
            box.stop()
            orphan.lock.release()
        self._found = []

    def _take(self, now: float) -> None:
        means = self._means
        self._due, self._until = now + ORPHAN_PERIOD, now + ORPHAN_TURN
        try:
            with failure.told(means.layout.root):
                found = orphans.find(
                    means.layout, means.owner, means.config.limits, besides=means.tenant
                )
        except (ReasonError, OSError):
            return
        self._found = [(one, _orphans_box(means, one)) for one in found]
        if found:
            self._due = now


def prepare(means: Means) -> None:
    """Make the directories of the outbox, for a worker that comes after this process."""
    run = os.path.dirname(means.config.surface.socket)
    try:
        ground.prepare(run, tuple(one.name for one in means.config.outbox))
    except OSError as fault:
        means.note(event="amiss", detail=f"{run}: {fault.strerror}")


def ways(means: Means) -> Ways:
    """What an outbox needs of this process."""
    return Ways(means.ask, means.post, means.note, means.now, streams=means.config.network.streams)


def _orphans_box(means: Means, orphan: Orphan) -> Outbox:
    """What sends for a tenant that is gone; nobody is there later for what is owed then."""
    return Outbox(
        lambda: orphan.spools, ways(means), tenant=orphan.tenant, hurry=True, record=orphan.record
    )
