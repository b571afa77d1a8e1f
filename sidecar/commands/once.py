"""`once`: brings and switches everything before a worker starts, then ends.

A Run's work key changes nothing here: its stages need their inputs whether the results are stored
or not, and `push` is what leaves those of a complete Run as they are.
"""

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
    view = flags.get("view", links.VIEW)
    if view != links.VIEW and not os.path.isdir(view):
        raise NotADirectoryError(f"--view {view} is no directory, so no link could be made in it")
    Once(Options(flags["config"], view, host=name)).bring()
    return 0
