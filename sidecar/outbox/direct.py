"""Sends a file straight from the worker's volume, where the spool has no room for it.

Only at the end of a Run, when its volume is about to go and its stages have ended: a full store is
no reason to lose a result. The file keeps its name of ours until it is stored. Its digest is taken
over an open descriptor, and the upload compares: whatever is done to the path meanwhile, no other
bytes than these go out.
"""

from __future__ import annotations

import os

from sidecar.disk import hashing
from sidecar.model.reasons import ReasonError
from sidecar.outbox import ground, names
from sidecar.outbox.ground import Found, Ground
from sidecar.outbox.names import Item
from sidecar.outbox.send import Door, Post
from sidecar.outbox.spool import Spool


def send_left(run: str, spool: Spool, post: Post, door: Door) -> int:
    """Send every plain file that a stream's directory still holds; how many that were.

    Raises:
        ReasonError: why one is not stored now.
        OSError: the directory is not there.
    """
    count = 0
    with ground.enter(run, post.stream.name) as here:
        for found in here.look():
            try:
                count += _sent(run, here, found, spool, post, door)
            except (FileNotFoundError, ValueError):
                continue
            except ReasonError as fault:
                if fault.code != "OutboxRefused":
                    raise
    return count


def _sent(run: str, here: Ground, found: Found, spool: Spool, post: Post, door: Door) -> bool:
    stated = names.left_of(found.stated)
    descriptor, opened = here.open(found)
    try:
        claimed = here.claim(found)
        if claimed.sight.inode != opened.st_ino:
            return False
        digest = hashing.digest_of(descriptor, forget=True)
    finally:
        os.close(descriptor)
    item = Item(digest, stated.name, stated.round, stated.deadline)
    path = f"{run}/{ground.OUTBOX}/{post.stream.name}/{claimed.name}"
    url = post.place.item(item)
    door.put(url, post.stream.store, path, sha256=digest, state_path="")
    spool.delivered(item, opened.st_size, url)
    here.remove(claimed)
    return True
