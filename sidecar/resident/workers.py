"""The worker processes of a resident one: starts them, gives them tasks, hears them, lets them go.

One serves all tasks of a config. It is let go when it has been idle for two seconds or when the
config changes, by closing its standard input, which also ends it when this process dies. All
methods belong to the main thread; what a worker says is handed to that thread as a call.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from typing import Any

from sidecar.model import tasks
from sidecar.model.tasks import Message, Task, TaskKind

IDLE = 2.0
RETRY = 0.05
PATIENCE = 3.0
"""Seconds that a worker has to end after its input did."""

_HANDED_ON = (
    "HOME",
    "LANG",
    "LC_ALL",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "TMPDIR",
    "TZ",
)
_FAMILIES = ("AWS_", "EDGEWRIGHT_", "PYTHON")

Heard = Callable[[Message], None]
Post = Callable[[Callable[[], None]], None]


def _command() -> list[str]:
    """How this very program is started again: from a zipapp, or as a package."""
    program = sys.argv[0] if sys.argv else ""
    if program.endswith(".pyz"):
        return [sys.executable, "-I", os.path.abspath(program), "worker"]
    return [sys.executable, "-m", "sidecar", "worker"]


COMMAND = _command()
"""The arguments of a worker process."""


class Workers:
    """The worker of the accepted config, and those that are ending."""

    def __init__(
        self,
        post: Post,
        began: Callable[[], None] = lambda: None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._post = post
        self._began = began
        self._ended = ended
        self._config: bytes = b""
        self._child: _Child | None = None
        self._leaving: list[_Child] = []
        self._heard: dict[int, Heard] = {}
        self._last = 0

    def configure(self, document: dict[str, Any], revision: str) -> None:
        """Serve another config from now on; tasks under way are dropped without a word."""
        self.let_go()
        self._config = tasks.encode(Task(0, "config", tasks.config(document, revision)))

    def ask(self, kind: TaskKind, body: dict[str, Any], heard: Heard) -> int:
        """Begin a task. `heard` is called with each message until `done` or `failed`."""
        self._last += 1
        number = self._last
        self._heard[number] = heard
        if self._child is None:
            self._began()
            self._child = _Child(self._config, self._hear, self._died, self._post)
        self._child.write(tasks.encode(Task(number, kind, body)))
        return number

    def look(self, now: float) -> float:
        """Let an idle worker go and end those that do not; when to look again, or 0."""
        for leaving in self._leaving:
            if now > leaving.deadline:
                leaving.kill()
        child = self._child
        if child is not None and not child.flush():
            return now + RETRY
        if child is None or self._heard:
            return now + PATIENCE if self._leaving else 0.0
        if now - child.quiet_since >= IDLE:
            self._part(child)
            return now + PATIENCE
        return child.quiet_since + IDLE

    def let_go(self) -> None:
        """End the worker; its tasks are dropped without a word."""
        self._heard.clear()
        if self._child is not None:
            self._part(self._child)

    def close(self, patience: float) -> None:
        """End every worker, the hard way where they take longer than `patience`."""
        self.let_go()
        deadline = time.monotonic() + patience
        for child in self._leaving:
            child.wait(max(0.0, deadline - time.monotonic()))

    @property
    def processes(self) -> list[int]:
        """The process numbers of all workers that are not reaped yet."""
        alive = [self._child, *self._leaving] if self._child else self._leaving
        return [child.process for child in alive]

    @property
    def busy(self) -> int:
        """How many tasks are under way."""
        return len(self._heard)

    def _part(self, child: _Child) -> None:
        child.end()
        self._leaving.append(child)
        self._child = None

    def _hear(self, child: _Child, message: Message) -> None:
        if child is not self._child:
            return
        last = message.event in ("done", "failed")
        heard = self._heard.pop(message.id, None) if last else self._heard.get(message.id)
        child.quiet_since = time.monotonic()
        if heard is not None:
            heard(message)

    def _died(self, child: _Child, status: int) -> None:
        self._ended()
        if child in self._leaving:
            self._leaving.remove(child)
            return
        self._child = None
        child.end()
        lost, self._heard = self._heard, {}
        for number, heard in lost.items():
            body = {"reason": "WorkerDied", "detail": _ending(status), "after": 0, "facts": {}}
            heard(Message(number, "failed", body))


class _Child:
    """One worker process and the thread that reads what it says."""

    def __init__(
        self,
        first: bytes,
        heard: Callable[[_Child, Message], None],
        died: Callable[[_Child, int], None],
        post: Post,
    ) -> None:
        self.deadline = float("inf")
        self.quiet_since = time.monotonic()
        self._heard, self._died, self._post = heard, died, post
        self.process, self._input, output = _spawn()
        self._pending = b""
        self._thread = Thread(target=self._listen, args=(output,), name="worker", daemon=True)
        self._thread.start()
        self.write(first)

    def write(self, line: bytes) -> None:
        """Queue a line; a worker that does not read must not stop the one who asks."""
        self._pending += line
        self.flush()

    def flush(self) -> bool:
        """Whether all that was queued is written."""
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._input, self._pending) :]
        except BlockingIOError:
            return False
        except OSError:
            # A worker that is gone is noticed by the end of its output.
            self._pending = b""
        return True

    def end(self) -> None:
        if self._input >= 0:
            os.close(self._input)
            self._input = -1
            self.deadline = time.monotonic() + PATIENCE

    def kill(self) -> None:
        # The thread reaps, so the number cannot mean another process while it runs.
        if self._thread.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self.process, signal.SIGKILL)

    def wait(self, seconds: float) -> None:
        self._thread.join(seconds)
        self.kill()
        self._thread.join(1.0)

    def _listen(self, output: int) -> None:
        with open(output, "rb") as lines:
            for line in lines:
                with suppress(ValueError, KeyError, TypeError):
                    message = tasks.message_of(line)
                    self._post(lambda message=message: self._heard(self, message))  # type: ignore[misc]
        _, status = os.waitpid(self.process, 0)
        self._post(lambda: self._died(self, status))


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The part of an environment that a worker gets: no proxy, and nothing that it does not use."""
    return {
        name: value
        for name, value in given.items()
        if name in _HANDED_ON or name.startswith(_FAMILIES)
    }


def _spawn() -> tuple[int, int, int]:
    """A process, the descriptor of its input and that of its output."""
    child_input, ours = os.pipe()
    theirs, child_output = os.pipe()
    try:
        process = os.posix_spawn(
            COMMAND[0],
            COMMAND,
            environment(os.environ),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, child_input, 0),
                (os.POSIX_SPAWN_DUP2, child_output, 1),
            ],
            setsigdef=[signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE],
            setsigmask=[],
        )
    except OSError:
        os.close(ours)
        os.close(theirs)
        raise
    finally:
        os.close(child_input)
        os.close(child_output)
    os.set_blocking(ours, False)
    return process, ours, theirs


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
