"""Every goal of speed and memory in one table, measured in the same run.

Run it as `python tests/bench/run.py [--quick]`. The other programs beside it measure their part
in more detail. Nothing is asserted: a machine that does other things at the same time is slower,
so the table begins with how busy it was.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import (
    bench_compile,
    bench_datasets,
    bench_diff,
    bench_gates,
    bench_load,
    bench_lock,
    bench_page,
    bench_startup,
    bench_status,
)
from tests.bench.measuring import Row, heading

HERE = Path(__file__).parent
CHECKED = 6000
EACH = re.compile(r"edgewright\s+([\d.]+) ms an object")
FRESH = re.compile(r"into a fresh place\s+(\d+) ms\s+(\d+) ms\s+([\d.]+)")


def rows(quick: bool) -> Iterator[Row]:
    """Every row, the quick ones first; `quick` measures each once."""
    yield from bench_startup.rows(3 if quick else 11)
    yield _load()
    yield _check()
    yield _write()
    yield from bench_lock.rows(1 if quick else 5)
    yield from bench_compile.rows(1 if quick else 3)
    yield from bench_datasets.rows(200 if quick else 1000, 300_000 if quick else 1_500_000)
    yield from bench_diff.rows(1 if quick else 3)
    yield from bench_gates.rows(1 if quick else 5)
    yield from bench_status.rows(1 if quick else 3)
    yield from bench_page.rows(1 if quick else 3)


def _load() -> Row:
    text = bench_load.fleet(2000)
    ours = bench_load.median(bench_load.parse, text, 5)
    theirs = bench_load.median(bench_load.compose, text, 5)
    return Row(
        "spec load with positions, against libyaml compose",
        "≤ 2 ×",
        f"{ours:.0f} ms to {theirs:.0f} ms, {ours / theirs:.2f} ×",
    )


def _check() -> Row:
    found = EACH.search(_said("bench_check.py", str(CHECKED)))
    measured = f"{float(found[1]):.3f} ms an object" if found else "not measured: no such line"
    return Row(f"checking {CHECKED:,} distinct objects", "≤ 0.1 ms", measured)


def _write() -> Row:
    found = FRESH.search(_said("bench_write.py"))
    measured = (
        f"{found[1]} ms to {found[2]} ms, {found[3]} ×" if found else "not measured: no such line"
    )
    return Row("writing 2,000 directories, against a bare loop", "report", measured)


def _said(program: str, *arguments: str) -> str:
    made = subprocess.run(
        [sys.executable, HERE / program, *arguments],
        env={"PYTHONPATH": str(HERE.parents[1]), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    return made.stdout if made.returncode == 0 else made.stderr


def main() -> None:
    """Print the table, each row as soon as it is known."""
    print(heading())
    print(f"{'work':57} {'goal':>8}   measured")
    for row in rows("--quick" in sys.argv[1:]):
        print(f"{row.work:57} {row.goal:>8}   {row.measured}", flush=True)


if __name__ == "__main__":
    main()
