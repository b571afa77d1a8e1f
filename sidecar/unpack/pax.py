"""The records of a pax header: `LENGTH KEY=VALUE` and a line end, one after the other.

Keys that change what an entry is or how its bytes are laid out are refused unless they are among
those that the reader honours; keys about owners, times and attributes do not matter here.
"""

from __future__ import annotations

import re
from typing import Final

from sidecar.model.reasons import ReasonError
from sidecar.unpack.guard import shown

LOCAL: Final = frozenset((b"path", b"size"))
"""Keys that a header before one entry may change."""

GLOBAL: Final[frozenset[bytes]] = frozenset()
"""A header for all entries may say nothing that matters."""

_MATTERS: Final = re.compile(
    rb"path|size|linkpath|hdrcharset|charset|GNU\.sparse\..*|SCHILY\.(?:realsize|filetype|fflags)"
    rb"|SUN\.holesdata|GNU\.volume\..*|GNU\.dumpdir"
)
_UTF8: Final = b"ISO-IR 10646 2000 UTF-8"
_LENGTH: Final = re.compile(rb"([1-9][0-9]{0,5}) ")


def records(data: bytes, allowed: frozenset[bytes]) -> dict[bytes, bytes]:
    """Those records that are honoured.

    Raises:
        ReasonError: ArchiveBroken when the text is none; ArchiveRefused for keys that may not be.
    """
    found: dict[bytes, bytes] = {}
    while data:
        match = _LENGTH.match(data)
        record = data[: int(match[1])] if match else b""
        key, equals, value = record[match.end() if match else 0 : -1].partition(b"=")
        if match is None or len(record) != int(match[1]) or not equals or record[-1:] != b"\n":
            raise ReasonError("ArchiveBroken", "the records of a pax header are broken")
        _judge(key, value, key in allowed, key in found)
        if key in allowed:
            found[key] = value
        data = data[len(record) :]
    return found


def _judge(key: bytes, value: bytes, allowed: bool, twice: bool) -> None:
    if twice:
        raise ReasonError("ArchiveRefused", f"a pax header states {shown(key)} twice")
    if key == b"hdrcharset" and value == _UTF8:
        return
    if not allowed and _MATTERS.fullmatch(key):
        raise ReasonError("ArchiveRefused", f"a pax header states {shown(key)}")
