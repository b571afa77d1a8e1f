"""Finds stored bytes that changed on disk, one blob at a time. It fetches nothing."""

from __future__ import annotations

import os

from sidecar.disk import blobs, documents, fsops, hashing, removal
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, enter


def next_blob(layout: Layout) -> str:
    """The digest that was checked longest ago, or empty."""
    digests = sorted(_digests(layout))
    last = (documents.read(_state(layout)) or {}).get("last", "")
    return next((one for one in digests if one > last), digests[0] if digests else "")


def check(layout: Layout, digest: str) -> bool:
    """Whether a blob is what its name says. One that is not is no longer in the store.

    What was unpacked from it stays for who reads it, until a fetch seals the right bytes.
    """
    with enter(layout) as owner:
        intact = _intact(layout, digest)
        if not intact:
            _set_aside(layout, owner, digest)
        documents.write(owner, _state(layout), {"last": digest})
    return intact


def _intact(layout: Layout, digest: str) -> bool:
    try:
        descriptor = blobs.open_blob(layout, digest)
    except FileNotFoundError:
        return True  # collected meanwhile
    try:
        return hashing.digest_of(descriptor, forget=True) == digest
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _set_aside(layout: Layout, owner: Owner, digest: str) -> None:
    folder = layout.store("unpacked")
    for name in os.listdir(folder):
        if name.startswith(f"{digest}."):
            fsops.unlink(f"{folder}/{name}")
    scratch = owner.scratch()
    fsops.rename(layout.blob(digest), scratch)
    fsops.sync_directory(os.path.dirname(layout.blob(digest)))
    removal.remove(scratch)


def _state(layout: Layout) -> str:
    return layout.store("scrub.json")


def _digests(layout: Layout) -> list[str]:
    root = layout.store("blobs")
    return [name for shelf in os.listdir(root) for name in os.listdir(f"{root}/{shelf}")]
