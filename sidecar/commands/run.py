"""`run`: the resident process of a pod, or of a node."""

from __future__ import annotations

import os

from sidecar.activation import links
from sidecar.resident.service import Options, Service, host


def main(flags: dict[str, str], words: list[str]) -> int:
    """Serve until told to end."""
    del words
    options = Options(
        config=flags["config"],
        base=flags.get("view", links.VIEW),
        node=flags.get("role", "") == "node",
        host=host(os.environ.get("EDGEWRIGHT_HOST", "")),
        address=os.environ.get("EDGEWRIGHT_POD_IP", ""),
    )
    Service(options).run()
    return 0
