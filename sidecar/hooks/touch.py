"""Set a file's time, or make it: for programs that watch a file.

No directory on the way may be a link, because the worker can write where such files lie.
"""

from __future__ import annotations

import os
from contextlib import suppress

from sidecar.disk import fsops
from sidecar.hooks.call import Call, Protocol, nothing
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def _load(call: Call) -> None:
    parent, _, name = call.hook.path.rpartition("/")
    try:
        descriptor = _walk(parent)
        try:
            with suppress(FileExistsError):
                fsops.close(fsops.create(name, 0o644, at=descriptor))
            fsops.touch(f"/proc/self/fd/{descriptor}/{name}")
        finally:
            os.close(descriptor)
    except OSError as error:
        raise ReasonError(
            "HookRefused", clean(f"{call.hook.path} cannot be touched: {error.strerror}")
        ) from None


def _walk(path: str) -> int:
    descriptor = os.open("/", _DIRECTORY)
    for part in path.split("/"):
        if not part:
            continue
        try:
            below = os.open(part, _DIRECTORY, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


PROTOCOL = Protocol("touch", _load, nothing)
