"""Reaps processes that nobody waits for, where this process is the first of its container.

Whoever begins a child here waits for it itself, and does so at once when it ends. A zombie that is
still there a while later is one that a dead child of ours left to us.
"""

from __future__ import annotations

import os
from collections.abc import Collection


class Orphans:
    """Remembers the zombie that it saw last."""

    def __init__(self) -> None:
        self._seen = 0
        self._first = os.getpid() == 1

    def reap(self, ours: Collection[int]) -> None:
        """Reap one that was seen before; call it every few seconds."""
        if not self._first:
            return
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        process = found.si_pid if found is not None else 0
        if process and process == self._seen and process not in ours:
            os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG)
            process = 0
        self._seen = process
