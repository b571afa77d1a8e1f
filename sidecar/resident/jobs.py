"""Work of the resident process that waits for a server: a thread each, few at a time.

A job is told to stop by its event and always ends by calling back in the main thread, with the
reason for which it failed or None. Nothing here knows what a job does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Event, Semaphore, Thread

from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.wire.stream import StoppedError

LIMIT = 4
_SLOTS = Semaphore(LIMIT)

Post = Callable[[Callable[[], None]], None]
Work = Callable[[Event], None]
Ended = Callable[[ReasonError | None], None]


class Job:
    """One piece of work under way."""

    def __init__(self, work: Work, ended: Ended, post: Post) -> None:
        self.stop = Event()
        self._work, self._ended, self._post = work, ended, post
        Thread(target=self._run, name="job", daemon=True).start()

    def _run(self) -> None:
        fault: ReasonError | None = None
        while not _SLOTS.acquire(timeout=0.2):
            if self.stop.is_set():
                self._post(lambda: self._ended(None))
                return
        try:
            self._work(self.stop)
        except StoppedError:
            fault = None
        except ReasonError as error:
            fault = error
        except Exception as error:
            sys.excepthook(*sys.exc_info())
            fault = ReasonError("LoadFailed", clean(f"{type(error).__name__}: {error}"))
        finally:
            _SLOTS.release()
        self._post(lambda: self._ended(fault))
