"""What the resident process does besides switching: reports, scrubbing, collecting, measuring.

Each has its own time and is a task of the worker; none ever stands in the way of another, and
none that fails changes anything but when it is tried again. Only the newest report is ever kept.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from sidecar.disk import space
from sidecar.model import tasks
from sidecar.model.config import Config
from sidecar.model.reasons import ReasonError
from sidecar.model.status import Status
from sidecar.model.tasks import Message, TaskKind
from sidecar.resident.jobs import Job
from sidecar.resident.means import Means, backoff
from sidecar.surface.counters import Counters
from sidecar.surface.report import document
from sidecar.surface.state import state

SCRUB_PERIOD = 3600.0
COLLECT_PERIOD = 21_600.0
COLLECT_SOON = 5.0
COLLECT_FIRST = 60.0
MEASURE_PERIOD = 600.0
REPORT_FIRST = 2.0
REPORT_GAP = 10.0
_SHORT = frozenset({"DiskFull", "QuotaExceeded"})
_JITTER = 0.1


class Figures(NamedTuple):
    """What is measured now and then."""

    store_bytes: int = 0
    free_bytes: int = 0


class Chores:
    """The chores of one accepted config."""

    def __init__(self, means: Means, counters: Counters, rotten: Callable[[], None]) -> None:
        self._rotten = rotten
        now = means.now()
        self._means = means
        self._counters = counters
        self._running: set[str] = set()
        self._attempts: dict[str, int] = {}
        self._due = {
            "report": now + REPORT_FIRST,
            "scrub": now + SCRUB_PERIOD * (0.5 + _share()),
            "collect": now + COLLECT_FIRST,
            "measure": now + REPORT_FIRST,
        }
        if means.config.reports is None:
            del self._due["report"]
        self._said: object = None
        self._sent = -REPORT_GAP
        self._need = 0
        self._doubtful: list[str] = []
        self.figures = Figures(free_bytes=_free(means.config))
        self.offline = False

    def tick(self, now: float, status: Status | None) -> float:
        """Begin what is due; when to be called again."""
        if status is not None and "report" in self._due and _saying(status) != self._said:
            # News goes soon, but a change rarely comes alone.
            soon = max(now + REPORT_FIRST, self._sent + REPORT_GAP)
            self._due["report"] = min(self._due["report"], soon)
            self._said = _saying(status)
        for name, due in self._due.items():
            if due <= now and name not in self._running:
                self._begin(name, status)
        waiting = [due for name, due in self._due.items() if name not in self._running]
        return min(waiting, default=0.0)

    def collect_soon(self, need: int = 0) -> None:
        """Collect shortly, and again when the grace of what became loose is over."""
        self._need = max(self._need, need)
        self._due["collect"] = min(self._due["collect"], self._means.now() + COLLECT_SOON)

    def short_of(self, reason: str, facts: dict[str, Any]) -> None:
        """Make room, where a fetch failed for want of it."""
        if reason in _SHORT:
            need = facts.get("need", 0)
            self.collect_soon(need if isinstance(need, int) else 0)

    def check_soon(self, digests: list[str]) -> None:
        """Hash these shortly, before it is the turn of any other."""
        self._doubtful += [one for one in digests if one not in self._doubtful]
        if self._doubtful:
            self._due["scrub"] = self._means.now()

    def _begin(self, name: str, status: Status | None) -> None:
        self._running.add(name)
        {
            "report": lambda: self._report(status),
            "scrub": self._scrub,
            "collect": self._collect,
            "measure": self._measure,
        }[name]()

    def _report(self, status: Status | None) -> None:
        if status is None:
            self._next("report", REPORT_GAP)
            return
        found = document(status, self._means.config, self._means.wall())
        text = json.dumps(found, separators=(",", ":"), sort_keys=True)
        self._sent = self._means.now()
        self._task("report", tasks.report(text), self._reported)

    def _reported(self, message: Message) -> None:
        interval = self._means.config.reports.interval if self._means.config.reports else 0
        if message.event == "done":
            self._attempts.pop("report", None)
            self._counters.add("reports")
            self.offline = False
        else:
            self.offline = message.body.get("reason") == "Offline"
            interval = max(interval, int(backoff(self._attempted("report"))))
        self._next("report", interval * (1 + _JITTER * (2 * _share() - 1)))

    def _scrub(self) -> None:
        blob = self._doubtful.pop(0) if self._doubtful else ""
        self._task("scrub", tasks.scrub(blob), self._scrubbed)

    def _scrubbed(self, message: Message) -> None:
        self._next("scrub", 0.0 if self._doubtful else SCRUB_PERIOD)
        blob = message.body.get("blob")
        if message.event == "done" and blob:
            self._counters.add("scrubbed_blobs")
            if not message.body.get("intact"):
                self._counters.add("failures", label="BitRot")
                self._means.note(event="rotten", reason="BitRot", blob=blob)
                self._rotten()

    def _collect(self) -> None:
        need, self._need = self._need, 0
        self._task("collect", tasks.collect(need), self._collected)

    def _collected(self, message: Message) -> None:
        freed = int(message.body.get("freed", 0)) if message.event == "done" else 0
        loose = message.event == "done" and message.body.get("loose") is True
        if freed:
            self._counters.add("collected_bytes", freed)
            self._means.note(event="collected", bytes=freed)
        grace = self._means.config.limits.grace + COLLECT_SOON
        self._next("collect", grace if loose else COLLECT_PERIOD)
        self._due["measure"] = self._means.now() + COLLECT_SOON

    def _measure(self) -> None:
        layout = self._means.layout
        found: list[int] = []

        def ended(_: ReasonError | None) -> None:
            store_bytes = found[0] if found else self.figures.store_bytes
            self.figures = Figures(store_bytes, _free(self._means.config))
            self._next("measure", MEASURE_PERIOD)

        Job(lambda _: found.append(space.used(layout)), ended, self._means.post)

    def _task(self, kind: TaskKind, body: dict[str, Any], heard: Callable[[Message], None]) -> None:
        def last(message: Message) -> None:
            if message.event in ("done", "failed"):
                heard(message)

        self._means.ask(kind, body, last)

    def _attempted(self, name: str) -> int:
        self._attempts[name] = self._attempts.get(name, 0) + 1
        return self._attempts[name]

    def _next(self, name: str, seconds: float) -> None:
        self._running.discard(name)
        self._due[name] = self._means.now() + seconds


def _saying(status: Status) -> object:
    """What makes a report news."""
    groups = [(one.name, state(one), one.reason) for one in status.groups]
    return (status.revision, status.rejected, status.reason, status.ready, groups)


def _free(config: Config) -> int:
    try:
        found = os.statvfs(config.limits.root)
    except OSError:
        return 0
    return found.f_bavail * found.f_frsize


def _share() -> float:
    return int.from_bytes(os.urandom(4)) / 2**32
