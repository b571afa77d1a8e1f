"""Runs the tier as two pytest processes side by side: one computes while the other waits.

`python -m tests.cluster.halves [PYTEST OPTION ...]`. A module is never divided: its tests share a
control plane. The first half is shown as it runs, the second once both have ended.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.cluster import definitions, prepared

FOLDER = Path(__file__).parent
SECONDS = {
    "test_diff": 150,
    "test_flux": 82,
    "test_scale": 70,
    "test_argo": 61,
    "test_flux_health": 60,
    "test_agreement": 50,
    "test_fit": 41,
    "test_acceptance": 37,
    "test_flux_starved": 28,
    "test_placement": 28,
    "test_status": 19,
}
"""What a module takes on two cores, where it is more than most."""
_USUAL = 10
_NOTHING_CHOSEN = 5
"""Pytest's exit code where an option leaves a half without a test."""


def halves(names: Sequence[str], count: int = 2) -> list[list[str]]:
    """The modules in `count` groups that take about as long as each other."""
    found: list[list[str]] = [[] for _ in range(count)]
    spent = [0] * count
    for name in sorted(names, key=lambda one: (-SECONDS.get(one, _USUAL), one)):
        least = spent.index(min(spent))
        found[least].append(name)
        spent[least] += SECONDS.get(name, _USUAL)
    return [group for group in found if group]


def main() -> int:
    """Run both halves; the exit code is the worse one."""
    count = min(2, os.cpu_count() or 1)
    if shutil.which("go") is None:
        count = 1
    else:
        # Neither half should make what the other makes.
        for systems in (prepared.EMITTED, definitions.SYSTEMS):
            prepared.store(systems)
    names = [path.stem for path in FOLDER.glob("test_*.py")]
    shown, *hidden = halves(names, count)
    with tempfile.TemporaryFile() as output:
        later = [_start(group, output.fileno()) for group in hidden]
        codes = [_start(shown).wait(), *(one.wait() for one in later)]
        output.seek(0)
        sys.stdout.buffer.write(output.read())
        sys.stdout.flush()
    return max(code for code in codes if code != _NOTHING_CHOSEN or len(set(codes)) == 1)


def _start(group: Sequence[str], output: int | None = None) -> subprocess.Popen[bytes]:
    files = [str(FOLDER / f"{name}.py") for name in sorted(group)]
    command = [sys.executable, "-m", "pytest", *files, *sys.argv[1:]]
    return subprocess.Popen(command, stdout=output, stderr=output and subprocess.STDOUT)


if __name__ == "__main__":
    sys.exit(main())
