"""A resident process that follows one config to its end, and dies on the way as a plan says.

    python story.py PLAN                 PLAN is a file with a `Plan` as JSON
    python story.py worker PLAN          its worker, which is watched and killed as well

It counts the changes of the file system that each process makes. At the one that the plan names it
is killed by a real SIGKILL, at once or some time later. With a log it writes the name of each
change and the phase in which it was made instead.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Lock, Thread
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

SECONDS = 60.0


class Plan(NamedTuple):
    """`where` is `resident` or `worker`, `at` counts from one and 0 is never, `delay` is seconds.

    `end` is the phase in which the config is followed to its end. `gap` is the sabotage: a pointer
    is moved by taking it away first.
    """

    config: str
    view: str
    end: str = "idle"
    at: int = 0
    where: str = "resident"
    delay: float = 0.0
    log: str = ""
    gap: bool = False


def read(path: str) -> Plan:
    """The plan in a file."""
    return Plan(**json.loads(Path(path).read_text()))


def watch(plan: Plan, role: str, phase: Callable[[str, tuple[object, ...]], str]) -> None:
    """Count, log and die as planned."""
    from sidecar.disk import fsops

    lock, count = Lock(), [0]
    log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666) if plan.log else -1

    def seen(name: str, arguments: tuple[object, ...]) -> None:
        with lock:
            count[0] += 1
            if log >= 0:
                line = json.dumps([role, count[0], phase(name, arguments), name])
                os.write(log, line.encode() + b"\n")
            if count[0] == plan.at and role == plan.where and _first(plan.config):
                _die(plan.delay)

    fsops.observer = seen


def _first(config: str) -> bool:
    """Only one process of a run dies: the worker after a killed one has to come through."""
    try:
        os.close(os.open(f"{config}.killed", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _die(delay: float) -> None:
    if delay <= 0:
        os.kill(os.getpid(), signal.SIGKILL)

    def later() -> None:
        time.sleep(delay)
        os.kill(os.getpid(), signal.SIGKILL)

    Thread(target=later, daemon=True).start()


def resident(plan: Plan, path: str) -> int:
    """Follow the config; 0 once it is at its end."""
    from sidecar.resident import workers
    from sidecar.resident.service import Options, Service

    service = Service(Options(plan.config, plan.view, host="node-1", address="127.0.0.1"))
    workers.COMMAND[:] = [sys.executable, str(Path(__file__).resolve()), "worker", path]
    if plan.gap:
        _sabotage()

    def phase(_: str, __: tuple[object, ...]) -> str:
        groups = service.plan.groups if service.plan else ()
        return max((group.phase for group in groups), key=_RANKS.index, default="start")

    watch(plan, "resident", phase)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        due = service.tick(time.monotonic())
        if _arrived(service, plan.end):
            service.close()
            return 0
        service.loop.turn(max(0.0, min(due - time.monotonic(), 0.5)))
    print(service.status, file=sys.stderr)
    return 1


_RANKS = (
    "idle", "staged", "wait", "blocked", "fetch", "activate", "notify", "probation", "rollback",
)  # fmt: skip


def _arrived(service: object, end: str) -> bool:
    plan = getattr(service, "plan", None)
    if plan is None:
        return False
    groups = plan.groups
    if end == "idle":
        return all(group.phase == "idle" and group.fulfilled and group.good for group in groups)
    return any(group.phase == "blocked" for group in groups) and all(
        group.phase in ("idle", "blocked") for group in groups
    )


def _sabotage() -> None:
    """Move pointers as one would without thinking of a kill."""
    from sidecar.activation import releases
    from sidecar.disk import fsops

    def point(owner: object, slot: str, pointer: str, release: str) -> None:
        del owner
        fsops.unlink(f"{slot}/{pointer}")
        fsops.symlink(f"releases/{release}", f"{slot}/{pointer}")

    releases.point = point


def worker(plan: Plan) -> None:
    """Serve, watched."""
    from sidecar.worker import main

    def phase(_: str, arguments: tuple[object, ...]) -> str:
        path = str(arguments[0])
        if isinstance(arguments[0], int):
            path = str(Path(f"/proc/self/fd/{arguments[0]}").readlink())
        places = {"/partial/": "fetch", "/blobs/": "seal", "/trees/": "seal", "/staging/": "unpack"}
        return next((found for part, found in places.items() if part in path), "worker")

    watch(plan, "worker", phase)
    main.main()


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        worker(read(sys.argv[2]))
    else:
        sys.exit(resident(read(sys.argv[1]), sys.argv[1]))
