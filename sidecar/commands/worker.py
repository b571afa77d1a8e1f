"""`worker`, hidden: the child of a resident process that moves bytes for it."""

from __future__ import annotations

from sidecar.worker import main as worker


def main(flags: dict[str, str], words: list[str]) -> int:
    """Serve the one that started this process until it ends."""
    del flags, words
    return worker.main()
