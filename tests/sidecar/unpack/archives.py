"""Archives byte by byte: what no honest program writes has to be written by hand."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

BLOCK = 512
END = bytes(2 * BLOCK)


def header(
    name: bytes,
    size: int = 0,
    kind: bytes = b"0",
    *,
    mode: bytes = b"0000644\0",
    link: bytes = b"",
    prefix: bytes = b"",
    magic: bytes = b"ustar\x0000",
    length: bytes = b"",
    checksum: int | None = None,
) -> bytes:
    """One header block of a tar archive, with the right checksum unless another is given."""
    block = bytearray(BLOCK)
    for at, field in (
        (0, name[:100]),
        (100, mode),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, length or b"%011o\0" % size),
        (136, b"00000000000\0"),
        (148, b" " * 8),
        (156, kind),
        (157, link[:100]),
        (257, magic),
        (345, prefix[:155]),
    ):
        block[at : at + len(field)] = field
    total = sum(block) if checksum is None else checksum
    block[148:156] = b"%06o\0 " % total
    return bytes(block)


def padded(data: bytes) -> bytes:
    """The data filled up to whole blocks."""
    return data + bytes(-len(data) % BLOCK)


def entry(name: bytes, data: bytes = b"", kind: bytes = b"0", **more: Any) -> bytes:
    """A header with its data."""
    return header(name, len(data), kind, **more) + padded(data)


def record(key: bytes, value: bytes) -> bytes:
    """One record of a pax header."""
    length = len(key) + len(value) + 3
    while len(b"%d" % length) + len(key) + len(value) + 3 != length:
        length = len(b"%d" % length) + len(key) + len(value) + 3
    return b"%d %s=%s\n" % (length, key, value)


def pax(*pairs: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """A pax header."""
    return entry(b"PaxHeader", b"".join(record(*pair) for pair in pairs), kind)


def tar(*entries: bytes) -> bytes:
    """An archive with its end."""
    return b"".join(entries) + END


def packed(data: bytes) -> bytes:
    """The data through gzip, the same bytes each time."""
    return gzip.compress(data, mtime=0)


def usual_tar(files: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive as the standard library writes it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=form) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name.rstrip("/"))
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def usual_zip(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive as the standard library writes it."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return made.getvalue()


class Member(NamedTuple):
    """An entry of a zip archive, each field as it is to be written.

    `local` overrides fields of the local header, `offset` the place that the directory names.
    """

    name: bytes
    data: bytes = b"data"
    method: int = 0
    flags: int = 0
    attributes: int = 0o100644 << 16
    made: int = 3 << 8
    size: int | None = None
    checksum: int | None = None
    stored: bytes | None = None
    offset: int | None = None
    extra: bytes = b""
    disk: int = 0
    local: Mapping[str, int | bytes] = {}
    tail: bytes = b""


def zipped(
    *members: Member,
    before: bytes = b"",
    between: bytes = b"",
    after: bytes = b"",
    comment: bytes = b"",
    count: int | None = None,
    disks: int = 0,
) -> bytes:
    """A zip archive of those entries, with bytes at places where none belong."""
    made, directory = bytearray(before), bytearray()
    for one in members:
        offset = len(made) if one.offset is None else one.offset
        stored = one.data if one.stored is None else one.stored
        if one.stored is None and one.method == 8:
            deflate = zlib.compressobj(wbits=-15)
            stored = deflate.compress(one.data) + deflate.flush()
        size = len(one.data) if one.size is None else one.size
        checksum = zlib.crc32(one.data) if one.checksum is None else one.checksum
        said = {"name": one.name, "flags": one.flags, "method": one.method, "checksum": checksum,
                "stored": len(stored), "size": size, "magic": b"PK\3\4", **one.local}  # fmt: skip
        name = said["name"]
        assert isinstance(name, bytes)
        made += struct.pack(
            "<4s5H3I2H", said["magic"], 20, said["flags"], said["method"], 0, 0, said["checksum"],
            said["stored"], said["size"], len(name), 0,
        ) + name + stored + one.tail  # fmt: skip
        directory += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", one.made | 20, 20, one.flags, one.method, 0, 0, checksum,
            len(stored), size, len(one.name), len(one.extra), 0, one.disk, 0, one.attributes,
            offset,
        ) + one.name + one.extra  # fmt: skip
    made += between
    number = len(members) if count is None else count
    end = struct.pack(
        "<4s4H2IH", b"PK\5\6", disks, 0, number, number, len(directory), len(made), len(comment)
    )
    return bytes(made + directory + end + comment + after)
