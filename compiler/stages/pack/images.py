"""Images as an OCI layout: index, manifests, configs and layers of one platform, by digest.

The index keeps the digest that pods name, and of its manifests only those of the platform are
there: what `ctr images import` and k3s take. Every manifest is checked against its digest before
it is believed. Signatures and attestations of an image are not carried.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from compiler.model.bundle import Layout, Segment, given
from compiler.model.codes import bundle as codes
from compiler.model.codes import world
from compiler.model.diagnostics import Diagnostics
from compiler.model.hashing import canonical_json
from compiler.model.image_reference import split
from compiler.model.ports import Registry
from compiler.model.record import dataclass
from compiler.model.stored import StoreError
from compiler.stages.pack.contents import Picture
from compiler.stages.pack.tar import Entry, archive, size_of

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_NAME, _TAG = "io.containerd.image.name", "org.opencontainers.image.ref.name"
_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_BLOBS = "blobs/sha256/"


def layout(
    pictures: Iterable[Picture], platform: str, registry: Registry, diagnostics: Diagnostics
) -> tuple[Layout, tuple[Segment, ...]]:
    """The layout of some images, and the segments of the tar archive that it is.

    What a registry does not give, or has not for the platform, is reported and left out.
    """
    blobs: dict[str, Segment] = {}
    heads: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for one in pictures:
        try:
            found = _Image(one, registry).read(platform)
        except StoreError as error:
            diagnostics.add(error.code, f"{one.source}: {error.message}", one.span, error.hint)
            continue
        blobs |= found.blobs
        for name in _names(one):
            names[name] = found.head["digest"]
            notes = {_NAME: name, _TAG: name.rpartition(":")[2]}
            heads.append({**found.head, "annotations": notes})
    index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": heads}
    entries = [
        Entry("oci-layout", (given(_LAYOUT),)),
        Entry("index.json", (given(canonical_json(index)),)),
        *(
            Entry(f"{_BLOBS}{digest.removeprefix('sha256:')}", (segment,))
            for digest, segment in sorted(blobs.items())
        ),
    ]
    segments = archive(entries)
    sizes = {digest: segment.size for digest, segment in sorted(blobs.items())}
    made = Layout(size=size_of(segments), platform=platform, names=names, blobs=sizes)
    return made, segments


@dataclass(frozen=True, slots=True)
class _Read:
    """One image: the descriptor that names it, and all blobs by digest."""

    head: dict[str, Any]
    blobs: dict[str, Segment]


class _Image:
    def __init__(self, picture: Picture, registry: Registry) -> None:
        self._source = picture.source
        self._registry = registry
        self._blobs: dict[str, Segment] = {}

    def read(self, platform: str) -> _Read:
        body, said = self._document(self._source.partition("@")[2])
        kind = said.get("mediaType") or (_INDEX if "manifests" in said else _MANIFEST)
        if "manifests" in said:
            for one in self._chosen(said, platform):
                self._manifest(self._document(str(one.get("digest")))[1])
        else:
            config = self._manifest(said)
            found = f"{config.get('os')}/{config.get('architecture')}"
            if found != platform:
                raise _lacking(platform, [found])
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        return _Read({"mediaType": kind, "digest": digest, "size": len(body)}, self._blobs)

    def _chosen(self, index: Mapping[str, Any], platform: str) -> list[dict[str, Any]]:
        """The manifests of a platform, whatever the variant of its processor."""
        listed = [one for one in index["manifests"] if isinstance(one, dict)]
        platforms = [_platform(one.get("platform")) for one in listed]
        chosen = [one for one, name in zip(listed, platforms, strict=True) if name == platform]
        if not chosen:
            raise _lacking(platform, sorted({name for name in platforms if name}))
        return chosen

    def _document(self, digest: str) -> tuple[bytes, dict[str, Any]]:
        body = self._registry.manifest(self._source, digest)
        found = json.loads(body)
        self._blobs[digest] = given(body)
        return body, found

    def _manifest(self, said: Mapping[str, Any]) -> dict[str, Any]:
        """Take in config and layers; what the config says."""
        listed = [said.get("config"), *said.get("layers", ())]
        for one in listed:
            if not (isinstance(one, dict) and isinstance(one.get("size"), int)):
                raise StoreError(world.STORE_FAILED, "its manifest is none of an image")
            self._blob(str(one.get("digest")), one["size"])
        with self._registry.blob(self._source, str(listed[0]["digest"])) as stream:
            found = json.loads(stream.read())
        return found if isinstance(found, dict) else {}

    def _blob(self, digest: str, size: int) -> None:
        def opened(start: int) -> Any:
            return self._registry.blob(self._source, digest, start=start)

        self._blobs[digest] = Segment(
            size=size,
            source=opened,
            sha256=digest.removeprefix("sha256:"),
            name=f"{self._source}: {digest[:19]}…",
        )


def _names(picture: Picture) -> list[str]:
    """The full names by which containers and people ask for an image."""
    wanted = [picture.reference, *([picture.tag] if picture.tag else [])]
    return ["/".join(split(one)) for one in wanted]


def _platform(said: Any) -> str:
    if not isinstance(said, dict):
        return ""
    found = f"{said.get('os')}/{said.get('architecture')}"
    return "" if "unknown" in found else found


def _lacking(platform: str, there: list[str]) -> StoreError:
    message = f"it has no {platform}, only {', '.join(there) or 'none'}"
    return StoreError(codes.NO_PLATFORM, message, "build it for that platform and lock it again")
