"""Opening a store: what is made, and on which disks it is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.disk import owner, store
from sidecar.model.reasons import ReasonError
from tests.sidecar.disk.given import names, public
from tests.sidecar.support import disks

_OPEN = """
import sys
from sidecar.disk import store
from sidecar.model.reasons import ReasonError
try:
    store.open_store(sys.argv[1])
except ReasonError as error:
    print(error)
"""


def opened(root: Path, *before: str) -> str:
    """What a process says that opens a store; `before` are the words of a command around it."""
    words = [*before, sys.executable, "-c", _OPEN, str(root)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def test_a_store_is_made_and_opened_again(tmp_path: Path) -> None:
    for _ in range(2):
        layout = store.open_store(f"{tmp_path}/store")
    assert Path(layout.format).read_text() == "1\n"
    assert names(layout.store()) == sorted([*store.SHARED, "reserve"])
    assert names(layout.store("staging")) == names(layout.store("owners")) == []


def test_a_store_whose_directory_above_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(ReasonError, match="StoreUnusable"):
        store.open_store(f"{tmp_path}/missing/store")


@pytest.mark.parametrize("text", ["", "\n", "old", "1", "0\n"])
def test_a_format_that_is_not_newer_is_opened(tmp_path: Path, text: str) -> None:
    (tmp_path / "format").write_text(text)
    store.open_store(str(tmp_path))


def test_c6_a_store_of_a_newer_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("2\n")
    with pytest.raises(ReasonError) as raised:
        store.open_store(str(tmp_path))
    assert raised.value.code == "StoreNewer"
    assert names(tmp_path) == ["format"]


def test_reading_a_store_makes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ReasonError, match="there is no store"):
        store.look(str(tmp_path))
    assert names(tmp_path) == []
    store.open_store(str(tmp_path))
    assert store.look(str(tmp_path)).root == str(tmp_path)


def test_a_store_of_another_user_is_refused_with_the_command_that_helps() -> None:
    disks.needs_root()
    with public() as path:
        store.open_store(f"{path}/store")
        said = _as_nobody(f"{path}/store")
    assert f"`chown -R 65532:65532 {path}/store`" in said
    assert said.startswith("StoreUnusable")


def test_root_is_refused_in_the_store_of_another_user(tmp_path: Path) -> None:
    disks.needs_root()
    os.chown(tmp_path, 65532, 65532)
    assert "belongs to uid 65532 and this is uid 0" in opened(tmp_path)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [("linkat", "a hard link"), ("symlink,symlinkat", "a symbolic link"), ("rename", "rename")],
)
def test_a_disk_without_links_or_renames_is_refused(tmp_path: Path, call: str, words: str) -> None:
    said = opened(tmp_path / "store", *_strace(f"inject={call}:error=EPERM"))
    assert said.startswith("StoreUnusable")
    assert f"{words} does not work" in said


def test_mounts_within_the_store_are_refused(tmp_path: Path) -> None:
    layout = store.open_store(f"{tmp_path}/store")
    with disks.tmpfs("1m", at=layout.store("staging")), pytest.raises(ReasonError) as raised:
        store.open_store(layout.root)
    assert raised.value.code == "StoreUnusable"
    assert "mount the root of the store once" in raised.value.detail


def test_a_probe_leaves_nothing_even_when_it_is_killed(tmp_path: Path) -> None:
    root = tmp_path / "store"
    layout = store.open_store(str(root))
    words = [*_strace("inject=linkat:signal=KILL"), sys.executable, "-c", _OPEN, str(root)]
    assert subprocess.run(words, check=False).returncode != 0
    assert names(layout.store("staging"))
    owner.sweep(store.open_store(str(root)))
    assert names(layout.store("staging")) == names(layout.store("owners")) == []


def _strace(*rules: str) -> list[str]:
    return ["strace", "-f", "-qq", "-o", "/dev/null", *(w for r in rules for w in ("-e", r))]


def _as_nobody(root: str) -> str:
    drop = "import os; os.setgroups([]); os.setgid(65532); os.setuid(65532)\ntry:"
    code = _OPEN.replace("try:", drop)
    done = subprocess.run(
        [sys.executable, "-c", code, root], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_root_that_is_a_plain_file_is_refused_with_its_reason(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.write_bytes(b"")
    for entered in (store.open_store, store.look):
        with pytest.raises(ReasonError) as caught:
            entered(str(root))
        assert caught.value.code == "StoreUnusable"
