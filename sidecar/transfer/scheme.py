"""What a scheme gives: places that hold the bytes of a source, and how to be allowed to write.

The engine, `small` and uploads know schemes only by this.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.transfer.exchange import Access

if TYPE_CHECKING:
    from sidecar.transfer.context import Context
    from sidecar.transfer.outgoing import Outgoing, Stored, Written


class Wanted(NamedTuple):
    """What is looked for: a digest, empty where none is known, and a size, -1 likewise.

    `have` is how much of its beginning is here, `refused` the version of each place, by its label,
    that was fetched before and is known to be wrong. `tell` hears the reason of a wait.
    """

    sha256: str = ""
    size: int = -1
    have: int = 0
    refused: Mapping[str, str] = MappingProxyType({})
    tell: Callable[[str], None] = lambda _: None


class Flow(Protocol):
    """Bytes from one place, from `start` on.

    `start` is 0 where the place could not begin where it was asked to. `total` is the length of
    the whole, -1 where it is not known. `identity` names this very version of the bytes for a
    later resume, empty where nothing does. `web_page` is whether they claim to be one.
    """

    start: int
    total: int
    identity: str
    web_page: bool

    def readinto(self, view: memoryview) -> int:
        """Read what is there, at most `view`; 0 at the end."""

    def close(self) -> None:
        """Be done with it."""


class Remote(Protocol):
    """One place that may hold the bytes. `host` is what failures are counted for.

    `peer` is whether it only has copies, so that its wrong bytes say nothing about the digest.
    """

    host: str
    label: str
    peer: bool

    def open(self, start: int, identity: str) -> Flow:
        """The bytes from `start` on, of the version `identity` if that is not empty.

        Raises:
            PastEnd: there is no byte at `start`.
            ReasonError: why they cannot be had.
        """

    def blame(self) -> None:
        """Told that its bytes were wrong."""


class Nowhere:
    """The place of a source that leads to none, so that the others of its artifact are asked."""

    host = ""
    peer = False

    def __init__(self, url: str, error: ReasonError) -> None:
        self.label = clean(url)
        self._error = error

    def open(self, start: int, identity: str) -> Flow:
        """Say why.

        Raises:
            ReasonError: always.
        """
        del start, identity
        raise self._error

    def blame(self) -> None:
        """It gave no bytes."""


class PastEnd(Exception):  # noqa: N818 - a finding, not an error of ours
    """The place has no byte where it was asked to begin. `total` is its length, -1 if unknown."""

    def __init__(self, total: int) -> None:
        super().__init__(total)
        self.total = total


class Target(NamedTuple):
    """An HTTP address for writing, and how to be allowed to."""

    url: str
    access: Access


TargetOf = Callable[[Source, "Context"], Target]


class Storing(NamedTuple):
    """How a scheme stores a file, a few bytes, and gives up an upload that it remembers."""

    put: Callable[[Outgoing, Context], Stored]
    write: Callable[[Written, Context], Stored]
    abandon: Callable[[Outgoing, Context], None] | None = None


class Scheme(NamedTuple):
    """A way to reach bytes. `target` and `storing` are None where nothing can be written."""

    names: tuple[str, ...]
    find: Callable[[Source, Wanted, Context], Iterable[Remote]]
    target: TargetOf | None = None
    storing: Storing | None = None
