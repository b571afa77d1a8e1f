"""Small JSON documents that are whole or absent: a reader never sees half of one."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any

from sidecar.disk import failure, fsops
from sidecar.disk.owner import Owner

LIMIT = 16 << 20


def read(path: str, *, strict: bool = False) -> dict[str, Any] | None:
    """The document, or None where it is missing, empty or no JSON object.

    Raises:
        OSError: the disk did not give it, where `strict` asks for the difference.
    """
    try:
        text = _text(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        if strict:
            raise
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
    write_bytes(owner, path, text)


def write_bytes(owner: Owner, path: str, text: bytes, mode: int = 0o644) -> None:
    """The same for any bytes."""
    with failure.told(path):
        scratch = owner.scratch()
        descriptor = fsops.create(scratch, mode)
        try:
            _fill(descriptor, text)
            fsops.rename(scratch, path)
        except OSError:
            with suppress(OSError):
                fsops.unlink(scratch)
            raise
        fsops.sync_directory(os.path.dirname(path))


def _fill(descriptor: int, text: bytes) -> None:
    try:
        fsops.write(descriptor, text)
        fsops.sync(descriptor)
    finally:
        fsops.close(descriptor)


def _text(path: str) -> bytes:
    """At most one byte more than what counts as a document, which then is none."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(descriptor, "rb") as file:
        # A buffer of the whole limit would teach malloc to keep megabytes for good.
        text = file.read(min(os.fstat(descriptor).st_size, LIMIT) + 1)
    return text if len(text) <= LIMIT else b""
