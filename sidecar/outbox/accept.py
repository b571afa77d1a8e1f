"""Files that a worker left in its directory: taken into the spool, one after the other.

What cannot be taken stays where it is, under its own name where that is possible, and is told once:
a full stream is no reason to lose a file, and what is no plain file is not ours to delete. Only
`drop-newest` deletes a file that does not fit, since that is what it asks for.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event
from typing import Final

from sidecar.model.reasons import ReasonError
from sidecar.outbox import ground, names
from sidecar.outbox.ground import Found, Ground, Sight
from sidecar.outbox.intake import PIECE, Accepted, Intake
from sidecar.outbox.names import Item, Left
from sidecar.outbox.spool import Spool

SETTLED: Final = 2.0
"""Seconds without a change after which a file counts as whole."""
_NEVER_READ: Final = "0" * 64
_REMEMBERED = 4096
_FULL = frozenset(("OutboxFull", "DiskFull"))

Note = Callable[[str, str, str], None]
"""Told a reason's code, the stream and a detail, once for each thing that is wrong."""


class Acceptor:
    """Takes what lies in `<run>/outbox/<stream>/` for each of its spools."""

    def __init__(
        self, run: str, spools: Mapping[str, Spool], note: Note, *, settled: float = SETTLED
    ) -> None:
        self._run = run
        self._spools = spools
        self._note = note
        self._settled = settled
        self._seen: dict[tuple[str, str], tuple[Sight, float]] = {}
        self._told: set[tuple[str, str]] = set()
        self.held: dict[tuple[str, str], str] = {}
        """By stream and name, why the last pass did not take a file: a reason, or not whole yet."""

    def take(self, stop: Event, *, force: bool = False) -> list[Accepted]:
        """Take everything that is whole and fits; gives what was accepted.

        `force` takes what somebody still has open for writing, too.

        Raises:
            ReasonError: the store's disk fails.
        """
        taken: list[Accepted] = []
        self.held = {}
        for name in sorted(self._spools, key=lambda name: -self._spools[name].stream.priority):
            if stop.is_set():
                break
            try:
                with ground.enter(self._run, name) as here:
                    taken += self._from(here, self._spools[name], stop, force=force)
            except OSError as fault:
                self._amiss(name, fault)
        return taken

    def unfinished(self) -> list[str]:
        """`stream/name` of what somebody began to write and never gave a final name."""
        found: list[str] = []
        for name in self._spools:
            with suppress(OSError), ground.enter(self._run, name) as here:
                found += [f"{name}/{names.safe(one)}" for one in here.unfinished()]
        return found

    def _from(self, here: Ground, spool: Spool, stop: Event, *, force: bool) -> list[Accepted]:
        taken: list[Accepted] = []
        left = list(here.look())
        while left:
            found = left.pop(0)
            if stop.is_set():
                break
            if not force and not self._is_settled(spool.stream.name, found):
                self._hold(spool, found, "")
                continue
            try:
                one = _taken(here, spool, found, stop, force=force)
            except ReasonError as fault:
                if not self._goes_on(fault, spool, found):
                    for one_more in left:
                        self._hold(spool, one_more, fault.code)
                    break
                continue
            if one:
                taken.append(one)
                self._told.discard((spool.stream.name, ""))
            else:
                self._hold(spool, found, "")
        return taken

    def _hold(self, spool: Spool, found: Found, code: str) -> None:
        self.held[spool.stream.name, names.safe(found.stated)] = code

    def _goes_on(self, fault: ReasonError, spool: Spool, found: Found) -> bool:
        """Whether the next file has a chance after a fault, which is noted the first time."""
        if fault.code not in {"OutboxRefused", "OutboxExpired", *_FULL}:
            raise fault
        stream, full = spool.stream.name, fault.code in _FULL
        if fault.code == "OutboxRefused" or (full and spool.stream.overflow != "drop-newest"):
            self._hold(spool, found, fault.code)
        # What would not fit into an empty stream never will, and keeps nothing else from fitting.
        alone = fault.code == "OutboxFull" and fault.facts["need"] > fault.facts["most"]
        thing = "" if full and not alone else f"{found.stated}/{found.sight.inode}"
        if (stream, thing) not in self._told:
            if len(self._told) >= _REMEMBERED:
                self._told.clear()
            self._told.add((stream, thing))
            self._note(fault.code, stream, fault.detail)
        return not full or alone or spool.stream.overflow == "drop-newest"

    def _is_settled(self, stream: str, found: Found) -> bool:
        if time.time() - found.sight.written / 1e9 >= self._settled:
            return True
        # A clock that was set back must not hold a file for ever: what we saw ourselves counts.
        key, now = (stream, found.name), time.monotonic()
        sight, since = self._seen.get(key, (None, now))
        if sight == found.sight and now - since >= self._settled:
            return True
        if sight != found.sight:
            if len(self._seen) >= _REMEMBERED:
                self._seen.clear()
            self._seen[key] = (found.sight, now)
        return False

    def _amiss(self, stream: str, fault: OSError) -> None:
        """The way to a stream's directory is blocked or gone; the latter is mended."""
        if fault.errno == errno.ENOENT:
            try:
                ground.prepare(self._run, (stream,))
            except OSError as again:
                fault = again
            else:
                return
        self.held[stream, "/"] = "OutboxRefused"
        if (stream, "/") not in self._told:
            self._told.add((stream, "/"))
            words = os.strerror(fault.errno or 0)
            self._note("OutboxRefused", stream, f"the stream's directory is none: {words}")


