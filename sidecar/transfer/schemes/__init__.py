"""The schemes: one module each, and one line in the tuple below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.model.text import redact
from sidecar.transfer.scheme import Flow, Remote, Scheme, Target, Wanted
from sidecar.transfer.schemes import file, http, peer, s3

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

SCHEMES: tuple[Scheme, ...] = (
    s3.SCHEME,
    http.SCHEME,
    file.SCHEME,
    peer.SCHEME,
)


def scheme_of(url: str) -> Scheme:
    """The scheme of a URL.

    Raises:
        ReasonError: SchemeUnsupported.
    """
    name = url.partition(":")[0].lower()
    for scheme in SCHEMES:
        if name in scheme.names:
            return scheme
    raise ReasonError("SchemeUnsupported", f"no scheme {name!r}")


def find(sources: Iterable[Source], wanted: Wanted, context: Context) -> Iterator[Remote]:
    """Every place of every source, in order."""
    for source in sources:
        try:
            scheme = scheme_of(source.url)
        except ReasonError as error:
            yield _Nowhere(source.url, error)
        else:
            yield from scheme.find(source, wanted, context)


def target(source: Source, context: Context) -> Target:
    """Where and how a URL is written to.

    Raises:
        ReasonError: SchemeUnsupported.
    """
    scheme = scheme_of(source.url)
    if scheme.target is None:
        raise ReasonError("SchemeUnsupported", f"{redact(source.url)}: nothing is stored there")
    return scheme.target(source, context)


class _Nowhere:
    """The place of a source that no scheme reaches; the others of its artifact are asked."""

    host = ""
    peer = False

    def __init__(self, url: str, error: ReasonError) -> None:
        self.label = redact(url)
        self._error = error

    def open(self, start: int, identity: str) -> Flow:
        del start, identity
        raise self._error

    def blame(self) -> None:
        pass
