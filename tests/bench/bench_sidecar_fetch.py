"""Eight models of 64 MiB from a local S3 server, against KServe's storage initializer.

Run it as `python tests/bench/bench_sidecar_fetch.py [ROUNDS [MIB]]`. All are whole processes as
they are delivered: our zipapp's `once` with a config, which verifies, syncs and activates, and
`kserve-storage` from PyPI in an environment of its own, which does none of it; another row gives
it a `sync` at its end. Runs alternate, each after the page cache was dropped (as root), medians
are told, by clock and by processor seconds of all processes of a run. Memory is their highest
proportional share. `once SRC DST` is ours in KServe's place. `bare` is a loop that keeps every
promise and does nothing else, for the least that is possible here.

There are two servers. SeaweedFS checks signatures and takes as much of the same cores as a
contender, which hides what those cost. `thin_s3.py` stands for a server on another machine: it
takes hardly anything, and has its files in the page cache. Nothing is asserted but that everybody
got the right bytes: a machine that does other things at the same time is slower.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.measuring import Row, heading  # noqa: E402
from tests.sidecar.support import s3 as s3_server  # noqa: E402
from tests.sidecar.transfer.fetching import document  # noqa: E402

MIB = 1 << 20
COUNT = 8
BUCKET = "bench"
RIVAL = "kserve-storage"
SERVER = ROOT / "tests" / "bench" / "thin_s3.py"
BARE = ROOT / "tests" / "bench" / "bare_fetch.py"
DOWNLOAD = "import sys; from kserve_storage import Storage; Storage.download(*sys.argv[1:])"


class Run(NamedTuple):
    """A whole run: seconds by the clock and of processors, the highest share of memory in MiB."""

    seconds: float
    peak: float
    processor: float


Contender = Callable[[Path], Run]


class Server(NamedTuple):
    """A server that has the objects. `warm` is called after the page cache was dropped."""

    name: str
    endpoint: str
    warm: Callable[[], object]


def rows(rounds: int = 7, size: int = 64) -> Iterator[Row]:
    """Speed, then memory, of one server and then of the other."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        objects = [os.urandom(size * MIB) for _ in range(COUNT)]
        programs = (zipapp(folder), rival(folder))
        for serving in (thin, weed):
            with serving(folder / serving.__name__, objects) as server:
                all_ = contenders(folder, programs, server, objects)
                yield from compared(all_, server, folder / "place", rounds, size)


@contextmanager
def weed(folder: Path, objects: Sequence[bytes]) -> Iterator[Server]:
    """SeaweedFS."""
    folder.mkdir()
    server = s3_server.start(folder)
    try:
        for number, data in enumerate(objects):
            server.put(BUCKET, f"models/m{number}.bin", data)
        yield Server("SeaweedFS", server.endpoint, lambda: None)
    finally:
        s3_server.stop(server)


