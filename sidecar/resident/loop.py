"""The main thread's loop: waits for calls of other threads and for the next thing that is due.

It knows nothing of what is called. SIGTERM and SIGINT end it after the call under way.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from types import FrameType

Call = Callable[[], None]


class Loop:
    """Calls are run in the order in which they were posted, in the thread of `run`."""

    def __init__(self) -> None:
        self._calls: SimpleQueue[Call] = SimpleQueue()
        self.ending = False
        self.beat = time.monotonic()

    def post(self, call: Call) -> None:
        """Have a call run soon; from any thread."""
        self._calls.put(call)

    def end(self) -> None:
        """Leave `run` soon; from any thread or signal."""
        self.ending = True
        self._calls.put(_nothing)

    def heed_signals(self) -> None:
        """End when the process is told to; process 1 of a container would ignore it otherwise."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)

    def run(self, tick: Callable[[float], float], most: float) -> None:
        """Call `tick` with the time until the end; it says when it wants to be called again."""
        while not self.ending:
            now = self.beat = time.monotonic()
            due = tick(now)
            self.turn(min(most, max(0.0, due - time.monotonic())))

    def turn(self, seconds: float) -> None:
        """Run what was posted; wait so long for it."""
        try:
            call = self._calls.get(timeout=seconds) if seconds else self._calls.get_nowait()
            while not self.ending:
                call()
                call = self._calls.get_nowait()
        except Empty:
            return

    def _signalled(self, _: int, __: FrameType | None) -> None:
        self.end()


def _nothing() -> None:
    """Only wakes the loop."""
