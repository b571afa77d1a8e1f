"""Access to a store that wants AWS signatures, and what is done when it refuses one.

A refusal is answered with another try only when something changed: the keys on disk, the keys of
the token service, or what we know of the server's clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sidecar.model.config import Store
from sidecar.transfer import credentials, sigv4
from sidecar.transfer.exchange import Request, origin_of
from sidecar.transfer.failures import Refusal

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

_SKEW = 240.0
"""Seconds by which clocks may differ; services allow 900 or 300."""


class AwsAccess:
    """Signs requests with the keys of a store as they are at that moment."""

    def __init__(self, context: Context, store: Store, host: str) -> None:
        self._context = context
        self._store = store
        self._host = host
        self._used: sigv4.Keys | None = None

    def headers(self, request: Request) -> dict[str, str]:
        """The signature, or nothing where the store is anonymous."""
        self._used = credentials.keys(self._context, self._store)
        if self._used is None:
            return {}
        origin = origin_of(request.url)
        payload = request.payload or (sigv4.UNSIGNED if request.body else sigv4.EMPTY)
        return sigv4.signed(
            request.method,
            request.url,
            request.headers,
            self._used,
            host=str(origin),
            region=self._store.region,
            payload=payload,
            now=self._context.now(self._host),
        )

    def renew(self, refusal: Refusal) -> bool:
        """Whether the clock or the keys are others now than those that were refused."""
        if self._used is None:
            return False
        off = refusal.date - self._context.now(self._host) if refusal.date else 0.0
        if refusal.code == "RequestTimeTooSkewed" or abs(off) > _SKEW:
            if abs(off) > _SKEW:
                self._context.set_clock(self._host, refusal.date)
                return True
            return False
        return credentials.keys(self._context, self._store, anew=True) != self._used
