"""Reads a prefix through a store: the manifest of the tree that its files make.

The manifest is the document that a sidecar names a tree by, so its digest is the prefix's. Devices
fetch it from beside the prefix, under its digest, once it was put there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace

from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.lock import LockedManifest
from compiler.model.lockable import LockableArtifact
from compiler.model.ports import Stores
from compiler.model.stored import Stored, StoreError, below, is_manifest, manifest_location
from compiler.stages.lock.measure import measure
from compiler.stages.lock.nouns import Measured

_FILE_MODE, _DIRECTORY_MODE = 0o444, 0o555


def files_of(stores: Stores, at: Location) -> list[Stored]:
    """The files of a prefix, in the order of their names.

    Raises:
        StoreError: there are none, or the store does not say.
    """
    found = [
        one
        for one in stores.list(at)
        if one.name[-1:] not in ("", "/") and not is_manifest(one.name)
    ]
    if not found:
        raise StoreError(codes.STORE_ABSENT, f"{at.url} holds nothing")
    return sorted(found, key=lambda one: one.name)


def state_of(files: Iterable[Stored]) -> str:
    """What tells one state of a prefix from another, from its listing alone."""
    found = hashlib.sha256()
    for one in files:
        line = [one.name, one.size, one.etag, one.version_id]
        found.update(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    return found.hexdigest()


def measure_prefix(
    stores: Stores, wanted: LockableArtifact, files: Sequence[Stored], pool: Executor, *, push: bool
) -> Measured:
    """Measure a prefix, and put its manifest beside it where `push` asks for that.

    Raises:
        StoreError: the store does not give a file, or does not take the manifest.
    """
    at = wanted.location

    def digest(one: Stored) -> str:
        place = below(at, one.name)
        single = replace(wanted, location=place, unpack="")
        return measure(stores, single, replace(one, location=place)).measured.sha256

    entries = manifest(zip(files, pool.map(digest, files), strict=True))
    text = b"[\n" + b",\n".join(entries) + b"\n]\n"
    found, size = hashlib.sha256(text).hexdigest(), sum(one.size for one in files)
    measured = Measured(found, size, size, len(files), etag=state_of(files))
    place = manifest_location(at, found)
    if push:
        stores.put(place, text)
    elif not _has(stores, place, text):
        return measured
    return replace(measured, manifest=LockedManifest(size=len(text), entries=len(entries)))


def manifest(files: Iterable[tuple[Stored, str]]) -> list[bytes]:
    """The lines of a manifest: the files with their digests, and the directories above them."""
    entries: set[bytes] = set()
    for stored, sha256 in files:
        parts = stored.name.split("/")
        for depth in range(1, len(parts)):
            entries.add(_line("/".join(parts[:depth]), _DIRECTORY_MODE, 0, ""))
        entries.add(_line(stored.name, _FILE_MODE, stored.size, sha256))
    return sorted(entries)


def _has(stores: Stores, at: Location, data: bytes) -> bool:
    with suppress(StoreError), stores.open(at) as stream:
        return stream.read(len(data) + 1) == data
    return False


def _line(*fields: str | int) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()
