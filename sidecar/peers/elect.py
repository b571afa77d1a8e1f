"""Who of a site goes to the origin for a digest, and what the others do meanwhile.

Every node sorts the members by a hash of the digest and the member's address, so that all agree
without a word; the first that lives and wants the digest fetches it, the others take its bytes as
they come and move up when it fails. Before a node goes it claims to, and asks around once more: of
two that take each other for dead or slow, one sees the other's claim. Pure decisions: no clock, no
socket, no sleep. What goes wrong here costs a second copy from the origin, never a wrong byte.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from sidecar.model.digest import sha256

LIMIT: Final = 32
"""Members that are asked, the first in the digest's order: who is later has bytes later too."""

PATIENCE: Final = 30.0
"""Seconds without a byte, from nodes that have some, after which the origin is asked instead."""

GRACE: Final = PATIENCE / 2
"""Seconds in which the elected node has to begin, and to write its next bytes."""

BUSY_GRACE: Final = PATIENCE * 4
"""The same while it comes to it by itself: it moves other bytes, or waits for neighbours too."""

CLAIMED: Final = 5.0
"""Seconds that a claim waits for claims of nodes behind it to be taken back."""

LONGEST: Final = PATIENCE * 20
"""Seconds without a byte of its own after which a node goes, however well others come along."""

LEAST: Final = 32_768
"""Bytes that count as progress in that time; fewer are no reason to stay away from the origin."""

_PAUSE = (0.2, 0.6)


class State(NamedTuple):
    """What a node says of a digest. `have` are bytes that it gives out.

    `wanted` is whether a config of the node names it, `fetching` whether a process of the node
    fetches it, `claim` whether that one is about to ask the origin, `origin` whether it does,
    `idle` how many seconds ago it got the last bytes. `working` is whether anything at all comes in
    on that node, `busy` whether it serves as many as it does at once.
    """

    host: str = ""
    have: int = 0
    size: int = -1
    complete: bool = False
    wanted: bool = False
    fetching: bool = False
    claim: bool = False
    origin: bool = False
    idle: float = 0.0
    working: bool = False
    busy: bool = False


class Step(NamedTuple):
    """What to do now: take bytes from `member`, `claim` the origin, ask it, or `wait`.

    After a claim and after a wait the next step is due in so many seconds. A claim is held until a
    step says something else.
    """

    kind: Literal["pull", "claim", "origin", "wait"]
    member: str = ""
    seconds: float = 0.0


def order(digest: str, members: Sequence[str]) -> list[str]:
    """The members in the order in which they go to the origin; the same on every node."""
    return sorted(members, key=lambda one: sha256(f"{digest} {one}".encode()).digest())


