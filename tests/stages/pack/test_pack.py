"""An archive is written once: what a run that was cut off left is kept, and nothing wrong stays."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from compiler.model.bundle import Segment, given
from compiler.model.codes import world
from compiler.model.stored import StoreError
from compiler.stages.pack.pack import SegmentError, pack
from compiler.stages.pack.tar import Entry, archive

DATA = os.urandom(3 * 1024 * 1024 + 7)


class Shelf:
    """Bytes that are asked for, from which offset, and that break off where they are told to."""

    def __init__(self, data: bytes = DATA, *, breaks_at: int | None = None) -> None:
        self.data, self.breaks_at = data, breaks_at
        self.asked: list[int] = []

    @contextmanager
    def open(self, start: int) -> Iterator[BinaryIO]:
        """A stream from an offset on."""
        self.asked.append(start)
        end = len(self.data) if self.breaks_at is None else self.breaks_at
        yield io.BytesIO(self.data[start:end])
        if self.breaks_at is not None:
            raise StoreError(world.STORE_FAILED, "broke off")

    def segments(self) -> tuple[Segment, ...]:
        """An archive of it."""
        digest = hashlib.sha256(DATA).hexdigest()
        part = Segment(size=len(DATA), source=self.open, sha256=digest, name="models/m:1")
        first = Entry("bundle.json", (given(b"{}\n"),))
        return archive([first, Entry("artifacts/m", (part,)), Entry("z" * 180, (given(b"end"),))])


class Zeros(io.RawIOBase):
    """A stream that holds nothing in memory."""

    def __init__(self, size: int) -> None:
        self._left = size

    def readinto(self, buffer: Any, /) -> int:
        """Up to so many zeros."""
        length = min(len(buffer), self._left)
        buffer[:length] = bytes(length)
        self._left -= length
        return length

    def readable(self) -> bool:
        """It is."""
        return True


def test_an_archive_is_read_back_by_the_standard_library(tmp_path: Path) -> None:
    packed = pack(Shelf().segments(), tmp_path / "a.tar")
    data = (tmp_path / "a.tar").read_bytes()
    assert (packed.size, packed.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    with tarfile.open(tmp_path / "a.tar") as found:
        assert found.getnames() == ["bundle.json", "artifacts/m", "z" * 180]
        member = found.extractfile("artifacts/m")
        assert member is not None
        assert member.read() == DATA


@pytest.mark.parametrize("breaks_at", [0, 1, 1024 * 1024, len(DATA) - 1])
def test_a_run_that_was_cut_off_is_continued_where_it_stood(tmp_path: Path, breaks_at: int) -> None:
    pack(Shelf().segments(), tmp_path / "whole.tar")
    with pytest.raises(SegmentError):
        pack(Shelf(breaks_at=breaks_at).segments(), tmp_path / "a.tar")
    shelf = Shelf()
    packed = pack(shelf.segments(), tmp_path / "a.tar")
    assert shelf.asked == [breaks_at]
    assert packed.kept >= breaks_at
    assert (tmp_path / "a.tar").read_bytes() == (tmp_path / "whole.tar").read_bytes()
    again = Shelf()
    assert pack(again.segments(), tmp_path / "a.tar").kept == packed.size
    assert again.asked == []


@pytest.mark.parametrize("where", [600, 2000, -1100])
def test_what_lies_there_and_is_wrong_is_fetched_again(tmp_path: Path, where: int) -> None:
    pack(Shelf().segments(), tmp_path / "whole.tar")
    whole = (tmp_path / "whole.tar").read_bytes()
    hurt = bytearray(whole)
    hurt[where] ^= 1
    (tmp_path / "a.tar").write_bytes(hurt)
    pack(Shelf().segments(), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == whole


def test_a_part_that_continues_wrong_bytes_is_fetched_from_its_start(tmp_path: Path) -> None:
    pack(Shelf().segments(), tmp_path / "whole.tar")
    whole = (tmp_path / "whole.tar").read_bytes()
    hurt = bytearray(whole[: 1024 * 1024])
    hurt[5000] ^= 1
    (tmp_path / "a.tar").write_bytes(hurt)
    shelf = Shelf()
    pack(shelf.segments(), tmp_path / "a.tar")
    assert len(shelf.asked) == 2
    assert shelf.asked[1] == 0
    assert (tmp_path / "a.tar").read_bytes() == whole


def test_bytes_of_another_digest_do_not_stay(tmp_path: Path) -> None:
    shelf = Shelf(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    with pytest.raises(SegmentError, match="other bytes"):
        pack(shelf.segments(), tmp_path / "a.tar")
    assert shelf.asked == [0]
    assert DATA[:1000] not in (tmp_path / "a.tar").read_bytes()


def test_a_store_that_gives_too_little_is_a_fault_and_no_short_file(tmp_path: Path) -> None:
    with pytest.raises(SegmentError, match="fewer bytes"):
        pack(Shelf(DATA[:100]).segments(), tmp_path / "a.tar")


def test_two_runs_do_not_write_one_file(tmp_path: Path) -> None:
    def meddle(done: int, of: int) -> None:
        del done, of
        with pytest.raises(BlockingIOError):
            pack(Shelf().segments(), tmp_path / "a.tar")

    first: Callable[[int, int], None] = meddle
    assert pack(Shelf().segments(), tmp_path / "a.tar", first).size


def test_memory_does_not_grow_with_what_is_carried(tmp_path: Path) -> None:
    size = 64 * 1024 * 1024
    digest = hashlib.sha256()
    for _ in range(64):
        digest.update(bytes(1024 * 1024))

    @contextmanager
    def opened(start: int) -> Iterator[BinaryIO]:
        yield cast("BinaryIO", io.BufferedReader(Zeros(size - start)))

    part = Segment(size=size, source=opened, sha256=digest.hexdigest(), name="models/m:1")
    tracemalloc.start()
    try:
        pack(archive([Entry("artifacts/m", (part,))]), tmp_path / "a.tar")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 1024 * 1024


def test_a_file_that_was_put_in_its_place_meanwhile_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(Shelf().segments(), tmp_path / "a.tar.partial")
    real = fcntl.flock

    def finished_first(file: int, how: int) -> None:
        (tmp_path / "a.tar.partial").replace(tmp_path / "a.tar")
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", finished_first)
    before = (tmp_path / "a.tar.partial").read_bytes()
    with pytest.raises(BlockingIOError):
        pack(archive([Entry("other", (given(b"other"),))]), tmp_path / "a.tar.partial")
    assert (tmp_path / "a.tar").read_bytes() == before
