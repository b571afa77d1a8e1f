"""Counters of what this process did since it began. They only grow, and nothing stores them.

Each is declared once in `COUNTERS`. Labels come from small sets; beyond a cap of label values the
rest is counted as `other`, so that nothing that a server says can make the process grow.
"""

from __future__ import annotations

from threading import Lock
from typing import Final, NamedTuple

_MOST = 64
_REST = "other"


class Counter(NamedTuple):
    """One counter; `label` is empty where it has none."""

    name: str
    label: str
    help: str


COUNTERS: Final[dict[str, Counter]] = {
    one.name: one
    for one in (
        Counter("fetched_bytes", "source", "Bytes fetched, by scheme of the source."),
        Counter("resumed_bytes", "", "Bytes that a fetch found and did not fetch again."),
        Counter("wasted_bytes", "", "Bytes that were fetched and thrown away."),
        Counter("sent_bytes", "", "Bytes of the outbox that were stored."),
        Counter("failures", "reason", "Steps that ended with a reason, by its code."),
        Counter("switches", "group", "Switches to another version."),
        Counter("switch_seconds", "group", "Seconds that switches took, from link to good."),
        Counter("rollbacks", "group", "Versions that were left again."),
        Counter("config_changes", "", "Configs that were accepted."),
        Counter("workers", "", "Worker processes that were begun."),
        Counter("scrubbed_blobs", "", "Blobs that were hashed again on disk."),
        Counter("collected_bytes", "", "Bytes deleted because no tenant needs them."),
        Counter("reports", "", "Reports that were stored."),
    )
}


class Counters:
    """The values of all counters; from any thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[str, dict[str, float]] = {
            name: {} if one.label else {"": 0.0} for name, one in COUNTERS.items()
        }

    def add(self, name: str, amount: float = 1, label: str = "") -> None:
        """Count. A negative amount is not counted.

        Raises:
            KeyError: there is no such counter.
        """
        values = self._values[name]
        with self._lock:
            if label not in values and len(values) >= _MOST:
                label = _REST
            values[label] = values.get(label, 0.0) + max(0.0, amount)

    def values(self, name: str) -> dict[str, float]:
        """The values of a counter by label, in a stable order."""
        with self._lock:
            return dict(sorted(self._values[name].items()))
