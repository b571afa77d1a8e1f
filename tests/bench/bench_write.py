"""Ratios of the write stage: against a bare loop of system calls, and of a warm run's look.

Run as `python tests/bench/bench_write.py [DIRECTORIES]`; prints a table, asserts nothing. The
bare loop makes the same files in the same folders and does nothing else: open, write, close,
and one rename per directory.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from compiler.adapters.cache_store import CacheStore, PackWriter
from compiler.adapters.exchange import KernelExchange
from compiler.model.cache import cache_key
from compiler.model.diagnostics import Diagnostics
from compiler.model.ledger import LEDGER_FILE, LedgerEntry, format_ledger
from compiler.model.manifest import Directory, Unit, UnitRole
from compiler.stages.write.write import WriteOptions, begin, stage, stale, write

OBJECTS = 7
ROUNDS = 3
REST = 6.0


def site(number: int, version: str) -> Directory:
    """A site's directory: seven objects of about a kilobyte, kustomization and ledger."""
    name = f"store-{number:05d}"
    files = {
        f"deployment-{name}-{job}.yaml": (
            f"# edgewright: jobs.job-{job} @ {name}, do not edit\n"
            + f"data: {name} {job} {version}\n" * 40
        ).encode()
        for job in range(OBJECTS)
    }
    files["kustomization.yaml"] = "".join(f"- {file}\n" for file in files).encode()
    entries = [
        LedgerEntry(hashlib.sha256(data).hexdigest(), f"deployment.apps/shop/{file}", file)
        for file, data in files.items()
    ]
    files[LEDGER_FILE] = format_ledger(entries)
    return Directory(Unit("shop/prod/hub", UnitRole.SITES, name), (), files)


def bare(tree: Mapping[str, Directory], out: Path) -> None:
    """The lower bound: the same files with nothing but the calls that make them."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    (out / "shop/prod/hub/sites").mkdir(parents=True)
    (out / "staging").mkdir()
    for path, directory in tree.items():
        folder = f"{out}/staging/{directory.unit.name}"
        os.mkdir(folder)  # noqa: PTH102 (a bare loop)
        for name, data in directory.files.items():
            handle = os.open(f"{folder}/{name}", flags)
            os.write(handle, data)
            os.close(handle)
        os.rename(folder, f"{out}/{path}")  # noqa: PTH104 (a bare loop)


def bare_replace(tree: Mapping[str, Directory], out: Path) -> None:
    """The lower bound of a whole replace: new files, one exchange each, old files deleted."""
    exchange = KernelExchange()
    bare_place = out.parent / "beside"
    bare(tree, bare_place)
    for path in tree:
        exchange.swap(str(bare_place / path), str(out / path))
    shutil.rmtree(bare_place)


def timed(work: Callable[[], object]) -> float:
    """Seconds that one call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def rounds(make: Callable[[Path], tuple[Callable[[], object], Callable[[], object]]]) -> str:
    """Medians of both works, taken in turns, each in a folder of its own, and their ratio.

    Deleting waits for the end: ext4 makes files up to 25 times slower for five seconds after
    many were deleted nearby, which would measure the order of the rounds.
    """
    times: tuple[list[float], list[float]] = ([], [])
    with tempfile.TemporaryDirectory() as base:
        for number in range(ROUNDS):
            for which in (0, 1):
                folder = Path(base, f"{number}-{which}")
                folder.mkdir()
                times[which].append(timed(make(folder)[which]))
    time.sleep(REST)
    ours, bound = (statistics.median(values) for values in times)
    return f"{ours * 1000:8.0f} ms {bound * 1000:8.0f} ms {ours / bound:6.2f}"


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    old = {d.unit.path: d for d in (site(n, "1") for n in range(count))}
    new = {d.unit.path: d for d in (site(n, "2") for n in range(count))}
    one = {**old, next(iter(new)): next(iter(new.values()))}
    options = WriteOptions(KernelExchange())

    def put(tree: Mapping[str, Directory], out: Path) -> None:
        write(tree, out, options, Diagnostics())

    def fresh(folder: Path) -> tuple[Callable[[], object], Callable[[], object]]:
        return lambda: put(old, folder / "out"), lambda: bare(old, folder / "out")

    def replaced(folder: Path) -> tuple[Callable[[], object], Callable[[], object]]:
        bare(old, folder / "out")
        (folder / "out/staging").rmdir()
        return lambda: put(new, folder / "out"), lambda: bare_replace(new, folder / "out")

    print(f"{count} directories, {count * (OBJECTS + 2)} files, {os.cpu_count()} cores")
    print(f"{'':38}{'ours':>11} {'bare loop':>11} {'ratio':>6}")
    print(f"{'stage + commit into a fresh place':38}{rounds(fresh)}")
    print(f"{'stage + commit, every directory':38}{rounds(replaced)}")
    with tempfile.TemporaryDirectory() as name:
        warm(Path(name), old, one, options)


def warm(
    folder: Path,
    old: Mapping[str, Directory],
    one: Mapping[str, Directory],
    options: WriteOptions,
) -> None:
    """Times of what a run with a cache does."""
    out = folder / "out"
    changes = write(old, out, options, Diagnostics())
    writer = PackWriter(folder / "cache")
    started = time.perf_counter()
    rows = [writer.put(path, cache_key([path]), d.files, (), {"n": 1}) for path, d in old.items()]
    filled = time.perf_counter() - started
    writer.close()
    store = CacheStore.open(folder / "cache")
    store.adopt(rows)
    store.remember(changes.fingerprints)
    store.save()
    show("fill the cache", filled)
    show("open the index", timed(lambda: CacheStore.open(folder / "cache")))
    store = CacheStore.open(folder / "cache")
    show("read all notes", timed(lambda: [store.notes(path) for path in old]))
    known = {path: row.known for path, row in store.rows.items()}
    opened = WriteOptions(KernelExchange(), roots=("shop/prod",), known=known)
    start = time.perf_counter()
    with begin(out, opened, Diagnostics()) as session:
        show("lock and survey", time.perf_counter() - start)
        start = time.perf_counter()
        settled = [p for p in old if session.is_settled(p, known[p].ledger)]
        show(f"recognise {len(settled)} settled", time.perf_counter() - start)
    start = time.perf_counter()
    with begin(out, opened, Diagnostics()) as session:
        path = next(iter(one))
        done = session.finish(
            [stage(one[path], session.area)],
            [p for p in one if p != path and session.is_settled(p, known[p].ledger)],
            Diagnostics(),
        )
    show(f"whole write, {len(done.changed)} directory changed", time.perf_counter() - start)
    show("stale, everything hashed", timed(lambda: stale(one, out)))


def show(what: str, seconds: float) -> None:
    """One line of the table."""
    print(f"{what:38}{seconds * 1000:8.1f} ms")


if __name__ == "__main__":
    main()
