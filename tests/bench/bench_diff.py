"""What a `diff` of one changed line takes, against one compile of the same fleet.

Run it as `python tests/bench/bench_diff.py [ROUNDS]`. Nothing of a cache is read. Seconds on the
clock compare on an idle machine, processor seconds on a busy one; the smaller ratio would flatter,
so both are printed. Nothing is asserted.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.measuring import STORES, Ran, Row, compile_fresh, heading, median, run, scratch

DIFF = (sys.executable, "-m", "compiler", "diff", "HEAD")
EVERY_SITE = ("jobs.yaml", "memory: 2Gi}", "memory: 3Gi}")
ONE_SITE = ("sites.csv", ",de,", ",en,")
IDENTITY = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgSign=false")


def rows(rounds: int = 3) -> Iterator[Row]:
    """Every row, the compile first."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch()) as name:
        folder = Path(name)
        whole = median(lambda: compile_fresh(STORES, folder / "cold", "--no-cache"), rounds)
        yield Row("one compile of thousand-stores, cold", "", _seconds(whole))
        clone = folder / "clone"
        shutil.copytree(STORES, clone / "specs", ignore=shutil.ignore_patterns(".edgewright"))
        _git(clone, "init", "-q")
        _commit(clone)
        for where, goal in (("spec alone", 2.5), ("output committed", 1.3)):
            if where == "output committed":
                shutil.copytree(folder / "cold" / "generated", clone / "generated")
                _commit(clone)
            for what, edit in (("every site", EVERY_SITE), ("one site", ONE_SITE)):
                spent = _changed(clone, edit, rounds)
                ratios = spent.seconds / whole.seconds, spent.processor / whole.processor
                yield Row(
                    f"diff of a line that changes {what}, {where}",
                    f"≤ {goal} ×",
                    f"{ratios[0]:.2f} × ({ratios[1]:.2f} × the processors), {_seconds(spent)}",
                )


def _changed(clone: Path, edit: tuple[str, str, str], rounds: int) -> Ran:
    name, old, new = edit
    path = clone / "specs" / name
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    options = ("--output", str(clone / "generated"), "--no-cache", "--format", "markdown")
    try:
        return median(lambda: run([*DIFF, str(clone / "specs"), *options], clone.parent), rounds)
    finally:
        path.write_text(text, encoding="utf-8")


def _commit(clone: Path) -> None:
    _git(clone, "add", ".")
    _git(clone, "commit", "-qm", "A state")


def _git(clone: Path, *words: str) -> None:
    subprocess.run(["git", *IDENTITY, *words], cwd=clone, check=True)


def _seconds(ran: Ran) -> str:
    return f"{ran.seconds:.2f} s ({ran.processor:.2f} s of processors, {ran.peak:.0f} MiB)"


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(heading())
    for row in rows(rounds):
        print(f"{row.work:57} {row.goal:>8}   {row.measured}", flush=True)


if __name__ == "__main__":
    main()
