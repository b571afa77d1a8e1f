"""A group that another process of the same tenant switches; this one only watches.

Pods of a rolling update may share a tenant: their configs want the same bytes and no server is
told anything. The one that holds the tenant's lock does the work. The others make their own pod's
links once it is done, and one of them takes over when it ends. A tenant that switches under a
running server is not shared: its second pod waits.
"""

from __future__ import annotations

from sidecar.resident.groups import Group

PERIOD = 1.0


class Standby(Group):
    """A group of a store that can be read and not written: it serves what it served."""

    def begin(self) -> None:
        """Show what there is."""
        self.show_record()
        self._guarded(self.link)

    def step(self, now: float) -> None:
        """Nothing can be done."""
        self.due = now + PERIOD


class Follower(Group):
    """Changes nothing but the links of its own pod."""

    def begin(self) -> None:
        """See how far the other process is."""
        self.step(self.means.now())

    def step(self, now: float) -> None:
        """Look again."""
        self.look()
        self.due = now + PERIOD
        if self.fulfilled and self.wanted.update == "activate":
            self._guarded(self._show_linked)
            return
        self.active = None
        self.phase, self.reason, self.detail = "wait", "WaitingForTenant", ""

    @property
    def good(self) -> bool:
        """Whether the other process has switched."""
        return self.active is not None

    def _show_linked(self) -> None:
        self.link()
        self.phase, self.reason, self.detail = "idle", "", ""
