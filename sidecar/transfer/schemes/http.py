"""`http:` and `https:`: plain addresses, open to everybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sidecar.model.config import Source
from sidecar.transfer import http_store
from sidecar.transfer.exchange import Anyone
from sidecar.transfer.ranged import HttpRemote
from sidecar.transfer.scheme import Scheme, Target, Wanted

if TYPE_CHECKING:
    from sidecar.transfer.context import Context


def _find(source: Source, wanted: Wanted, context: Context) -> Iterator[HttpRemote]:
    yield HttpRemote(context, source.url, Anyone(), wanted)


def _target(source: Source, context: Context) -> Target:
    del context
    return Target(source.url, Anyone())


SCHEME = Scheme(("http", "https"), _find, _target, http_store.storing(_target))
