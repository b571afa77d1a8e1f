"""Finds stored bytes that changed on disk, one artifact at a time. It fetches nothing."""

from __future__ import annotations

import os

from sidecar.disk import blobs, documents, fsops, hashing, removal, trees
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, enter
from sidecar.disk.tenants import listed


def next_blob(layout: Layout) -> str:
    """The digest whose turn it is, or empty: they take turns in their own order."""
    digests = _digests(layout)
    last = (documents.read(_state(layout)) or {}).get("last", "")
    found = next((one for one in digests if one > str(last)), digests[0] if digests else "")
    if found:
        with enter(layout) as owner:
            documents.write(owner, _state(layout), {"last": found})
    return found


def check(layout: Layout, digest: str) -> bool:
    """Whether a blob, and all that was unpacked from it, is what its name says.

    What is not is no longer known: the next fetch brings the blob, the next unpacking mends the
    tree. Its files stay where they are until then, for whoever reads them.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    with enter(layout) as owner:
        sound = [_check_tree(layout, name) for name in _links(layout, digest)]
        intact = spare(layout, owner, digest)
    return intact and all(sound)


def spare(layout: Layout, owner: Owner, digest: str) -> bool:
    """Whether a blob is what its name says; what is not is no longer known.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
    if _intact(layout, digest):
        return True
    _set_aside(layout, owner, digest)
    return False


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


def _check_tree(layout: Layout, name: str) -> bool:
    digest, _, form = name.partition(".")
    tree = trees.known(layout, digest, form)
    if tree is None or not trees.verify(layout, tree):
        return True
    _forget(layout, name)
    return False


def _set_aside(layout: Layout, owner: Owner, digest: str) -> None:
    for name in _links(layout, digest):
        _forget(layout, name)
    scratch = owner.scratch()
    fsops.rename(layout.blob(digest), scratch)
    fsops.sync_directory(os.path.dirname(layout.blob(digest)))
    removal.remove(scratch)


def _forget(layout: Layout, name: str) -> None:
    fsops.unlink(layout.store("unpacked", name))
    fsops.sync_directory(layout.store("unpacked"))


def _links(layout: Layout, digest: str) -> list[str]:
    return [name for name in listed(layout.store("unpacked")) if name.startswith(f"{digest}.")]


def _state(layout: Layout) -> str:
    return layout.store("scrub.json")


def _digests(layout: Layout) -> list[str]:
    root = layout.store("blobs")
    return sorted(name for shelf in listed(root) for name in listed(f"{root}/{shelf}"))
