"""Honest tar archives, from several programs and in every dialect that is read."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from sidecar.model.config import Unpack
from sidecar.model.reasons import ReasonError
from sidecar.unpack import StoppedError, unpack
from tests.sidecar.unpack.archives import END, entry, header, packed, padded, pax, tar, usual_tar
from tests.sidecar.unpack.ground import Ground, content, ground

LONG = "/".join(["d" * 90] * 4) + "/" + "n" * 200
FILES = {
    "a/": b"",
    "a/b/": b"",
    "a/b/model.onnx": bytes(range(256)) * 5000,
    "a/empty": b"",
    "ünïcödé": b"u",
    LONG: b"long",
    "block": b"x" * 512,
}


@pytest.fixture(scope="module")
def field() -> Iterator[Ground]:
    with ground() as found:
        yield found


def expected() -> dict[str, bytes]:
    above = [f"{'/'.join(LONG.split('/')[:depth])}/" for depth in range(1, 5)]
    return dict.fromkeys(above, b"") | FILES


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_what_the_standard_library_writes_comes_out_the_same(field: Ground, form: int) -> None:
    data = usual_tar(FILES, form)
    assert content(field.unpack(data, "tar")) == expected()
    assert content(field.unpack(packed(data), "tar.gz")) == expected()


@pytest.mark.parametrize("form", ["gnu", "oldgnu", "pax", "posix", "ustar"])
def test_what_gnu_tar_writes_comes_out_the_same(field: Ground, form: str, tmp_path: Path) -> None:
    files = {"./x/y/run.sh": b"#!", "./data": b"d" * 70_000, f"./{'p' * 90}/{'q' * 90}": b"two"}
    for name, data in files.items():
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "from" / "x/y/run.sh").chmod(0o755)
    archive = tmp_path / "a.tar.gz"
    command = ["tar", "-C", f"{tmp_path}/from", f"--format={form}", "-czf", str(archive), "."]
    subprocess.run(command, check=True)
    tree = field.unpack(archive.read_bytes(), "tar.gz")
    assert {path: data for path, data in content(tree).items() if not path.endswith("/")} == {
        name[2:]: data for name, data in files.items()
    }
    assert (tree / "x/y/run.sh").stat().st_mode & 0o777 == 0o555


def test_what_git_archives_comes_out_although_it_begins_with_a_header_for_all(
    field: Ground, tmp_path: Path
) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(tmp_path)]
    (tmp_path / "resize.py").write_text("size = 640\n")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "x"], check=True)
    made = subprocess.run([*git, "archive", "HEAD"], check=True, capture_output=True).stdout
    assert b"comment=" in made
    assert content(field.unpack(made, "tar")) == {"resize.py": b"size = 640\n"}


def test_a_size_in_a_pax_header_wins_over_the_header_itself(field: Ground) -> None:
    inner = entry(b"hidden", b"never")
    data = tar(pax((b"size", b"%d" % len(inner))), header(b"outer") + padded(inner))
    assert content(field.unpack(data, "tar")) == {"outer": inner}


def test_a_size_in_base_256_is_read(field: Ground) -> None:
    size = b"\x80" + (5).to_bytes(11, "big")
    data = tar(header(b"a", length=size, magic=b"ustar  \0") + padded(b"12345"))
    assert content(field.unpack(data, "tar")) == {"a": b"12345"}


def test_a_directory_may_be_listed_after_what_is_in_it_and_again(field: Ground) -> None:
    data = tar(entry(b"d/x", b"1"), header(b"d/", 0, b"5"), header(b"d", 0, b"5"))
    assert content(field.unpack(data, "tar")) == {"d/": b"", "d/x": b"1"}


def test_gzip_in_several_members_is_one_archive(field: Ground) -> None:
    data = usual_tar(FILES)
    parts = [gzip.compress(data[at : at + 9999]) for at in range(0, len(data), 9999)]
    parts.insert(1, gzip.compress(b""))
    assert content(field.unpack(b"".join(parts), "tar.gz")) == expected()


@pytest.mark.parametrize("size", [262_143, 262_144, 262_145, 1_048_576])
def test_bytes_that_fill_a_piece_exactly_come_out_whole(field: Ground, size: int) -> None:
    data = b"z" * size
    assert content(field.unpack(packed(tar(entry(b"z", data))), "tar.gz")) == {"z": data}


def test_the_caps_are_reached_but_not_passed(field: Ground) -> None:
    data = tar(*(entry(b"d/%d" % number, b"12345") for number in range(5)))
    assert len(content(field.unpack(data, "tar", most=25, files=6))) == 6
    for most, files in ((24, 6), (25, 5)):
        with pytest.raises(ReasonError, match="ArchiveTooLarge"):
            field.unpack(data, "tar", most=most, files=files)


def test_private_files_are_for_the_owner_and_the_group_only(field: Ground) -> None:
    tree = field.unpack(tar(entry(b"a", b"1"), entry(b"b", mode=b"0000755\0")), "tar", private=True)
    modes = [path.stat().st_mode & 0o777 for path in (tree, tree / "a", tree / "b")]
    assert modes == [0o550, 0o440, 0o550]


def test_t5_every_cut_of_an_archive_is_refused(field: Ground) -> None:
    data = usual_tar({"a/b": b"x" * 700, "c": b"y"})
    whole = data.rstrip(b"\0") + bytes(511) + END
    step = 1 if len(whole) < 4000 else 37
    for cut in range(0, len(data) - 8192 - 1024, step):
        with pytest.raises(ReasonError) as caught:
            field.unpack(data[:cut], "tar")
        assert caught.value.code == "ArchiveBroken"


class Quitter:
    """A writer that tells the one who unpacks to stop when the first file begins."""

    def __init__(self, stop: Event) -> None:
        self._stop = stop
        self.closed = 0

    def directory(self, path: str) -> None:
        pass

    def file(self, path: str, executable: bool, size: int) -> Quitter:  # noqa: ARG002
        self._stop.set()
        return self

    def write(self, view: bytes | memoryview) -> None:
        pass

    def close(self) -> None:
        self.closed += 1


def test_unpacking_stops_when_told_to_and_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(tar(entry(b"big", bytes(2**20)), entry(b"more", b"x")))
    stop = Event()
    writer = Quitter(stop)
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(StoppedError):
        unpack(str(path), Unpack("tar", 2**30), writer, stop)
    assert writer.closed == 1
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_archive_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_bytes(tar(entry(b"a")))
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(OSError, match="symbolic link"):
        unpack(str(tmp_path / "link"), Unpack("tar", 1), Quitter(Event()), Event())


MEASURE = """
import re, sys
from threading import Event
from sidecar.model.config import Unpack
from sidecar.unpack import unpack

