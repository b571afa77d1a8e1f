"""A bundle: what an archive for a site without a network holds, and how it says so.

The archive is a tar of `bundle.json`, which lists all the rest, then `edgewright.lock`, `configs/`,
`manifests/`, `artifacts/<sha256>[.chunks]` and `images/<os>-<arch>.tar`. The sidecar reads the
first of them and the artifacts. Pure data: nothing here opens a file or asks a store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import field
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import Field

from compiler.model.diagnostics import Span
from compiler.model.hashing import canonical_json
from compiler.model.lock import FILE as LOCK
from compiler.model.lock import Digest, ImageDigest
from compiler.model.record import dataclass
from compiler.model.spec.base import SpecModel

CONTENTS = "bundle.json"
ARTIFACTS, CONFIGS, MANIFESTS, IMAGES = "artifacts/", "configs/", "manifests/", "images/"
CHUNKS = ".chunks"
DIGEST_BYTES = 32
"""What each chunk has in the list of an artifact's chunks."""

__all__ = ["ARTIFACTS", "CHUNKS", "CONFIGS", "CONTENTS", "IMAGES", "LOCK", "MANIFESTS"]

Size = Annotated[int, Field(ge=0)]
Opening = Callable[[int], AbstractContextManager[BinaryIO]]
"""Opens bytes from an offset on."""


class Held(SpecModel):
    """An artifact of the bundle; `root` is the digest of the list of its chunks, where it has one.

    `names` are those of the lock. The sidecar reads `size` and `chunks`.
    """

    size: Size
    chunks: bool = False
    root: Digest | None = None
    names: tuple[str, ...] = ()


class File(SpecModel):
    """Any other file of the bundle."""

    size: Size
    sha256: Digest


class Layout(SpecModel):
    """An archive of images for one platform: an OCI layout. `names` has a digest for each name."""

    size: Size
    platform: str
    names: Mapping[str, ImageDigest]
    blobs: Mapping[ImageDigest, Size]


class Contents(SpecModel):
    """What `bundle.json` says. `apply` lists the directories of manifests in their order."""

    bundle: Literal[1] = 1
    project: str
    environments: tuple[str, ...]
    site: str
    cluster: str
    apply: tuple[str, ...] = ()
    artifacts: Mapping[Digest, Held] = Field(default_factory=dict)
    files: Mapping[str, File] = Field(default_factory=dict)
    images: Mapping[str, Layout] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Bytes of an archive that follow each other: `data` itself, or what `source` opens.

    What is opened must have `size` bytes and the digest `sha256`; `name` and `span` say what it
    is to people.
    """

    size: int
    data: bytes = b""
    source: Opening | None = None
    sha256: str = ""
    name: str = ""
    span: Span | None = field(default=None, compare=False)


def given(data: bytes) -> Segment:
    """A segment of known bytes."""
    return Segment(size=len(data), data=data)


def dump(contents: Contents) -> bytes:
    """The text of `bundle.json`: equal contents, equal bytes."""
    data = contents.model_dump(mode="json", by_alias=True, exclude_none=True)
    return canonical_json(data) + b"\n"


def parse(data: bytes) -> Contents:
    """Read `bundle.json`.

    Raises:
        ValueError: it is none, or of a newer format.
    """
    found: Any = json.loads(data)
    if isinstance(found, dict) and isinstance(found.get("bundle"), int) and found["bundle"] > 1:
        raise ValueError(f"it is a bundle of format {found['bundle']}; this release reads 1")
    return Contents.model_validate(found)
