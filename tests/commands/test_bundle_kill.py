"""A bundle whose making is killed, or runs out of disk: never half a file in its place."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.commands.locking import fleet
from tests.commands.running import ROOT, run, run_json
from tests.sidecar.support import disks

SIZE = 96 * 1024 * 1024
COMMAND = [sys.executable, "-m", "compiler", "bundle", "north-1", "--output", "b.tar"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fleet with an artifact that takes a while."""
    data = os.urandom(1024 * 1024) * (SIZE // (1024 * 1024))
    fleet(tmp_path, files={"detector/1.onnx": data})
    run_json("lock", at=tmp_path)
    return tmp_path


def killed(folder: Path, after: int) -> int:
    """Kill the command once so many bytes are there; how many are there then."""
    unfinished = folder / "b.tar.partial"
    process = subprocess.Popen(
        COMMAND, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        if unfinished.exists() and unfinished.stat().st_size >= after:
            break
        time.sleep(0.001)
    process.kill()
    process.wait()
    return unfinished.stat().st_size if unfinished.exists() else 0


def test_after_kills_the_next_run_goes_on_and_the_bytes_are_the_same(folder: Path) -> None:
    whole = run_json("bundle", "north-1", at=folder)
    stood, kills = 0, 0
    for share in (0.1, 0.4, 0.7):
        there = killed(folder, int(SIZE * share))
        if (folder / "b.tar").exists():
            break  # it was faster than the kill
        assert there >= stood
        stood, kills = there, kills + 1
    assert kills
    result = run("bundle", "north-1", "--output", "b.tar", at=folder)
    assert result.exit_code == 0, result.output
    assert "were there from an earlier run" in result.stdout or (stood == 0)
    assert (folder / "b.tar").read_bytes() == (folder / "north-1.tar").read_bytes()
    assert f"sha256 {whole['sha256']}" in result.stdout
    assert not (folder / "b.tar.partial").exists()


def test_a_disk_that_is_too_small_is_told_before_a_byte_is_fetched(folder: Path) -> None:
    (folder / "small").mkdir()
    with disks.tmpfs("8m", at=str(folder / "small")):
        result = run("bundle", "north-1", "--output", "small/b.tar", at=folder)
        assert result.exit_code == 6
        assert "E8303 small/b.tar: 100," in result.stderr
        assert "bytes are needed and 8,388,608 are free" in result.stderr
        assert [one.stat().st_size for one in (folder / "small").iterdir()] == [0]


def test_two_at_once_do_not_write_one_file(folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    several = [
        subprocess.Popen(
            COMMAND, cwd=folder, env=environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True,
        )
        for _ in range(3)
    ]  # fmt: skip
    said = [one.communicate()[1] for one in several]
    assert 0 in [one.returncode for one in several]
    for one, text in zip(several, said, strict=True):
        assert one.returncode == 0 or "another process is writing it" in text
    assert run("bundle", "--verify", "b.tar", at=folder).exit_code == 0
