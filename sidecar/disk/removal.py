"""Deletes whole directories, also read-only ones. Follows no link; what is gone already is fine."""

from __future__ import annotations

import os
from contextlib import suppress
from stat import S_IMODE

from sidecar.disk import fsops


def remove(path: str) -> None:
    """Delete a file, a link, or a directory with all that is in it."""
    if os.path.islink(path) or not os.path.isdir(path):
        fsops.unlink(path)
        return
    for directory in _below(path):
        with suppress(FileNotFoundError):
            _clear(directory)
        fsops.remove_directory(directory)


def writable(path: str) -> None:
    """Let the owner change what is in a directory, and move it."""
    mode = S_IMODE(os.stat(path, follow_symlinks=False).st_mode)
    if mode & 0o300 != 0o300:
        fsops.chmod_path(path, mode | 0o700)


def _below(path: str) -> list[str]:
    """The directory and those in it, deepest first, each made writable."""
    found, waiting = [], [path]
    while waiting:
        directory = waiting.pop()
        found.append(directory)
        with suppress(FileNotFoundError):
            writable(directory)
            with os.scandir(directory) as entries:
                waiting += [one.path for one in entries if one.is_dir(follow_symlinks=False)]
    return found[::-1]


def _clear(directory: str) -> None:
    with os.scandir(directory) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                fsops.unlink(entry.path)
