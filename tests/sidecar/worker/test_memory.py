"""How much memory moving bytes takes, whatever their size: the tree of processes, and in a cage."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from sidecar.model import tasks
from tests.sidecar.support import s3 as s3_server
from tests.sidecar.support.s3 import S3
from tests.sidecar.transfer.fetching import MIB, content, document, entry
from tests.sidecar.worker.talking import Worker, worker

STREAMS = 4
CAGE = Path("/sys/fs/cgroup/memory/edgewright-tests")
LIMIT = 96 * MIB
PEAK = 64 * MIB


class Peak:
    """The highest proportional share of a process, looked at all the time."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._path = Path(f"/proc/{pid}/smaps_rollup")
        self._ended = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Stop looking; the peak."""
        self._ended.set()
        self._thread.join()
        return self.bytes

    def _watch(self) -> None:
        while not self._ended.wait(0.02):
            try:
                lines = self._path.read_text().splitlines()
            except OSError:
                return
            found = [line for line in lines if line.startswith("Pss:")]
            if found:
                self.bytes = max(self.bytes, int(found[0].split()[1]) * 1024)


@pytest.fixture
def artifacts(s3: S3, tmp_path: Path, campaign: bool) -> tuple[dict[str, Any], int]:
    """A config with four artifacts that are larger than the memory that fetching them may take."""
    size = (512 if campaign else 96) * MIB
    keys = s3_server.credentials(tmp_path / "secret")
    entries = []
    for n in range(STREAMS):
        data = content(size, seed=51 + n)
        url = s3.put("memory", f"{n}.bin", data)
        entries.append(entry(data, f"{url} @ main", name=f"m{n}"))
    made = document(tmp_path / "store", entries, stores=[s3.store(credentials=keys)])
    return made, sum(one["size"] for one in entries)


def bring_all(one: Worker) -> int:
    """Bring every artifact at once; bytes that came."""
    numbers = [one.ask("bring", tasks.bring(f"model/m{n}", first=True)) for n in range(STREAMS)]
    found = one.end_of(*numbers)
    assert {message.event for message in found.values()} == {"done"}, found
    return sum(message.body["bytes"] for message in found.values())


def test_four_streams_of_any_size_stay_below_64_mib(
    artifacts: tuple[dict[str, Any], int],
) -> None:
    made, total = artifacts
    with worker(made) as one:
        peak = Peak(one.process.pid)
        assert bring_all(one) == total
        found = peak.end()
    print(f"{total / MIB:.0f} MiB over {STREAMS} streams at a peak of {found / MIB:.1f} MiB")
    assert 0 < found <= PEAK


@pytest.fixture
def cage() -> Iterator[Path]:
    """A memory cgroup with a limit; page cache counts in it too."""
    try:
        CAGE.mkdir(exist_ok=True)
        (CAGE / "memory.limit_in_bytes").write_text(str(LIMIT))
    except OSError as error:
        pytest.skip(f"memory cgroups are forbidden: {error.strerror}")
    yield CAGE
    CAGE.rmdir()


def test_four_streams_of_any_size_pass_in_a_cage_of_96_mib(
    artifacts: tuple[dict[str, Any], int], cage: Path
) -> None:
    made, total = artifacts
    with worker(made) as one:
        (cage / "cgroup.procs").write_text(str(one.process.pid))
        assert bring_all(one) == total
        failed = (cage / "memory.oom_control").read_text()
        most = int((cage / "memory.max_usage_in_bytes").read_text())
    assert "oom_kill 0" in failed
    print(f"{total / MIB:.0f} MiB within {most / MIB:.0f} MiB, page cache and all")


def test_control_the_cage_would_end_what_takes_too_much(cage: Path) -> None:
    greedy = "import sys; sys.stdin.readline(); x = b'x' * (200 << 20); print(len(x))"
    process = subprocess.Popen(
        [sys.executable, "-c", greedy], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    (cage / "cgroup.procs").write_text(str(process.pid))
    process.communicate(b"\n")
    assert process.returncode == -9


def test_the_page_cache_of_what_was_sealed_is_given_back(
    artifacts: tuple[dict[str, Any], int], tmp_path: Path
) -> None:
    fincore = shutil.which("fincore")
    if fincore is None:
        pytest.skip("counting cached pages needs fincore of util-linux")
    made, total = artifacts
    with worker(made) as one:
        bring_all(one)
    blobs = [str(path) for path in (tmp_path / "store/store/blobs").glob("??/*")]
    shown = subprocess.run(
        [fincore, "--bytes", "--noheadings", "--output", "RES", *blobs],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    cached = sum(int(line) for line in shown.stdout.split())
    assert cached <= total // 20
