"""Says what happens: one JSON object per line on standard error, and in the tenant's journal.

Details come cleaned, without credentials. What repeats without news is not said again by those
who call; the journal is bounded by itself.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress

from sidecar.disk.journal import Journal


class Voice:
    """The log of a process; `journal` is set once the tenant's place in the store is known."""

    def __init__(self) -> None:
        self.journal: Journal | None = None

    def note(self, **event: object) -> None:
        """Tell of an event; fields that are empty are left out."""
        told = {name: value for name, value in event.items() if value not in ("", None)}
        line = json.dumps({"time": round(time.time(), 3), **told}, separators=(",", ":"))
        with suppress(OSError, ValueError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        if self.journal is not None:
            self.journal.write(told)
