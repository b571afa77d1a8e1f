"""Artifacts in image registries: an artifact is one layer, as the sidecar takes it.

    oci://<registry>/<repository>:<tag>[#<file>]
    oci://<registry>/<repository>@sha256:<manifest>[#<file>]

The layer is named by the file after `#`, or because it is the only one. A registry keeps blobs by
digest, so that it vouches for the bytes. Lists nothing and pushes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from compiler.adapters.registry import Reference, Registries
from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.stored import Stored, StoreError

_URL = re.compile(
    r"oci://(?P<registry>[^/@#]+)/(?P<repository>[a-z0-9._/-]+?)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
    r"(?:#(?P<file>.+))?"
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TITLES = ("org.opencontainers.image.title", "org.cncf.model.filepath")


class OciStore:
    """Layers by URL."""

    def __init__(self) -> None:
        self._registries = Registries()

    def list(self, prefix: Location) -> Iterator[Stored]:
        """Nothing: a registry has no folders."""
        message = f"{prefix.url}: a registry has no folders"
        raise StoreError(codes.STORE_FAILED, message, "name one artifact: oci://R/NAME:TAG#FILE")

    def look(self, at: Location) -> Stored:
        """The layer that is meant now."""
        digest, size = self._layer(at)
        return Stored(at, "", size, digest, sha256=digest.removeprefix("sha256:"))

    def put(self, at: Location, data: bytes, *, absent: bool = False) -> Stored:
        """Nothing: pushing to a registry is left to its own tools."""
        del data, absent
        hint = "push the list as a layer of the same artifact, or use a store that takes files"
        raise StoreError(codes.STORE_FAILED, f"{at.url}: a registry takes no single file", hint)

    @contextmanager
    def open(
        self, at: Location, *, start: int = 0, length: int | None = None, etag: str = ""
    ) -> Iterator[BinaryIO]:
        """A stream of the layer's bytes; with `etag`, its digest, of that layer."""
        digest = etag or self._layer(at)[0]
        place = _reference(at)[0]
        with self._registries.stream(place, digest, start=start, length=length) as stream:
            yield stream

    def _layer(self, at: Location) -> tuple[str, int]:
        place, file = _reference(at)
        found = self._registries.document(place, f"manifests/{place.name}")[1]
        if "manifests" in found:
            hint = "name the manifest of one platform: oci://REGISTRY/NAME@sha256:DIGEST"
            message = f"{at.url} is an index of several platforms"
            raise StoreError(codes.STORE_FAILED, message, hint)
        layers = [one for one in found.get("layers", ()) if isinstance(one, dict)]
        meant = [one for one in layers if not file or file in _titles(one)]
        if len(meant) != 1 or not _DIGEST.fullmatch(str(meant[0].get("digest"))):
            names = ", ".join(sorted(title for one in layers for title in _titles(one)))
            message = f"{at.url} names {len(meant)} files of {names or 'none'}"
            raise StoreError(codes.STORE_ABSENT, message, "name one of them after #")
        size = meant[0].get("size")
        if not isinstance(size, int) or size < 0:
            message = f"{at.url}: its manifest gives no size"
            raise StoreError(codes.STORE_FAILED, message, "push the artifact again")
        return str(meant[0]["digest"]), size


def _reference(at: Location) -> tuple[Reference, str]:
    found = _URL.fullmatch(at.url)
    if found is None:
        hint = "write oci://REGISTRY/NAME:TAG, with #FILE where it has several"
        raise StoreError(codes.STORE_FAILED, f"{at.url} names no artifact", hint)
    name = found["digest"] or found["tag"] or "latest"
    return Reference(found["registry"], found["repository"], name), found["file"] or ""


def _titles(layer: dict[str, Any]) -> list[str]:
    notes = layer.get("annotations")
    return [str(notes[one]) for one in _TITLES if one in notes] if isinstance(notes, dict) else []
