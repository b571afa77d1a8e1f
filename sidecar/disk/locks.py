"""Advisory locks on files, which end with the process that holds them.

They save work that would be done twice. Where they lie, as on some network file systems, bytes
are fetched twice and nothing breaks: every name that is written to holds its owner's token.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from threading import Event

from sidecar.disk import fsops


class Lock:
    """A lock that is held until `release` or the end of the process."""

    def __init__(self, path: str, descriptor: int) -> None:
        self.path = path
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def remove(self) -> None:
        """Delete the file and let go. Whoever waits for it finds out and makes it anew."""
        if self._descriptor >= 0:
            with suppress(OSError):  # an unlocked file that stays is as good
                fsops.unlink(self.path)
        self.release()

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def try_lock(path: str, *, shared: bool = False) -> Lock | None:
    """The lock of a file, or None while somebody else holds it; `shared` goes with other shared.

    Raises:
        OSError: the file can neither be opened nor made.
    """
    while True:
        descriptor = fsops.lock_file(path)
        if not _locked(descriptor, shared=shared):
            os.close(descriptor)
            return None
        if _names(path, descriptor):
            return Lock(path, descriptor)
        os.close(descriptor)  # the one who held it before has removed it


def wait_lock(path: str, stop: Event, poll: float = 0.2, *, shared: bool = False) -> Lock | None:
    """The lock of a file once it is free, or None when `stop` is set first."""
    while not stop.is_set():
        lock = try_lock(path, shared=shared)
        if lock is not None:
            return lock
        stop.wait(poll)
    return None


def take(path: str, *, shared: bool = False, poll: float = 0.02) -> Lock:
    """The lock of a file, however long that takes; for what others hold for moments only.

    The first looks follow each other closely, since most often a moment is less than a `poll`.
    """
    pause = poll / 32
    while True:
        lock = try_lock(path, shared=shared)
        if lock is not None:
            return lock
        time.sleep(pause)
        pause = min(poll, 2 * pause)


def held(path: str) -> bool:
    """Whether somebody holds the lock of a file; a missing file is held by nobody."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor, shared=True)
    finally:
        os.close(descriptor)


def tell_truth(path: str) -> bool:
    """Whether locks at `path` keep a second one out, as they should."""
    first = try_lock(path)
    if first is None:
        return True
    with first:
        second = try_lock(path)
        if second is not None:
            second.release()
    return second is None


def _locked(descriptor: int, *, shared: bool) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _names(path: str, descriptor: int) -> bool:
    try:
        found = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(found, os.fstat(descriptor))
