"""Stores one accepted item of an outbox, or sees to what is owed after items."""

from __future__ import annotations

import os
from typing import Any

from sidecar.disk import tenants
from sidecar.model.config import Store, Stream
from sidecar.model.reasons import ReasonError
from sidecar.outbox import marker
from sidecar.outbox.kept import recalled
from sidecar.outbox.names import COMPLETED
from sidecar.outbox.place import Place
from sidecar.outbox.send import Post, send
from sidecar.transfer import upload
from sidecar.worker.bench import Bench, Note


def run(bench: Bench, body: dict[str, Any], note: Note) -> dict[str, Any]:
    """See `model.tasks.send`.

    Raises:
        ReasonError: why it is not stored now.
    """
    del note
    tenant = body.get("tenant") or bench.config.tenant.directory
    if body["item"] == COMPLETED:
        return _completed(bench, tenant)
    return send(post(bench, tenant, body["stream"]), body["item"], Way(bench))


def post(bench: Bench, tenant: str, name: str) -> Post:
    """A stream of a tenant, from the config or, of another tenant, from what was kept with it.

    Raises:
        ReasonError: ConfigInvalid, because nobody knows the stream.
    """
    path = bench.layout.outbox(tenant, name)
    stream = _stream(bench, tenant, name) or recalled(path)
    if stream is None:
        raise ReasonError("ConfigInvalid", f"no stream {name}")
    site = bench.config.node.site
    return Post(stream, path, Place(stream.to, site, host(bench), tenant))


def host(bench: Bench) -> str:
    """The name of this node."""
    stated = bench.context.environment.get("EDGEWRIGHT_HOST", "")
    return stated or bench.config.node.host or os.uname().nodename


def _completed(bench: Bench, tenant: str) -> dict[str, Any]:
    """Write the marker of a Run, unless another host of the site did."""
    folder, site = bench.layout.tenant(tenant, "outbox"), bench.config.node.site
    names = [one for one in tenants.listed(folder) if not one.endswith(".json")]
    streams = {one: post(bench, tenant, one).stream for one in names}
    found = marker.marker_of(folder, streams.values(), site)
    if found is None:
        return {"url": "", "bytes": 0}
    facts = {"site": site, "host": host(bench), "tenant": tenant}
    text = marker.text(folder, streams, facts)
    upload.put_bytes(found.url, found.store, text, bench.context, replace=found.replace)
    return {"url": found.url, "bytes": len(text)}


class Way:
    """The one way out for bytes, as the outbox sees it."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def put(self, url: str, store: Store, path: str, *, sha256: str, state_path: str) -> None:
        """Store a file once and see that it is there."""
        context, own = self._bench.context, self._bench.owner
        upload.put(url, store, path, context, sha256=sha256, state_path=state_path, owner=own)

    def put_bytes(self, url: str, store: Store, data: bytes) -> None:
        """Store a few bytes in the place of what was there."""
        upload.put_bytes(url, store, data, self._bench.context)

    def abandon(self, url: str, store: Store, *, state_path: str) -> None:
        """Give up an upload that was begun."""
        context, own = self._bench.context, self._bench.owner
        upload.abandon(url, store, context, state_path=state_path, owner=own)


def _stream(bench: Bench, tenant: str, name: str) -> Stream | None:
    if tenant != bench.config.tenant.directory:
        return None
    return next((one for one in bench.config.outbox if one.name == name), None)