def _taken(
    here: Ground, spool: Spool, found: Found, stop: Event, *, force: bool
) -> Accepted | None:
    """Take one file, or None where it is not whole or just changed.

    Raises:
        ReasonError: it is refused, does not fit, or its round is closed.
    """
    try:
        left = names.left_of(found.stated)
        descriptor, before = here.open(found)
    except ValueError as fault:
        raise ReasonError("OutboxRefused", f"{names.safe(found.stated)}: {fault}") from fault
    except FileNotFoundError:
        return None
    try:
        if not force and _is_written(descriptor):
            return None
        return _moved(here, spool, found, left, (descriptor, before), stop)
    except FileNotFoundError:
        return None
    finally:
        os.close(descriptor)


def _moved(
    here: Ground,
    spool: Spool,
    found: Found,
    left: Left,
    opened: tuple[int, os.stat_result],
    stop: Event,
) -> Accepted | None:
    descriptor, before = opened
    drops = spool.stream.overflow == "drop-newest"
    if not drops:
        spool.check(before.st_size)  # before the name is ours: it is the worker's as long as it can
    claimed = here.claim(found)
    if claimed.sight.inode != before.st_ino:
        return None
    try:
        accepted = _copied(spool, left, descriptor, before, stop)
    except ReasonError as fault:
        if drops and fault.code in _FULL:
            item = Item(_NEVER_READ, left.name, left.round, left.deadline)
            spool.refuse(item, before.st_size, fault.code, fault.detail)
        elif fault.code != "OutboxExpired":
            raise
        here.remove(claimed)
        raise
    if accepted:
        here.remove(claimed)
    return accepted


def _copied(
    spool: Spool, left: Left, descriptor: int, before: os.stat_result, stop: Event
) -> Accepted | None:
    """Copy a file into the spool; None where it changed under our hands, or we are to stop."""
    spool.check(before.st_size)
    intake = Intake(spool)
    try:
        buffer = bytearray(min(PIECE, max(1, before.st_size)))
        view = memoryview(buffer)
        while count := os.preadv(descriptor, [buffer], intake.size):
            if stop.is_set() or intake.size + count > before.st_size:
                return None
            intake.write(view[:count])
        if Sight.of(os.fstat(descriptor)) != Sight.of(before) or intake.size != before.st_size:
            return None
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        return intake.accept(left)
    finally:
        intake.abandon()


def _is_written(descriptor: int) -> bool:
    """Whether somebody has the file open for writing, as far as the kernel tells us.

    It tells by refusing a lease, which it gives only for files of our own uid; for others the time
    without a change has to do. The lease is given back at once, and should a writer come in that
    moment, its signal is one that is ignored by default.
    """
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as fault:
        return fault.errno == errno.EAGAIN
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
