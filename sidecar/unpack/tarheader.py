"""One header block of a tar archive, read strictly."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from sidecar.model.reasons import ReasonError

BLOCK: Final = 512
MAX_SIZE: Final = 2**53
_USTAR: Final = b"ustar\x0000"
_GNU: Final = b"ustar  \0"
_OCTAL: Final = re.compile(rb" *([0-7]*)[ \0]*")


class Header(NamedTuple):
    """What one block says; `kind` is the type flag."""

    name: bytes
    mode: int
    size: int
    kind: bytes


def header_of(block: bytes) -> Header:
    """The header in a block.

    Raises:
        ReasonError: ArchiveBroken when it is none, or its checksum is wrong.
    """
    magic = block[257:265]
    if magic not in (_USTAR, _GNU):
        raise ReasonError("ArchiveBroken", "no tar header where one must be")
    if _octal(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * 0x20:
        raise ReasonError("ArchiveBroken", "the checksum of a header is wrong")
    name = _text(block[:100])
    # GNU's own format keeps times where POSIX has the first part of a long name.
    prefix = _text(block[345:500]) if magic == _USTAR else b""
    return Header(
        name=prefix + b"/" + name if prefix else name,
        mode=_octal(block[100:108]),
        size=_size(block[124:136]),
        kind=block[156:157],
    )


def _text(field: bytes) -> bytes:
    text, _, rest = field.partition(b"\0")
    if rest.strip(b"\0"):
        raise ReasonError("ArchiveRefused", "a name goes on behind its end")
    return text


def _octal(field: bytes) -> int:
    match = _OCTAL.fullmatch(field)
    if match is None:
        raise ReasonError("ArchiveBroken", "a number of a header is none")
    return int(match[1] or b"0", 8)


def _size(field: bytes) -> int:
    """A size; GNU writes those of 8 GiB and more in base 256, marked by the first bit."""
    size = int.from_bytes(field[1:], "big") if field[0] == 0x80 else _octal(field)
    if size > MAX_SIZE:
        raise ReasonError("ArchiveTooLarge", "a size beyond any file")
    return size
