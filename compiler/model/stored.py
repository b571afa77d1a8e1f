"""What a store holds under one name, and why a store could not be asked. Pure data, no I/O."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from compiler.model.diagnostics import Code
from compiler.model.inputs import Location
from compiler.model.record import dataclass

LIST = ".chunks"
"""How the name of the list of an artifact's chunks ends."""
_MANIFEST: Final = re.compile(r"(?:.*/)?[^/]*\.[0-9a-f]{64}\.manifest", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Stored:
    """One object of a store, or one file of a folder.

    `name` is the path below what was listed, empty for the object itself. `size` is in bytes.
    `etag` tells one state of the object from another and means nothing else. `sha256` is set
    only where the store itself vouches for it (64 lower-case hexadecimal digits). `modified` is
    when it was stored, in seconds since the epoch by the store's clock; None: it does not say.
    """

    location: Location
    name: str
    size: int
    etag: str = ""
    version_id: str = ""
    sha256: str = ""
    modified: float | None = None


def below(folder: Location, name: str) -> Location:
    """The location of a file below a folder whose URL ends with a slash."""
    # Where files have URLs, `#`, `?` and `%` in their names would mean something else.
    part = quote(name) if folder.url.startswith("file:") else name
    return replace(folder, url=f"{folder.url}{part}")


def list_location(at: Location) -> Location:
    """Where the list of an artifact's chunks lies: where the sidecar looks for it."""
    url, mark, query = at.url.partition("?") if at.url.startswith("http") else (at.url, "", "")
    return replace(at, url=f"{url}{LIST}{mark}{query}")


def manifest_location(folder: Location, digest: str) -> Location:
    """Where the manifest of a prefix lies: where the sidecar looks for it, beside the prefix."""
    bare = folder.url.removesuffix("/")
    # Above a bucket there is no place beside the prefix.
    beside = "/" in bare.partition("://")[2]
    return replace(folder, url=f"{bare if beside else folder.url}.{digest}.manifest")


def is_manifest(name: str) -> bool:
    """Whether a file is the manifest of a prefix, and so none of the files of the one around it."""
    return _MANIFEST.fullmatch(name) is not None


class StoreError(Exception):
    """A store, registry or file did not give what was asked. Never holds a secret value."""

    def __init__(self, code: Code, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