@contextmanager
def thin(folder: Path, objects: Sequence[bytes]) -> Iterator[Server]:
    """The server that stands for one on another machine."""
    models = folder / BUCKET / "models"
    models.mkdir(parents=True)
    for number, data in enumerate(objects):
        (models / f"m{number}.bin").write_bytes(data)
    command = [sys.executable, "-I", "-S", str(SERVER), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    endpoint = f"http://127.0.0.1:{process.stdout.readline().strip()}"
    try:
        yield Server("a thin server", endpoint, lambda: warm(models))
    finally:
        process.kill()
        process.wait()


def compared(
    contenders: Mapping[str, Contender], server: Server, place: Path, rounds: int, size: int
) -> Iterator[Row]:
    """The medians of every contender, and what they are to each other."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            place.mkdir()
            cold()
            server.warm()
            made = run(place)
            if number:  # the first round warms what a machine has of it already in real life
                runs[name].append(made)
            shutil.rmtree(place)
    seconds = {name: statistics.median(one.seconds for one in all_) for name, all_ in runs.items()}
    spent = {name: statistics.median(one.processor for one in all_) for name, all_ in runs.items()}
    peaks = {name: statistics.median(one.peak for one in all_) for name, all_ in runs.items()}
    yield Row(f"{COUNT} x {size} MiB from {server.name}", "", "")
    for name in contenders:
        spread = ", ".join(f"{one.seconds:.2f}" for one in runs[name])
        told = f"{seconds[name]:.2f} s, {spent[name]:.2f} s of processor, {peaks[name]:.0f} MiB"
        yield Row(f"  {name}", "report", f"{told} ({spread})")
    for name in (RIVAL, f"{RIVAL} and sync"):
        fast, small = seconds[name] / seconds["ours"], peaks["ours"] / peaks[name]
        goals = ("≥ 2 x", "≤ 1/4") if name == RIVAL else ("report", "report")
        less = spent[name] / spent["ours"]
        yield Row(f"  speed of ours to {name}", goals[0], f"{fast:.2f} x, {less:.2f} x processor")
        yield Row(f"  memory of ours to {name}", goals[1], f"{small:.2f}, 1/{1 / small:.1f}")


def contenders(
    folder: Path, programs: tuple[Path, Path], server: Server, objects: Sequence[bytes]
) -> dict[str, Contender]:
    """Everything that fetches the same eight objects."""
    keys = s3_server.credentials(folder / "secret")
    digests = [hashlib.sha256(data).hexdigest() for data in objects]
    sizes = map(len, objects)
    artifacts = [artifact(*about) for about in zip(range(COUNT), digests, sizes, strict=True)]
    stores = [{"name": "main", "endpoint": server.endpoint, "region": "us-east-1",
               "pathStyle": True, "credentials": keys}]  # fmt: skip
    made = document(ROOT, artifacts, stores=stores)
    archive, python = programs
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
        run = measured([*command, "--view", str(place / "view")], environment)
        right(place / "view", digests)
        return run

    def replacing(place: Path) -> Run:
        command = [*ours, "once", f"s3://{BUCKET}/models", str(place / "to")]
        run = measured(command, environment)
        right(place / "to", digests)
        return run

    def theirs(place: Path) -> Run:
        command = [str(python), "-c", DOWNLOAD, f"s3://{BUCKET}/models", str(place / "to")]
        run = measured(command, environment)
        right(place / "to", digests)
        return run

    def synced(place: Path) -> Run:
        command = [str(python), "-c", f"{DOWNLOAD}; import os; os.sync()"]
        return measured([*command, f"s3://{BUCKET}/models", str(place / "to")], environment)

    def bare(place: Path) -> Run:
        urls = [f"{server.endpoint}/{BUCKET}/models/m{number}.bin" for number in range(COUNT)]
        words = [word for pair in zip(urls, digests, strict=True) for word in pair]
        return measured([sys.executable, "-I", "-S", str(BARE), str(place), *words], environment)

    return {
        "ours": once,
        RIVAL: theirs,
        "ours, once SRC DST": replacing,
        f"{RIVAL} and sync": synced,
        **({"bare": bare} if server.name != "SeaweedFS" else {}),  # which wants a signature
    }


def right(folder: Path, digests: Sequence[str]) -> None:
    """Insist on everything being there, in any order and below any names."""
    paths = [Path(top, name) for top, _, names in os.walk(folder, followlinks=True)
             for name in names]  # fmt: skip
    found = [path for path in paths if path.suffix == ".bin" or path.name.startswith("m")]
    got = {hashlib.sha256(path.read_bytes()).hexdigest() for path in found}
    if got != set(digests):
        raise SystemExit(f"{len(got & set(digests))} of {len(digests)} are right in {folder}")


def warm(folder: Path) -> None:
    """Bring files into the page cache."""
    for path in folder.iterdir():
        path.read_bytes()


def artifact(number: int, digest: str, size: int) -> dict[str, object]:
    """One stored model, as a config names it."""
    url = f"s3://{BUCKET}/models/m{number}.bin"
    return {
        "name": f"m{number}",
        "kind": "model",
        "version": "1",
        "sources": [{"url": url, "store": "main"}],
        "sha256": digest,
        "size": size,
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
    before, start = children(), time.perf_counter()
    process = subprocess.Popen(
        command, env=dict(environment), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    watch = Watch(process.pid)
    said = process.communicate()[0]
    seconds = time.perf_counter() - start
    peak = watch.end()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: {said.decode(errors='replace')[-2000:]}")
    return Run(seconds, peak / MIB, children() - before)


def children() -> float:
    """Processor seconds of all children that have ended, and of theirs."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


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
