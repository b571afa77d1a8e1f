"""Archives that want out, want more or want to be two things at once, each with what is said."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
from functools import cache
from typing import NamedTuple

from tests.sidecar.unpack.archives import (
    BLOCK,
    END,
    Member,
    entry,
    header,
    packed,
    padded,
    pax,
    record,
    tar,
    usual_tar,
    usual_zip,
    zipped,
)

REFUSED, BROKEN, LARGE = "ArchiveRefused", "ArchiveBroken", "ArchiveTooLarge"


class Hostile(NamedTuple):
    """One archive: its row of the failure matrix, its format, its bytes and the reason's code."""

    row: str
    form: str
    data: bytes
    code: str
    most: int = 64 * 1024 * 1024
    files: int = 1000


def names(up: str) -> dict[bytes, str]:
    """Names that lead out or mean two things; `up` climbs to where the victims are."""
    return {
        b"../victim": "climbing",
        up.encode() + b"victim": "climbing far",
        b"a/../../victim": "climbing inside",
        b"./../victim": "climbing after a dot",
        b"..": "the directory above",
        b"a/./b": "a dot inside",
        b"a//b": "an empty part",
        b"/victim": "absolute",
        b"//victim": "absolute twice",
        b"": "empty",
        b"./": "a file named as the top",
        b".": "a file named dot",
        b"a\\..\\victim": "backslashes",
        b"C:\\victim": "a drive",
        b"a\nb": "a line end",
        b"a\rb": "a carriage return",
        b"a\x1b[2Jb": "an escape sequence",
        b"a\x7f": "a delete",
        b"\xff\xfe": "no UTF-8",
        b"a\xc0\xaf..": "an overlong slash",
        b"\xed\xa0\x80": "half a surrogate pair",
        b"x" * 256: "a part of 256 bytes",
        b"\xc3\xbc" * 128: "a part of 256 bytes in 128 letters",
        b"/".join([b"d" * 200] * 6): "a path beyond the limit",
    }


def tars(up: str, victim: str) -> dict[str, Hostile]:
    """Tar archives; `victim` is the absolute path of a file outside."""
    fine = entry(b"fine", b"fine")
    found = {
        f"tar: {words}": Hostile("t1", "tar", tar(fine, pax((b"path", name)), entry(b"x", b"bad")),
                                 REFUSED)
        for name, words in names(up).items()
    }  # fmt: skip
    return found | {
        "tar: an absolute name": _t("t1", entry(victim.encode(), b"bad")),
        "tar: an absolute name by prefix": _t("t1", entry(b"victim", b"bad", prefix=b"/tmp")),
        "tar: a name with bytes behind its end": _t("t1", header(b"good\0/../../victim")),
        "tar: NUL in a pax path": _t("t1", pax((b"path", b"a\0b")), entry(b"x")),
        "tar: NUL in a GNU name": _t("t1", entry(b"L", b"a\0../victim\0", b"L"), entry(b"x")),
        "tar: a link that leads out": _t("t2", header(b"out", 0, b"2", link=b"/"), fine),
        "tar: a link and a file behind it": _t(
            "t2", header(b"d", 0, b"2", link=up.encode()), entry(b"d/victim", b"bad")
        ),
        "tar: a hard link to a file outside": _t(
            "t2", header(b"v", 0, b"1", link=victim.encode()), entry(b"v", b"bad")
        ),
        "tar: a hard link inside": _t("t2", fine, header(b"second", 0, b"1", link=b"fine")),
        "tar: a link by a pax path": _t(
            "t2", pax((b"linkpath", victim.encode())), header(b"v", 0, b"2", link=b"fine")
        ),
        "tar: links longer than a path may be": Hostile("t2", "tar", winding(up), REFUSED),
        "tar: a character device": _t("t3", header(b"null", 0, b"3")),
        "tar: a block device": _t("t3", header(b"disk", 0, b"4")),
        "tar: a FIFO": _t("t3", header(b"pipe", 0, b"6")),
        "tar: a contiguous file": _t("t3", header(b"c", 0, b"7")),
        "tar: a GNU sparse file": _t("t3", header(b"s", 0, b"S", magic=b"ustar  \0")),
        "tar: a pax sparse file": _t(
            "t3", pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.name", b"s")), entry(b"s", b"x")
        ),
        "tar: a volume label": _t("t3", header(b"v", 0, b"V", magic=b"ustar  \0")),
        "tar: a dump directory": _t("t3", header(b"d", 0, b"D", magic=b"ustar  \0")),
        "tar: a directory with bytes": _t("t3", entry(b"d", b"bytes", b"5")),
        "tar: the same name twice": _t("t3", entry(b"a", b"1"), entry(b"a", b"2")),
        "tar: names that differ by case": _t("t3", entry(b"a/Model", b"1"), entry(b"A/x", b"2")),
        "tar: names that differ by composition": _t(
            "t3", entry("é".encode(), b"1"), entry("e\u0301".encode(), b"2")
        ),
        "tar: a file and a directory of one name": _t("t3", entry(b"a", b"1"), entry(b"a/b", b"2")),
        "tar: a directory and a file of one name": _t("t3", entry(b"a/b", b"1"), entry(b"a", b"2")),
        "tar: two pax headers for one entry": _t(
            "t3", pax((b"path", b"a")), pax((b"path", b"b")), entry(b"x")
        ),
        "tar: a GNU name and a pax name": _t(
            "t3", entry(b"L", b"a\0", b"L"), pax((b"path", b"b")), entry(b"x")
        ),
        "tar: a path stated twice": _t("t3", pax((b"path", b"a"), (b"path", b"b")), entry(b"x")),
        "tar: a path for all entries": _t("t3", pax((b"path", b"a"), kind=b"g"), entry(b"x")),
        "tar: a size for all entries": _t("t3", pax((b"size", b"0"), kind=b"g"), entry(b"x")),
        "tar: a size that is no number": _t("t3", pax((b"size", b"-1")), entry(b"x")),
        "tar: another character set": _t("t3", pax((b"hdrcharset", b"BINARY")), entry(b"x")),
        "tar: a pax header of 100 KiB": _t("t4", entry(b"P", b"x" * 100_000, b"x"), entry(b"x")),
        "tar: a GNU name of 100 KiB": _t("t4", entry(b"L", b"x" * 100_000, b"L"), entry(b"x")),
        **caps(fine),
        **broken(fine),
    }


