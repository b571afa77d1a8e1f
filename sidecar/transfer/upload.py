"""The one way out for bytes: models, datasets, scripts, results, reports, whatever the scheme.

An object that lies under its name already is never written again: names hold the digest, so the
same file sent twice is one object. How a scheme stores things is the scheme's own business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.disk.owner import Owner
from sidecar.model.config import Source, Store
from sidecar.model.reasons import ReasonError
from sidecar.model.text import redact
from sidecar.transfer.outgoing import Outgoing, State, Stored, Written, outgoing
from sidecar.transfer.scheme import Storing
from sidecar.transfer.schemes import scheme_of

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

__all__ = ["Stored", "abandon", "put", "put_bytes"]


def put(
    url: str,
    store: Store,
    path: str,
    context: Context,
    *,
    sha256: str,
    state_path: str = "",
    owner: Owner | None = None,
) -> Stored:
    """Store a file of known digest. `state_path` is where a long upload remembers how far it is.

    Raises:
        ReasonError: why it is not stored; DigestMismatch where the file is not what its digest
            says, or something else lies at the URL.
        Stopped: the context was told to end.
    """
    context.allow(first=False)
    out = outgoing(url, store, path, sha256, State(state_path, owner))
    return _storing(url).put(out, context)


def put_bytes(
    url: str,
    store: Store,
    data: bytes,
    context: Context,
    *,
    kind: str = "application/json",
    replace: bool = True,
) -> Stored:
    """Store a few bytes, whatever the time; with `replace` over what lies there.

    Raises:
        ReasonError: why they are not stored.
        Stopped: the context was told to end.
    """
    context.check()
    return _storing(url).write(Written(Source(url, store), data, kind, replace), context)


def abandon(
    url: str, store: Store, context: Context, *, state_path: str, owner: Owner | None = None
) -> None:
    """Have the store forget what an upload that nobody ends has sent there.

    Raises:
        ReasonError: why it does not.
    """
    state = State(state_path, owner)
    storing = _storing(url)
    if storing.abandon is not None:
        storing.abandon(Outgoing(Source(url, store), "", "", 0, state), context)
    state.clear()


def _storing(url: str) -> Storing:
    scheme = scheme_of(url)
    if scheme.storing is None:
        raise ReasonError("SchemeUnsupported", f"{redact(url)}: nothing is stored there")
    return scheme.storing
