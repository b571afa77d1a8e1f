"""The entry point of a stand-in image for Triton: takes the arguments that the compiler renders.

It stands in for a model server and is none; `servers.py` says what it copies.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Translate Triton's own flags into the stand-in's."""
    given = dict(word.removeprefix("--").partition("=")[::2] for word in sys.argv[2:])
    assert sys.argv[1] == "tritonserver", sys.argv
    assert given["model-control-mode"] == "explicit"
    sys.argv = [
        "servers.py", "triton", "--address", "0.0.0.0", "--port", given["http-port"],
        "--models", given["model-repository"],
        *(["--keep-going"] if given.get("exit-on-error") == "false" else []),
    ]  # fmt: skip
    runpy.run_path(str(Path(__file__).with_name("servers.py")), run_name="__main__")


main()
