"""The completed marker of a Run: when it is due, what it says and where it lies.

A Run's results lie below its work key, so the marker does too: `<…>/<key>/completed/<site>.json`,
beside what it vouches for and found again by a Run that was made anew, on whatever host. It is
written when all that the Run left is stored, by `push` or by whoever sends what `push` could not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from sidecar.disk import documents, fsops
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Store, Stream
from sidecar.outbox.names import item_of

NAME = "run.json"


class Marker(NamedTuple):
    """Where the marker lies, and whether a new one takes the place of an old one."""

    url: str
    store: Store
    replace: bool


class Record:
    """What is known of the Run whose results a tenant's outbox holds."""

    def __init__(self, layout: Layout, tenant: str, own: Owner) -> None:
        self._path = layout.tenant(tenant, "outbox", NAME)
        self._owner = own

    @property
    def key(self) -> str:
        """The work key, empty where there is no Run."""
        return str(self._read().get("key", ""))

    @property
    def due(self) -> bool:
        """Whether all that the Run left was accepted, and the marker is still to be written."""
        return self._read().get("stage") == "accepted"

    def is_completed(self, key: str) -> bool:
        """Whether a Run of that key was completed on this node."""
        found = self._read()
        return found.get("stage") == "completed" and found.get("key") == key

    def begin(self, key: str, *, repeat: bool) -> None:
        """A Run's results are about to be accepted."""
        self._write(key=key, repeat=repeat, stage="begun")

    def accepted(self) -> None:
        """All that the Run left is in the spool or stored."""
        self._write(**{**self._read(), "stage": "accepted"})

    def completed(self) -> None:
        """The marker is written."""
        self._write(**{**self._read(), "stage": "completed"})

    def forget(self) -> None:
        """There is no Run."""
        fsops.unlink(self._path)

    def _read(self) -> dict[str, Any]:
        return documents.read(self._path) or {}

    def _write(self, **facts: Any) -> None:
        documents.write(self._owner, self._path, facts)


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
