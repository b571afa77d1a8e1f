"""Compiles copies of the proof's specs in a process of its own.

Usage: python child.py CASES OUT PROCESSES. CASES holds a folder for each name of `CASES`; the
output of each goes to OUT/<name>. With more than one process, even the smallest spec is divided.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main(cases: Path, out: Path, processes: int) -> None:
    """Compile every case."""
    from compiler import assembly, pipeline, workshop
    from tests.proof.compiling import CASES, write

    if processes > 1:
        pipeline.FEW_SITES = 0
        assembly.FEW_BATCHES = 0
        workshop.SITES_PER_BATCH = 3
    for name, (_, environments) in CASES.items():
        write(cases / name, out / name, environments, processes=processes)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
