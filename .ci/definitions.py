"""Writes compiler/model/definitions.json from the models of our definitions.

With `--check` it writes nothing and ends with status 1 when the file is out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "compiler" / "model" / "definitions.json"

sys.path.insert(0, str(ROOT))

from compiler.model.definitions_models import text  # noqa: E402


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        fresh = FILE.read_text(encoding="utf-8") == text()
        print(f"{FILE.name}: {'up to date' if fresh else 'stale; run .ci/definitions.py'}")
        return 0 if fresh else 1
    FILE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
