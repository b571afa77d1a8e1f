"""Signal a process, found by the name that the kernel has for it.

Containers of a pod see each other's processes only where the pod shares its process namespace;
where it does not, the detail says so. Of a family of processes with one name the eldest is
signalled, which is the one that passes it on.
"""

from __future__ import annotations

import os
import signal
from typing import NamedTuple

from sidecar.hooks.call import Call, Protocol, nothing
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean

_SIGNALS = {"HUP": signal.SIGHUP, "USR1": signal.SIGUSR1, "USR2": signal.SIGUSR2}


class _Process(NamedTuple):
    number: int
    parent: int
    name: str


def _load(call: Call) -> None:
    name, found = call.hook.process, _processes()
    named = {one.number: one for one in found if one.name == name and one.number != os.getpid()}
    eldest = [one for one in named.values() if one.parent not in named]
    if not eldest:
        shared = "" if _shared(found) else "; this pod does not set shareProcessNamespace"
        raise ReasonError("WaitingForServer", clean(f"no process is called {name}{shared}"))
    for one in eldest:
        _send(one, _SIGNALS[call.hook.signal or "HUP"])


def _send(process: _Process, number: signal.Signals) -> None:
    try:
        os.kill(process.number, number)
    except ProcessLookupError:
        raise ReasonError("WaitingForServer", clean(f"{process.name} just ended")) from None
    except PermissionError:
        raise ReasonError(
            "HookRefused", clean(f"{process.name} runs as another user and cannot be signalled")
        ) from None


def _processes() -> list[_Process]:
    found = (_process(name) for name in os.listdir("/proc") if name.isdigit())
    return [one for one in found if one is not None]


def _process(number: str) -> _Process | None:
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    # The name stands in parentheses and may hold some itself.
    name = text[text.index("(") + 1 : text.rindex(")")]
    rest = text[text.rindex(")") + 2 :].split()
    return None if rest[0] == "Z" else _Process(int(number), int(rest[1]), name)


def _shared(found: list[_Process]) -> bool:
    """Whether anything runs here that this process is neither part of nor parent to."""
    ours = {os.getpid(), os.getppid(), 1}
    return any(one.number not in ours and one.parent not in ours for one in found)


PROTOCOL = Protocol("signal", _load, nothing)