class Nothing:
    kept = set()
    def directory(self, path): pass
    def file(self, path, executable, size):
        if keep: self.kept.add(path)
        return self
    def write(self, view): pass
    def close(self): pass

def peak():
    return int(re.search(r"VmHWM:\\s+([0-9]+)", open("/proc/self/status").read())[1])

path, form, keep = sys.argv[1], sys.argv[2], sys.argv[3:]
before = peak()
unpack(path, Unpack(form, 2**34, 10**7), Nothing(), Event())
print(peak() - before)
"""
NAMES = 50_000


def memory(path: Path, form: str, *keep: str) -> int:
    """KiB that unpacking adds to a process of its own, with a writer that may keep the names."""
    command = [sys.executable, "-c", MEASURE, str(path), form, *keep]
    made = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(made.stdout)


def test_memory_does_not_grow_with_the_size_of_files(tmp_path: Path) -> None:
    path = tmp_path / "big.tar.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(header(b"big", 200 * 2**20))
        for _ in range(200):
            file.write(os.urandom(2**16) + bytes(2**20 - 2**16))
        file.write(END)
    assert memory(path, "tar.gz") < 6 * 1024


def test_fifty_thousand_names_cost_little_and_a_writer_that_keeps_them_much(
    tmp_path: Path,
) -> None:
    path = tmp_path / "many.tar"
    with path.open("wb") as file:
        for number in range(NAMES):
            file.write(header(b"images/%d/%064d.jpg" % (number % 97, number)))
        file.write(END)
    ours, kept = memory(path, "tar"), memory(path, "tar", "keep")
    print(f"{NAMES:,} names of 78 bytes: {ours:,} KiB, {kept:,} KiB where each is kept")
    assert kept > 2 * ours
