"""Honest zip archives, from several programs, small and in the 64-bit extension."""

from __future__ import annotations

import io
import os
import shutil
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.model.reasons import ReasonError
from tests.sidecar.unpack.archives import Member, usual_zip, zipped
from tests.sidecar.unpack.ground import Ground, content, ground

FILES = {
    "a/": b"",
    "a/b/": b"",
    "a/b/model.onnx": bytes(range(256)) * 5000,
    "a/empty": b"",
    "ünïcödé": b"u",
    "n" * 200: b"long",
}


@pytest.fixture(scope="module")
def field() -> Iterator[Ground]:
    with ground() as found:
        yield found


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_the_standard_library_writes_comes_out_the_same(field: Ground, method: int) -> None:
    assert content(field.unpack(usual_zip(FILES, method), "zip")) == FILES


def test_a_comment_at_the_end_is_passed_over(field: Ground) -> None:
    made = io.BytesIO(usual_zip({"a": b"1"}))
    with zipfile.ZipFile(made, "a") as archive:
        archive.comment = b"0123456789abcdef" * 100
    assert content(field.unpack(made.getvalue(), "zip")) == {"a": b"1"}


def test_an_archive_that_grew_entry_by_entry_comes_out(field: Ground) -> None:
    made = io.BytesIO()
    for number in range(5):
        with zipfile.ZipFile(made, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(f"{number}", b"x" * 1000)
    assert len(content(field.unpack(made.getvalue(), "zip"))) == 5


class Pipe(io.RawIOBase):
    """Takes bytes and cannot go back, so that sizes have to follow their data."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.data += data
        return len(data)


@pytest.mark.parametrize("large", [False, True])
def test_sizes_behind_the_data_are_read_in_32_and_64_bits(field: Ground, large: bool) -> None:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a", "b"):
            with archive.open(name, "w", force_zip64=large) as file:
                file.write(name.encode() * 5000)
    assert content(field.unpack(bytes(pipe.data), "zip")) == {"a": b"a" * 5000, "b": b"b" * 5000}


@pytest.mark.skipif(not shutil.which("zip"), reason="Info-ZIP is not here")
@pytest.mark.parametrize("flags", [[], ["-0"], ["-fz"], ["-fd"], ["-D"], ["-X"]])
def test_what_info_zip_writes_comes_out_the_same(
    field: Ground, tmp_path: Path, flags: list[str]
) -> None:
    source = tmp_path / "from"
    (source / "d").mkdir(parents=True)
    (source / "d" / "x.bin").write_bytes(os.urandom(100_000))
    (source / "run.sh").write_bytes(b"#!" * 1000)
    (source / "run.sh").chmod(0o755)
    command = ["zip", "-q", "-r", *flags, str(tmp_path / "made.zip"), "."]
    subprocess.run(command, cwd=source, check=True)
    tree = field.unpack((tmp_path / "made.zip").read_bytes(), "zip")
    assert content(tree) == content(source)
    assert (tree / "run.sh").stat().st_mode & 0o777 == 0o555


@pytest.mark.skipif(not shutil.which("zip"), reason="Info-ZIP is not here")
def test_what_info_zip_streams_comes_out_the_same(field: Ground, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"stream" * 9999)
    made = subprocess.run(["zip", "-q", "-", "x"], cwd=tmp_path, check=True, capture_output=True)
    assert content(field.unpack(made.stdout, "zip")) == {"x": b"stream" * 9999}


def wide(data: bytes, name: bytes = b"big") -> bytes:
    """An archive that states everything in 64 bits although it is small."""
    most, extra = 2**32 - 1, struct.pack("<HHQQ", 1, 16, len(data), len(data))
    local = struct.pack(
        "<4s5H3I2H", b"PK\3\4", 45, 0, 0, 0, 0, zlib.crc32(data), most, most, len(name), len(extra)
    )
    body = local + name + extra + data
    more = struct.pack("<HHQQQI", 1, 28, len(data), len(data), 0, 0)
    directory = (
        struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 3 << 8 | 45, 45, 0, 0, 0, 0, zlib.crc32(data), most, most,
            len(name), len(more), 0, 0xFFFF, 0, 0o100644 << 16, most,
        )
        + name
        + more
    )  # fmt: skip
    at, length = len(body), len(directory)
    end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, length, at)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at + length, 1)
    last = struct.pack("<4s4H2IH", b"PK\5\6", 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF, most, most, 0)
    return body + directory + end + locator + last


def test_an_archive_in_64_bits_throughout_comes_out(field: Ground) -> None:
    assert content(field.unpack(wide(b"data" * 99), "zip")) == {"big": b"data" * 99}


@pytest.mark.parametrize(
    "at", [-22 - 20 + 8, -22 - 20 - 8, -22 - 20 - 16, -22 - 20 - 24, -22 - 20 - 52]
)
def test_an_end_in_64_bits_that_lies_is_refused(field: Ground, at: int) -> None:
    data = bytearray(wide(b"data" * 99))
    data[at] ^= 1
    with pytest.raises(ReasonError) as caught:
        field.unpack(bytes(data), "zip")
    assert caught.value.code in ("ArchiveBroken", "ArchiveRefused")


@pytest.mark.parametrize("size", [262_143, 262_144, 262_145, 1_048_576])
def test_bytes_that_fill_a_piece_exactly_come_out_whole(field: Ground, size: int) -> None:
    data = zipped(Member(b"z", b"z" * size, 8))
    assert content(field.unpack(data, "zip")) == {"z": b"z" * size}


def test_files_from_a_system_without_modes_are_not_executable(field: Ground) -> None:
    tree = field.unpack(zipped(Member(b"a.exe", attributes=0o755 << 16, made=0)), "zip")
    assert (tree / "a.exe").stat().st_mode & 0o777 == 0o444


def test_t5_every_cut_of_an_archive_is_refused(field: Ground) -> None:
    data = usual_zip({"a/b": b"x" * 700, "c": b"y"})
    for cut in range(len(data)):
        with pytest.raises(ReasonError) as caught:
            field.unpack(data[:cut], "zip")
        assert caught.value.code == "ArchiveBroken"
