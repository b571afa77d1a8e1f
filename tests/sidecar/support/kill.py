"""Runs the sidecar, or any function, and kills it right before its n-th change of a file system.

It is also what a test reads the log of those changes from. As a program:

    python tests/sidecar/support/kill.py [--at N] [--in resident|worker|any] [--once FILE]
        [--log FILE] [--call module:function] -- ARGUMENT...

Without `--call` the arguments are those of the sidecar. Its workers are started by this program
too, so that they are seen and killed as well; each process counts from one. With `--once` only the
first process that gets there dies, for as long as FILE exists.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

_ROOT = str(Path(__file__).resolve().parents[3])
if __name__ == "__main__":
    sys.path[0] = _ROOT

from sidecar.disk import fsops  # noqa: E402 - the path is set right above


class Plan(NamedTuple):
    """Whom to kill before which operation (0 is nobody), and where to write the operations."""

    at: int = 0
    where: str = "any"
    once: str = ""
    log: str = ""
    call: str = ""

    def command(self, arguments: Sequence[str]) -> list[str]:
        """The command that runs so."""
        options = [("--at", str(self.at)), ("--in", self.where), ("--once", self.once)]
        options += [("--log", self.log), ("--call", self.call)]
        given = [word for name, value in options if value for word in (name, value)]
        return [sys.executable, str(Path(__file__).resolve()), *given, "--", *arguments]


class Operation(NamedTuple):
    """One line of a log. Descriptors are written as the paths that they had."""

    process: int
    role: str
    number: int
    name: str
    arguments: list[Any]


def operations(log: str) -> list[Operation]:
    """The operations of a log, in order."""
    with Path(log).open(encoding="utf-8") as file:
        return [Operation(*json.loads(line)) for line in file]


def observe(plan: Plan, role: str) -> None:
    """Count the operations of this process from here on, log them and die as planned."""
    fsops.observer = _observer(plan, role)


def forked(plan: Plan, function: Callable[..., object], *arguments: object) -> int:
    """Run a function so in a fork of this process, which costs less; its exit code."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            observe(plan, "resident")
            function(*arguments)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def at_path(descriptor: object) -> str:
    """Where the file of a descriptor lies."""
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def _observer(plan: Plan, role: str) -> Callable[[str, tuple[object, ...]], None]:
    lock, count = Lock(), [0]
    log = os.open(plan.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666) if plan.log else -1

    def seen(name: str, arguments: tuple[object, ...]) -> None:
        with lock:
            count[0] += 1
            if log >= 0:
                line = [os.getpid(), role, count[0], name, _plain(name, arguments)]
                os.write(log, json.dumps(line).encode() + b"\n")
            if count[0] == plan.at and plan.where in {"any", role} and _first(plan.once):
                os.kill(os.getpid(), signal.SIGKILL)

    return seen


_BY_DESCRIPTOR = {
    "write",
    "write_at",
    "allocate",
    "truncate",
    "chmod",
    "sync",
    "sync_data",
    "close",
}


def _plain(name: str, arguments: tuple[object, ...]) -> list[Any]:
    first, *rest = arguments
    plain = [len(one) if isinstance(one, bytes | memoryview) else one for one in rest]
    return [at_path(first) if name in _BY_DESCRIPTOR else first, *plain]


def _first(marker: str) -> bool:
    if not marker:
        return True
    try:
        os.close(os.open(marker, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def _main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--at", type=int, default=0)
    parser.add_argument("--in", dest="where", default="any")
    for name in ("once", "log", "call"):
        parser.add_argument(f"--{name}", default="")
    options, rest = parser.parse_known_args(argv)
    arguments = rest[1:] if rest[:1] == ["--"] else rest
    plan = Plan(options.at, options.where, options.once, options.log, options.call)
    role = "worker" if arguments[:1] == ["worker"] else "resident"
    observe(plan, role)
    if plan.call:
        module, _, function = plan.call.partition(":")
        getattr(importlib.import_module(module), function)(*arguments)
        return
    if role == "resident":
        workers = importlib.import_module("sidecar.resident.workers")
        workers.COMMAND[:] = plan.command(["worker"])
    cli = importlib.import_module("sidecar.cli")
    sys.exit(cli.main(arguments))


if __name__ == "__main__":
    _main(sys.argv[1:])
