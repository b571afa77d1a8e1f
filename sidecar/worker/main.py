"""A worker process: tasks in on standard input, messages out on standard output.

Transfers run on as many threads as the config has streams, everything short on threads of its own,
so that a question never waits behind gigabytes. At the end of its input the process is gone at
once, whatever it does; what it left half done is made for that.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any, BinaryIO

from sidecar.contract.typed import config_of
from sidecar.disk import fsops, store
from sidecar.disk.owner import enter
from sidecar.model import tasks
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.peers.elect import Election
from sidecar.transfer.context import Context, Stopped
from sidecar.worker.bench import Bench
from sidecar.worker.syncfs import syncfs

LONG = frozenset(("bring", "send", "datasets"))
"""Tasks that move bytes or wait for many, and so count as streams."""
SHORT = frozenset(("golden", "ask", "report", "scrub", "collect", "signature"))
"""All others. A kind's code is the module of its name in this folder."""

_SHORT_THREADS = 2


def main() -> int:
    """Serve until the input ends; only without a first task does it return."""
    source = sys.stdin.buffer
    line = source.readline()
    if not line:
        return 0
    fsops.syncfs = syncfs
    body = tasks.task_of(line).body
    config = config_of(body["document"], body["revision"])
    bench: Bench | ReasonError
    try:
        layout = store.open_store(config.limits.root)
        context = Context(config, dict(os.environ), Event(), Election)
        bench = Bench(config, context, layout, enter(layout))
    except ReasonError as error:
        bench = error
    Worker(bench, config.network.streams, source, 1).serve()
    return 0


class Worker:
    """Spreads tasks over threads. Where the store cannot be opened, every task fails for that."""

    def __init__(
        self, bench: Bench | ReasonError, streams: int, source: BinaryIO, output: int
    ) -> None:
        self._bench = bench
        self._streams = streams
        self._source = source
        self._output = output
        self._lock = Lock()
        self._busy = 0
        self._long: SimpleQueue[tasks.Task] = SimpleQueue()
        self._short: SimpleQueue[tasks.Task] = SimpleQueue()

    def serve(self) -> None:
        """Take tasks until the input ends, and end the process then."""
        for count, queue in ((self._streams, self._long), (_SHORT_THREADS, self._short)):
            for _ in range(count):
                Thread(target=self._work, args=(queue,), daemon=True).start()
        for line in self._source:
            task = tasks.task_of(line)
            self._count(1)
            (self._long if task.kind in LONG else self._short).put(task)
        if not self._busy and isinstance(self._bench, Bench):
            self._bench.owner.leave()
        # Nobody listens any more. A thread in the middle of something is no reason to stay.
        os._exit(0)

    def _work(self, queue: SimpleQueue[tasks.Task]) -> None:
        while True:
            end = self._end_of(queue.get())
            # First: whoever hears the end may let the worker go, which then leaves in good order.
            self._count(-1)
            self._tell(end)

    def _end_of(self, task: tasks.Task) -> tasks.Message:
        """Do a task; its last message."""

        def note(event: str, body: dict[str, Any]) -> None:
            self._tell(tasks.Message(task.id, event, body))

        try:
            return tasks.Message(task.id, "done", self._done(task, note))
        except ReasonError as error:
            failure = error
        except Stopped:
            failure = ReasonError("WorkerDied", "it was told to end")
        except Exception as error:
            # The thread serves on, and the resident is told as much as a line can hold.
            words = f"{type(error).__name__}: {clean(str(error), 200)}"
            failure = ReasonError("WorkerDied", words)
        return tasks.Message(task.id, "failed", _failure(failure))

    def _done(self, task: tasks.Task, note: Any) -> dict[str, Any]:
        if isinstance(self._bench, ReasonError):
            raise self._bench
        if task.kind not in LONG | SHORT:
            raise ReasonError("WorkerDied", f"no task {clean(task.kind, 40)!r}")
        code = import_module(f"sidecar.worker.{task.kind}")
        result: dict[str, Any] = code.run(self._bench, task.body, note)
        return result

    def _tell(self, message: tasks.Message) -> None:
        rest = tasks.encode(message)
        try:
            with self._lock:
                while rest:
                    rest = rest[os.write(self._output, rest) :]
        except OSError:
            os._exit(0)

    def _count(self, change: int) -> None:
        with self._lock:
            self._busy += change


def _failure(error: ReasonError) -> dict[str, Any]:
    return {
        "reason": error.code,
        "detail": clean(error.detail),
        "after": error.after,
        "facts": error.facts,
    }


if __name__ == "__main__":
    sys.exit(main())
