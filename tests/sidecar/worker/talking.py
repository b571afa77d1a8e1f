"""A worker process to talk to, as the resident process would."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sidecar.contract.canonical import revision
from sidecar.model import tasks
from sidecar.model.tasks import Message, Task, TaskKind

COMMAND = [sys.executable, "-m", "sidecar.worker.main"]
ROOT = Path(__file__).parents[3]


class Worker:
    """A running worker that was given its config."""

    def __init__(self, process: subprocess.Popen[bytes], document: Mapping[str, Any]) -> None:
        self.process = process
        self._number = 0
        self.ask_raw(Task(0, "config", tasks.config(dict(document), revision(dict(document)))))

    @property
    def input(self) -> IO[bytes]:
        assert self.process.stdin is not None
        return self.process.stdin

    @property
    def output(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def ask_raw(self, task: Task) -> None:
        """Send a line."""
        self.input.write(tasks.encode(task))
        self.input.flush()

    def ask(self, kind: TaskKind, body: dict[str, Any]) -> int:
        """Give it a task; its number."""
        self._number += 1
        self.ask_raw(Task(self._number, kind, body))
        return self._number

    def messages(self) -> Iterator[Message]:
        """What it says."""
        for line in self.output:
            yield tasks.message_of(line)

    def end_of(self, *numbers: int) -> dict[int, Message]:
        """The last message of each task."""
        found: dict[int, Message] = {}
        for message in self.messages():
            if message.event in ("done", "failed"):
                found[message.id] = message
            if found.keys() >= set(numbers):
                return found
        raise AssertionError("the worker ended before it answered")

    def do(self, kind: TaskKind, body: dict[str, Any]) -> Message:
        """Give it a task and wait for its end."""
        number = self.ask(kind, body)
        return self.end_of(number)[number]


@contextmanager
def worker(
    document: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> Iterator[Worker]:
    """A worker for a config; it is let go at the end, and has to end by that."""
    process = subprocess.Popen(
        COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment
    )
    try:
        yield Worker(process, document)
        if process.stdin and not process.stdin.closed:
            process.stdin.close()
        process.wait(timeout=20)
    finally:
        process.kill()
        process.wait()
        for end in (process.stdin, process.stdout):
            if end is not None:
                end.close()


def wait_until(true: Callable[[], bool], patience: float = 20) -> None:
    """Wait for something to become so, for as long as no machine needs."""
    deadline = time.monotonic() + patience
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)
