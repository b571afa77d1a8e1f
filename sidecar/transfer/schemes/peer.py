"""`peer:`: the other nodes of the site, asked by digest, directly and never through a proxy.

Who is asked and when the origin is due is decided by the `Election` that the worker hands in; this
module does the asking. A node that is itself still fetching gives what it has synced, and is
followed as it grows.
"""

from __future__ import annotations

import json
import random
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from sidecar.disk import fsops, locks
from sidecar.disk.layout import Layout
from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.transfer.context import Context
from sidecar.transfer.exchange import Answer
from sidecar.transfer.neighbours import Bans, ask, near, place_of
from sidecar.transfer.scheme import PastEnd, Scheme, Wanted

DOWN: Final = 15.0
"""Seconds for which a node that did not answer is not asked again."""

_ANSWER, _SILENCE = 2, 4
"""Seconds in which a node of the same site answers, and sends its next byte, if it lives."""
_QUIET, _CARRIED = 2.0, 15.0
"""Seconds without a new byte after which a node is left: one that relays, one at the origin."""
_DOUBT = 5.0
_WORTH, _STRIKES = 65_536, 3
"""How often a node may give less than that much before nothing more is asked of it."""
_NOTHING = {"have": 0, "complete": False}
_PAUSE = (0.1, 0.4)
_AT_ONCE = 8
_STATE = 4096
_PART = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_NONE = re.compile(r"bytes \*/([0-9]{1,18})")


def _find(source: Source, wanted: Wanted, context: Context) -> Iterator[PeerRemote]:
    del source
    if wanted.sha256 and context.config.peers.members and context.elect is not None:
        site = _Site(context, wanted)
        try:
            yield from site.remotes()
        finally:
            site.close()


class _Site:
    """What one fetch knows of the other nodes."""

    def __init__(self, context: Context, wanted: Wanted) -> None:
        self.context = context
        self.digest = wanted.sha256
        self._wanted, self._told = wanted, False
        self.have = wanted.have
        self.near = near(context, min(_SILENCE, context.network.low_seconds))
        self._quick = near(context, _ANSWER)
        self._layout = Layout(context.config.limits.root)
        self._claim: locks.Lock | None = None
        self.bans = Bans(self._layout)
        earlier = context.claims.pop(self.digest, None)
        if earlier is not None:
            earlier.release()
        # Another word in each process, since a node that lied once may be mended by the next time.
        self.identity = f"{wanted.sha256}.{secrets.token_hex(4)}"
        self._down: dict[str, float] = {}
        self._left: set[str] = set()
        self._strikes: dict[str, int] = {}
        self._doubts: dict[str, tuple[float, dict[str, Any]]] = {}

    def remotes(self) -> Iterator[PeerRemote]:
        """Those to take bytes from, each when it is due; at the end the origin is."""
        assert self.context.elect is not None  # noqa: S101 - `_find` has looked
        election = self.context.elect(
            self.digest,
            self.context.config.peers.members,
            self.context.environment.get("EDGEWRIGHT_HOST", ""),
            self.context.environment.get("EDGEWRIGHT_POD_IP", ""),
            time.monotonic(),
        )
        while True:
            self.context.check()
            answers = self._believed(self._answers(election.others))
            step = election.step(answers, self.have, time.monotonic())
            self._hold(step.kind)
            if step.kind == "origin":
                return
            if step.kind == "wait":
                self._tell()
            if step.kind in ("wait", "claim"):
                self.context.stop.wait(step.seconds)
            else:
                remote = PeerRemote(self, step.member)
                yield remote
                self._judge(remote)

    def _hold(self, kind: str) -> None:
        """Show the other nodes, by locks that end with this process, what this one is about to do.

        That it asks the origin stays to be seen as long as the fetch goes on.
        """
        lock, claims = self._layout.lock(f"fetch-{self.digest}"), self.context.claims
        if kind == "claim" and self._claim is None:
            self._claim = _taken(f"{lock}.claim")
            self._down.clear()  # one that came back may be about to go there too
        if kind == "origin":
            claims[self.digest] = _taken(f"{lock}.origin")
        if kind != "claim" and self._claim is not None:
            self._claim.release()
            self._claim = None

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            self._wanted.tell("WaitingForPeer")

    def _judge(self, remote: PeerRemote) -> None:
        """Leave a node for good that the engine does not want, or that is not worth asking."""
        if remote.moved < _WORTH and not remote.excused:
            self._strikes[remote.member] = self._strikes.get(remote.member, 0) + 1
        if not remote.opened or self._strikes.get(remote.member, 0) >= _STRIKES:
            self._left.add(remote.member)

    def close(self) -> None:
        """Hang up on everybody."""
        self.near.close()
        self._quick.close()
        self._hold("")

    def state(self, member: str) -> dict[str, Any] | None:
        """What a node says of the digest: nothing of one that does not answer."""
        try:
            answer = ask(self._quick, f"{self.url(member)}?state")
            if answer.status != 200:
                answer.refusal()
                return {}
            found = json.loads(answer.read(_STATE))
        except (ReasonError, ValueError, RecursionError):
            self.leave(member)
            return None
        return found if isinstance(found, dict) else {}

    def leave(self, member: str) -> None:
        """Do not ask a node for a while."""
        self._down[member] = time.monotonic() + DOWN

    def is_left(self, member: str) -> bool:
        """Whether a node did not answer, or not give what it has, a moment ago."""
        return time.monotonic() < max(self._down.get(member, 0.0), self._doubted(member))

    def doubt(self, member: str, what: dict[str, Any], seconds: float) -> None:
        """Know better for a while than what a node says of itself."""
        self._doubts[member] = (time.monotonic() + seconds, what)

    def url(self, member: str) -> str:
        """Where a node has the digest."""
        return f"{member.rstrip('/')}/v1/blobs/{self.digest}"

    def _answers(self, members: tuple[str, ...]) -> Mapping[str, Any]:
        asked = [one for one in members if self._is_to_be_asked(one)]
        if not asked:
            return {}
        with ThreadPoolExecutor(min(_AT_ONCE, len(asked))) as pool:
            found = zip(asked, pool.map(self.state, asked), strict=True)
            return {member: state for member, state in found if state is not None}

    def _doubted(self, member: str) -> float:
        return self._doubts[member][0] if member in self._doubts else 0.0

    def _believed(self, answers: Mapping[str, Any]) -> dict[str, Any]:
        now, found = time.monotonic(), dict(answers)
        for member, (until, what) in self._doubts.items():
            if member in found and now < until:
                found[member] = {**found[member], **what}
        return found

    def _is_to_be_asked(self, member: str) -> bool:
        host = place_of(member)
        return (
            member not in self._left
            and time.monotonic() >= self._down.get(member, 0.0)
            and not self.context.breaker.wait(host)
            and not self.bans.holds(host)
        )


