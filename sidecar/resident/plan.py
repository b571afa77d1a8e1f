"""What a resident process does for one accepted config: its groups, those on their way out, chores.

Made anew for each config. Nothing of it outlives the next one but what is on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sidecar.disk import tenants
from sidecar.model.reasons import ReasonError
from sidecar.model.status import Status
from sidecar.resident.barrier import Barrier
from sidecar.resident.chores import Chores
from sidecar.resident.deeds import Leader, go_back
from sidecar.resident.following import Follower
from sidecar.resident.groups import Group
from sidecar.resident.means import Means
from sidecar.resident.retiring import Retiring, retiring
from sidecar.resident.wanted import groups as wanted_groups

if TYPE_CHECKING:
    from sidecar.resident.neighbours import Neighbours
    from sidecar.resident.sending import Sending


_WATCHED = 16
"""Groups that are looked at in a turn, so that none is long however many there are."""


class Node(NamedTuple):
    """For the role of a node: its name and its address."""

    host: str
    address: str


class Plan:
    """The work of one config. One that does not `lead` only watches who does."""

    def __init__(self, means: Means, chores: Chores, node: Node | None, *, lead: bool) -> None:
        config = means.config
        barrier = Barrier(config.release, means.ask, means.now)
        kind = Leader if lead else Follower
        self.means = means
        self.chores = chores
        self.lead = lead
        self.neighbours = _neighbours(means, node) if lead and node else None
        self.sending = _sending(means) if lead and not means.alone else None
        self.groups: Sequence[Group] = [kind(means, one, barrier) for one in wanted_groups(config)]
        self._watched = 0
        self._leaving: list[Retiring] = retiring(means, self.groups) if lead else []

    def begin(self) -> None:
        """Mend what a kill cut short."""
        if self.means.alone and self.means.config.outbox:
            from sidecar.resident.sending import prepare

            prepare(self.means)
        for group in self.groups:
            group.begin()

    def stop(self) -> None:
        """Let go of every server; `quiet` says when that is done."""
        for one in self._all():
            one.stop()

    @property
    def quiet(self) -> bool:
        """Whether no server is being told anything."""
        return not any(one.occupied for one in self._all())

    def tick(self, now: float, status: Status | None) -> list[float]:
        """Do what is due; when to be called again."""
        for one in self._all():
            if 0 < one.due <= now:
                one.step(now)
        self._leaving = [one for one in self._leaving if not one.gone]
        due = [one.due for one in self._all()]
        if self.lead and not self.means.alone:
            due.append(self.chores.tick(now, status))
        due += [one.tick(now) for one in (self.sending, self.neighbours) if one is not None]
        return due

    def watch(self) -> None:
        """See, a few groups at a time, whether what serves is still there."""
        if not self.lead:
            return
        for group in self.groups[self._watched : self._watched + _WATCHED]:
            group.watch()
        ended = self._watched + _WATCHED >= len(self.groups)
        self._watched = 0 if ended else self._watched + _WATCHED

    def close(self) -> None:
        """Give back what outlives no plan."""
        self.stop()
        if self.sending is not None:
            self.sending.box.stop()
        if self.neighbours is not None:
            self.neighbours.close()

    def wake(self) -> None:
        """Look at every group again."""
        for group in self.groups:
            group.wake()

    def rollback(self, name: str) -> str:
        """Return groups to the version before, as somebody asks for; see `roll_back`."""
        return roll_back(self.groups, name)

    def retry(self, name: str) -> str:
        """Let what failed be tried again, as somebody asks for; see `retry`."""
        return retry(self.groups, name)

    def _all(self) -> list[Group | Retiring]:
        return [*self.groups, *self._leaving]


def _sending(means: Means) -> Sending | None:
    """The outbox, where there is one; a tenth of a resident process is what it costs."""
    if not means.config.outbox and not tenants.unsent(means.layout, means.tenant):
        return None
    from sidecar.resident.sending import Sending

    return Sending(means)


def _neighbours(means: Means, node: Node) -> Neighbours:
    from sidecar.resident.neighbours import Neighbours

    return Neighbours(means, node.host, node.address)


def roll_back(groups: Sequence[Group], name: str) -> str:
    """Return the groups that a name means to the version before, and say so.

    Raises:
        ReasonError: `UnableToRollBack`.
        LookupError: there is no such group.
    """
    meant = chosen(groups, name)
    able = [one for one in meant if one.before is not None and not one.returned]
    for group in able:
        go_back(group)
    back = [one for one in meant if one.returned]
    if not back:
        raise ReasonError("UnableToRollBack", "there is no version before the one that serves")
    names = ", ".join(group.wanted.name for group in back)
    done = "serves the version before" if able else "serves the version before already"
    return f"{names} {done}; `rollback --retry` lets the newer one come again"


def retry(groups: Sequence[Group], name: str) -> str:
    """Let what failed in the groups that a name means be tried again, and say so.

    Raises:
        LookupError: there is no such group.
    """
    found = chosen(groups, name)
    for group in found:
        group.retry()
    return f"{', '.join(group.wanted.name for group in found)}: tried again from now on"


def chosen(groups: Sequence[Group], name: str) -> list[Group]:
    """The groups that a name means: a group's own, or an artifact of it; all for no name."""
    found = [
        group
        for group in groups
        if name in ("", group.wanted.name, *(one.key for one in group.wanted.artifacts))
    ]
    if not found:
        raise LookupError(name)
    return found