class Election:
    """One node's view of one fetch. `host` and `address` tell it which member it is itself."""

    def __init__(
        self,
        digest: str,
        members: Sequence[str],
        host: str,
        address: str,
        now: float,
        patience: float = PATIENCE,
    ) -> None:
        self.members: Final = tuple(order(digest, members)[:LIMIT])
        self._host = host
        self._patience, self._grace, self._busy_grace = patience, patience / 2, patience * 4
        self._own = {one for one in self.members if address and _host_of(one) == address}
        self._waiting: dict[str, float] = {}
        self._passed: set[str] = set()
        self._longest = patience * 20
        self._have = self._carried = -LEAST
        self._gained = self._moved = now
        self._claimed = self._offered = -1.0

    @property
    def others(self) -> tuple[str, ...]:
        """The members that are not this node, as far as it knows."""
        return tuple(one for one in self.members if one not in self._own)

    def step(self, answers: Mapping[str, Any], have: int, now: float) -> Step:
        """What to do, given the documents of the members that answered, with `have` bytes here."""
        heard = {one: state_of(document) for one, document in answers.items()}
        self._own |= {one for one, state in heard.items() if self._host == state.host != ""}
        states = {one: state for one, state in heard.items() if one not in self._own}
        self._measure(states, have, now)
        givers = [one for one, state in states.items() if state.complete or state.have > have]
        free = [one for one in givers if not states[one].busy]
        if not free:
            self._offered = -1.0
        if free and self._is_worth_it(now):
            self._claimed = -1.0
            return Step("pull", _chosen(free, states))
        if self._is_to_wait(states, bool(givers), now):
            self._claimed = -1.0
            return Step("wait", seconds=random.uniform(*_PAUSE))  # noqa: S311 - jitter
        return self._claim(states, now)

    def _is_worth_it(self, now: float) -> bool:
        """Whether those who offer bytes have not been offering in vain."""
        if self._offered < self._gained:
            self._offered = now
        return now - self._offered < 2 * self._patience

    def _measure(self, states: Mapping[str, State], have: int, now: float) -> None:
        """Note when something was gained here, and when anything moved at all."""
        if not 0 <= have - self._have < LEAST:
            self._have, self._gained, self._moved = have, now, now
        carried = max((s.have for s in states.values() if _carries(s, self._grace)), default=0)
        if not 0 <= carried - self._carried < LEAST:
            self._carried, self._moved = carried, now

    def _is_to_wait(self, states: Mapping[str, State], given: bool, now: float) -> bool:
        stood = now - self._moved
        if now - self._gained > self._longest:
            return False
        if given or any(_carries(state, self._grace) for state in states.values()):
            return stood < self._patience
        claims = [one for one, state in states.items() if state.fetching and state.claim]
        if any(self._claimed < 0 or self._is_before(one) for one in claims):
            return stood < self._patience
        return stood < self._busy_grace and self._is_led(states, now)

    def _claim(self, states: Mapping[str, State], now: float) -> Step:
        """Claim the origin, and go there once nobody else can be about to."""
        first = self._claimed < 0
        if first:
            self._claimed = now
        rivals = any(state.fetching and state.claim for state in states.values())
        if first or (rivals and now - self._claimed < CLAIMED):
            return Step("claim", seconds=random.uniform(*_PAUSE))  # noqa: S311 - jitter
        return Step("origin")

    def _is_before(self, member: str) -> bool:
        own = [self.members.index(one) for one in self._own if one in self.members]
        return not own or self.members.index(member) < min(own)

    def _is_led(self, states: Mapping[str, State], now: float) -> bool:
        """Whether somebody before this node in the order is still to be waited for."""
        for one in self.members:
            if one in self._own:
                return False
            state = states.get(one)
            if state is None or not state.wanted or one in self._passed:
                continue
            since = self._waiting.setdefault(one, now)
            comes = state.working or (state.fetching and not state.origin)
            if now - since < (self._busy_grace if comes else self._grace):
                return True
            self._passed.add(one)
        return False


def _carries(state: State, grace: float) -> bool:
    """Whether a node brings it from the origin, whoever was elected."""
    return state.fetching and state.origin and state.idle < grace


def state_of(document: Any) -> State:
    """The state in a neighbour's words; what is missing or odd counts as nothing."""
    if not isinstance(document, dict):
        return State()
    known = {
        name: document[name]
        for name, default in State._field_defaults.items()
        if isinstance(document.get(name), int | float if name == "idle" else type(default))
    }
    return State(**known)


def _chosen(free: Sequence[str], states: Mapping[str, State]) -> str:
    """Anybody who has it all; else whoever has the most, since it is nearest to the origin."""
    complete = [one for one in free if states[one].complete]
    if complete:
        return random.choice(complete)  # noqa: S311 - spreads the load
    most = max(states[one].have for one in free)
    return random.choice([one for one in free if states[one].have == most])  # noqa: S311


def _host_of(member: str) -> str:
    rest = member.partition("://")[2].partition("/")[0]
    if rest.startswith("["):
        return rest[1:].partition("]")[0]
    return rest.partition(":")[0]
