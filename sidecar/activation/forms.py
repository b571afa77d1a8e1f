"""What the bytes of a digest become in the store, and by which name that is found again.

One digest can become several trees at once: for two formats, under two file names, for all to read
or for the sidecar's own user only. Each has a form of its own, so that none takes another's place.
"""

from __future__ import annotations

import re
from typing import Final

from sidecar.model.config import Artifact
from sidecar.model.digest import sha256

RAW: Final = "raw"
"""The form of bytes that are not unpacked."""
_PRIVATE: Final = ".private"
_ODD: Final = re.compile(r"[^A-Za-z0-9._+-]+")
_NAME: Final = 128


def form_of(artifact: Artifact) -> str:
    """The form that an artifact has in the store."""
    if artifact.unpack:
        return form(artifact.unpack.format, "", private=artifact.private)
    return form(RAW, file_name(artifact), private=artifact.private)


def form(kind: str, file: str, *, private: bool) -> str:
    """The form of a format, or of `raw` bytes under a file's name."""
    name = f"{kind}.{sha256(file.encode()).hexdigest()[:16]}" if file else kind
    return f"{name}{_PRIVATE}" if private else name


def file_name(artifact: Artifact) -> str:
    """What the single file of an artifact is called: the last part of its first address."""
    for source in artifact.sources:
        scheme, mark, rest = source.url.partition("://")
        if not mark:
            continue
        if scheme in ("http", "https"):
            rest = re.split("[?#]", rest, maxsplit=1)[0]
        last = rest.rstrip("/").rpartition("/")[2] if "/" in rest else ""
        if scheme == "oci":
            last = re.split("[@:]", last, maxsplit=1)[0]
        name = _ODD.sub("_", last).lstrip(".")[-_NAME:]
        return name.lstrip(".") or "data"
    return "data"
