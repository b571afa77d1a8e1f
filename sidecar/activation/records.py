"""The record of a slot: how far its last change had come.

The record is written and synced before each phase begins. Links are the truth and the record only
says what to do about them, so a missing or broken record costs one more look at the server.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sidecar.disk import documents
from sidecar.disk.owner import Owner

NAME = "record.json"
LOOP_LIMIT = 64
"""Phases begun for one wanted release before it counts as a loop."""


class Record(NamedTuple):
    """`origin` and `target` are release ids; `proven` is the one that last served well.

    `wanted` and `gate` name what the config asked for when the change began, `begun` counts the
    phases since then, `deadline` ends the probation by the wall clock.
    """

    phase: str = "idle"
    wanted: str = ""
    gate: str = ""
    origin: str = ""
    target: str = ""
    proven: str = ""
    proven_gate: str = ""
    begun: int = 0
    since: float = 0.0
    deadline: float = 0.0
    reason: str = ""
    detail: str = ""

    @property
    def looping(self) -> bool:
        """Whether the change was begun too often."""
        return self.begun > LOOP_LIMIT


NOTHING = Record()
_WRITTEN = {"origin": "from", "target": "to"}
"""Fields whose name in the document is a word of the language here."""


def read(slot: str) -> Record:
    """The record of a slot; `NOTHING` where there is none that makes sense."""
    document = documents.read(f"{slot}/{NAME}")
    if document is None:
        return NOTHING
    return record_of(document)


def record_of(document: dict[str, Any]) -> Record:
    """The record in a document; fields of the wrong type make it `NOTHING`."""
    fields: dict[str, Any] = {}
    for name, default in NOTHING._asdict().items():
        value = document.get(_WRITTEN.get(name, name), default)
        if isinstance(default, float) and isinstance(value, int):
            value = float(value)
        if type(value) is not type(default):
            return NOTHING
        fields[name] = value
    return Record(**fields)


def write(owner: Owner, slot: str, record: Record) -> None:
    """Replace the record and make it last."""
    document = {_WRITTEN.get(name, name): value for name, value in record._asdict().items()}
    documents.write(owner, f"{slot}/{NAME}", document)
