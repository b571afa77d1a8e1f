"""Counting archives: what a device would refuse is refused, and what comes out is what it says."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from compiler.model.archives import ArchiveError, Content, count_tar, count_zip
from tests.sidecar.unpack import hostile
from tests.sidecar.unpack.ground import Ground

HOSTILE = hostile.every("../../../..", "/nowhere/victim")
UNSEEN = {
    "tar: NUL in a GNU name",
    "tar: a GNU name and a pax name",
    "tar: a name with bytes behind its end",
    "tar: a path for all entries",
    "tar: a path stated twice",
    "tar: a pax record without a line end",
    "tar: a size for all entries",
    "tar: another character set",
    "tar: no magic",
    "tar: two pax headers for one entry",
    "zip: a descriptor that lies",
    "zip: a directory that has its name twice",
    "zip: a file that says it is a directory",
    "zip: a size that its bytes deny",
    "zip: a stored size that differs",
    "zip: a wrong sum",
    "zip: an entry on another disk",
    "zip: bytes that are not deflated",
    "zip: deflated bytes that are cut",
    "zip: entries that overlap",
    "zip: garbage behind",
    "zip: many entries of the same bytes",
    "zip: more entries counted than there are",
    "zip: no entry where one must be",
    "zip: several disks",
    "zip: something before",
    "zip: something between",
    "zip: two methods",
    "zip: two names for one entry",
    "zip: two sizes",
    "zip: two sums",
}
"""What the standard library reads past, and a device does not: it is found there."""

OTHER_CAPS = {
    "tar: many small files above the cap together",
    "tar: more directories than allowed",
    "tar: more files than allowed",
    "tar.gz: padding without end",
    "zip: more files than allowed",
}
"""What those tests refuse by smaller caps than a device has."""


class Bytes:
    def __init__(self, data: bytes) -> None:
        self.file = io.BytesIO(data)
        self.read_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        data = self.file.read(size)
        self.read_bytes += len(data)
        return data


def count(form: str, data: bytes) -> Content:
    if form == "zip":
        return count_zip(len(data), lambda start, length: io.BytesIO(data[start : start + length]))
    return count_tar(Bytes(data), form)


@pytest.mark.parametrize("name", sorted(HOSTILE.keys() - UNSEEN - OTHER_CAPS))
def test_what_a_device_refuses_is_refused(name: str) -> None:
    with pytest.raises(ArchiveError):
        count(HOSTILE[name].form, HOSTILE[name].data)


@pytest.mark.parametrize("name", sorted(UNSEEN))
def test_what_is_read_past_is_still_read_past(name: str) -> None:
    assert count(HOSTILE[name].form, HOSTILE[name].data).files


@pytest.mark.parametrize("form", sorted(hostile.FINE))
def test_what_comes_out_is_what_a_device_gets(form: str, tmp_path: Path) -> None:
    found = count(form, hostile.FINE[form])
    tree = Ground(tmp_path).unpack(hostile.FINE[form], form)
    files = [path for path in tree.rglob("*") if path.is_file()]
    assert found == Content(sum(path.stat().st_size for path in files), len(files))


@pytest.mark.parametrize("form", ["tar", "tar.gz"])
def test_an_archive_that_was_cut_is_never_counted(form: str) -> None:
    data = hostile.FINE[form]
    # Zeros behind the end of a tar are padding, which may be of any length.
    whole = -(-len(data.rstrip(b"\0")) // 512) * 512 + 1024 if form == "tar" else len(data)
    for length in [*range(0, whole, 97), whole - 1]:
        with pytest.raises(ArchiveError):
            count(form, data[:length])