def caps(fine: bytes) -> dict[str, Hostile]:
    """Archives that hold or claim too much."""
    zeros = zeros_in_tar()
    nested = packed(packed(tar(entry(b"zeros", bytes(2**20)))))
    many = tar(*(entry(b"%d" % number) for number in range(2000)))
    deep = entry(b"/".join([b"d"] * 400) + b"/x", prefix=b"")
    return {
        "tar: ten gigabytes declared": Hostile(
            "t4", "tar", tar(header(b"big", 10 * 2**30)), LARGE, most=2**20
        ),
        "tar: an exabyte in base 256": Hostile(
            "t4", "tar", tar(header(b"big", length=b"\x80" + bytes(3) + b"\x10" + bytes(7))), LARGE
        ),
        "tar: a size of a thousand bits": _t("t4", pax((b"size", b"9" * 300)), entry(b"x")),
        "tar: many small files above the cap together": Hostile(
            "t4", "tar", tar(*(entry(b"%d" % n, bytes(600)) for n in range(100))), LARGE,
            most=50_000,
        ),
        "tar: more files than allowed": Hostile("t4", "tar", many, LARGE),
        "tar: more directories than allowed": Hostile(
            "t4", "tar", tar(fine, pax((b"path", b"/".join([b"d"] * 400))), deep), LARGE, files=300
        ),
        "tar.gz: zeros beyond the ratio": Hostile("t4", "tar.gz", zeros, LARGE, most=2**40),
        "tar.gz: zeros beyond the cap": Hostile("t4", "tar.gz", zeros, LARGE, most=2**20),
        "tar.gz: gzip in gzip": Hostile("t4", "tar.gz", nested, BROKEN),
        "tar.gz: padding without end": Hostile(
            "t4", "tar.gz", packed(tar(fine) + bytes(40 * 2**20)), BROKEN
        ),
        "tar.gz: headers without end": Hostile(
            "t4", "tar.gz", packed(pax((b"comment", b"x" * 60_000), kind=b"g") * 500), LARGE,
            most=2**20, files=10,
        ),
    }  # fmt: skip


