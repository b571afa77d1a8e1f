"""One piece of sending, as a worker process does it: an item, a list of what was delivered, an end.

How bytes travel is handed in. Nothing on disk changes here but what an upload remembers of itself:
the receipt is written by the process that owns the spool, once it hears that all went well.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from sidecar.disk import documents, hashing
from sidecar.model.config import Store, Stream
from sidecar.model.reasons import ReasonError
from sidecar.outbox import policy
from sidecar.outbox.follow import round_of
from sidecar.outbox.names import ABORT, MANIFEST, Item, item_of
from sidecar.outbox.place import Place


class Door(Protocol):
    """The way out."""

    def put(self, url: str, store: Store, path: str, *, sha256: str, state_path: str) -> None:
        """Store a file once and see that it is there."""

    def put_bytes(self, url: str, store: Store, data: bytes) -> None:
        """Store a few bytes in the place of what was there."""

    def abandon(self, url: str, store: Store, *, state_path: str) -> None:
        """Give up an upload that was begun."""


class Post(NamedTuple):
    """A stream as a sender sees it: what it is, where it lies on disk, and where it goes."""

    stream: Stream
    path: str
    place: Place


def send(post: Post, text: str, door: Door) -> dict[str, Any]:
    """See to one item, or to what its name stands for; `{"url", "bytes"}`.

    Raises:
        ReasonError: why it is not stored; OutboxExpired and BitRot mean that it never will be.
    """
    if text.startswith(MANIFEST):
        return _list(post, round_of(text), door)
    if text.startswith(ABORT):
        return _end(post, text[len(ABORT) :], door)
    item = item_of(text)
    if item is None:
        raise ReasonError("NotFound", "no item of an outbox")
    return _item(post, item, door)


def listing(post: Post, within: str) -> bytes:
    """What was delivered of a round, and what was dropped and why: one JSON document."""
    earlier = os.path.exists(f"{post.path}/sent/==pruned")
    document = {
        "delivery": 1,
        "site": post.place.site,
        "host": post.place.host,
        "tenant": post.place.tenant,
        "stream": post.stream.name,
        "round": within,
        "items": [
            {"name": item.name, "sha256": item.sha256, "bytes": entry.get("bytes", 0),
             "url": entry.get("url", "")}
            for item, entry in _entries(f"{post.path}/sent", within)
        ],
        "dropped": [
            {"name": item.name, "sha256": item.sha256, "reason": entry.get("reason", "")}
            for item, entry in _entries(f"{post.path}/dead", within)
        ],
        **({"earlier": True} if earlier else {}),
    }  # fmt: skip
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _item(post: Post, item: Item, door: Door) -> dict[str, Any]:
    path, url = f"{post.path}/new/{item.text}", post.place.item(item)
    if policy.late(item.deadline, 0, 0, time.time()):
        raise ReasonError("OutboxExpired", f"{item.name}: its round is closed")
    try:
        size = os.stat(path, follow_symlinks=False).st_size
    except OSError as fault:
        raise ReasonError("NotFound", f"{item.name}: {fault.strerror}") from fault
    state = f"{post.path}/uploads/{item.text}"
    try:
        door.put(url, post.stream.store, path, sha256=item.sha256, state_path=state)
    except ReasonError as fault:
        if fault.code == "DigestMismatch" and _is_rotten(path, item.sha256):
            raise ReasonError("BitRot", f"{item.name}: its bytes changed on this disk") from fault
        raise
    return {"url": url, "bytes": size}


def _list(post: Post, within: str, door: Door) -> dict[str, Any]:
    data, url = listing(post, within), post.place.manifest(within)
    door.put_bytes(url, post.stream.store, data)
    return {"url": url, "bytes": len(data)}


def _end(post: Post, text: str, door: Door) -> dict[str, Any]:
    item = item_of(text)
    if item is not None:
        url, state = post.place.item(item), f"{post.path}/uploads/{text}"
        door.abandon(url, post.stream.store, state_path=state)
    return {"url": "", "bytes": 0}


def _entries(folder: str, within: str) -> Iterator[tuple[Item, dict[str, Any]]]:
    for text in sorted(os.listdir(folder)):
        item = item_of(text)
        if item is not None and item.round == within:
            yield item, documents.read(f"{folder}/{text}") or {}


def _is_rotten(path: str, sha256: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return hashing.digest_of(descriptor, forget=True) != sha256
    finally:
        os.close(descriptor)
