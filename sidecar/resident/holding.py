"""A process's place in the store: the store itself, a token, and the tenant's lock.

Each is tried until it is to be had; what stands in the way is told, and nothing is forced. A pod
whose tenant another one holds waits for it and takes over when that ends.
"""

from __future__ import annotations

from typing import NamedTuple

from sidecar.disk import failure, locks, owner, store, tenants
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Config
from sidecar.model.reasons import ReasonError
from sidecar.resident.means import backoff

_TENANT_PERIOD = 1.0


class Held(NamedTuple):
    """What a process has; `lock` is None while another process has the tenant."""

    layout: Layout
    owner: Owner
    lock: locks.Lock | None


class Holding:
    """Takes a place, and gives it up at the end."""

    def __init__(self) -> None:
        self.held: Held | None = None
        self.fault: ReasonError | None = None
        self.due = 0.0
        self._attempts = 0

    @property
    def complete(self) -> bool:
        """Whether the tenant is this process's own."""
        return self.held is not None and self.held.lock is not None

    def take(self, config: Config, now: float) -> bool:
        """Try for what is missing; whether anything became better."""
        if self.complete or now < self.due:
            return False
        before = self.held
        try:
            with failure.told(config.limits.root):
                self.held = self._taken(config)
        except ReasonError as fault:
            self._attempts += 1
            self.fault, self.due = fault, now + backoff(self._attempts, fault.after)
            return False
        self._attempts, self.fault = 0, None
        if not self.complete:
            self.fault, self.due = ReasonError("WaitingForTenant"), now + _TENANT_PERIOD
        return before is None or self.complete

    def leave(self) -> None:
        """Give up what is held; partial files stay for whoever goes on."""
        if self.held is None:
            return
        if self.held.lock is not None:
            self.held.lock.release()
        with failure.told(self.held.layout.root):
            self.held.owner.leave()

    def _taken(self, config: Config) -> Held:
        if self.held is None:
            layout = store.open_store(config.limits.root)
            owner.sweep(layout)
            self.held = Held(layout, owner.enter(layout), None)
        lock = tenants.enter(self.held.layout, config.tenant.directory)
        return self.held._replace(lock=lock)
