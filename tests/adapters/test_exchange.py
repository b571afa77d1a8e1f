"""The kernel's atomic renames, and where they end."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from compiler.adapters.exchange import KernelExchange


def folder(path: Path, text: str) -> str:
    path.mkdir()
    (path / "file").write_text(text)
    return str(path)


def test_two_folders_change_places(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "a", "1"), folder(tmp_path / "b", "2")
    assert KernelExchange().swap(first, second)
    assert (tmp_path / "a" / "file").read_text() == "2"
    assert (tmp_path / "b" / "file").read_text() == "1"


def test_a_folder_is_placed_only_where_nothing_is(tmp_path: Path) -> None:
    first, second = folder(tmp_path / "a", "1"), folder(tmp_path / "b", "2")
    with pytest.raises(FileExistsError):
        KernelExchange().place(first, second)
    assert KernelExchange().place(first, str(tmp_path / "c"))
    assert (tmp_path / "c" / "file").read_text() == "1"
    assert (tmp_path / "b" / "file").read_text() == "2"


def test_another_device_is_answered_and_not_raised(tmp_path: Path) -> None:
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.fail("this test needs a second file system at /dev/shm")
    other = shared / f"edgewright-{tmp_path.name}"
    try:
        first, second = folder(tmp_path / "a", "1"), folder(other, "2")
        assert not KernelExchange().swap(first, second)
        assert not KernelExchange().place(first, str(other / "c"))
        assert (tmp_path / "a" / "file").read_text() == "1"
    finally:
        shutil.rmtree(other)


def test_a_missing_folder_is_an_error_that_names_both_paths(tmp_path: Path) -> None:
    first = folder(tmp_path / "a", "1")
    with pytest.raises(FileNotFoundError) as fault:
        KernelExchange().swap(first, str(tmp_path / "none"))
    assert fault.value.filename2 == str(tmp_path / "none")


def test_without_the_call_folders_are_still_placed_but_never_exchanged(tmp_path: Path) -> None:
    exchange = KernelExchange()
    exchange._call = None
    first, second = folder(tmp_path / "a", "1"), folder(tmp_path / "b", "2")
    assert not exchange.swap(first, second)
    with pytest.raises(FileExistsError):
        exchange.place(first, second)
    assert exchange.place(first, str(tmp_path / "c"))
    assert (tmp_path / "c" / "file").read_text() == "1"
