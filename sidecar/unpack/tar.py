"""Tar archives: POSIX ustar and pax, and GNU's long names.

Refused are links, devices, FIFOs, sparse files and every other kind of entry that is neither a file
nor a directory, and everything that two readers are known to understand differently.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from sidecar.model.reasons import ReasonError
from sidecar.unpack.guard import MAX_PATH, Guard, refused
from sidecar.unpack.pax import GLOBAL, LOCAL, records
from sidecar.unpack.source import Source
from sidecar.unpack.tarheader import BLOCK, Header, header_of

MAX_RECORDS: Final = 64 * 1024
MAX_PADDING: Final = 1024 * 1024
"""Zeros behind the end: archives are padded to the record size of a tape."""

_END: Final = bytes(BLOCK)
_KINDS: Final = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a FIFO",
    b"K": "a long link",
    b"S": "a sparse file",
}


class Ahead(NamedTuple):
    """What headers before an entry said of it."""

    path: bytes | None = None
    size: int | None = None
    any: bool = False


def untar(source: Source, guard: Guard) -> None:
    """Hand every entry to the guard, and insist on a complete archive.

    Raises:
        ReasonError: ArchiveRefused, ArchiveTooLarge or ArchiveBroken.
    """
    ahead = Ahead()
    while (block := source.take(BLOCK)) != _END:
        header = header_of(block)
        if header.kind in (b"x", b"g", b"L"):
            ahead = _extended(source, header, ahead)
        else:
            _entry(source, guard, header, ahead)
            ahead = Ahead()
    if ahead.any:
        raise ReasonError("ArchiveBroken", "an extended header describes nothing")
    if source.take(BLOCK) != _END:
        raise ReasonError("ArchiveBroken", "only one block of zeros ends it")
    source.end(MAX_PADDING)


def _entry(source: Source, guard: Guard, header: Header, ahead: Ahead) -> None:
    name = header.name if ahead.path is None else ahead.path
    size = header.size if ahead.size is None else ahead.size
    if header.kind not in (b"0", b"\0", b"5"):
        raise refused(name, f"it is {_KINDS.get(header.kind, 'of an unknown kind')}")
    # Before ustar a directory was a file of no bytes with a slash at its end.
    if header.kind == b"5" or name.endswith(b"/"):
        if size:
            raise refused(name, "it is a directory with bytes of its own")
        guard.directory(name)
        return
    guard.file(name, header.mode, size, source.stream(size))
    source.skip(-size % BLOCK)


def _extended(source: Source, header: Header, ahead: Ahead) -> Ahead:
    most = MAX_PATH + 1 if header.kind == b"L" else MAX_RECORDS
    if header.size > most:
        raise refused(header.name, f"an extended header of {header.size:,} bytes")
    data = source.take(header.size)
    source.skip(-header.size % BLOCK)
    if header.kind == b"g":
        records(data, GLOBAL)
        return ahead
    if header.kind == b"L":
        return _joined(ahead, Ahead(path=data.removesuffix(b"\0"), any=True))
    found = records(data, LOCAL)
    size = found.get(b"size")
    if size is not None and not (size.isdigit() and len(size) < 17):
        raise refused(header.name, "a size that is no number")
    stated = None if size is None else int(size)
    return _joined(ahead, Ahead(found.get(b"path"), stated, any=True))


def _joined(ahead: Ahead, more: Ahead) -> Ahead:
    if ahead.any:
        raise refused(more.path or b"", "two extended headers describe it")
    return more
