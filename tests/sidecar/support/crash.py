"""Works out what a power cut could leave on disk, from the log of what a run did to it.

`recorded` logs every change below a directory. `enumerate_states` replays each prefix of that log
on the files as they were before, and loses what no sync had made durable: each name in a directory
keeps any of the versions that it had since its last sync, each file any part of its writes.
Every state that comes out is laid out as real files and given to a check. A rename is one change
on a journaling file system; with `torn_renames` the old name may come back beside the new one.

It is stricter than ext4 and xfs: a file's own sync does not make its name durable here, and nothing
is written in order.
"""

from __future__ import annotations

import copy
import fcntl
import math
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sidecar.disk import fsops
from tests.sidecar.support.volume import Change, File, State, Volume, every, lay_out, some

Check = Callable[[str], list[str]]


class Report(NamedTuple):
    """How many states there were, and what was wrong with which."""

    prefixes: int
    sampled: int
    tried: int
    states: int
    problems: list[str]

    def __str__(self) -> str:
        return (
            f"{self.prefixes} prefixes ({self.sampled} of them sampled), {self.tried} outcomes, "
            f"{self.states} different, {len(self.problems)} wrong"
        )


SYNCS = ("sync", "sync_data", "sync_directory", "sync_below")


def snapshot(base: str) -> Volume:
    """The files below `base`, all of them durable: what `enumerate_states` starts from."""
    return Volume(base)


def enumerate_states(
    log: list[Change],
    before: Volume,
    check: Check,
    *,
    limit: int = 4096,
    samples: int = 64,
    torn_renames: bool = False,
    enough: int = 0,
    seed: int = 0,
) -> Report:
    """Give `check` every state that a power cut during the run could leave.

    A prefix with at most `limit` outcomes (12 unsynced operations with two each) is tried whole,
    another by `samples` besides the extremes. `check` answers with what is wrong in a directory.
    `enough` problems end the search.
    """
    search = _Search(before, check, enough)
    volume, chance = copy.deepcopy(before), random.Random(seed)
    volume.torn = torn_renames
    sampled = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        for number, change in enumerate([*log, None]):
            undecided = volume.undecided()
            whole = math.prod(undecided.values()) <= limit
            if not (whole and _covered_later(volume, change, limit)):
                sampled += not whole
                choices = every(undecided) if whole else some(undecided, samples, chance)
                search.look(volume.states(choices), folder, f"before {number} {_brief(change)}")
            if change is None or search.ended:
                break
            volume.apply(change)
    return Report(len(log) + 1, sampled, search.tried, len(search.seen), search.problems)


class _Search:
    def __init__(self, before: Volume, check: Check, enough: int) -> None:
        self.seen: set[State] = set()
        self.problems: list[str] = []
        self.tried = 0
        self._base, self._check, self._enough = before.base, check, enough

    @property
    def ended(self) -> bool:
        return bool(self._enough) and len(self.problems) >= self._enough

    def look(self, states: Iterator[State], folder: str, when: str) -> None:
        for state in states:
            self.tried += 1
            if state not in self.seen and not self.ended:
                self.seen.add(state)
                wrong = _checked(state, f"{folder}/{len(self.seen)}", self._base, self._check)
                self.problems += [f"{when}: {one}" for one in wrong]


def _covered_later(volume: Volume, change: Change | None, limit: int) -> bool:
    """Whether the next prefix is tried whole too and has all outcomes of this one."""
    if change is None or change.name in SYNCS:
        return False
    trial = copy.deepcopy(volume)
    trial.apply(change)
    return math.prod(trial.undecided().values()) <= limit


def _checked(state: State, path: str, base: str, check: Check) -> list[str]:
    lay_out(state, path, base)
    try:
        return check(path)
    finally:
        _remove(path)


def _remove(path: str) -> None:
    for directory, _, _ in os.walk(path):
        Path(directory).chmod(0o700)
    shutil.rmtree(path)


def _brief(change: Change | None) -> str:
    return f"({change.name} {change.path[-60:]})" if change else "(end)"


# --- the log


@contextmanager
def recorded(base: str) -> Iterator[list[Change]]:
    """The changes below `base` that this process makes meanwhile."""
    log: list[Change] = []

    def seen(name: str, arguments: tuple[object, ...]) -> None:
        change = change_of(name, arguments)
        if change is not None and (change.path + "/").startswith(base + "/"):
            log.append(change)

    before, fsops.observer = fsops.observer, seen
    try:
        yield log
    finally:
        fsops.observer = before


def change_of(name: str, arguments: tuple[object, ...]) -> Change | None:
    """The change that an observed operation makes, None where it makes none that can be lost."""
    if name in {"close", "reopen", "touch"}:
        return None
    first = arguments[0]
    if name in {"rename_at", "unlink_at"}:
        names = [f"{_path(first)}/{one}" for one in arguments[1:]]
        return Change(name.removesuffix("_at"), names[-1], names[0] if len(names) > 1 else "")
    if name in {"write", "write_at"}:
        offset = arguments[2] if name == "write_at" else _position(_number(first))
        return Change("write", _path(first), offset=_number(offset), data=_bytes(arguments[1]))
    if name in {"allocate", "truncate", "chmod", "chmod_path", "sync", "sync_data"}:
        size = _number(arguments[1]) if len(arguments) > 1 else 0
        path = str(first) if name == "chmod_path" else _path(first)
        return Change(name.removesuffix("_path"), path, offset=size)
    if name in {"rename", "link", "symlink"}:
        return Change(name, str(arguments[1]), str(first))
    if name in {"create", "make_directory"}:
        at = arguments[2] if len(arguments) > 2 else None
        path = str(first) if at is None else f"{_path(at)}/{first}"
        return Change(name, path, offset=_number(arguments[1]))
    return Change(name, str(first))


def without(log: list[Change], *names: str) -> list[Change]:
    """Sabotage: the same log as if some calls were missing from the code."""
    return [change for change in log if change.name not in names]


def renames_copied(log: list[Change], before: Volume) -> list[Change]:
    """Sabotage: the same log as if each rename of a file were a copy into place, then an unlink.

    The copy is synced, as a careful copy would be: it is still seen half-made.
    """
    volume = copy.deepcopy(before)
    found: list[Change] = []
    for change in log:
        node = volume.find(change.other) if change.name == "rename" else None
        if isinstance(node, File):
            found += _copied(change, node)
        else:
            found.append(change)
        volume.apply(change)
    return found


def _copied(change: Change, node: File) -> list[Change]:
    return [
        Change("unlink", change.path),
        Change("create", change.path, offset=node.now[1]),
        Change("write", change.path, data=node.now[0]),
        Change("chmod", change.path, offset=node.now[1]),
        Change("sync", change.path),
        Change("unlink", change.other),
    ]


def _path(descriptor: object) -> str:
    return str(Path(f"/proc/self/fd/{descriptor}").readlink())


def _position(descriptor: int) -> int:
    if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_APPEND:
        return os.fstat(descriptor).st_size
    return os.lseek(descriptor, 0, os.SEEK_CUR)


def _number(value: object) -> int:
    assert isinstance(value, int)
    return value


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes | memoryview)
    return bytes(value)
