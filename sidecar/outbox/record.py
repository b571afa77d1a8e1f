"""What a node knows of the Run whose results lie in an outbox: whether its marker is due.

The marker is written when all that the Run left is stored, by `push` or by whoever sends what
`push` could not.
"""

from __future__ import annotations

from typing import Any, Final

from sidecar.disk import documents
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.reasons import ReasonError

NAME: Final = "run.json"


class Record:
    """What is known of the Run whose results a tenant's outbox holds."""

    def __init__(self, layout: Layout, tenant: str, own: Owner) -> None:
        self._path = layout.tenant(tenant, "outbox", NAME)
        self._owner = own
        self._unwritten: dict[str, Any] = {}

    @property
    def key(self) -> str:
        """The work key, empty where there is no Run."""
        return str(self._read().get("key", ""))

    @property
    def due(self) -> bool:
        """Whether all that the Run left was accepted, and the marker is still to be written."""
        return self._read().get("stage") == "accepted"

    def is_completed(self, key: str) -> bool:
        """Whether a Run of that key was completed on this node."""
        found = self._read()
        return found.get("stage") == "completed" and found.get("key") == key

    def begin(self, key: str, *, repeat: bool) -> None:
        """A Run's results are about to be accepted."""
        self._write(key=key, repeat=repeat, stage="begun")

    def accepted(self) -> None:
        """All that the Run left is in the spool or stored."""
        self._write(**{**self._read(), "stage": "accepted"})

    def completed(self) -> None:
        """The marker is written."""
        self._write(**{**self._read(), "stage": "completed"})

    def _read(self) -> dict[str, Any]:
        return self._unwritten or documents.read(self._path) or {}

    def _write(self, **facts: Any) -> None:
        try:
            documents.write(self._owner, self._path, facts)
        except ReasonError as fault:
            if fault.code != "DiskFull":
                raise
            # Results can still be sent; only whoever comes after this process knows less.
            self._unwritten = facts
        else:
            self._unwritten = {}
