"""`python -m sidecar`, and what the installed script calls."""

from __future__ import annotations

import sys

from sidecar.cli import main


def program() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    program()
