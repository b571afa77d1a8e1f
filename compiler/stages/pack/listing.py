"""The list of a prefix's files, as the lock makes it: what each line names, by digest.

One JSON array `[path, mode, size, sha256]` a line; a directory has no digest. Its own digest says
that it is whole, so nothing of it is judged here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple


class Listed(NamedTuple):
    """A file of a prefix."""

    path: str
    size: int
    sha256: str


def files(text: bytes) -> Iterator[Listed]:
    """Every file of a list.

    Raises:
        ValueError: it is no such list.
    """
    for path, _, size, sha256 in json.loads(text):
        if sha256:
            yield Listed(path, size, sha256)
