"""What stands between a staged version and its switch: time windows, and the other part of a model.

One for each accepted config, asked by all groups. A first install and a return never come here.
"""

from __future__ import annotations

from collections.abc import Callable

from sidecar.model import tasks
from sidecar.model.config import Release, Window
from sidecar.model.reasons import ReasonError
from sidecar.model.tasks import Message
from sidecar.model.windows import insist
from sidecar.resident.machine import Failure
from sidecar.resident.means import Ask

LOOK = 60.0
"""Seconds between two looks at a shut window: clocks are set while somebody waits."""
FRESH = 60.0
"""Seconds for which an agreement holds, at least."""


class Barrier:
    """Counts the good answers in a row of whoever serves the other part."""

    def __init__(self, release: Release | None, ask: Ask, clock: Callable[[], float]) -> None:
        self._asked = release.ask if release else None
        self._ask = ask
        self._clock = clock
        self._running = False
        self._good = 0
        self._last = 0.0
        self._due = 0.0
        self._wake: list[Callable[[], None]] = []
        self.detail = ""

    def shut(self, windows: tuple[Window, ...], now: float, wall: float) -> Failure | None:
        """Why no switch may happen now, or None; every window has to be open."""
        for window in windows:
            try:
                insist((window,), wall)
            except ReasonError as fault:
                after = min(fault.after, LOOK) if fault.after else LOOK
                return Failure(fault.code, fault.detail, now + after)
        return None

    def agreed(self, now: float) -> bool:
        """Whether the other part said yes often enough, not long ago."""
        if self._asked is None:
            return True
        fresh = max(FRESH, 2.0 * self._asked.every)
        return self._good >= self._asked.minimum and now - self._last <= fresh

    def ask(self, now: float, wake: Callable[[], None]) -> float:
        """See to it that the other part is asked; when to look again, 0 for when it answered."""
        if wake not in self._wake:
            self._wake.append(wake)
        if self._running:
            return 0.0
        if now < self._due:
            return self._due
        self._running = True
        self._ask("ask", tasks.ask(), self._heard)
        return 0.0

    def _heard(self, message: Message) -> None:
        if message.event not in ("done", "failed") or self._asked is None:
            return
        self._running, now = False, self._clock()
        ready = message.event == "done" and message.body.get("ready") is True
        self._good = self._good + 1 if ready else 0
        self._last = now
        self.detail = "" if ready else str(message.body.get("detail", ""))
        self._due = now + self._asked.every
        waiting, self._wake = self._wake, []
        for wake in waiting:
            wake()