def broken(fine: bytes) -> dict[str, Hostile]:
    """Archives that end too early or not at all."""
    whole = tar(fine, entry(b"more", b"x" * 2000))
    return {
        "tar: nothing": _b(b""),
        "tar: no entry": _b(END),
        "tar: only a directory": _b(tar(header(b"d", 0, b"5"))),
        "tar: cut in a header": _b(whole[:1300]),
        "tar: cut in a file": _b(whole[:2000]),
        "tar: cut before the end": _b(whole[: -2 * BLOCK]),
        "tar: cut in the end": _b(whole[:-BLOCK]),
        "tar: garbage behind": _b(whole + b"garbage"),
        "tar: garbage behind zeros": _b(whole + bytes(BLOCK) + b"PK\3\4" + bytes(508)),
        "tar: a second archive behind": _b(whole + whole),
        "tar: a wrong checksum": _b(tar(fine, header(b"x", checksum=7))),
        "tar: no tar": _b(b"#!/bin/sh\n" + b"x" * 4096),
        "tar: no magic": _b(tar(header(b"x", magic=bytes(8)))),
        "tar: a number that is none": _b(tar(header(b"x", length=b"0000008x000\0"))),
        "tar: a negative number": _b(tar(header(b"x", length=b"\xff" * 12))),
        "tar: a pax header for nothing": _b(tar(fine, pax((b"path", b"x")))),
        "tar: pax records that lie about their length": _b(
            tar(entry(b"P", b"99 path=x\n", b"x"), fine)
        ),
        "tar: a pax record without a line end": _b(
            tar(entry(b"P", record(b"path", b"x")[:-1] + b"x", b"x"), fine)
        ),
        "tar.gz: cut": _b(packed(whole)[:-20], "tar.gz"),
        "tar.gz: without its sum": _b(packed(whole)[:-8], "tar.gz"),
        "tar.gz: with a wrong sum": _b(packed(whole)[:-8] + bytes(8), "tar.gz"),
        "tar.gz: garbage behind": _b(packed(whole) + b"garbage", "tar.gz"),
        "tar.gz: zeros behind": _b(packed(whole) + bytes(512), "tar.gz"),
        "tar.gz: no gzip": _b(whole, "tar.gz"),
        "tar.gz: a second archive behind": _b(packed(whole) + packed(whole), "tar.gz"),
    }


def zips(up: str, victim: str) -> dict[str, Hostile]:
    """Zip archives."""
    fine = Member(b"fine", b"fine")
    found = {
        f"zip: {words}": _z("t1", fine, Member(name))
        for name, words in names(up).items()
        if not name.endswith(b"/")
    }
    return found | {
        "zip: an absolute name": _z("t1", Member(victim.encode())),
        "zip: NUL in a name": _z("t1", Member(b"a\0b")),
        "zip: two names for one entry": _z("t1", Member(b"good", local={"name": b"../x"})),
        "zip: a link": _z("t2", Member(b"l", b"/etc", attributes=(stat.S_IFLNK | 0o777) << 16)),
        "zip: a link from another system": _z(
            "t2", Member(b"l", b"/", attributes=(stat.S_IFLNK | 0o777) << 16, made=0)
        ),
        "zip: a FIFO": _z("t3", Member(b"p", b"", attributes=stat.S_IFIFO << 16)),
        "zip: a device": _z("t3", Member(b"d", b"", attributes=stat.S_IFCHR << 16)),
        "zip: a directory with bytes": _z("t3", fine, Member(b"d/", b"bytes", attributes=0)),
        "zip: a file that says it is a directory": _z(
            "t3", Member(b"d", attributes=stat.S_IFDIR << 16)
        ),
        "zip: the same name twice": _z("t3", Member(b"a", b"1"), Member(b"a", b"2")),
        "zip: names that differ by case": _z("t3", Member(b"a", b"1"), Member(b"A", b"2")),
        "zip: encrypted": _z("t3", Member(b"a", flags=1)),
        "zip: strongly encrypted": _z("t3", Member(b"a", flags=0x40)),
        "zip: packed by bzip2": _z("t3", Member(b"a", method=12)),
        "zip: two methods": _z("t3", Member(b"a", local={"method": 8})),
        "zip: two sizes": _z("t3", Member(b"a", local={"size": 1})),
        "zip: two sums": _z("t3", Member(b"a", local={"checksum": 1})),
        "zip: a size that its bytes deny": _z("t3", Member(b"a", method=8, size=2)),
        "zip: a stored size that differs": _z("t3", Member(b"a", size=2)),
        "zip: several disks": Hostile("t3", "zip", zipped(fine, disks=1), REFUSED),
        "zip: an entry on another disk": _z("t3", Member(b"a", disk=1)),
        "zip: a 64-bit size without its field": _z("t3", Member(b"a", size=2**32 - 1)),
        "zip: broken extra fields": _z("t3", Member(b"a", extra=b"\1\0\xff\xff")),
        "zip: something before": Hostile("t5", "zip", zipped(fine, before=b"#!/bin/sh\n"), REFUSED),
        "zip: something between": Hostile("t5", "zip", zipped(fine, between=b"hidden"), REFUSED),
        "zip: entries that overlap": _z("t4", Member(b"a", bytes(99)), Member(b"b", offset=10)),
        "zip: many entries of the same bytes": Hostile(
            "t4", "zip",
            zipped(Member(b"a", bytes(9**6), 8), *(Member(b"b%d" % n, bytes(9**6), 8, offset=0)
                                                  for n in range(50))),
            REFUSED,
        ),
        "zip: a descriptor that lies": _z("t3", Member(b"a", flags=8, tail=bytes(12))),
        "zip: a directory that has its name twice": Hostile(
            "t3", "zip", zipped(fine, comment=b"x" + zipped(fine)), BROKEN
        ),
        **zip_caps(fine),
    }  # fmt: skip


