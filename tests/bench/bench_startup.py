"""A small spec as a whole process, against a process that only imports what it cannot do without.

Run it as `python tests/bench/bench_startup.py [ROUNDS]`. It prints medians; nothing is asserted.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.measuring import HELMET, Row, compile_fresh, heading, median, run, scratch

IMPORTS = """
import click, jinja2, jsonschema_rs, ryaml, yaml
from pydantic import BaseModel
class Site(BaseModel):
    name: str
    labels: dict[str, str] = {}
Site.model_validate({"name": "a"})
"""


def rows(rounds: int = 11) -> Iterator[Row]:
    """The row of a small spec."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch()) as name:
        folder = Path(name)
        compile_fresh(HELMET, folder / "small")
        small = median(lambda: compile_fresh(HELMET, folder / "small"), rounds)
        bare = median(lambda: run([sys.executable, "-c", IMPORTS], folder), rounds)
        yield Row(
            "small spec, whole process, against bare imports",
            "≤ 1.5 ×",
            f"{small.seconds:.3f} s to {bare.seconds:.3f} s, {small.seconds / bare.seconds:.2f} ×",
        )


def main() -> None:
    """Print the row."""
    print(heading())
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 11):
        print(f"{row.work:55} {row.goal:>9}   {row.measured}")


if __name__ == "__main__":
    main()
