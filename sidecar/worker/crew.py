"""Threads that send, for a process that is no worker of another one."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

from sidecar.model.reasons import ReasonError
from sidecar.model.tasks import Message, TaskKind
from sidecar.model.text import clean
from sidecar.transfer.context import Stopped
from sidecar.worker import send
from sidecar.worker.bench import Bench, Note

Heard = Callable[[Message], None]


class Crew:
    """Does tasks of the kind `send`; what came of them is told in whatever thread `post` picks."""

    def __init__(
        self, bench: Bench, threads: int, post: Callable[[Callable[[], None]], None]
    ) -> None:
        self._bench = bench
        self._post = post
        self._jobs: SimpleQueue[tuple[dict[str, Any], Heard]] = SimpleQueue()
        for _ in range(threads):
            Thread(target=self._serve, name="send", daemon=True).start()

    def ask(self, kind: TaskKind, body: dict[str, Any], heard: Heard) -> int:
        """Have an item sent."""
        del kind
        self._jobs.put((body, heard))
        return 0

    def _serve(self) -> None:
        while True:
            body, heard = self._jobs.get()
            self._post(_told(heard, self._sent(body)))

    def _sent(self, body: dict[str, Any]) -> Message:
        try:
            return Message(0, "done", send.run(self._bench, body, _nothing))
        except ReasonError as fault:
            return _failed(fault.code, fault.detail, fault.after)
        except Stopped:
            return _failed("Busy", "the process ends", 0)
        except Exception as fault:
            return _failed("WorkerDied", clean(f"{type(fault).__name__}: {fault}", 200), 0)


def _told(heard: Heard, message: Message) -> Callable[[], None]:
    return lambda: heard(message)


def _failed(code: str, detail: str, after: float) -> Message:
    return Message(0, "failed", {"reason": code, "detail": detail, "after": after})


_nothing: Note = lambda *_: None  # noqa: E731 - a note that nobody takes
