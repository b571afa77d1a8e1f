"""The outbox of one tenant as a resident process runs it: files in on a thread, tasks out in order.

Streams with the larger priority go first. A stream whose store does not answer waits as a whole; an
item that is refused by itself waits alone, so that none holds up the rest. Uploads never take more
than half of the worker's streams, so a download always finds one.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event, Thread
from typing import Any, Final, NamedTuple, Protocol

from sidecar.disk import failure
from sidecar.model import tasks
from sidecar.model.reasons import REASONS, ReasonError
from sidecar.model.status import StreamStatus
from sidecar.model.tasks import Message, TaskKind
from sidecar.outbox import ground, policy
from sidecar.outbox.accept import Acceptor
from sidecar.outbox.follow import is_due_name
from sidecar.outbox.names import COMPLETED
from sidecar.outbox.post import post, refusal
from sidecar.outbox.record import Record
from sidecar.outbox.spool import Spool
from sidecar.wire.answer import Response
from sidecar.wire.server import Request

LOOK_EVERY: Final = 1.0
REST: Final = 10.0
"""Seconds after a fault of the disk."""
EXPIRE_EVERY: Final = 30.0

_NEVER = frozenset(("OutboxExpired", "BitRot"))
_ALONE = frozenset(("Protocol", "NotFound", "DigestMismatch", "UnexpectedContent", "TooLarge"))

Job = tuple[str, str]
"""A stream and an item, or what stands for work that follows."""


Held = tuple[str, str]
"""A stream, and a reason for which files of it are not taken."""


class Ask(Protocol):
    """Gives a task to the worker."""

    def __call__(
        self, kind: TaskKind, body: dict[str, Any], heard: Callable[[Message], None]
    ) -> int:
        """Begin a task; `heard` gets each message."""


class Ways(NamedTuple):
    """What the outbox needs of the process that it runs in.

    `note` takes an event as keywords, `post` has a call made in the main thread, `now` is
    monotonic. `streams` is how many transfers the worker has at once, `slow` how many seconds to
    wait where somebody has to change something first.
    """

    ask: Ask
    post: Callable[[Callable[[], None]], None]
    note: Callable[..., None]
    now: Callable[[], float] = time.monotonic
    streams: int = 4
    slow: float = 300.0


class _Wait(NamedTuple):
    until: float
    attempts: int
    code: str
    detail: str


class Outbox:
    """Accepts from `run` where that is not empty, and sends. All but `handle` is the main thread's.

    `opens` gives the streams; a disk that fails is told and tried again, and ends nothing else.
    `tenant` is empty for the process's own; else the worker is told whose items it sends. `hurry`
    sends every list of what was delivered at once, because nobody will be here later. `record` is
    that of a Run, whose marker follows when everything else is done.
    """

    def __init__(
        self,
        opens: Callable[[], Mapping[str, Spool]],
        ways: Ways,
        *,
        run: str = "",
        tenant: str = "",
        hurry: bool = False,
        record: Record | None = None,
    ) -> None:
        self._opens = opens
        self._spools: dict[str, Spool] = {}
        self._opened = False
        self._rest = 0.0
        self._fault = ""
        self._ways = ways
        self._run = run
        self._tenant = tenant
        self._hurry = hurry
        self._record = record
        self._stop = Event()
        self._waits: dict[Job, _Wait] = {}
        self._sending: set[Job] = set()
        self._most = max(1, ways.streams // 2)
        self._thread: Thread | None = None
        self._last: tuple[StreamStatus, ...] = ()
        self._held: Counter[Held] = Counter()

    def step(self, now: float) -> float:
        """Send what is due; when to be called again, 0 where nothing waits."""
        if now < self._rest or self._stop.is_set():
            return self._rest
        try:
            with failure.told("the outbox"):
                if not self._opened:
                    self._open()
                due = self._step(now)
                self._fault = ""
                return due
        except (ReasonError, OSError) as fault:
            code = fault.code if isinstance(fault, ReasonError) else "StoreUnusable"
            if code != self._fault:
                self._noted(code, "", str(fault))
            self._fault, self._rest = code, now + REST
            return self._rest

    def _open(self) -> None:
        self._spools = dict(self._opens())
        self._opened = True
        if not self._run or not self._spools:
            return
        try:
            ground.prepare(self._run, tuple(self._spools))
        except OSError as fault:
            self._noted("OutboxRefused", "", f"{self._run}: {os.strerror(fault.errno or 0)}")
        self._thread = Thread(target=self._accept, name="outbox", daemon=True)
        self._thread.start()

    def _step(self, now: float) -> float:
        while len(self._sending) < self._most:
            job = self._next(now)
            if job is None:
                break
            self._send(job)
        waits = [one.until for one in self._waits.values() if one.until > now]
        if not any(spool.counts().waiting for spool in self._spools.values()):
            return 0.0
        return min([*waits, now + LOOK_EVERY * 5])

    def handle(self, request: Request) -> Response:
        """Answer a POST; in any thread."""
        if not self._opened:
            return refusal(503, self._fault or "WaitingForTenant", "the outbox is not open yet")
        return post(request, self._spools, self._stop)

    def statuses(self) -> tuple[StreamStatus, ...]:
        """The streams as reports and metrics show them."""
        with suppress(ReasonError, OSError):
            found = [(name, spool.counts()) for name, spool in self._spools.items()]
            held = self._held
            self._last = tuple(
                StreamStatus(name, *one, held=_reasons(held, name)) for name, one in found
            )
        return self._last

    @property
    def idle(self) -> bool:
        """Whether nothing waits, is sent or owed."""
        return self._opened and self._is_drained() and not (self._record and self._record.due)

    @property
    def hindered(self) -> dict[str, tuple[str, str]]:
        """Code and detail of what keeps each stream from being sent, where something does."""
        return {name: (wait.code, wait.detail) for (name, _), wait in self._waits.items()}

    def _is_drained(self) -> bool:
        now, spools = self._ways.now(), self._spools.values()
        return not self._sending and not any(
            spool.counts().waiting or spool.due(now, at_once=self._hurry) for spool in spools
        )

    def stop(self, patience: float = 5.0) -> None:
        """Take and send no more; what is being copied is left where it is."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(patience)

    def sweep(self, patience: float) -> None:
        """After `stop`: take what was left at the very end, since the volume goes with the pod."""
        if not self._run or not self._spools:
            return
        late = Event()
        sweeper = Thread(target=self._sweep, args=(late,), name="outbox", daemon=True)
        sweeper.start()
        sweeper.join(patience)
        late.set()
        sweeper.join(1.0)

    def _sweep(self, late: Event) -> None:
        try:
            Acceptor(self._run, self._spools, self._noted, settled=0).take(late)
        except ReasonError as fault:
            self._noted(fault.code, "", fault.detail)

    def _accept(self) -> None:
        acceptor, expire, told = Acceptor(self._run, self._spools, self._noted), 0.0, ""
        while not self._stop.wait(LOOK_EVERY):
            try:
                taken = acceptor.take(self._stop)
                held = acceptor.held.items()
                self._held = Counter((stream, code) for (stream, _), code in held if code)
                if time.monotonic() >= expire:
                    expire = time.monotonic() + EXPIRE_EVERY
                    self._expire()
                told = ""
            except (ReasonError, OSError) as fault:
                code = fault.code if isinstance(fault, ReasonError) else "StoreUnusable"
                if code != told:
                    self._noted(code, "", str(fault))
                told = code
                self._stop.wait(REST)
            else:
                if taken:
                    self._ways.post(_nothing)

    def _expire(self) -> None:
        for name, spool in self._spools.items():
            for text in spool.expire():
                self._noted("OutboxExpired", name, text.partition("~")[2])

    def _next(self, now: float) -> Job | None:
        for name in sorted(self._spools, key=lambda name: -self._spools[name].stream.priority):
            if self._is_early((name, ""), now):
                continue
            spool = self._spools[name]
            for one in spool.oldest():
                job = (name, one.text)
                if job not in self._sending and not self._is_early(job, now):
                    return job
            owed = (name, spool.due(now, at_once=self._hurry))
            if owed[1] and owed not in self._sending and not self._is_early(owed, now):
                return owed
        return self._marker(now)

    def _marker(self, now: float) -> Job | None:
        """The last thing of a Run, once all else is done."""
        job = (min(self._spools, default=""), COMPLETED)
        if self._record is None or job in self._sending or self._is_early(job, now):
            return None
        return job if self._is_drained() and self._record.due else None

    def _is_early(self, job: Job, now: float) -> bool:
        wait = self._waits.get(job)
        return wait is not None and wait.until > now

    def _send(self, job: Job) -> None:
        self._sending.add(job)

        def heard(message: Message) -> None:
            if message.event in {"done", "failed"}:
                self._sending.discard(job)
                self._heard(job, message)

        self._ways.ask("send", tasks.send(*job, tenant=self._tenant), heard)

    def _heard(self, job: Job, message: Message) -> None:
        try:
            if message.event == "done":
                self._done(job, str(message.body.get("url", "")))
            else:
                self._failed(job, message.body)
        except ReasonError as fault:
            self._wait((job[0], ""), fault.code, fault.detail, 0)

    def _done(self, job: Job, url: str) -> None:
        name, text = job
        if text == COMPLETED and self._record is not None:
            self._record.completed()
        else:
            self._spools[name].finish(text, url)
        self._waits.pop((name, ""), None)
        self._waits.pop(job, None)

    def _failed(self, job: Job, body: dict[str, Any]) -> None:
        name, text = job
        code, detail = str(body.get("reason", "WorkerDied")), str(body.get("detail", ""))
        owed = is_due_name(text)
        if not owed and not self._spools[name].has(text):
            self._spools[name].recount()  # it was dropped meanwhile, or sent by somebody else
            return
        if not owed and code in _NEVER:
            self._spools[name].drop(text, code, detail)
            self._noted(code, name, detail)
            return
        alone = owed or code in _ALONE
        self._wait(job if alone else (name, ""), code, detail, float(body.get("after", 0)))

    def _wait(self, job: Job, code: str, detail: str, after: float) -> None:
        before = self._waits.get(job)
        attempts = before.attempts + 1 if before else 1
        blocked = code in REASONS and REASONS[code].kind == "blocked"
        chance = int.from_bytes(os.urandom(4)) / 2**32
        pause = policy.pause(attempts, chance)
        pause = max(after, self._ways.slow if blocked and attempts > 1 else pause)
        if len(self._waits) > 4096:
            self._waits.clear()
        self._waits[job] = _Wait(self._ways.now() + pause, attempts, code, detail)
        if before is None or before.code != code:
            self._noted(code, job[0], detail)

    def _noted(self, code: str, stream: str, detail: str) -> None:
        self._ways.note(event="outbox", reason=code, stream=stream, detail=detail)


def _reasons(held: Mapping[Held, int], stream: str) -> tuple[tuple[str, int], ...]:
    return tuple((code, count) for (name, code), count in sorted(held.items()) if name == stream)


def _nothing() -> None:
    """Only wakes the main loop."""