def zip_caps(fine: Member) -> dict[str, Hostile]:
    """Zip archives that claim too much, or are not whole."""
    whole = zipped(fine, Member(b"more", b"x" * 2000, 8))
    many = usual_zip({f"{number}": b"" for number in range(2000)})
    zeros = zeros_in_zip()
    return {
        "zip: ten gigabytes declared": Hostile(
            "t4", "zip", zipped(Member(b"a", method=8, size=2**32 - 2)), LARGE
        ),
        "zip: zeros beyond the ratio": Hostile("t4", "zip", zeros, LARGE, most=2**40),
        "zip: zeros beyond the cap": Hostile("t4", "zip", zeros, LARGE, most=2**20),
        "zip: more files than allowed": Hostile("t4", "zip", many, LARGE),
        "zip: nothing": _b(b"", "zip"),
        "zip: no entry": _b(zipped(), "zip"),
        "zip: cut": _b(whole[:-1], "zip"),
        "zip: cut in the directory": _b(whole[:-60], "zip"),
        "zip: its first half": _b(whole[: len(whole) // 2], "zip"),
        "zip: garbage behind": _b(whole + b"x", "zip"),
        "zip: more entries counted than there are": _b(zipped(fine, count=2), "zip"),
        "zip: fewer entries counted than there are": _b(zipped(fine, fine, count=1), "zip"),
        "zip: a wrong sum": _b(zipped(Member(b"a", checksum=1)), "zip"),
        "zip: bytes that are not deflated": _b(
            zipped(Member(b"a", method=8, stored=b"\xff" * 9)), "zip"
        ),
        "zip: deflated bytes that are cut": _b(
            zipped(Member(b"a", b"x" * 99, 8, stored=b"\xab\xa8")), "zip"
        ),
        "zip: no entry where one must be": _b(
            zipped(Member(b"a", local={"magic": b"PK\0\0"})), "zip"
        ),
    }  # fmt: skip


@cache
def zeros_in_tar() -> bytes:
    """Much from little."""
    return packed(tar(header(b"zeros", 300 * 2**20), bytes(300 * 2**20)))


@cache
def zeros_in_zip() -> bytes:
    """The same in the other format."""
    return usual_zip({"zeros": bytes(300 * 2**20)})


def winding(up: str) -> bytes:
    """Links whose resolved path is longer than any path may be, so that a check of it gives up."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        path, part = "", "d" * 200
        for letter in "abcdefghijklmnop":
            _add(archive, f"{path}{part}", tarfile.DIRTYPE)
            _add(archive, f"{path}{letter}", tarfile.SYMTYPE, part)
            path += f"{part}/"
        long = "/".join("abcdefghijklmnop") + "/" + "l" * 254
        _add(archive, long, tarfile.SYMTYPE, "../" * 16)
        _add(archive, "escape", tarfile.SYMTYPE, f"{long}/{up}")
        info = tarfile.TarInfo("escape/victim")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"bad"))
    return made.getvalue()


def _add(archive: tarfile.TarFile, name: str, kind: bytes, link: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, 0o755
    archive.addfile(info)


def _t(row: str, *entries: bytes) -> Hostile:
    return Hostile(row, "tar", tar(*entries), REFUSED)


def _b(data: bytes, form: str = "tar") -> Hostile:
    return Hostile("t5", form, data, BROKEN)


def _z(row: str, *members: Member) -> Hostile:
    return Hostile(row, "zip", zipped(*members), REFUSED)


def every(up: str, victim: str) -> dict[str, Hostile]:
    """All of them, by what they try."""
    return tars(up, victim) | zips(up, victim)


FINE = {
    "tar": usual_tar({"a/": b"", "a/b.txt": b"text", "c.bin": bytes(range(256)) * 20}),
    "tar.gz": gzip.compress(usual_tar({"x/y/z": b"deep", "top": b"t" * 3000}), mtime=0),
    "zip": usual_zip({"a/": b"", "a/b.txt": b"text" * 50, "c.bin": bytes(range(256))}),
}
"""Archives from which mutated ones are made."""

__all__ = ["FINE", "Hostile", "every", "padded"]
