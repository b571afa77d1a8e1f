"""Fetches an artifact by its digest: the one path that bytes of every scheme take into the store.

Synced bytes are never fetched again while their source stands by them, whatever broke: the
connection, this process or the machine. The whole is hashed once at the end, and only what has the
right digest gets a name. What can be judged by the head of an answer costs no body.
"""

from __future__ import annotations

import os

from sidecar.disk import blobs, locks, space
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.disk.partial import open_partial
from sidecar.model.config import Artifact
from sidecar.model.reasons import ReasonError
from sidecar.transfer import chunks
from sidecar.transfer.context import Context, Stopped
from sidecar.transfer.pull import Fetched, Note, Place, Pull

_UNSYNCED = 5 << 19
"""With half a MiB in our buffer and one in the kernel's, an interruption loses 4 MiB at most."""

_INODES = 16


def fetch(
    artifact: Artifact, context: Context, layout: Layout, owner: Owner, note: Note, *, first: bool
) -> Fetched:
    """Have the blob of an artifact in the store. A `first` install ignores windows.

    Raises:
        ReasonError: why it cannot be had now. What came in is kept for the next try.
        Stopped: the context was told to.
    """
    digest = artifact.sha256
    if blobs.has(layout, digest):
        return Fetched(0, blobs.size(layout, digest), "", 0)
    lock = turn(context, layout, digest, note)
    try:
        if blobs.has(layout, digest):
            return Fetched(0, blobs.size(layout, digest), "", 0)
        return _fetch(artifact, context, layout, owner, note, first=first)
    finally:
        lock.remove()


def _fetch(
    artifact: Artifact, context: Context, layout: Layout, owner: Owner, note: Note, *, first: bool
) -> Fetched:
    checker = _checker(artifact, context, layout, owner, note, first)
    try:
        _require(artifact, context, layout)
        with open_partial(
            layout, owner, artifact.sha256, artifact.size, _UNSYNCED, limits=context.config.limits
        ) as partial:
            place = Place(layout, owner, partial)
            return Pull(artifact, context, place, checker, note, first=first).run()
    finally:
        if checker is not None:
            checker.close()


def turn(context: Context, layout: Layout, what: str, note: Note) -> locks.Lock:
    """The right to fetch a digest, or the files of one; another pod of the node may have it now.

    Raises:
        Stopped: the context was told to end before.
    """
    path = layout.lock(f"fetch-{what}")
    lock = locks.try_lock(path)
    if lock is None:
        note("progress", {"phase": "wait", "reason": "WaitingForFetch"})
        lock = locks.wait_lock(path, context.stop)
    if lock is None:
        raise Stopped
    return lock


def _require(artifact: Artifact, context: Context, layout: Layout) -> None:
    """Insist on room for all of it before the first byte comes."""
    if artifact.size < 0:
        return
    unpacked = max(artifact.unpacked, 0)
    if artifact.unpack and artifact.unpacked < 0:
        unpacked = artifact.size
    need = artifact.size + unpacked - _reserved(layout, artifact.sha256)
    space.require(layout, context.config.limits, max(need, 0), _INODES)


def _reserved(layout: Layout, digest: str) -> int:
    """What an unfinished fetch of a digest has on disk already."""
    folder, most = layout.store("partial"), 0
    for name in os.listdir(folder):
        if name.startswith(digest) and name.endswith(".part"):
            most = max(most, os.stat(f"{folder}/{name}").st_blocks * 512)
    return most


def _checker(
    artifact: Artifact, context: Context, layout: Layout, owner: Owner, note: Note, first: bool
) -> chunks.Checker | None:
    """The chunk list, where there is one and it can be had; without it the whole hash decides."""
    if artifact.chunks is None or artifact.size < 0:
        return None
    if artifact.chunks.number != -(-artifact.size // artifact.chunks.size):
        return None
    listing = chunks.listing(artifact, artifact.chunks)
    try:
        fetch(listing, context, layout, owner, lambda *_: None, first=first)
        return chunks.Checker(
            blobs.open_blob(layout, listing.sha256), artifact.chunks, artifact.size
        )
    except ReasonError as error:
        if error.reason.kind == "wait" and error.code in ("WindowShut", "DiskFull"):
            raise
        note("note", {"event": "NoChunkList", "reason": error.code, "detail": error.detail})
        return None
