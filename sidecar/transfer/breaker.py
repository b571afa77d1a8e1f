"""Hosts that do not answer are left alone for a while, so that a dead mirror costs its wait once.

Only failures of a host itself count, never what it says about one object. It holds nobody back
where no other source is left: then the wait is the caller's to report.
"""

from __future__ import annotations

import time
from threading import Lock
from typing import NamedTuple

_FAILURES = 2
_FIRST, _LONGEST = 15.0, 300.0
COUNTED = frozenset(("Offline", "Stalled", "ProxyError", "Protocol", "TlsVerify", "ClockSkew"))
"""Reasons that speak about the host and not about what was asked of it."""


class _State(NamedTuple):
    failures: int = 0
    until: float = 0.0


class Breaker:
    """What is known of each host. A host that is let alone gets one trial when its time is up."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._states: dict[str, _State] = {}

    def wait(self, host: str) -> float:
        """Seconds for which the host is left alone, 0 where it may be asked."""
        return max(0.0, self._states.get(host, _State()).until - time.monotonic())

    def failed(self, host: str, code: str) -> None:
        """Count a failure."""
        if code not in COUNTED:
            return
        with self._lock:
            count = self._states.get(host, _State()).failures + 1
            pause = _FIRST * 2 ** min(count - _FAILURES, 8) if count >= _FAILURES else 0.0
            self._states[host] = _State(count, time.monotonic() + min(pause, _LONGEST))

    def worked(self, host: str) -> None:
        """Forget what was held against it."""
        if host in self._states:
            with self._lock:
                self._states.pop(host, None)