def _taken(path: str) -> locks.Lock | None:
    """A lock that others look at, as old as its last taking; nobody depends on having it."""
    try:
        lock = locks.try_lock(path)
        if lock is not None:
            fsops.touch(path)
    except OSError:
        return None
    return lock


class PeerRemote:
    """A node that has some of the bytes."""

    peer = True

    def __init__(self, site: _Site, member: str) -> None:
        self.site = site
        self.member = member
        self.host = place_of(member)
        self.label = f"peer:{self.host}"
        self.opened = self.excused = False
        self.moved = 0

    def open(self, start: int, identity: str) -> PeerFlow:
        """The bytes from `start` on, as they come.

        Raises:
            PastEnd: it has all of them, and there is no byte at `start`.
            ReasonError: why it gives none now.
        """
        del identity
        self.opened, self.site.have = True, start
        if self.site.bans.holds(self.host):
            raise ReasonError("Stalled", f"{self.label}: too slow, and left alone now")
        if self.site.is_left(self.member):
            raise ReasonError("Offline", f"{self.label}: gone")
        flow = PeerFlow(self, start)
        flow.begin()
        return flow

    def blame(self) -> None:
        """Leave it alone: what it gave was wrong, or next to nothing."""
        self.site.bans.add(self.host)


class PeerFlow:
    """Bytes of one node, over as many requests as it takes while the node itself gets them."""

    web_page = False

    def __init__(self, remote: PeerRemote, start: int) -> None:
        self.start = start
        self.total = -1
        self.identity = remote.site.identity
        self._remote = remote
        self._position = start
        self._answer: Answer | None = None
        self._complete = False

    def begin(self) -> None:
        """Make sure of the first bytes."""
        self._answer = self._more()

    def readinto(self, view: memoryview) -> int:
        """Read what is there, at most `view`; 0 at the end."""
        while view:
            if self._answer is None:
                if self._complete:
                    return 0
                self._answer = self._more()
            count = self._read(self._answer, view)
            if count:
                self._position += count
                self._remote.moved += count
                self._remote.site.have = self._position
                return count
            self.close()
        return 0

    def close(self) -> None:
        """Be done with the request that is open."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    def _read(self, answer: Answer, view: memoryview) -> int:
        try:
            return answer.readinto(view)
        except ReasonError as error:
            if isinstance(error.__cause__, TimeoutError):
                # Not slow, but gone, or its disk is: what it says of others' bytes still counts.
                self._remote.site.doubt(self._remote.member, _NOTHING, DOWN)
            elif error.code == "Stalled":
                self._remote.blame()
            raise

    def _more(self) -> Answer:
        """The next bytes, once the node has them."""
        site, member, began = self._remote.site, self._remote.member, time.monotonic()
        while True:
            site.context.check()
            try:
                answer = self._asked()
            except ReasonError:
                site.leave(member)
                raise
            if isinstance(answer, Answer):
                return answer
            state = site.state(member)
            if state is None:
                raise ReasonError("Offline", f"{self._remote.label}: gone")
            waited = time.monotonic() - began
            carries = state.get("fetching") is True and state.get("origin") is True
            if waited > (_CARRIED if carries and not answer else _QUIET):
                # What it claims to have and did not give is not there for the next while.
                site.doubt(member, {"busy": True} if answer else _NOTHING, _DOUBT)
                self._remote.excused = True
                raise ReasonError("WaitingForPeer", f"{self._remote.label}: no more bytes yet")
            site.context.stop.wait(random.uniform(*_PAUSE))  # noqa: S311 - jitter

    def _asked(self) -> Answer | bool:
        """The next bytes, or whether it is because others take some that there are none."""
        remote, headers = self._remote, {"Range": f"bytes={self._position}-"}
        answer = ask(remote.site.near, remote.site.url(remote.member), headers)
        complete = answer.headers.get("Edgewright-Complete") == "1"
        claim = answer.headers.get("Content-Range", "")
        part = _PART.fullmatch(claim) if answer.status == 206 else None
        # A node gives all that it has: pieces would let it trickle without being slow.
        if part and (int(part[1]), int(part[2]) + 1) == (self._position, int(part[3])):
            self._complete = complete
            self.total = int(part[3]) if complete else -1
            return answer
        if answer.status == 416 and complete and (none := _NONE.fullmatch(claim)):
            answer.refusal()
            raise PastEnd(int(none[1]))
        if answer.status not in (404, 416, 503):
            answer.close()
            raise ReasonError("Protocol", f"{remote.label}: {answer.status}, {claim[:60]!r}")
        answer.refusal()
        return answer.status == 503


SCHEME = Scheme(("peer",), _find)
