"""Many places failed, each for its own reason: which of them is told.

While one of them may come back by itself the whole is a wait; it is blocked only when all are.
"""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean

FINAL = frozenset(
    ("DiskFull", "QuotaExceeded", "StoreReadOnly", "StoreUnusable", "StoreNewer",
     "WindowShut", "TimeZoneMissing", "ClockUnsynced")
)  # fmt: skip
"""Reasons that no other place would change."""

_BLOCKED = ("DigestMismatch", "TooLarge", "AccessDenied", "CredentialsMissing", "TlsVerify")
"""What is told first of reasons that all need somebody, worst first."""


def of(failures: Sequence[ReasonError], paused: Sequence[float] = ()) -> ReasonError:
    """The reason for all of them; `paused` are seconds until a host that was spared is asked."""
    words = "; ".join(dict.fromkeys(error.detail or error.code for error in failures))
    waits = [error for error in failures if error.reason.kind == "wait"]
    if waits:
        after = min((*(error.after for error in waits), *paused))
        return ReasonError(waits[0].code, clean(words), after=after, facts=waits[0].facts)
    if paused:
        return ReasonError("Offline", clean(words or "no host answers"), after=min(paused))
    if not failures:
        return ReasonError("Offline", "there is no place to ask")
    first = min(failures, key=_rank)
    return ReasonError(first.code, clean(words), after=first.after, facts=first.facts)


def _rank(error: ReasonError) -> int:
    return _BLOCKED.index(error.code) if error.code in _BLOCKED else len(_BLOCKED)
