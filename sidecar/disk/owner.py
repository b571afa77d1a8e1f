"""Who prepares what: a random token for each process, alive while it holds its file's lock.

Process numbers and boot identities mean nothing across pods, so they are never asked. Where locks
lie, whoever gave a sign within the last hour counts as alive.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from itertools import count

from sidecar.disk import failure, fsops, locks, removal
from sidecar.disk.layout import Layout

_BEAT = 300.0
_SILENCE = 3600.0
_PUT_BY = 4


class Owner:
    """A process in the store, from `enter` to `leave` or its end. Threads may share it."""

    def __init__(self, layout: Layout, token: str, lock: locks.Lock) -> None:
        self.layout = layout
        self.token = token
        self._lock = lock
        self._numbers = count()
        self._beat = time.monotonic()

    def scratch(self) -> str:
        """A path in this owner's staging directory that nothing has yet."""
        self.beat()
        staging = self.layout.staging(self.token)
        if not os.path.isdir(staging):  # swept where locks lie
            _make(staging)
        return f"{staging}/{next(self._numbers)}"

    def beat(self) -> None:
        """Give a sign of life, for those who cannot see the lock."""
        now = time.monotonic()
        if now - self._beat > _BEAT:
            self._beat = now
            with suppress(OSError):
                fsops.touch(self.layout.owner(self.token))

    def leave(self) -> None:
        """Delete the staging directory and give up the token; partial files stay for a resume."""
        with suppress(OSError):  # whoever sweeps next deletes the rest
            removal.remove(self.layout.staging(self.token))
        self._lock.remove()

    def __enter__(self) -> Owner:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()


def enter(layout: Layout) -> Owner:
    """A new owner with an empty staging directory.

    On a full disk it takes what `reserve` put by, so that a collector can always begin.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    with failure.told(layout.store("owners")):
        try:
            return _enter(layout)
        except OSError as error:
            if not failure.is_full(error) or not _names(layout.store("reserve")):
                raise
        removal.remove(layout.store("reserve"))
        return _enter(layout)


def reserve(layout: Layout) -> None:
    """Put a little space and a few inodes by, where there are enough."""
    path = layout.store("reserve")
    with suppress(OSError):
        _make(path)
        for number in range(_PUT_BY - len(_names(path))):
            descriptor = fsops.create(f"{path}/{os.urandom(4).hex()}-{number}")
            try:
                fsops.write(descriptor, b"\0" * 16_384)
            finally:
                fsops.close(descriptor)


def alive(layout: Layout, token: str) -> bool:
    """Whether the process of a token still runs."""
    path = layout.owner(token)
    return locks.held(path) or (_recent(path) and not locks.tell_truth(layout.lock("probe")))


def sweep(layout: Layout) -> None:
    """Delete what dead owners left in staging, and their tokens. Partial files are left alone.

    Raises:
        ReasonError: the disk is read-only or unusable.
    """
    with failure.told(layout.store("staging")):
        for token in _names(layout.store("owners")):
            if not alive(layout, token):
                _bury(layout, token)
        for token in _names(layout.store("staging")):
            if not os.path.exists(layout.owner(token)):  # `enter` makes the token first
                removal.remove(layout.staging(token))


def _enter(layout: Layout) -> Owner:
    while True:
        token = os.urandom(16).hex()
        lock = locks.try_lock(layout.owner(token))
        if lock is not None:  # else a sweeper looked at it first
            try:
                _make(layout.staging(token))
            except OSError:
                lock.remove()
                raise
            return Owner(layout, token, lock)


def _bury(layout: Layout, token: str) -> None:
    lock = locks.try_lock(layout.owner(token))
    if lock is not None:
        removal.remove(layout.staging(token))
        lock.remove()


def _make(path: str) -> None:
    with suppress(FileExistsError):
        fsops.make_directory(path, 0o700)


def _recent(path: str) -> bool:
    try:
        return abs(time.time() - os.stat(path).st_mtime) < _SILENCE
    except OSError:
        return False


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except FileNotFoundError:
        return []
