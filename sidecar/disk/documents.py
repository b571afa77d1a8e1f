"""Small JSON documents that are whole or absent: a reader never sees half of one."""

from __future__ import annotations

import json
import os
from typing import Any

from sidecar.disk import failure, fsops
from sidecar.disk.owner import Owner

_LIMIT = 16 << 20


def read(path: str) -> dict[str, Any] | None:
    """The document, or None where it is missing, empty or no JSON object."""
    text = _text(path)
    if text is None or len(text) > _LIMIT:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write(owner: Owner, path: str, document: dict[str, Any]) -> None:
    """Put a document in the place of what has the path, so that it survives a power cut.

    Raises:
        ReasonError: the disk is full, read-only or unusable; what was there before is still there.
    """
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    with failure.told(path):
        write_bytes(owner, path, text)


def write_bytes(owner: Owner, path: str, text: bytes, mode: int = 0o644) -> None:
    """The same for any bytes."""
    scratch = owner.scratch()
    descriptor = fsops.create(scratch, mode)
    try:
        fsops.write(descriptor, text)
        fsops.sync(descriptor)
    except OSError:
        fsops.unlink(scratch)
        raise
    finally:
        fsops.close(descriptor)
    fsops.rename(scratch, path)
    fsops.sync_directory(os.path.dirname(path))


def _text(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        with open(descriptor, "rb") as file:
            return file.read(_LIMIT + 1)
    except OSError:
        return None
