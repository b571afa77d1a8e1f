"""Makes directories of a tenant so that their names survive a power cut."""

from __future__ import annotations

import os
from contextlib import suppress

from sidecar.disk import fsops


def make(path: str) -> None:
    """Make a directory and whatever lies above it; one that exists is left as it is."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    make(above)
    with suppress(FileExistsError):
        fsops.make_directory(path)
    fsops.sync_directory(above)
