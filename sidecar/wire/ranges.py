"""Which part of a file a request wants, by `Range`, `If-Match`, `If-None-Match` and `If-Range`.

One range or none: a list of ranges is answered with the whole, as the standard allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")


class Part(NamedTuple):
    """The status of the answer and the bytes of the file that it holds."""

    status: int
    offset: int
    length: int


def part(headers: Mapping[str, str], size: int, tag: str) -> Part:
    """What to answer to a GET of a file of `size` bytes whose entity tag is `tag`, if any."""
    if tag and not _named(headers.get("if-match", tag), tag):
        return Part(412, 0, 0)
    if tag and "if-none-match" in headers and _named(headers["if-none-match"], tag):
        return Part(304, 0, 0)
    wanted = _RANGE.fullmatch(headers.get("range", ""))
    if wanted is None or wanted[0] == "bytes=-" or headers.get("if-range", tag) != tag:
        return Part(200, 0, size)
    first, last = _bounds(wanted[1], wanted[2], size)
    if wanted[1] and wanted[2] and int(wanted[2]) < int(wanted[1]):
        return Part(200, 0, size)
    return Part(206, first, last + 1 - first) if first <= last else Part(416, 0, 0)


def _named(field: str, tag: str) -> bool:
    return field.strip() == "*" or tag in {one.strip() for one in field.split(",")}


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    if not first:
        return max(0, size - int(last)), size - 1
    return int(first), min(int(last), size - 1) if last else size - 1
