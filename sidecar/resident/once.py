"""The resident process as an init container: it ends when everything is switched or stuck.

It is the same service without a server to tell and without a surface. What serves already is
enough to go on with, so a device that restarts offline starts.
"""

from __future__ import annotations

from sidecar.model.reasons import REASONS, ReasonError
from sidecar.resident.groups import Group
from sidecar.resident.service import Options, Service
from sidecar.resident.watch import PERIOD

PATIENCE = 600.0
"""Seconds without any progress after which whoever started this may know better."""

CONFIG_PATIENCE = 5.0
"""Seconds for a config that is being written while the process begins."""


class Once(Service):
    """Brings and switches, then ends."""

    def __init__(self, options: Options) -> None:
        super().__init__(options._replace(alone=True))
        self._moved = 0.0
        self._seen: object = None

    def bring(self) -> None:
        """Do it.

        Raises:
            ReasonError: why a required artifact is not there.
        """
        self.loop.heed_signals()
        try:
            self.loop.run(self._tick_once, PERIOD)
        finally:
            self.close()
        self._tell()

    def _tick_once(self, now: float) -> float:
        due = self.tick(now)
        if self._moved == 0.0 or self._progress() != self._seen:
            self._moved, self._seen = now, self._progress()
        late = now - self._moved > PATIENCE
        hopeless = self.accepted is None and now - self._moved > CONFIG_PATIENCE
        if self.plan and all(_settled(group, late) for group in self.plan.groups):
            self.loop.end()
        if not self.plan and (hopeless or late or self._refused_by_store):
            self.loop.end()
        return due

    @property
    def _refused_by_store(self) -> bool:
        """Whether the store needs somebody to change something."""
        fault = self.holding.fault
        return fault is not None and fault.reason.kind == "blocked"

    def _progress(self) -> object:
        return [
            (group.phase, sum(one.bytes for one in group.fetching.transfers.values()))
            for group in (self.plan.groups if self.plan else ())
        ]

    def _tell(self) -> None:
        if not self.plan:
            raise self._missing()
        for group in self.plan.groups:
            lacks = group.active is None if group.wanted.update != "stage" else _stuck(group)
            if lacks and group.wanted.required:
                raise ReasonError(group.reason or "WorkerDied", group.detail)

    def _missing(self) -> ReasonError:
        if self.holding.fault is not None:
            return self.holding.fault
        return ReasonError(self.rejected or "ConfigInvalid", "no config was accepted")


def _settled(group: Group, late: bool) -> bool:
    """Whether waiting longer for a group makes no sense."""
    if group.fulfilled or group.phase in ("staged", "blocked"):
        return True
    waits = group.phase == "wait"
    enough = group.active is not None or not group.wanted.required
    return waits and (enough or late)


def _stuck(group: Group) -> bool:
    return group.phase != "staged" and group.reason in REASONS
