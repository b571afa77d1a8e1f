"""The completed marker of a Run: where it lies and what it says.

A Run's results lie below its work key, so the marker does too: `<…>/<key>/completed/<site>.json`,
beside what it vouches for and found again by a Run that was made anew, on whatever host.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from sidecar.disk import documents
from sidecar.model.config import Store, Stream
from sidecar.outbox.names import item_of
from sidecar.outbox.record import NAME


class Marker(NamedTuple):
    """Where the marker lies, and whether a new one takes the place of an old one."""

    url: str
    store: Store
    replace: bool


def marker(streams: Iterable[Stream], key: str, site: str, *, repeat: bool) -> Marker | None:
    """The marker of a Run, or None where nothing goes below its key."""
    for stream in streams:
        before, found, _ = stream.to.partition(f"/{key}/")
        if found and key:
            url = f"{before}/{key}/completed/{quote(site, safe='')}.json"
            return Marker(url, stream.store, repeat)
    return None


def marker_of(folder: str, streams: Iterable[Stream], site: str) -> Marker | None:
    """The same from the record beside a tenant's streams."""
    found = documents.read(f"{folder}/{NAME}") or {}
    repeat = found.get("repeat") is True
    return marker(streams, str(found.get("key", "")), site, repeat=repeat)


def text(folder: str, streams: Mapping[str, Stream], facts: Mapping[str, str]) -> bytes:
    """What the marker says: where each result lies, by stream."""
    found = documents.read(f"{folder}/{NAME}") or {}
    document = {
        "completed": 1,
        "key": found.get("key", ""),
        **facts,
        "outputs": {name: list(_stored(f"{folder}/{name}/sent")) for name in sorted(streams)},
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _stored(folder: str) -> Iterator[dict[str, Any]]:
    for name in sorted(os.listdir(folder)):
        item = item_of(name)
        if item is not None:
            entry = documents.read(f"{folder}/{name}") or {}
            yield {
                "name": item.name,
                "sha256": item.sha256,
                "bytes": entry.get("bytes", 0),
                "url": entry.get("url", ""),
            }
