"""A file that is saved by a process that dies: wholly the old text or wholly the new one.

The process kills itself by SIGKILL at every line that saving runs through, one after the other.
The control saves without a second file and has to leave torn texts behind.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.adapters.saving import save
from tests.commands.running import ROOT

OLD, NEW = "a: 1\n" * 40_000, "b: 22\n" * 50_000
CHILD = """
import os, signal, sys
from pathlib import Path
from compiler.adapters import saving

def torn(path, old, new):
    with open(path, "w") as stream:
        for at in range(0, len(new), 65536):
            stream.write(new[at : at + 65536])
            stream.flush()

save = torn if sys.argv[4] == "torn" else saving.save
path, at = Path(sys.argv[1]), int(sys.argv[3])
old, new = path.read_text(), Path(sys.argv[2]).read_text()
left = [at]

def trace(frame, event, argument):
    if frame.f_code is not save.__code__:
        return None
    if event == "line":
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return trace

sys.settrace(trace)
save(path, old, new)
"""


def texts_after_kills(folder: Path, how: str) -> list[str]:
    """What the file holds after a kill at each line, until one run comes through."""
    file, new = folder / "spec.yaml", folder / "new.yaml"
    new.write_text(NEW)
    found = []
    for at in range(60):
        file.write_text(OLD)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(file), str(new), str(at), how], cwd=ROOT, check=False
        )
        found.append(file.read_text())
        if done.returncode == 0:
            return found
        assert done.returncode == -signal.SIGKILL
    raise AssertionError("no run came through")


def test_a_file_is_never_torn(tmp_path: Path) -> None:
    found = texts_after_kills(tmp_path, "whole")
    assert len(found) > 8
    assert set(found) == {OLD, NEW}
    assert found == sorted(found, key=(OLD, NEW).index)
    left = [path.name for path in tmp_path.iterdir()]
    assert sorted(left) == ["new.yaml", "spec.yaml"]


def test_the_control_tears_it(tmp_path: Path) -> None:
    assert set(texts_after_kills(tmp_path, "torn")) - {OLD, NEW}


def test_a_saved_file_keeps_its_mode_and_link_and_one_that_moved_on_is_left(
    tmp_path: Path,
) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text("a: 1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    save(link, "a: 1\n", "a: 2\n")
    assert real.read_text() == "a: 2\n"
    assert real.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    with pytest.raises(FileExistsError):
        save(link, "a: 1\n", "a: 3\n")
    assert real.read_text() == "a: 2\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_byte_order_mark_stays_and_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    file, new = tmp_path / "spec.yaml", tmp_path / "edgewright.lock"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\n")
    save(file, "a: 1\r\n", "a: 2\r\n")
    assert file.read_bytes() == b"\xef\xbb\xbfa: 2\r\n"
    save(new, "", "lock: 1\n")
    assert new.read_text() == "lock: 1\n"
