"""Whole compiles: cold against rivals, with the cache, and with ten times the sites.

Run it as `python tests/bench/bench_compile.py [ROUNDS]`. It prints medians; nothing is asserted.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import rival_kapitan
from tests.bench.measuring import (
    COMPILE,
    HELMET,
    STORES,
    Ran,
    Row,
    compile_fresh,
    heading,
    median,
    run,
    scratch,
)

WAITED = "not measured: "


def rows(rounds: int = 3) -> Iterator[Row]:
    """Every row of whole compiles."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=scratch()) as name:
        folder = Path(name)
        compile_fresh(HELMET, folder / "warm")
        cold = median(lambda: compile_fresh(STORES, folder / "cold", "--no-cache"), rounds)
        objects = _objects(folder / "cold" / "generated")
        yield Row(
            f"2,000 sites, {objects:,} objects, cold, into a fresh place",
            "≤ 2.5 s",
            f"{cold.seconds:.2f} s ({cold.processor:.2f} s of processors), "
            f"largest process {cold.peak:.0f} MiB",
        )
        one = median(
            lambda: compile_fresh(STORES, folder / "one", "--no-cache", "--processes", "1"), 1
        )
        yield Row("the same in one process", "", f"{one.seconds:.2f} s ({one.processor:.2f} s)")
        yield from _rivals(folder, cold)
        cached = median(lambda: _one_site(folder / "cached"), rounds)
        yield Row(
            "with cache, one site changed",
            "≤ 0.5 s",
            f"{cached.seconds:.2f} s ({cached.processor:.2f} s)",
        )
        yield from _ten_times(folder, cold)


def _rivals(folder: Path, cold: Ran) -> Iterator[Row]:
    generated = folder / "cold" / "generated"
    sites = dict(rival_kapitan.sites_of(generated))
    dumped = _dumped(sites, folder / "dumped")
    yield Row(
        "dumping and writing ready dicts (PyYAML, C)",
        "report",
        f"{dumped:.2f} s in one process; ours takes {cold.seconds / dumped:.2f} × as long",
    )
    kapitan = _kapitan(sites, folder / "kapitan")
    if isinstance(kapitan, str):
        yield Row("Kapitan, the same objects, unvalidated", "≥ 6 ×", WAITED + kapitan)
    else:
        yield Row(
            "Kapitan, the same objects, unvalidated",
            "≥ 6 ×",
            f"{kapitan.seconds:.1f} s ({kapitan.processor:.1f} s), "
            f"{kapitan.seconds / cold.seconds:.1f} × ours "
            f"({kapitan.processor / cold.processor:.1f} ×)",
        )


def _dumped(sites: dict[str, list[Any]], folder: Path) -> float:
    start = time.perf_counter()
    for site, objects in sites.items():
        own = folder / site
        own.mkdir(parents=True)
        for number, data in enumerate(objects):
            text = yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True)
            (own / f"{number}.yaml").write_text(text, encoding="utf-8")
    return time.perf_counter() - start


def _kapitan(sites: dict[str, list[Any]], folder: Path) -> Ran | str:
    program = rival_kapitan.install()
    if isinstance(program, str):
        return program
    rival_kapitan.write(sites, folder)
    ran = run(rival_kapitan.command(program, folder), folder)
    wrong = rival_kapitan.unequal(sites, folder)
    return f"{len(wrong)} sites differ, such as {wrong[0]}" if wrong else ran


def _one_site(folder: Path) -> Ran:
    shutil.rmtree(folder, ignore_errors=True)
    spec = _copy(folder / "spec")
    command = [*COMPILE, str(spec), "--output", str(folder / "generated")]
    run(command, folder)
    table = spec / "sites.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[777] = lines[777].replace(",de,", ",en,") if ",de," in lines[777] else (
        lines[777].replace(",en,", ",de,")
    )  # fmt: skip
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return run(command, folder)


def _ten_times(folder: Path, cold: Ran) -> Iterator[Row]:
    spec = _copy(folder / "many" / "spec")
    table = spec / "sites.csv"
    head, *lines = table.read_text(encoding="utf-8").splitlines()
    more = [line.replace("store-", f"store-{n}") for n in range(10) for line in lines]
    table.write_text("\n".join([head, *more]) + "\n", encoding="utf-8")
    fleet = (spec / "fleet.yaml").read_text(encoding="utf-8")
    (spec / "fleet.yaml").write_text(fleet.replace("shards: 20", "shards: 200"), encoding="utf-8")
    many = compile_fresh(spec, folder / "many" / "out", "--no-cache")
    yield Row(
        "2,000 → 20,000 sites, time",
        "≤ 11 ×",
        f"{many.seconds:.1f} s ({many.processor:.1f} s), {many.seconds / cold.seconds:.1f} × "
        f"({many.processor / cold.processor:.1f} ×)",
    )
    yield Row(
        "2,000 → 20,000 sites, largest process",
        "≤ 3 ×",
        f"{many.peak:.0f} MiB, {many.peak / cold.peak:.1f} ×",
    )


def _copy(target: Path) -> Path:
    shutil.copytree(STORES, target, ignore=shutil.ignore_patterns(".edgewright"))
    return target


def _objects(generated: Path) -> int:
    derived = set(rival_kapitan.DERIVED)
    return sum(path.is_file() and path.name not in derived for path in generated.rglob("*"))


def main() -> None:
    """Print the rows."""
    print(heading())
    for row in rows(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        print(f"{row.work:55} {row.goal:>9}   {row.measured}", flush=True)


if __name__ == "__main__":
    main()
