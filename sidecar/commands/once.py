"""`once`: brings and switches everything before a worker starts, then ends."""

from __future__ import annotations

import os

from sidecar.activation import links
from sidecar.resident.once import Once
from sidecar.resident.service import Options, host


def main(flags: dict[str, str], words: list[str]) -> int:
    """Bring what the config lists.

    Raises:
        ReasonError: why a required artifact is not there; its kind gives the exit code.
    """
    del words
    name = host(os.environ.get("EDGEWRIGHT_HOST", ""))
    Once(Options(flags["config"], flags.get("view", links.VIEW), host=name)).bring()
    return 0
