"""Compiles every hostile spec in a process of its own, with limits on time and memory.

Usage: python -m tests.golden.hostile_child FOLDER RESULT. RESULT receives a pickle of
{name: (exit status as of `os.wait4`, peak memory in MiB, text of the diagnostics)}. A process
that uses more than `SECONDS` of processor time, or as much more as this machine is slower than the
one that they are for, is killed by the system.
"""

from __future__ import annotations

import math
import os
import pickle
import resource
import sys
import time
import traceback
from pathlib import Path

from tests.golden import hostile
from tests.golden.cases import compile_case, read_text

SECONDS = 4
ADDITIONS, TAKEN = 2_000_000, 0.14
"""Additions in a loop, and the processor seconds that they take where `SECONDS` are to be kept."""
ADDRESS_SPACE = 2 * 2**30


def main(folder: Path, result: Path) -> None:
    """Run all of them, one after the other."""
    found, seconds = {}, _seconds()
    for name in hostile.SPECS:
        case = folder / name
        hostile.write(name, case / "spec")
        process = os.fork()
        if not process:
            _compile(case, seconds)
        _, status, usage = os.wait4(process, 0)
        found[name] = (status, usage.ru_maxrss // 1024, read_text(case / "text"))
    result.write_bytes(pickle.dumps(found))


def _seconds() -> int:
    """The limit on this machine, which may be shared with others at this moment."""
    began, total = time.process_time(), 0
    for number in range(ADDITIONS):
        total += number
    return math.ceil(SECONDS * max(1.0, (time.process_time() - began) / TAKEN))


def _compile(case: Path, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    try:
        text = compile_case(case).text
    except BaseException:
        (case / "text").write_text(traceback.format_exc(), encoding="utf-8")
        os._exit(3)
    (case / "text").write_text(text, encoding="utf-8")
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
