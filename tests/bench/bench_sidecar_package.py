"""What the sidecar weighs as it is delivered, and what it takes to start.

Run it as `python tests/bench/bench_sidecar_package.py [ROUNDS]`. Beside the archives stands the
installed size of the optional packages, which is what most programs of the kind always bring.
Processor milliseconds and memory are of a process that imports all that `run` needs, over one that
does nothing, with a hook besides and as a worker that fetches. Nothing is asserted.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.measuring import Row, heading  # noqa: E402

BOTO3 = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3")
SIGNATURE = ("cryptography", "cffi", "pycparser")
IMPORTS = (
    "import sys; sys.path.insert(0, sys.argv[1]); sys.argv[1:] = sys.argv[2:]; import sidecar.cli, "
)
KINDS = {
    "`run`": "sidecar.commands.run",
    "`run` with a hook": "sidecar.commands.run, sidecar.hooks.triton",
    "a worker": "sidecar.worker.main, sidecar.worker.bring, sidecar.transfer.schemes.http",
}
MEMORY = (
    "; print([int(line.split()[1]) for line in open('/proc/self/smaps_rollup')"
    " if line.startswith('Anonymous')][0])"
)


def rows(rounds: int = 9) -> Iterator[Row]:
    """Sizes first, then the start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, str(ROOT / ".ci" / "sidecar.py"), name]
        subprocess.run(command, check=True, capture_output=True)
        (archive,), (wheel,) = folder.glob("*.pyz"), folder.glob("*.whl")
        unpacked = folder / "unpacked"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target"]
        subprocess.run([*pip, str(unpacked), str(wheel)], check=True, capture_output=True)
        yield Row("zipapp, with bytecode and sources", "≤ 250 KB", kilobytes(archive))
        yield Row("wheel", "≤ 250 KB", kilobytes(wheel))
        alone = sum(path.stat().st_size for path in unpacked.rglob("*") if path.is_file())
        yield Row("installed from the wheel, with its bytecode", "report", megabytes(alone))
        yield Row("  and with the extra boto3", "report", megabytes(alone + installed(BOTO3)))
        yield Row(
            "  and with the extra signature", "report", megabytes(alone + installed(SIGNATURE))
        )
        yield from start(archive, unpacked, rounds)


def start(archive: Path, unpacked: Path, rounds: int) -> Iterator[Row]:
    """What a start costs from each of them."""
    bare = processor([sys.executable, "-I", "-S", "-c", "pass"], rounds)
    for words, place in (("zipapp", archive), ("wheel", unpacked)):
        for kind, names in KINDS.items():
            command = [sys.executable, "-I", "-S", "-c", IMPORTS + names, str(place)]
            command.append("worker" if kind == "a worker" else "run")
            spent = processor(command, rounds) - bare
            command[4] += MEMORY
            memory = int(subprocess.run(command, check=True, capture_output=True).stdout)
            goal = "≤ 150 ms" if (words, kind) == ("zipapp", "`run`") else "report"
            measured = f"{spent:.0f} ms of processor, {memory / 1024:.1f} MiB anonymous"
            yield Row(f"all imports of {kind} from the {words}, over `pass`", goal, measured)


def processor(command: list[str], rounds: int) -> float:
    """Median processor milliseconds of a program."""
    spent = []
    for _ in range(rounds):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000)
    return statistics.median(spent)


def installed(names: tuple[str, ...]) -> int:
    """Bytes of packages as they are installed here; 0 for one that is not."""
    total = 0
    for name in names:
        try:
            files = metadata.distribution(name).files or ()
        except metadata.PackageNotFoundError:
            continue
        places = [Path(str(file.locate())) for file in files]
        total += sum(place.stat().st_size for place in places if place.is_file())
    return total


def kilobytes(path: Path) -> str:
    """The size of a file."""
    return f"{path.stat().st_size / 1000:.0f} KB"


def megabytes(size: int) -> str:
    """A size."""
    return f"{size / 1e6:.1f} MB"


def main() -> None:
    """Print the table."""
    print(heading())
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 9):
        print(f"{row.work:67} {row.goal:>9}   {row.measured}")


if __name__ == "__main__":
    main()
