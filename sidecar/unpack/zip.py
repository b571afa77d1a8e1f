"""Zip archives, read by their central directory, with the 64-bit extension.

An archive has to be tight: its entries lie one behind the other in the order of the directory, from
the first byte of the file to the directory, so that nothing overlaps, hides between or differs by
reader. Entries are stored or deflated. Encryption, links and several disks are refused.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from sidecar.model.reasons import ReasonError
from sidecar.unpack.central import DEFLATED, Entry, end_of, entries
from sidecar.unpack.guard import Guard, refused
from sidecar.unpack.source import PIECE, File, inflated, truncated

_LOCAL: Final = struct.Struct("<4s5H3I2H")
_MAX32: Final = 0xFFFFFFFF
_INPUT: Final = 64 * 1024


def unzip(file: File, guard: Guard) -> None:
    """Hand every entry to the guard, and insist on a tight archive.

    Raises:
        ReasonError: ArchiveRefused, ArchiveTooLarge or ArchiveBroken.
    """
    end = end_of(file)
    expected, last = 0, None
    for entry in entries(file, end):
        if last is not None:
            _descriptor(file, last, expected, entry.offset)
        elif entry.offset:
            raise ReasonError("ArchiveRefused", "something lies before the first entry")
        expected, last = _entry(file, guard, entry), entry
    if last is not None:
        _descriptor(file, last, expected, end.offset)


def _entry(file: File, guard: Guard, entry: Entry) -> int:
    """Write one entry; where its bytes end."""
    start = _local(file, entry)
    if entry.directory:
        if entry.size:
            raise refused(entry.name, "it is a directory with bytes of its own")
        for _ in _checked(file, entry, start):
            pass  # some programs deflate nothing into two bytes
        guard.directory(entry.name)
    else:
        guard.file(entry.name, entry.mode, entry.size, _checked(file, entry, start))
    return start + entry.stored


def _local(file: File, entry: Entry) -> int:
    """Insist that the local header says the same; where its bytes begin."""
    fields = _LOCAL.unpack(file.at(entry.offset, _LOCAL.size))
    magic, _, flags, method, _, _, checksum, stored, size, name_length, extra_length = fields
    if magic != b"PK\3\4":
        raise ReasonError("ArchiveBroken", "no entry where the directory says one is")
    name = file.at(entry.offset + _LOCAL.size, name_length)
    if (name, flags, method) != (entry.name, entry.flags, entry.method):
        raise refused(entry.name, "its two headers differ")
    stated = ((checksum, entry.checksum), (stored, entry.stored), (size, entry.size))
    for told, known in stated:
        unknown = told == 0 and entry.described
        if told not in (known, _MAX32) and not unknown:
            raise refused(entry.name, "its two headers differ")
    begin: int = entry.offset + _LOCAL.size + name_length + extra_length
    return begin


def _descriptor(file: File, entry: Entry, ended: int, following: int) -> None:
    """Insist that nothing but the entry's own descriptor lies before what follows."""
    length = following - ended
    if not entry.described:
        if length:
            raise refused(entry.name, "what follows it overlaps it or leaves a gap")
        return
    if length not in (12, 16, 20, 24):
        raise refused(entry.name, "what follows it overlaps it or leaves a gap")
    data = file.at(ended, length)
    if length in (16, 24) and data[:4] != b"PK\7\x08":
        raise refused(entry.name, "its descriptor is none")
    wide = "<IQQ" if length > 16 else "<III"
    found = struct.unpack(wide, data[-struct.calcsize(wide) :])
    if found != (entry.checksum, entry.stored, entry.size):
        raise refused(entry.name, "its descriptor differs from the directory")


def _checked(file: File, entry: Entry, start: int) -> Iterator[bytes | memoryview]:
    """The bytes of an entry, with its size and checksum held at the end."""
    checksum = length = 0
    pieces = _inflated if entry.method == DEFLATED else _stored
    for piece in pieces(file, entry, start):
        length += len(piece)
        if length > entry.size:
            raise refused(entry.name, "more comes out than its header says")
        checksum = zlib.crc32(piece, checksum)
        yield piece
    if length != entry.size or checksum != entry.checksum:
        raise ReasonError("ArchiveBroken", "an entry has another size or checksum than stated")


def _stored(file: File, entry: Entry, start: int) -> Iterator[memoryview]:
    file.read = start
    left, buffer = entry.stored, memoryview(bytearray(PIECE))
    while left:
        length = file.next(buffer[:left])
        if not length:
            raise truncated()
        left -= length
        yield buffer[:length]


def _inflated(file: File, entry: Entry, start: int) -> Iterator[bytes]:
    inflate = zlib.decompressobj(wbits=-15)
    try:
        for data in _stored(file, entry, start):
            yield from inflated(inflate, data)
            if inflate.unused_data:
                raise refused(entry.name, "something follows its compressed bytes")
        if not inflate.eof:
            raise truncated()
    except zlib.error as fault:
        raise ReasonError("ArchiveBroken", f"no deflated bytes: {fault}") from fault
