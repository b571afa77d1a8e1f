"""Sends all that a Run left and writes its marker: what `push` does, in one process.

Everything is accepted into the store first, so that whatever ends this process, the node role can
go on with it. What the store has no room for is sent straight from the worker's volume. Whatever
passes by itself is waited for until the pod ends; what somebody has to mend, for a while.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Event
from typing import Final, NamedTuple

from sidecar.disk import failure
from sidecar.model.config import Source
from sidecar.model.reasons import REASONS, ReasonError
from sidecar.outbox import direct, ground, marker, orphans, policy, record
from sidecar.outbox.accept import Acceptor
from sidecar.outbox.box import Outbox, Ways
from sidecar.transfer import small
from sidecar.worker import send
from sidecar.worker.bench import Bench
from sidecar.worker.crew import Crew

GRACE: Final = 580.0
"""Most seconds after being told to end; the pod of a Run has 600."""
_OPEN_FOR = 10.0
"""Seconds after which a file is taken although somebody still has it open for writing."""
_TICK = 0.2
_RECHECK = 30.0
_LIMIT = 1 << 20
_ENOUGH_TO_MEASURE = 1 << 20
_FULL = frozenset(("OutboxFull", "DiskFull"))

Note = Callable[..., None]


class Work(NamedTuple):
    """The Run whose results are sent; without a key there is none, and no marker."""

    key: str
    repeat: bool


class Outcome(NamedTuple):
    """How it ended: files stored, files that cannot be taken, and files that were never finished.

    With a file that cannot be taken a Run is not complete.
    """

    sent: int
    refused: list[str]
    unfinished: list[str]


def is_completed(bench: Bench, work: Work) -> str:
    """Where it is seen that the Run was completed before, or nothing."""
    if not work.key or work.repeat:
        return ""
    tenant, site = bench.config.tenant.directory, bench.config.node.site
    if record.Record(bench.layout, tenant, bench.owner).is_completed(work.key):
        return "the node's store"
    found = marker.marker(bench.config.outbox, work.key, site, repeat=False)
    if found is None:
        return ""
    try:
        small.get(Source(found.url, found.store), bench.context, _LIMIT)
    except ReasonError:
        return ""  # it is not there or not to be seen; then whoever is first writes it
    return found.url


class Drain:
    """One pass from the worker's volume to the store and from there to where it goes.

    `told` is set when the pod is to end.
    """

    def __init__(
        self,
        bench: Bench,
        work: Work,
        run: str,
        note: Note,
        *,
        told: Event,
        patience: float = 300.0,
    ) -> None:
        self._bench = bench
        self._work = work
        self._run = run
        self._note = note
        self._told = told
        self._patience = patience
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        with failure.told(bench.layout.root):
            self._spools = orphans.spools(bench.layout, bench.owner, bench.config)
        tenant, streams = bench.config.tenant.directory, bench.config.network.streams
        self._record = record.Record(bench.layout, tenant, bench.owner)
        crew = Crew(bench, streams, self._calls.put)
        # Nothing is fetched here, so all of the streams are the outbox's.
        ways = Ways(crew.ask, self._calls.put, note, streams=2 * streams, slow=_RECHECK)
        self._box = Outbox(lambda: self._spools, ways, hurry=True, record=self._record)
        self._acceptor = Acceptor(run, self._spools, self._noted, settled=0)
        self._began = time.monotonic()
        self._stuck_since = 0.0

    def run(self) -> Outcome:
        """Do it.

        Raises:
            ReasonError: why not all is stored; what was accepted is kept.
        """
        if self._work.key:
            self._record.begin(self._work.key, repeat=self._work.repeat)
        ground.prepare(self._run, tuple(self._spools))
        collected, until = False, 0.0
        while not (collected and self._box.idle):
            collected = collected or self._collect()
            self._box.step(time.monotonic())
            self._answer()
            if self._told.is_set():
                until = until or time.monotonic() + self._grace()
            if (until and time.monotonic() > until) or (collected and self._is_stuck()):
                raise self._left()
        refused = [f"{stream}/{name}" for stream, name in self._acceptor.held]
        sent = sum(one.counts().sent for one in self._spools.values())
        return Outcome(sent, refused, self._acceptor.unfinished())

    def _collect(self) -> bool:
        """Accept what the Run left; whether nothing remains that can be accepted."""
        self._acceptor.take(Event(), force=time.monotonic() - self._began > _OPEN_FOR)
        held = self._acceptor.held
        if not any(one.counts().waiting for one in self._spools.values()):
            for name in {stream for (stream, _), code in held.items() if code in _FULL}:
                self._send_directly(name)
        if any(code != "OutboxRefused" for code in held.values()):
            return False
        if self._work.key and not held:
            self._record.accepted()
        return True

    def _send_directly(self, stream: str) -> None:
        post = send.post(self._bench, self._bench.config.tenant.directory, stream)
        try:
            direct.send_left(self._run, self._spools[stream], post, send.Way(self._bench))
        except ReasonError as fault:
            if fault.reason.kind == "blocked":
                raise
            self._noted(fault.code, stream, fault.detail)
            self._told.wait(min(_RECHECK, max(1.0, fault.after)))

    def _is_stuck(self) -> bool:
        """Whether all that waits has long been waiting for somebody to change something."""
        hindered = self._box.hindered
        kinds = {REASONS[code].kind for code, _ in hindered.values() if code in REASONS}
        if kinds != {"blocked"}:
            self._stuck_since = 0.0
            return False
        now = time.monotonic()
        self._stuck_since = self._stuck_since or now
        return now - self._stuck_since >= self._patience

    def _grace(self) -> float:
        """Seconds that the rest may take, by its size and the link."""
        meter, waiting = self._bench.context.meter, 0
        for one in self._spools.values():
            waiting += one.counts().bytes
        measured = meter.sent / max(1.0, time.monotonic() - self._began)
        known = meter.rate or (measured if meter.sent > _ENOUGH_TO_MEASURE else 0)
        return policy.grace(waiting, known, GRACE)

    def _left(self) -> ReasonError:
        counts = [one.counts() for one in self._spools.values()]
        waiting, size = sum(one.waiting for one in counts), sum(one.bytes for one in counts)
        code, detail = next(iter(self._box.hindered.values()), ("Busy", "the pod ends"))
        return ReasonError(code, f"{waiting} files of {size} bytes stay on the node: {detail}")

    def _noted(self, code: str, stream: str, detail: str) -> None:
        self._note(event="outbox", reason=code, stream=stream, detail=detail)

    def _answer(self) -> None:
        """Hear what the crew has to say."""
        try:
            call = self._calls.get(timeout=_TICK)
            while True:
                call()
                call = self._calls.get_nowait()
        except Empty:
            return
