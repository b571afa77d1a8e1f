"""What the parts of a resident process share: the store, the config, its worker and its voice.

Made anew for each accepted config, so nothing here changes while somebody looks at it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from sidecar.activation.switch import Slot
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Config
from sidecar.model.tasks import Message, TaskKind

LONGEST = 300.0
"""Seconds between two tries, at most."""


class Ask(Protocol):
    """Gives a task to the worker."""

    def __call__(
        self, kind: TaskKind, body: dict[str, Any], heard: Callable[[Message], None]
    ) -> int:
        """Begin a task; `heard` gets each message."""


class House(Protocol):
    """Keeps house: told what makes or lacks room."""

    def collect_soon(self) -> None:
        """Something may have become loose."""

    def short_of(self, reason: str, facts: dict[str, Any]) -> None:
        """A fetch failed for a reason that may be a want of room."""

    def check_soon(self, digests: list[str]) -> None:
        """Bytes serve again that were verified long ago."""


class NoHouse:
    """Keeps none, for the time before there is one."""

    def collect_soon(self) -> None:
        """Nothing."""

    def short_of(self, reason: str, facts: dict[str, Any]) -> None:
        """Nothing."""

    def check_soon(self, digests: list[str]) -> None:
        """Nothing."""


class Means(NamedTuple):
    """`base` is where the pod's links are made; `post` hands a call to the main thread.

    Who is `alone` has no server to tell. `now` is monotonic and says when to try again; `wall` is
    what people and records mean.
    """

    layout: Layout
    owner: Owner
    config: Config
    base: str
    ask: Ask
    post: Callable[[Callable[[], None]], None]
    note: Callable[..., None]
    tally: Callable[[str, float, str], None]
    house: House
    now: Callable[[], float]
    wall: Callable[[], float]
    alone: bool = False

    @property
    def tenant(self) -> str:
        """The tenant's directory in the store."""
        return self.config.tenant.directory

    def slot(self, group: str) -> Slot:
        """The slot of a group."""
        return Slot(self.layout, self.owner, self.tenant, group)


def backoff(attempts: int, after: float = 0.0) -> float:
    """Seconds until the next try: full jitter, from one second to five minutes."""
    share = int.from_bytes(os.urandom(4)) / 2**32
    return max(after, 1.0 + share * (min(LONGEST, 2.0 ** min(attempts, 9)) - 1.0))
