"""A few processes that share one memory image and answer messages: parallel work without copies.

`fork` gives each process everything that was computed before, and only messages and answers
cross over. Where the platform has no safe fork, or one process is asked for, the work is done
in place. What the work is, is the caller's business.
"""

from __future__ import annotations

import gc
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

COLLECT_EVERY = 32
"""Answers after which a process frees its cycles: automatic collection costs a tenth."""

Handler = Callable[[Any], Any]
Progress = Callable[[int, int], None]
"""Hears (how many are done, how many there are)."""


def can_fork() -> bool:
    """Whether this platform forks a process with all its memory safely."""
    return sys.platform == "linux" and hasattr(os, "fork")


@contextmanager
def crew(count: int, handler: Handler) -> Iterator[Crew]:
    """Processes that answer with `handler`; all of them are gone when the block ends."""
    hands = Crew(count if can_fork() else 1, handler)
    try:
        yield hands
    finally:
        hands.close()


class Crew:
    """Answers messages in several processes, or in this one when `count` is 1."""

    def __init__(self, count: int, handler: Handler) -> None:
        self._handler = handler
        self._hands: list[tuple[int, Connection]] = []
        if count > 1:
            sys.stdout.flush()
            sys.stderr.flush()
            gc.freeze()
            self._hands = [self._hire() for _ in range(count)]

    @property
    def size(self) -> int:
        """How many processes work; 1 where there is only this one."""
        return len(self._hands) or 1

    def ask(self, messages: Sequence[Any], progress: Progress | None = None) -> list[Any]:
        """The answers in the order of the messages; `progress` hears how many there are so far.

        Raises:
            Exception: whatever the handler raised for the first message that failed.
        """
        told = progress or _silent
        answers: dict[int, Any] = {}
        for number, answer in self._answers(messages):
            answers[number] = answer
            told(len(answers), len(messages))
        return [answers[number] for number in range(len(messages))]

    def _answers(self, messages: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        if not self._hands:
            yield from ((n, self._handler(message)) for n, message in enumerate(messages))
            return
        # Imported here: one process, which is what small fleets get, never needs it.
        from multiprocessing.connection import wait

        waiting = list(enumerate(messages))[::-1]
        busy: dict[Connection, int] = {}
        for _, line in self._hands:
            self._next(line, waiting, busy)
        while busy:
            ready = wait(list(busy))
            for line in [one for one in busy if one in ready]:
                number = busy.pop(line)
                failed, answer = line.recv()
                if failed:
                    raise answer
                self._next(line, waiting, busy)
                yield number, answer

    def close(self) -> None:
        """End every process and wait for it."""
        for _, line in self._hands:
            line.close()
        for process, _ in self._hands:
            os.waitpid(process, 0)
        self._hands = []

    def _next(
        self, line: Connection, waiting: list[tuple[int, Any]], busy: dict[Connection, int]
    ) -> None:
        if waiting:
            number, message = waiting.pop()
            line.send(message)
            busy[line] = number

    def _hire(self) -> tuple[int, Connection]:
        from multiprocessing.connection import Pipe

        here, there = Pipe()
        process = os.fork()
        if process:
            there.close()
            return process, here
        here.close()
        for _, line in self._hands:
            line.close()
        status = 1
        try:
            self._work(there)
            status = 0
        finally:
            # No clean-up of the parent's (open files, temporary folders) may run in a child.
            os._exit(status)

    def _work(self, line: Connection) -> None:
        for served in itertools.count(1):
            try:
                message = line.recv()
            except EOFError:
                return
            try:
                answer = (False, self._handler(message))
            except Exception as fault:
                answer = (True, fault)
            line.send(answer)
            if served % COLLECT_EVERY == 0:
                gc.collect()


def _silent(done: int, of: int) -> None:
    """Tell nobody."""
