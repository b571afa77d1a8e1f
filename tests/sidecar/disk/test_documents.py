"""Documents: whole, or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.disk import documents, owner, store
from sidecar.disk.layout import Layout
from sidecar.model.reasons import ReasonError
from tests.sidecar.disk.given import names
from tests.sidecar.support import disks


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return store.open_store(f"{tmp_path}/store")


@pytest.fixture
def own(layout: Layout) -> Iterator[owner.Owner]:
    with owner.enter(layout) as entered:
        yield entered


def test_what_was_written_is_read(layout: Layout, own: owner.Owner) -> None:
    path = layout.store("one.json")
    documents.write(own, path, {"b": 1, "a": "ü"})
    documents.write(own, path, {"b": 2})
    assert documents.read(path) == {"b": 2}
    assert Path(path).stat().st_mode & 0o777 == 0o644
    assert names(layout.staging(own.token)) == []


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\0" * 4096, b"[1]", b"null", b"\xff\xfe", b"[" * 100_000]
)
def test_c6_what_is_broken_counts_as_absent(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "one.json").write_bytes(text)
    assert documents.read(f"{tmp_path}/one.json") is None


def test_c6_what_is_missing_or_no_file_counts_as_absent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("one.json")
    (tmp_path / "one.json").write_text("{}")
    for name in ("missing", "missing/below", "link", "pipe", "."):
        assert documents.read(f"{tmp_path}/{name}") is None


def test_a_disk_that_does_not_answer_is_told_from_a_missing_document(tmp_path: Path) -> None:
    with disks.disk("ext4") as disk:
        Path(disk.path, "one.json").write_text("{}")
        disk.remount("ro")
        disk.remount("rw")
        os.sync()
        disk.unmount()
        disk.mount()
        disk.cut_power()
        assert documents.read(f"{disk.path}/one.json") is None
        with pytest.raises(OSError, match="Input/output"):
            documents.read(f"{disk.path}/one.json", strict=True)
    assert documents.read(f"{tmp_path}/one.json", strict=True) is None


def test_d2_a_full_disk_leaves_the_document_before() -> None:
    with disks.tmpfs("1m") as path:
        layout = store.open_store(f"{path}/store")
        with owner.enter(layout) as own:
            documents.write(own, layout.store("one.json"), {"version": 1})
            filler = Path(path, "filler")
            fill(filler)
            with pytest.raises(ReasonError) as raised:
                documents.write(own, layout.store("one.json"), {"version": 2})
            assert raised.value.code == "DiskFull"
            assert documents.read(layout.store("one.json")) == {"version": 1}
            assert names(layout.staging(own.token)) == []
            filler.unlink()
            documents.write(own, layout.store("one.json"), {"version": 2})
            assert documents.read(layout.store("one.json")) == {"version": 2}


def fill(path: Path) -> None:
    """Take all the space that is left."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            return
