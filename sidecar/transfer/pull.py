"""One artifact's way into its partial file: which place is asked, from where, and when it is left.

A place is asked again after a broken connection as long as it moves something; else the next one
has its turn with what is there. Bytes of two places may meet in one file: the digest decides, and
if it does not fit, one place has to give all of them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any, NamedTuple

from sidecar.disk import space
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.disk.partial import Partial
from sidecar.model.config import Artifact
from sidecar.model.reasons import ReasonError
from sidecar.transfer import refused, verdict
from sidecar.transfer.chunks import BadChunk, Checker
from sidecar.transfer.context import Context
from sidecar.transfer.intake import Intake
from sidecar.transfer.scheme import PastEnd, Remote, Wanted
from sidecar.transfer.schemes import find

Note = Callable[[str, dict[str, Any]], None]
"""Told what happens: an event's name and its data, as a worker's message has them."""

_AGAIN = frozenset(("Offline", "Stalled", "Protocol"))
_WORTH = 65_536
"""An attempt that moved less than this is not worth an unlimited number of others."""
_POOR_TRIES = 4
_PAUSE = 0.1
_BAD_CHUNKS = 2
_PIECED_TRIES = 2
_LIARS = 2
"""How many origins have to give wrong bytes before the digest is believed to be what is wrong."""


class Fetched(NamedTuple):
    """A fetch that ended well: bytes that came in, and bytes that were there from before.

    `hashed` is how many were read back to compare their digest.
    """

    bytes: int
    resumed: int
    source: str
    hashed: int


class Place(NamedTuple):
    """Where the bytes go."""

    layout: Layout
    owner: Owner
    partial: Partial


class Tries:
    """What one place has cost so far, and whether it is worth another attempt."""

    def __init__(self) -> None:
        self._poor = 0
        self._bad = 0
        self._changed = 0

    def again(self, error: ReasonError, moved: int) -> bool:
        """Whether to ask again after a broken flow that moved so many bytes."""
        self._poor = 0 if moved >= _WORTH else self._poor + 1
        return error.code in _AGAIN and moved > 0 and self._poor <= _POOR_TRIES

    @property
    def pause(self) -> float:
        """The most seconds before the next attempt: more after each that moved hardly anything."""
        return _PAUSE * (1 << self._poor)

    def again_after_change(self) -> bool:
        """Whether to begin anew after the object turned out to be another one."""
        self._changed += 1
        return self._changed == 1

    def again_after_bad_chunk(self) -> bool:
        """Whether to fetch a chunk again that was wrong."""
        self._bad += 1
        return self._bad <= _BAD_CHUNKS


class Pull:
    """A fetch in progress."""

    def __init__(
        self,
        artifact: Artifact,
        context: Context,
        place: Place,
        checker: Checker | None,
        note: Note,
        *,
        first: bool,
    ) -> None:
        partial = place.partial
        self._artifact = artifact
        self._context = context
        self._place = place
        self._partial = partial
        self._intake = Intake(
            artifact.size, context, partial, checker, note, self._room, first=first
        )
        self._note = note
        self._first = first
        self._resumed = partial.trusted
        self._hashed = 0
        self._pieced = bool(partial.trusted)
        self._mixtures = 0
        self._liars: set[str] = set()
        self._lying_origins = 0

    def run(self) -> Fetched:
        """Get it, verify it, seal it.

        Raises:
            ReasonError: no place gave the artifact.
        """
        while self._may_go_on():
            remote = self._fill()
            if self._digest() == self._artifact.sha256:
                self._partial.seal(self._artifact.private)
                label = remote.label if remote else ""
                return Fetched(self._intake.moved, self._resumed, label, self._hashed)
            self._mistrust(remote)
        raise ReasonError("DigestMismatch", f"{self._artifact.key}: no source has the digest")

    def _fill(self) -> Remote | None:
        """Get every byte; the place that gave the last one."""
        if self._partial.position == self._artifact.size:
            return None
        # Where nothing may move, neighbours are not asked what they could give either.
        self._context.allow(first=self._first)
        failures: list[ReasonError] = []
        spared: list[Remote] = []
        wanted = Wanted(
            self._artifact.sha256,
            self._artifact.size,
            self._partial.position,
            refused.known(self._place.layout, self._artifact.sha256),
            self._tell_wait,
        )
        for remote in find(self._artifact.sources, wanted, self._context):
            # Where bytes of several places did not fit together, an origin has to give them all.
            if remote.label in self._liars or (remote.peer and self._mixtures):
                failures.append(_lied(remote))
            elif self._context.breaker.wait(remote.host):
                spared.append(remote)
            elif self._tried(remote, wanted, failures):
                return remote
        # Hosts that failed before are asked after all where nobody else was left to ask.
        for remote in spared if not failures else ():
            if self._tried(remote, wanted, failures):
                return remote
        raise verdict.of(failures, [self._context.breaker.wait(one.host) for one in spared])

    def _tried(self, remote: Remote, wanted: Wanted, failures: list[ReasonError]) -> bool:
        try:
            self._from(remote, wanted)
        except ReasonError as error:
            self._context.breaker.failed(remote.host, error.code)
            if error.code in verdict.FINAL:
                raise
            if remote.peer and error.code in ("DigestMismatch", "Stalled"):
                self._note_ban(error.detail)
            failures.append(error)
            return False
        self._context.breaker.worked(remote.host)
        return True

    def _from(self, remote: Remote, wanted: Wanted) -> None:
        """Get every byte that is missing from one place."""
        tries = Tries()
        while True:
            before = self._intake.moved
            try:
                return self._attempt(remote, wanted)
            except BadChunk as error:
                self._partial.truncate(error.start)
                if not tries.again_after_bad_chunk():
                    remote.blame()
                    raise _lied(remote) from error
            except PastEnd as error:
                if self._is_complete(error.total):
                    return None
                self._begin_anew(tries, ReasonError("Protocol", f"{remote.label}: no byte there"))
            except ReasonError as error:
                self._recover(tries, error, self._intake.moved - before)
            self._pause(tries.pause)

    def _recover(self, tries: Tries, error: ReasonError, moved: int) -> None:
        """Make ready for another attempt, or give the place up by raising the error."""
        if error.code == "SourceChanged":
            self._begin_anew(tries, error)
        elif not tries.again(error, moved):
            raise error

    def _attempt(self, remote: Remote, wanted: Wanted) -> None:
        """Ask once, from where we are."""
        self._context.allow(first=self._first)
        start, known = self._partial.position, self._partial.identity
        if start > self._artifact.size >= 0:
            self._restart()
            start = 0
        same = known.get("place") == remote.label
        flow = remote.open(start, known.get("version", "") if same else "")
        try:
            refused.check(remote.label, flow.identity, wanted.refused)
            if flow.start != start:
                self._partial.truncate(flow.start)
            elif start:
                self._pieced = self._pieced or not (same and flow.identity)
            else:
                self._pieced = False
            self._partial.identity = {"place": remote.label, "version": flow.identity}
            self._intake.take(flow, remote.label)
        finally:
            flow.close()

    def _is_complete(self, total: int) -> bool:
        """Whether there is no byte more to have because all are here already."""
        if self._artifact.size >= 0:
            return self._partial.position == self._artifact.size
        return total in (-1, self._partial.position)

    def _may_go_on(self) -> bool:
        return self._lying_origins < _LIARS and self._mixtures < _PIECED_TRIES

    def _begin_anew(self, tries: Tries, error: ReasonError) -> None:
        if not tries.again_after_change():
            raise error
        self._restart()

    def _restart(self) -> None:
        self._partial.truncate(0)
        self._partial.identity = {}
        self._pieced = False

    def _mistrust(self, remote: Remote | None) -> None:
        """All bytes are there and wrong: by whom, and what now."""
        identity = self._partial.identity
        mixed = self._pieced
        self._restart()
        if remote is None or mixed:
            self._mixtures += 1
            return
        if self._intake.web_page:
            raise ReasonError("UnexpectedContent", f"{remote.label}: a web page")
        remote.blame()
        if remote.peer:
            self._note_ban(_lied(remote).detail)
        self._liars.add(remote.label)
        self._lying_origins += not remote.peer
        layout, owner, _ = self._place
        refused.remember(layout, owner, self._artifact.sha256, identity)

    def _tell_wait(self, reason: str) -> None:
        at = self._partial.position
        self._note("progress", {"phase": "wait", "reason": reason, "bytes": at})

    def _note_ban(self, detail: str) -> None:
        self._note("note", {"event": "peer-banned", "reason": "PeerBanned", "detail": detail})

    def _digest(self) -> str:
        """The digest of the file, read back from where it will be served."""
        self._note("progress", {"phase": "verify", "bytes": self._partial.position})
        found, buffer, offset = hashlib.sha256(), self._intake.buffer, 0
        view = memoryview(buffer)
        with open(self._partial.path, "rb", buffering=0) as file:
            while count := file.readinto(view[: self._partial.position - offset]):
                self._context.check()
                found.update(view[:count])
                offset += count
        self._hashed += offset
        return found.hexdigest()

    def _room(self) -> int:
        return max(space.room(self._place.layout, self._context.config.limits).bytes, 0)

    def _pause(self, most: float) -> None:
        self._context.check()
        self._context.stop.wait(random.uniform(0, most))  # noqa: S311 - jitter
        self._context.check()


def _lied(remote: Remote) -> ReasonError:
    return ReasonError("DigestMismatch", f"{remote.label}: other bytes than the digest says")
