"""What all transfers of one worker share: the config, the pace, connections, clocks and keys.

One context is made for a config and ends with it. It keeps nothing on disk.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from threading import Event, Lock
from typing import Any, Protocol

from sidecar.disk import locks
from sidecar.model import windows
from sidecar.model.config import Config
from sidecar.transfer import addresses
from sidecar.transfer.breaker import Breaker
from sidecar.transfer.connections import Connections
from sidecar.transfer.dial import Reach
from sidecar.transfer.meter import Meter
from sidecar.transfer.sigv4 import Keys
from sidecar.transfer.trust import Trust

_FURTHER = ("AWS_ENDPOINT_URL_STS",)


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """The context was told to end; nothing is wrong."""


class Election(Protocol):
    """Decides who of a site asks the origin; see `sidecar.peers.elect`."""

    @property
    def others(self) -> tuple[str, ...]:
        """The members to ask."""

    def step(self, answers: Mapping[str, Any], have: int, now: float) -> Any:
        """What to do now, given what members said and how many bytes are here."""


Elect = Callable[[str, Sequence[str], str, str, float], Election]
"""Makes an election from a digest, members, this node's name and address, and the time."""


class Context:
    """Everything that a transfer needs to know besides what it moves.

    Without `elect` no peer is asked for anything. `claims` are locks that show other nodes which
    digests this one fetches from the origin. What is `shared` of another context is its pace
    and whom it trusts.
    """

    def __init__(
        self,
        config: Config,
        environment: Mapping[str, str],
        stop: Event,
        elect: Elect | None = None,
        *,
        clock: Callable[[], float] = time.time,
        shared: Reach | None = None,
    ) -> None:
        self.config = config
        self.network = config.network
        self.environment = environment
        self.stop = stop
        self.elect = elect
        self.claims: dict[str, locks.Lock | None] = {}
        self.meter = (
            shared.meter if shared else Meter(self.network.rate, stop, self.network.streams)
        )
        self.trust = shared.trust if shared else Trust(self.network.ca_file)
        self.breaker = Breaker()
        self.declared = addresses.declared(
            config, [environment[name] for name in _FURTHER if name in environment]
        )
        self.reach = Reach(self.network, self.meter, self.trust, self.declared)
        self.connections = Connections(self.reach, self.network.streams)
        self._clock = clock
        self._lock = Lock()
        self._offsets: dict[str, float] = {}
        self._keys: dict[str, tuple[Keys, float]] = {}

    def now(self, host: str) -> float:
        """The time as a host sees it, as far as it told us."""
        return time.time() + self._offsets.get(host, 0.0)

    def set_clock(self, host: str, moment: float) -> None:
        """Believe a host's clock for what is signed for it, and for nothing else."""
        self._offsets[host] = moment - time.time()

    def remembered(self, name: str, make: Callable[[], tuple[Keys, float]], anew: bool) -> Keys:
        """Keys that cost a request, until they end; `make` also gives when, in monotonic time."""
        with self._lock:
            found = None if anew else self._keys.get(name)
            if found is None or found[1] <= time.monotonic():
                found = self._keys[name] = make()
            return found[0]

    def check(self) -> None:
        """Go on only as long as nobody wants an end.

        Raises:
            Stopped: somebody does.
        """
        if self.stop.is_set():
            raise Stopped

    def allow(self, *, first: bool) -> None:
        """Go on only while bytes may move; a `first` install may always.

        Raises:
            Stopped: the context was told to end.
            ReasonError: WindowShut with the seconds until it opens, TimeZoneMissing, ClockUnsynced.
        """
        self.check()
        if self.network.windows and not first:
            windows.insist(self.network.windows, self._clock())

    def close(self) -> None:
        """Hang up everywhere."""
        self.connections.close()
        for claim in self.claims.values():
            if claim is not None:
                claim.release()
