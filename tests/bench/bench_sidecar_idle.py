"""What a resident sidecar costs while it does nothing, and how soon a warm device is ready.

Run it as `python tests/bench/bench_sidecar_idle.py [CYCLES [ROUNDS]]`. It runs the zipapp, by an
interpreter without site packages, as the image does. Memory is from smaps, after ten fetches and
so many idle turns of the main loop, alone and beside a stand-in of a model server. A warm start is
counted from the start of the process to the first 200 of /readyz on the unix socket, in a network
namespace of its own whose counters are read then; `python -c pass` is timed in turns with it.
Nothing is asserted: a machine that does other things at the same time is slower.
"""

from __future__ import annotations

import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.measuring import Row, heading  # noqa: E402
from tests.sidecar.support.beside import Beside  # noqa: E402
from tests.sidecar.support.cases import World  # noqa: E402
from tests.sidecar.support.running import Sidecar, until  # noqa: E402

PYTHON = (sys.executable, "-I", "-S")
TURN = 2.0
_UP = """
import fcntl, os, socket, struct, sys
with socket.socket() as one:
    flags = struct.pack("16sh", b"lo", 0x41)
    fcntl.ioctl(one, 0x8914, flags)
os.execv(sys.argv[1], sys.argv[1:])
"""


def rows(cycles: int = 100, rounds: int = 9) -> Iterator[Row]:
    """Memory first, then the start."""
    with tempfile.TemporaryDirectory() as name:
        archive = built(Path(name))
        for words, flavour in (("alone", ""), ("beside a model server", "ovms")):
            memory = idle(Path(name) / words.split()[0], archive, cycles, flavour)
            goal = "RssAnon ≤ 9 MiB, RSS ≤ 20 MiB"
            yield Row(f"idle {words}, {cycles} turns after ten fetches", goal, memory)
        yield from warm(Path(name) / "warm", archive, rounds)
        yield flips(Path(name) / "flips", archive, rounds)


def built(directory: Path) -> Path:
    """The zipapp."""
    command = [sys.executable, str(ROOT / ".ci" / "sidecar.py"), str(directory)]
    subprocess.run(command, check=True, capture_output=True)
    return next(directory.glob("*.pyz"))


def idle(directory: Path, archive: Path, cycles: int, flavour: str) -> str:
    """Fetch ten versions and wait; the figures of the resident process alone."""
    world = World(directory)
    server = Beside(world, flavour or "ovms")

    def mount(number: int) -> str:
        view = {"type": "ovms", "model": "det", "number": number} if flavour else {"type": "flat"}
        told = server.told("det", number, successes=1) if flavour else {}
        det = world.file("det", b"%d" % number * 50_000, view=view, **told)
        more = {"server": server.config} if flavour else {}
        world.mount_config(world.document(det, **more))
        digest: str = det["sha256"]
        return digest

    mount(1)
    with server, Sidecar(world, program=[*PYTHON, str(archive)]) as sidecar:
        sidecar.wait_page("/startupz")
        if flavour:
            server.start()
        for number in range(1, 11):
            sidecar.wait_artifact("model/det", wanted=mount(number), state="GOOD")
        until(lambda: not sidecar.workers(), sidecar.said, sidecar)
        time.sleep(cycles * TURN)
        return memory(sidecar.process.pid)


def memory(process: int) -> str:
    """`RssAnon` and `Rss` of a process, in MiB, with its threads and children."""
    found = {
        line.split(":")[0]: int(line.split()[1])
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()[1:]
    }
    threads = len(list(Path(f"/proc/{process}/task").iterdir()))
    anonymous, resident = found["Anonymous"] / 1024, found["Rss"] / 1024
    return f"RssAnon {anonymous:.2f} MiB, RSS {resident:.2f} MiB, {threads} threads"


def warm(directory: Path, archive: Path, rounds: int) -> Iterator[Row]:
    """Start over a store that has everything, offline."""
    world = World(directory)
    world.mount_config(world.document(world.file("det", b"1" * 100_000)))
    with Sidecar(world, program=[*PYTHON, str(archive)]) as sidecar:
        sidecar.wait_page("/readyz")
        sidecar.end()
    for path in world.sources.iterdir():
        path.unlink()
    own = ["unshare", "--net"] if _may_unshare() else []
    bare, ready, packets = [], [], 0
    for _ in range(rounds):
        bare.append(_bare())
        seconds, moved = _start(world, archive, own)
        ready.append(seconds)
        packets = max(packets, moved)
    more = (statistics.median(ready) - statistics.median(bare)) * 1000
    yield Row(
        "warm start to ready, offline, over `python -c pass`", "≤ 150 ms",
        f"{more:.0f} ms ({statistics.median(ready) * 1000:.0f} to "
        f"{statistics.median(bare) * 1000:.0f} ms)",
    )  # fmt: skip
    words = f"{packets} packets" if own else "not measured: no network namespaces here"
    yield Row("packets sent or received until then", "0", words)


def flips(directory: Path, archive: Path, rounds: int) -> Row:
    """From the moment that the kubelet moves its link to the moment that the config is planned."""
    world = World(directory)
    det = world.file("det", b"1")
    document = world.document(det)
    world.mount_config(document)
    spent = []
    with Sidecar(world, program=[*PYTHON, str(archive)]) as sidecar:
        sidecar.wait_page("/readyz")
        for number in range(2, rounds + 2):
            store = {**document["store"], "keepPrevious": number % 16}
            begun = time.perf_counter()
            world.mount_config({**document, "store": store})
            sidecar.wait_event("config-accepted", number)
            spent.append(time.perf_counter() - begun)
    return Row("config flip to plan, the slowest", "≤ 3 s", f"{max(spent):.2f} s of {rounds}")


def _bare() -> float:
    begun = time.perf_counter()
    subprocess.run([*PYTHON, "-c", "pass"], check=True)
    return time.perf_counter() - begun


def _start(world: World, archive: Path, own: list[str]) -> tuple[float, int]:
    """Seconds to ready, and packets in the namespace."""
    program = [*PYTHON, str(archive)]
    command = [*own, *PYTHON, "-c", _UP, *program] if own else program
    begun = time.perf_counter()
    with Sidecar(world, program=command) as sidecar:
        path = str(world.view / "run/sidecar.sock")
        while not _is_ready(path):
            time.sleep(0.002)
        seconds = time.perf_counter() - begun
        moved = _packets(sidecar.process.pid)
        sidecar.end()
    return seconds, moved


def _is_ready(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as one:
        try:
            one.connect(path)
            one.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return b" 200 " in one.recv(64)
        except OSError:
            return False


def _packets(process: int) -> int:
    total = 0
    for line in Path(f"/proc/{process}/net/dev").read_text().splitlines()[2:]:
        fields = line.partition(":")[2].split()
        total += int(fields[1]) + int(fields[9])
    return total


def _may_unshare() -> bool:
    done = subprocess.run(["unshare", "--net", "true"], check=False, capture_output=True)
    return done.returncode == 0


def main() -> None:
    """Print the table."""
    given = [int(word) for word in sys.argv[1:]]
    print(heading())
    for row in rows(*given):
        print(f"{row.work:55} {row.goal:>31}   {row.measured}")


if __name__ == "__main__":
    main()
