"""The schemes: one module each, and one line in the tuple below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.transfer.scheme import Nowhere, Remote, Scheme, Target, Wanted
from sidecar.transfer.schemes import file, http, oci, peer, s3

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

SCHEMES: tuple[Scheme, ...] = (
    s3.SCHEME,
    http.SCHEME,
    oci.SCHEME,
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
            yield Nowhere(source.url, error)
        else:
            yield from scheme.find(source, wanted, context)


def target(source: Source, context: Context) -> Target:
    """Where and how a URL is written to.

    Raises:
        ReasonError: SchemeUnsupported.
    """
    scheme = scheme_of(source.url)
    if scheme.target is None:
        raise ReasonError("SchemeUnsupported", f"{source.label}: nothing is stored there")
    return scheme.target(source, context)
