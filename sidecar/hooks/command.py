"""Run a program that the node's administrator allows, without a shell.

The list is `/etc/edgewright/hooks.json` on the node, `{"programs": ["/usr/local/bin/reload"],
"environment": {"NAME": "value"}}`; whoever writes a config cannot write it. A program gets the
config's arguments, the list's environment and nothing else of ours, and ends with its time.
"""

from __future__ import annotations

import json
import os
import select
import signal
import stat
import time
from contextlib import suppress
from typing import NamedTuple

from sidecar.hooks.call import Call, Protocol
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.wire.stream import StoppedError

ALLOWED = "/etc/edgewright/hooks.json"
_ALLOWED_BYTES = 64 * 1024
_OUTPUT_BYTES = 16 * 1024
_GLANCE = 0.1
_PATH = "/usr/local/bin:/usr/bin:/bin"


class Allowed(NamedTuple):
    """The programs that may be run, by their exact paths, and the environment that they get."""

    programs: tuple[str, ...]
    environment: dict[str, str]


def allowed(path: str = ALLOWED) -> Allowed:
    """The node's list; an empty one where there is no file.

    Raises:
        ReasonError: `HookRefused` for a list that is broken or that others may write.
    """
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(_ALLOWED_BYTES + 1)
    except OSError:
        return Allowed((), {})
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise ReasonError("HookRefused", f"{path} can be written by others")
    try:
        found = json.loads(text)
        programs = tuple(str(one) for one in found["programs"])
        return Allowed(programs, {str(k): str(v) for k, v in found.get("environment", {}).items()})
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ReasonError("HookRefused", f"{path} is no list of programs") from None


def tell(call: Call, event: str, path: str = ALLOWED) -> None:
    """Run the hook's program; `path` is the node's list.

    Raises:
        ReasonError: `HookRefused` for a program that is not listed, `LoadFailed` with its output
            for one that fails.
        StoppedError: the call was stopped; the program and its children are killed.
    """
    if not call.hook.command:
        raise ReasonError("HookRefused", "the hook names no command")
    program, found = call.hook.command[0], allowed(path)
    if program not in found.programs or not program.startswith("/"):
        raise ReasonError("HookRefused", clean(f"{program} is not in {path}"))
    environment = {
        "PATH": _PATH,
        "EDGEWRIGHT_EVENT": event,
        "EDGEWRIGHT_MODEL": call.hook.model,
        "EDGEWRIGHT_PATH": call.model_dir,
        **found.environment,
    }
    code, output = _run(call, environment)
    if code:
        raise ReasonError("LoadFailed", clean(f"{program} ended with {code}: ".encode() + output))


def _run(call: Call, environment: dict[str, str]) -> tuple[int, bytes]:
    """The exit code, negative for a signal, and the first bytes of its output."""
    reader, writer = os.pipe()
    try:
        try:
            child = _spawn(call.hook.command, environment, writer)
        except OSError as error:
            raise ReasonError(
                "LoadFailed", clean(f"{call.hook.command[0]}: {error.strerror}")
            ) from None
        finally:
            os.close(writer)
        return _watch(call, child, reader)
    finally:
        os.close(reader)


def _spawn(command: tuple[str, ...], environment: dict[str, str], output: int) -> int:
    return os.posix_spawn(
        command[0],
        command,
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
        ],
        setpgroup=0,
        setsigmask=(),
        setsigdef=(signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
    )


def _watch(call: Call, child: int, reader: int) -> tuple[int, bytes]:
    output = b""
    os.set_blocking(reader, False)
    poll = select.poll()
    poll.register(reader, select.POLLIN)
    try:
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            output = (output + _available(reader))[:_OUTPUT_BYTES]
            if ended:
                child = 0
                return os.waitstatus_to_exitcode(status), output
            if call.stop.is_set():
                raise StoppedError("stopped")
            if time.monotonic() >= call.end:
                said = f"{call.hook.command[0]} did not end in time: ".encode()
                raise ReasonError("LoadFailed", clean(said + output))
            if any(what & select.POLLHUP for _, what in poll.poll(int(_GLANCE * 1000))):
                time.sleep(_GLANCE)
    finally:
        _end(child)


def _end(child: int) -> None:
    if child:
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _available(reader: int) -> bytes:
    found = b""
    with suppress(BlockingIOError):
        while data := os.read(reader, _OUTPUT_BYTES):
            found = (found + data)[:_OUTPUT_BYTES]
    return found


def _load(call: Call) -> None:
    tell(call, "load")


def _unload(call: Call) -> None:
    tell(call, "unload")


PROTOCOL = Protocol("exec", _load, _unload)
