"""The same input gives the same bytes, whatever else is different."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.proof.compiling import CASES, EXAMPLES, SAMPLE, SPECS, changed, copy_spec, read, write

CHILD = Path(__file__).with_name("child.py")
SECTION = re.compile(r"^(?=[a-zA-Z])", re.MULTILINE)
ENTRY = re.compile(r"^(?=  [a-zA-Z])", re.MULTILINE)
SPLIT = ("models", "datasets", "environments", "jobs")
Output = Mapping[str, Mapping[str, bytes]]


def rename(spec: Path) -> None:
    """Give the YAML files names that sort the other way round."""
    files = sorted(spec.glob("*.yaml"), reverse=True)
    for number, file in enumerate(files):
        file.rename(spec / f"{number}-{random.Random(number).randrange(10**6)}.yaml")


def split(spec: Path) -> None:
    """Put every section into a file of its own, and entries of a section into two of them."""
    for number, file in enumerate(sorted(spec.glob("*.yaml"))):
        parts = []
        for section in SECTION.split(file.read_text(encoding="utf-8")):
            head, _, body = section.partition("\n")
            if head.rstrip(":") in SPLIT and head.endswith(":"):
                parts += [f"{head}\n{entry}" for entry in ENTRY.split(body) if entry.strip()]
            else:
                parts.append(section)
        file.unlink()
        for part, text in enumerate(reversed(parts)):
            (spec / f"{part}-{number}.yml").write_text(text, encoding="utf-8")


def comment(spec: Path) -> None:
    """Write a remark above everything else, in every file and in the lock."""
    for file in [*spec.glob("*.yaml"), *spec.glob("*.lock")]:
        text = file.read_text(encoding="utf-8")
        file.write_text(f"# A remark.\n\n{text}", encoding="utf-8")


def age(spec: Path) -> None:
    """Make every file look as if it were written in 1999."""
    for file in spec.rglob("*"):
        os.utime(file, (915148800, 915148800))


def nothing(spec: Path) -> None:
    """Leave the spec as it is."""
    del spec


@dataclass(frozen=True)
class Variant:
    """One other way of compiling the same specs."""

    seed: int
    change: Callable[[Path], None] = nothing
    folder: str = "cases"
    processes: int = 1
    elsewhere: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)


VARIANTS = {
    "plainly": Variant(0),
    "with other file names": Variant(1, rename),
    "with sections in other files": Variant(2, split),
    "in the C locale": Variant(3, environment={"LC_ALL": "C", "PYTHONUTF8": "0"}),
    "in a German locale and far from UTC": Variant(
        4, environment={"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "TZ": "Pacific/Kiritimati"}
    ),
    "from another checkout": Variant(5, folder="ein anderer Ort/Größe {site} '$x'"),
    "in three processes": Variant(6, processes=3),
    "from another folder": Variant(7, elsewhere=True),
    "with remarks in every file": Variant(8, comment),
    "with old files and without a home": Variant(
        9, age, environment={"HOME": "/nonexistent", "USER": "nobody"}
    ),
    "in three processes with other file names": Variant(4242, rename, processes=3),
}


def compile_in_child(folder: Path, variant: Variant) -> Output:
    cases = folder / variant.folder
    for name, (spec, _) in CASES.items():
        variant.change(copy_spec(spec, cases / name))
    out = folder / "out"
    away = folder / "away"
    away.mkdir()
    subprocess.run(
        [sys.executable, str(CHILD), str(cases), str(out), str(variant.processes)],
        cwd=away if variant.elsewhere else folder,
        env={**os.environ, "PYTHONHASHSEED": str(variant.seed), **variant.environment},
        check=True,
    )
    assert not list(away.iterdir())
    return {name: read(out / name) for name in CASES}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Output]:
    """What every variant made of every spec; two of them are at work at a time."""
    folders = {name: tmp_path_factory.mktemp("variant") for name in VARIANTS}
    with ThreadPoolExecutor(2) as pool:
        made = pool.map(compile_in_child, folders.values(), VARIANTS.values())
        return dict(zip(VARIANTS, made, strict=True))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("variant", list(VARIANTS)[1:])
def test_a_spec_compiled_in_another_way_becomes_the_same_bytes(
    variant: str, name: str, outputs: Mapping[str, Output]
) -> None:
    expected = outputs["plainly"][name]
    assert len(expected) > 5
    assert changed(expected, outputs[variant][name]) == []


def test_the_variants_are_at_least_ten_hash_seeds() -> None:
    assert len({variant.seed for variant in VARIANTS.values()}) >= 10


def test_splitting_really_makes_other_files_of_the_same_text(tmp_path: Path) -> None:
    spec = copy_spec(SPECS / "thousand-stores", tmp_path / "spec")
    before = sum(len(file.read_text().splitlines()) for file in spec.glob("*.yaml"))
    split(spec)
    files = sorted(spec.glob("*.yml"))
    assert len(files) > 8
    assert sum(len(file.read_text().splitlines()) for file in files) >= before


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_second_run_and_a_comment_touch_no_file(name: str, tmp_path: Path) -> None:
    source, environments = EXAMPLES[name]
    spec, out = copy_spec(source, tmp_path / "spec"), tmp_path / "out"
    write(spec, out, environments)
    before = {path: path.stat().st_ino for path in out.rglob("*") if path.is_file()}
    comment(spec)
    outcome = write(spec, out, environments)
    assert outcome.changes is not None
    assert not outcome.changes.any
    assert {path: path.stat().st_ino for path in out.rglob("*") if path.is_file()} == before


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, bytes]]:
    """The big example and the output of its sample."""
    folder = tmp_path_factory.mktemp("stores")
    spec = copy_spec(SPECS / "thousand-stores", folder / "spec")
    write(spec, folder / "out", SAMPLE)
    return spec, read(folder / "out")


def after_editing(
    stores: tuple[Path, Mapping[str, bytes]], folder: Path, edit: Callable[[list[str]], list[str]]
) -> tuple[list[str], Mapping[str, bytes]]:
    """The files that change when the table of sites is edited, and the new output."""
    spec = copy_spec(stores[0], folder / "spec")
    table = spec / "sites.csv"
    table.write_text("\n".join(edit(table.read_text().splitlines())) + "\n")
    write(spec, folder / "out", SAMPLE)
    found = read(folder / "out")
    return changed(stores[1], found), found


def directories(files: list[str]) -> set[str]:
    return {file.rpartition("/")[0].removeprefix("store-vision/sample/") for file in files}


def test_editing_one_site_touches_only_its_own_directory(
    stores: tuple[Path, Mapping[str, bytes]], tmp_path: Path
) -> None:
    def edit(rows: list[str]) -> list[str]:
        assert ",de," in rows[2]
        return [*rows[:2], rows[2].replace(",de,", ",tr,"), *rows[3:]]

    files, _ = after_editing(stores, tmp_path, edit)
    assert directories(files) == {"hub/sites/store-0002"}


def test_a_row_that_moves_in_the_table_changes_nothing(
    stores: tuple[Path, Mapping[str, bytes]], tmp_path: Path
) -> None:
    files, _ = after_editing(stores, tmp_path, lambda rows: [rows[0], *reversed(rows[1:])])
    assert files == []


@pytest.mark.parametrize(
    ("cluster", "lists"),
    [("west", {"west/apps"}), ("hub", {"hub/apps", "hub/shards"})],
)
def test_adding_or_removing_a_site_touches_its_directory_and_the_lists_that_name_it(
    cluster: str, lists: set[str], stores: tuple[Path, Mapping[str, bytes]], tmp_path: Path
) -> None:
    def add(rows: list[str]) -> list[str]:
        like = next(row for row in rows if f",{cluster},edge," in row and ",lab," in row)
        name, _, rest = like.partition(",")
        return [*rows, f"store-9999,{rest.replace(name, 'store-9999')}"]

    def remove(rows: list[str]) -> list[str]:
        like = next(row for row in rows if f",{cluster},edge," in row and ",lab," in row)
        return [row for row in rows if row != like]

    def without_numbers(found: set[str]) -> set[str]:
        return {re.sub(r"(sites|shards)/.*", r"\1", name) for name in found}

    for edit in (add, remove):
        folder = tmp_path / edit.__name__
        touched = directories(after_editing(stores, folder, edit)[0])
        sites = {name for name in touched if "/sites/" in name}
        assert len(sites) == 1
        assert without_numbers(touched) - {f"{cluster}/sites"} <= lists
        shutil.rmtree(folder)
