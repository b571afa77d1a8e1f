"""Runs a resident process through days without a network, in a clock that jumps.

    python offline_days.py CONFIG VIEW CYCLES

It is a program, so that its memory is that of a resident process. Workers are real processes and
try real addresses that nobody listens at. It prints what it saw as JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from sidecar.resident.service import Clock, Options, Service

STRIDE = 150.0
"""Seconds of each cycle: half of the longest pause between two tries."""


class Days:
    """Time that passes only when nothing is left to do."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> float:
        return time.monotonic() + self.passed

    def wall(self) -> float:
        return time.time() + self.passed


def anonymous() -> int:
    text = Path("/proc/self/status").read_text()
    return int(text.split("RssAnon:")[1].split()[0])


def files(root: str) -> tuple[int, int]:
    """How many files there are, and their bytes."""
    sizes = []
    for directory, _, names in os.walk(root):
        for name in names:
            with suppress(FileNotFoundError):  # what a worker left is being swept
                sizes.append(os.lstat(f"{directory}/{name}").st_size)
    return len(sizes), sum(sizes)


def main(config: str, view: str, cycles: int) -> None:
    days = Days()
    service = Service(
        Options(config, view, host="node-1", address="127.0.0.1"), Clock(days.now, days.wall)
    )
    root = json.loads(Path(config).read_text())["store"]["root"]
    first: dict[str, object] = {}
    for cycle in range(cycles):
        service.tick(days.now())
        while service.workers.busy:
            service.loop.turn(0.05)
            service.tick(days.now())
        days.passed += STRIDE
        if cycle == cycles // 4:
            first = {"anonymous": anonymous(), "files": files(root)}
    print(
        json.dumps(
            {
                "days": round(days.passed / 86_400, 1),
                "workers": service.counters.values("workers")[""],
                "failures": service.counters.values("failures"),
                "first": first,
                "last": {"anonymous": anonymous(), "files": files(root)},
                "ready": service.status.ready if service.status else None,
                "offline": service.status.offline if service.status else None,
                "descriptors": len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - of this process
            }
        ),
        flush=True,
    )
    service.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
