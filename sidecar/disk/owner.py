"""Who prepares what: a random token for each process, alive while it holds its file's lock.

Process numbers and boot identities mean nothing across pods, so they are never asked.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count
from types import TracebackType

from sidecar.disk import fsops, locks, removal
from sidecar.disk.layout import Layout


class Owner:
    """A process in the store, from `enter` to `leave` or its end."""

    def __init__(self, layout: Layout, token: str, lock: locks.Lock) -> None:
        self.layout = layout
        self.token = token
        self._lock = lock
        self._numbers = count()

    def scratch(self) -> str:
        """A path in this owner's staging directory that nothing has yet."""
        staging = self.layout.staging(self.token)
        if not os.path.isdir(staging):  # swept where locks lie
            _make(staging)
        return f"{staging}/{next(self._numbers)}"

    def leave(self) -> None:
        """Delete the staging directory and give up the token; partial files stay for a resume."""
        removal.remove(self.layout.staging(self.token))
        self._lock.remove()

    def __enter__(self) -> Owner:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()


def enter(layout: Layout) -> Owner:
    """A new owner with an empty staging directory."""
    while True:
        token = os.urandom(16).hex()
        lock = locks.try_lock(layout.owner(token))
        if lock is not None:
            _make(layout.staging(token))
            return Owner(layout, token, lock)


def alive(layout: Layout, token: str) -> bool:
    """Whether the process of a token still runs."""
    return locks.held(layout.owner(token))


def sweep(layout: Layout) -> None:
    """Delete what dead owners left in staging, and their tokens. Partial files are left alone."""
    for token in sorted({*_names(layout.store("staging")), *_names(layout.store("owners"))}):
        lock = locks.try_lock(layout.owner(token))
        if lock is not None:
            removal.remove(layout.staging(token))
            lock.remove()


def _make(path: str) -> None:
    with suppress(FileExistsError):
        fsops.make_directory(path, 0o700)


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []
