"""What the benches of whole processes share: running one, its time and memory, rows of a table."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STORES = ROOT / "specs" / "thousand-stores"
HELMET = ROOT / "specs" / "helmet-detection"
COMPILE = (sys.executable, "-m", "compiler", "compile")


@dataclass(frozen=True, slots=True)
class Ran:
    """A whole process: seconds, MiB of the largest of it and its children, processor seconds.

    On a machine that does other things too, processor seconds are what compares.
    """

    seconds: float
    peak: float
    processor: float


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was done, what is to be reached, what was measured."""

    work: str
    goal: str
    measured: str


def run(command: Sequence[str | os.PathLike[str]], cwd: Path) -> Ran:
    """Run a program to its end.

    Raises:
        SystemExit: it failed; what it said goes with it.
    """
    said = cwd / "said.log"
    start = time.perf_counter()
    with said.open("wb") as log:
        process = os.posix_spawn(
            os.fspath(command[0]),
            [os.fspath(part) for part in command],
            {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "PWD": str(cwd)},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, log.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, log.fileno(), 2),
            ],
        )
        _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - start
    if status:
        tail = said.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise SystemExit(f"{' '.join(map(str, command))} ended with {status}:\n{tail}")
    return Ran(seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def compile_fresh(spec: Path, folder: Path, *more: str) -> Ran:
    """Compile a spec into a place where nothing is yet."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return run([*COMPILE, str(spec), "--output", str(folder / "generated"), *more], folder)


def median(measure: Callable[[], Ran], rounds: int) -> Ran:
    """The middle of several runs, by time and by memory."""
    runs = [measure() for _ in range(rounds)]
    return Ran(
        statistics.median(one.seconds for one in runs),
        statistics.median(one.peak for one in runs),
        statistics.median(one.processor for one in runs),
    )


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def heading() -> str:
    """The machine, and how busy it is with other things."""
    load = os.getloadavg()[0]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{cores()} cores, {memory:.0f} GiB, Python {sys.version.split()[0]}, "
        f"load before the start {load:.1f}"
    )


def own_peak() -> float:
    """MiB that this process has used at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def scratch() -> str | None:
    """Where contenders write: memory where there is some, else the usual place.

    On ext4, making files just after many were deleted costs ten times as much, for everybody and
    by chance; a bench that deletes its last round would measure little else.
    """
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
