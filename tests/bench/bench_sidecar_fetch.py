"""Eight models of 64 MiB from a local S3 server, against KServe's storage initializer.

Run it as `python tests/bench/bench_sidecar_fetch.py [ROUNDS [MIB]]`. Both are whole processes as
they are delivered: our zipapp's `once` with a config, which verifies, syncs and activates, and
`kserve-storage` from PyPI in an environment of its own, which does none of it; a second row gives
it a `sync` at its end. Runs alternate, each after the page cache was dropped (as root), medians
are told. Memory is the highest proportional share of all processes of a run. The third contender,
`once SRC DST`, is ours in KServe's place. Nothing is asserted: a machine that does other things at
the same time is slower.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.measuring import Row, heading  # noqa: E402
from tests.sidecar.support import s3 as s3_server  # noqa: E402
from tests.sidecar.support.s3 import S3  # noqa: E402
from tests.sidecar.transfer.fetching import digest_of, document  # noqa: E402

MIB = 1 << 20
COUNT = 8
BUCKET = "bench"
RIVAL = "kserve-storage"
DOWNLOAD = "import sys; from kserve_storage import Storage; Storage.download(*sys.argv[1:])"


class Run(NamedTuple):
    """A whole run: seconds, and the highest share of memory of its processes, in MiB."""

    seconds: float
    peak: float


Contender = Callable[[Path], Run]


def rows(rounds: int = 7, size: int = 64) -> Iterator[Row]:
    """Speed, then memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "s3").mkdir()
        server = s3_server.start(folder / "s3")
        try:
            yield from compared(contenders(folder, server, size), folder, rounds, size)
        finally:
            s3_server.stop(server)


def compared(
    contenders: Mapping[str, Contender], folder: Path, rounds: int, size: int
) -> Iterator[Row]:
    """The medians of every contender, and what they are to each other."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            place = folder / "place"
            place.mkdir()
            cold()
            made = run(place)
            if number:  # the first round warms what a machine has of it already in real life
                runs[name].append(made)
            shutil.rmtree(place)
    seconds = {name: statistics.median(one.seconds for one in all_) for name, all_ in runs.items()}
    peaks = {name: statistics.median(one.peak for one in all_) for name, all_ in runs.items()}
    work = f"{COUNT} x {size} MiB from S3, "
    for name in contenders:
        spread = ", ".join(f"{one.seconds:.2f}" for one in runs[name])
        yield Row(work + name, "report", f"{seconds[name]:.2f} s, {peaks[name]:.0f} MiB ({spread})")
    for rival in ("kserve-storage", "kserve-storage and sync"):
        fast, small = seconds[rival] / seconds["ours"], peaks["ours"] / peaks[rival]
        goals = ("≥ 2 x", "≤ 1/4") if rival == RIVAL else ("report", "report")
        yield Row(f"  speed of ours to {rival}", goals[0], f"{fast:.2f} x")
        yield Row(f"  memory of ours to {rival}", goals[1], f"{small:.2f}, 1/{1 / small:.1f}")


def contenders(folder: Path, server: S3, size: int) -> dict[str, Contender]:
    """Everything that fetches the same eight objects."""
    keys = s3_server.credentials(folder / "secret")
    artifacts = [artifact(server, number, size) for number in range(COUNT)]
    made = document(ROOT, artifacts, stores=[server.store(credentials=keys)])
    archive, python = zipapp(folder), rival(folder)
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "AWS_ACCESS_KEY_ID": s3_server.ACCESS,
        "AWS_SECRET_ACCESS_KEY": s3_server.SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.endpoint,
    }
    ours = [sys.executable, "-I", "-S", str(archive)]

    def once(place: Path) -> Run:
        made["store"]["root"] = str(place / "store")
        (place / "view").mkdir()
        (place / "config.json").write_text(json.dumps(made))
        command = [*ours, "once", "--config", str(place / "config.json")]
        return measured([*command, "--view", str(place / "view")], environment)

    def replacing(place: Path) -> Run:
        return measured([*ours, "once", f"s3://{BUCKET}/models", str(place / "to")], environment)

    def theirs(place: Path) -> Run:
        command = [str(python), "-c", DOWNLOAD, f"s3://{BUCKET}/models", str(place / "to")]
        return measured(command, environment)

    def synced(place: Path) -> Run:
        run = theirs(place)
        start = time.perf_counter()
        os.sync()
        return run._replace(seconds=run.seconds + time.perf_counter() - start)

    return {
        "ours": once,
        RIVAL: theirs,
        "ours, once SRC DST": replacing,
        f"{RIVAL} and sync": synced,
    }


def artifact(server: S3, number: int, size: int) -> dict[str, object]:
    """One stored model, as a config names it."""
    data = os.urandom(size * MIB)
    url = server.put(BUCKET, f"models/m{number}.bin", data)
    return {
        "name": f"m{number}",
        "kind": "model",
        "version": "1",
        "sources": [{"url": url, "store": "main"}],
        "sha256": digest_of(data),
        "size": len(data),
        "view": {"type": "flat"},
        "link": f"/edgewright/models/m{number}",
        "activation": {"update": "activate"},
    }


def zipapp(folder: Path) -> Path:
    """Ours, as it is delivered."""
    command = [sys.executable, str(ROOT / ".ci" / "sidecar.py"), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.pyz"))


def rival(folder: Path) -> Path:
    """An interpreter that has the rival; one that is there already is named by the environment."""
    if "EDGEWRIGHT_KSERVE_PYTHON" in os.environ:
        return Path(os.environ["EDGEWRIGHT_KSERVE_PYTHON"])
    place = folder / "rival"
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "-q", RIVAL], check=True, capture_output=True)
    return python


def measured(command: list[str], environment: Mapping[str, str]) -> Run:
    """Run a program to its end, and look at the memory of it and its children all the time."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    watch = Watch(process.pid)
    said = process.communicate()[0]
    seconds = time.perf_counter() - start
    peak = watch.end()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: {said.decode(errors='replace')[-2000:]}")
    return Run(seconds, peak / MIB)


class Watch:
    """The highest sum of proportional shares of a process and all below it."""

    def __init__(self, pid: int) -> None:
        self._peak = 0
        self._pid = pid
        self._ended = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self._thread.start()

    def end(self) -> int:
        """Stop looking; the peak in bytes."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _look(self) -> None:
        while not self._ended.wait(0.03):
            self._peak = max(self._peak, sum(map(share, family(self._pid))))


def family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def share(pid: int) -> int:
    """The proportional share of a process in bytes, 0 of one that is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def cold() -> None:
    """Write everything out and forget it, where that is allowed."""
    os.sync()
    with suppress(OSError):
        Path("/proc/sys/vm/drop_caches").write_text("3")


def main() -> None:
    """Print the table."""
    print(heading())
    numbers = [int(word) for word in sys.argv[1:]]
    print(f"{'work':57} {'goal':>8}   measured")
    for row in rows(*numbers):
        print(f"{row.work:57} {row.goal:>8}   {row.measured}", flush=True)
    print(heading())


if __name__ == "__main__":
    main()
