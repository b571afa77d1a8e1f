"""The end and the central directory of a zip archive, with the 64-bit extension."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from sidecar.model.reasons import ReasonError
from sidecar.unpack.guard import refused
from sidecar.unpack.source import File

STORED: Final = 0
DEFLATED: Final = 8
_END: Final = struct.Struct("<4s4H2IH")
_LOCATOR: Final = struct.Struct("<4sIQI")
_END64: Final = struct.Struct("<4sQ2H2I4Q")
_HEADER: Final = struct.Struct("<4s6H3I5H2I")
_MAX16: Final = 0xFFFF
_MAX32: Final = 0xFFFFFFFF
_ENCRYPTED: Final = 0x0001
_DESCRIBED: Final = 0x0008
_KNOWN_FLAGS: Final = 0x080E
_UNIX: Final = (3, 19)


class End(NamedTuple):
    """Where the central directory is and how much it holds."""

    entries: int
    size: int
    offset: int


class Entry(NamedTuple):
    """One line of the directory: `size` bytes, `stored` as so many from `offset`."""

    name: bytes
    flags: int
    method: int
    checksum: int
    stored: int
    size: int
    offset: int
    mode: int

    @property
    def directory(self) -> bool:
        """Whether it is a directory."""
        return self.name.endswith(b"/")

    @property
    def described(self) -> bool:
        """Whether its checksum and sizes stand behind its bytes."""
        return bool(self.flags & _DESCRIBED)


def end_of(file: File) -> End:
    """The record at the end of the archive.

    Raises:
        ReasonError: ArchiveBroken or ArchiveRefused.
    """
    length = min(file.size, _END.size + _MAX16)
    tail = file.at(file.size - length, length)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise ReasonError("ArchiveBroken", "no end of a zip archive")
    _, disk, first, here, count, size, offset, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise ReasonError("ArchiveBroken", "something follows the end of the archive")
    position = file.size - length + at
    found, wide = End(count, size, offset), False
    disks = {disk, first}
    located = tail[at - _LOCATOR.size : at] if at >= _LOCATOR.size else b""
    if located.startswith(b"PK\6\7"):
        found, position, disks = _end64(file, located, position - _LOCATOR.size, found)
        wide = True
    if disks - {0, *([_MAX16, _MAX32] if wide else [])} or here not in (count, _MAX16):
        raise ReasonError("ArchiveRefused", "the archive is spread over several disks")
    if found.offset + found.size != position:
        raise ReasonError("ArchiveBroken", "the directory does not lie before the end")
    return found


def _end64(file: File, located: bytes, before: int, narrow: End) -> tuple[End, int, set[int]]:
    _, disk, offset, _ = _LOCATOR.unpack(located)
    if offset + _END64.size > before:
        raise ReasonError("ArchiveBroken", "the 64-bit end does not lie before its locator")
    record = _END64.unpack(file.at(offset, _END64.size))
    magic, size, _, _, here, first, on_disk, count, length, start = record
    if magic != b"PK\6\6" or offset + 12 + size != before or on_disk != count:
        raise ReasonError("ArchiveBroken", "the 64-bit end is broken")
    wide = End(count, length, start)
    for told, known, most in zip(narrow, wide, (_MAX16, _MAX32, _MAX32), strict=True):
        if told not in (known, most):
            raise ReasonError("ArchiveRefused", "the two ends of the archive differ")
    return wide, offset, {disk, here, first}


def entries(file: File, end: End) -> Iterator[Entry]:
    """The lines of the directory, one at a time: there may be more than fit in memory.

    Raises:
        ReasonError: ArchiveBroken or ArchiveRefused.
    """
    position, behind = end.offset, end.offset + end.size
    for _ in range(end.entries):
        if position + _HEADER.size > behind:
            raise ReasonError("ArchiveBroken", "the directory ends too early")
        fields = _HEADER.unpack(file.at(position, _HEADER.size))
        lengths = fields[10:13]
        position += _HEADER.size + sum(lengths)
        if fields[0] != b"PK\1\2" or position > behind:
            raise ReasonError("ArchiveBroken", "the directory is broken")
        rest = file.at(position - sum(lengths), sum(lengths))
        yield _entry(fields, rest[: lengths[0]], rest[lengths[0] : lengths[0] + lengths[1]])
    if position != behind:
        raise ReasonError("ArchiveBroken", "the directory holds more than its entries")


def _entry(fields: tuple[int, ...], name: bytes, extra: bytes) -> Entry:
    _, made, _, flags, method, _, _, checksum, stored, size, _, _, _, disk, _, attributes, at = (
        fields
    )
    if flags & _ENCRYPTED:
        raise refused(name, "it is encrypted")
    if flags & ~_KNOWN_FLAGS or method not in (STORED, DEFLATED):
        raise refused(name, "it is packed in a way that is not read")
    size, stored, at, disk = _wide(name, extra, (size, stored, at, disk))
    if disk:
        raise ReasonError("ArchiveRefused", "the archive is spread over several disks")
    if method == STORED and stored != size:
        raise refused(name, "it is stored in another size than its own")
    mode = attributes >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFDIR if name.endswith(b"/") else stat.S_IFREG):
        raise refused(name, "it is neither a plain file nor a directory")
    runs = mode if made >> 8 in _UNIX else 0
    return Entry(name, flags, method, checksum, stored, size, at, runs)


def _wide(name: bytes, extra: bytes, narrow: tuple[int, ...]) -> tuple[int, ...]:
    """Size, stored size, offset and disk, each from the 64-bit field where 32 bits do not do."""
    data, found = _field(name, extra), []
    for value, most, code in zip(
        narrow, (_MAX32, _MAX32, _MAX32, _MAX16), ("<Q", "<Q", "<Q", "<I"), strict=True
    ):
        if value != most:
            found.append(value)
            continue
        length = struct.calcsize(code)
        if data is None or len(data) < length:
            raise refused(name, "its 64-bit field is missing or too short")
        found.append(struct.unpack(code, data[:length])[0])
        data = data[length:]
    return tuple(found)


def _field(name: bytes, extra: bytes) -> bytes | None:
    found: bytes | None = None
    while extra:
        if len(extra) < 4:
            raise refused(name, "its extra fields are broken")
        code, length = struct.unpack_from("<HH", extra)
        if 4 + length > len(extra) or (code == 1 and found is not None):
            raise refused(name, "its extra fields are broken")
        if code == 1:
            found = extra[4 : 4 + length]
        extra = extra[4 + length :]
    return found
