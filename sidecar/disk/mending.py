"""Compares directories with what they should hold, and puts right what rotted, file by file.

A reader sees the wrong bytes or the right ones, never less: each file is replaced by a rename, in
the tree and in every numbered view that shares it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from stat import S_IMODE, S_ISDIR, S_ISREG

from sidecar.disk import fsops, hashing
from sidecar.disk.layout import Layout
from sidecar.disk.manifests import Entry
from sidecar.disk.owner import Owner

_OWNERS_WRITE = 0o200
"""Set for a moment in a directory that is changed or moved; it is the owner's alone."""


def describe(root: str, add: Callable[[Entry], None]) -> None:
    """Tell each file and directory below `root`, hashed."""
    for path in _paths(root):
        found = os.stat(f"{root}/{path}", follow_symlinks=False)
        if S_ISDIR(found.st_mode):
            add(Entry(path, S_IMODE(found.st_mode) & ~_OWNERS_WRITE, 0, ""))
        else:
            add(Entry(path, S_IMODE(found.st_mode), found.st_size, _digest(f"{root}/{path}")))


def differences(root: str, entries: Iterable[Entry]) -> list[str]:
    """The paths below `root` that are not as they should be: wrong, missing or too many."""
    expected, wrong = set(), []
    for entry in entries:
        expected.add(entry.path)
        if not _right(f"{root}/{entry.path}", entry):
            wrong.append(entry.path)
    return sorted([*wrong, *(path for path in _paths(root) if path not in expected)])


def mend(layout: Layout, owner: Owner, root: str, fresh: str, paths: list[str]) -> None:
    """Put what is at `paths` below `fresh` in the place of what is there below `root`."""
    for path in paths:
        old, new = f"{root}/{path}", f"{fresh}/{path}"
        if os.path.isdir(new):
            _mend_directory(old, new)
        elif os.path.exists(new):
            for place in [*_shared(layout, old), old]:
                _replace(owner, new, place)


def _mend_directory(old: str, new: str) -> None:
    above = os.path.dirname(old)
    with _Writable(above):
        if not os.path.isdir(old):
            fsops.make_directory(old)
        fsops.chmod_path(old, S_IMODE(os.stat(new).st_mode))
        fsops.sync_directory(old)


def _replace(owner: Owner, new: str, place: str) -> None:
    scratch = owner.scratch()
    fsops.link(new, scratch)
    with _Writable(os.path.dirname(place)):
        fsops.rename(scratch, place)


class _Writable:
    """Lets its owner change a directory, and syncs it afterwards."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._mode = S_IMODE(os.stat(path).st_mode)

    def __enter__(self) -> None:
        if not self._mode & _OWNERS_WRITE:
            fsops.chmod_path(self._path, self._mode | _OWNERS_WRITE)

    def __exit__(self, *_: object) -> None:
        if not self._mode & _OWNERS_WRITE:
            fsops.chmod_path(self._path, self._mode)
        fsops.sync_directory(self._path)


def _shared(layout: Layout, path: str) -> Iterator[str]:
    """The names of a file in the numbered views of all tenants."""
    try:
        wanted = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return
    tenants = f"{layout.root}/tenants"
    for tenant in os.listdir(tenants) if wanted.st_nlink > 1 else ():
        views = f"{tenants}/{tenant}/views"
        for inner in _paths(views):
            with suppress(OSError):
                if os.path.samestat(os.lstat(f"{views}/{inner}"), wanted):
                    yield f"{views}/{inner}"


def _right(path: str, entry: Entry) -> bool:
    try:
        found = os.stat(path, follow_symlinks=False)
        if entry.directory:
            mode = S_IMODE(found.st_mode) & ~_OWNERS_WRITE
            return S_ISDIR(found.st_mode) and mode == entry.mode
        right = S_ISREG(found.st_mode) and S_IMODE(found.st_mode) == entry.mode
        return right and found.st_size == entry.size and _digest(path) == entry.sha256
    except OSError:
        return False


def _digest(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return hashing.digest_of(descriptor, forget=True)
    finally:
        os.close(descriptor)


def _paths(root: str) -> Iterator[str]:
    """Every path below `root`, relative; a directory before what is in it."""
    waiting = [root]
    while waiting:
        directory = waiting.pop()
        with suppress(FileNotFoundError), os.scandir(directory) as entries:
            for entry in entries:
                yield entry.path[len(root) + 1 :]
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
