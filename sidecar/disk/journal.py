"""A tenant's bounded log of events: one JSON object per line, two files of 256 KiB at most.

It is for people. Nothing is read back from it, and a disk that is full loses events, not work.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from threading import Lock
from typing import Any

from sidecar.disk import fsops
from sidecar.disk.layout import Layout

LIMIT = 256 << 10


class Journal:
    """Writes the journal of one tenant, from any thread."""

    def __init__(self, layout: Layout, tenant: str) -> None:
        self.path = layout.tenant(tenant, "journal.ndjson")
        self._lock = Lock()

    def write(self, event: dict[str, Any]) -> None:
        """Append an event; `time` is added."""
        line = json.dumps({"time": round(time.time(), 3), **event}, separators=(",", ":"))
        with self._lock, suppress(OSError):
            self._append(line.encode()[: LIMIT - 1] + b"\n")

    def _append(self, line: bytes) -> None:
        descriptor = fsops.append(self.path)
        try:
            length = os.fstat(descriptor).st_size
            if length and length + len(line) > LIMIT:
                fsops.rename(self.path, f"{self.path}.1")
                fsops.close(descriptor)
                descriptor = fsops.append(self.path)
            fsops.write(descriptor, line)
        finally:
            fsops.close(descriptor)
