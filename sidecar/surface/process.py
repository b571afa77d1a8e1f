"""What this process uses, from /proc: the figures that every Prometheus dashboard knows."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple


class Use(NamedTuple):
    """Bytes, seconds and numbers; 0 where /proc does not tell."""

    resident: int = 0
    private: int = 0
    processor: float = 0.0
    descriptors: int = 0
    threads: int = 0


def use() -> Use:
    """The figures of this moment."""
    memory: dict[str, int] = {}
    with suppress(OSError, ValueError), open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in {"VmRSS", "RssAnon", "Threads"}:
                memory[name] = int(value.split()[0])
    times = os.times()
    descriptors = 0
    with suppress(OSError):
        descriptors = len(os.listdir("/proc/self/fd"))
    return Use(
        memory.get("VmRSS", 0) * 1024,
        memory.get("RssAnon", 0) * 1024,
        times.user + times.system,
        descriptors,
        memory.get("Threads", 0),
    )
