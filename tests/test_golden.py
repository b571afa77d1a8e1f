"""Golden trees: whole specs with the output that they must become, byte for byte.

Rewritten by `pytest --update-golden`; the difference is then reviewed like any other change.
"""

from __future__ import annotations

import os
import pickle
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.golden import cases
from tests.golden.cases import ERRORS, TREES, Compiled

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = {
    "plain": {"PYTHONHASHSEED": "1"},
    "shuffled": {"PYTHONHASHSEED": "2718", "LC_ALL": "C", "TZ": "Asia/Tokyo"},
    "commented": {"PYTHONHASHSEED": "31337"},
    "windows": {"PYTHONHASHSEED": "0"},
}

Variants = Mapping[str, Mapping[str, Compiled]]


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """Every case by process: other hash seeds, time zones, folders, file names, spellings."""
    started = {}
    for variant, own in ENVIRONMENTS.items():
        folder = tmp_path_factory.mktemp(variant)
        result = folder / "result"
        command = [sys.executable, "-m", "tests.golden.child", variant, str(folder), str(result)]
        environment = {**os.environ, **own}
        started[variant] = (subprocess.Popen(command, cwd=ROOT, env=environment), result)
    codes = {variant: process.wait() for variant, (process, _) in started.items()}
    assert not any(codes.values()), f"compiling all cases ended with {codes}"
    return {variant: pickle.loads(result.read_bytes()) for variant, (_, result) in started.items()}


@pytest.mark.parametrize("name", cases.names(TREES))
def test_a_spec_becomes_exactly_its_expected_tree(
    name: str, variants: Variants, update: bool
) -> None:
    case, found = TREES / name, variants["plain"][name]
    assert found.files, f"{name} does not compile:\n{found.text}"
    if update:
        cases.write_files(case / "expected", found.files)
        cases.write_text(case / "notes.txt", found.text)
    _same(cases.differences(cases.read_files(case / "expected"), found.files))
    _same(cases.text_difference(cases.read_text(case / "notes.txt"), found.text))


@pytest.mark.parametrize("name", cases.names(TREES))
def test_names_and_order_of_files_and_the_hash_seed_change_no_byte(
    name: str, variants: Variants
) -> None:
    plain, shuffled = variants["plain"][name], variants["shuffled"][name]
    assert plain.files
    _same(cases.differences(plain.files, shuffled.files))


@pytest.mark.parametrize("name", cases.names(TREES))
def test_a_comment_at_the_top_of_every_file_changes_no_byte(name: str, variants: Variants) -> None:
    plain, commented = variants["plain"][name], variants["commented"][name]
    assert plain.files
    _same(cases.differences(plain.files, commented.files))


@pytest.mark.parametrize("name", cases.names(TREES))
def test_a_byte_order_mark_and_crlf_change_no_byte(name: str, variants: Variants) -> None:
    plain, windows = variants["plain"][name], variants["windows"][name]
    assert plain.files
    _same(cases.differences(plain.files, windows.files))


@pytest.mark.parametrize("name", cases.names(TREES))
def test_no_output_holds_what_only_one_machine_or_moment_has(name: str, variants: Variants) -> None:
    output = b"".join(variants["plain"][name].files.values()).decode()
    year = re.search(r"\b20[2-9]\d-[01]\d-[0-3]\d", output)
    assert not year, f"looks like a date: {year}"
    assert str(ROOT) not in output
    assert tempfile.gettempdir() + "/" not in output


def _edited(tmp_path: Path, name: str, file: str, old: str, new: str) -> Compiled:
    case = tmp_path / name
    shutil.copytree(TREES / name / "spec", case / "spec")
    text = (case / "spec" / file).read_text(encoding="utf-8")
    assert text.count(old) == 1
    (case / "spec" / file).write_text(text.replace(old, new), encoding="utf-8")
    return cases.compile_case(case)


def _touched(before: cases.Files, after: cases.Files) -> set[str]:
    names = before.keys() | after.keys()
    changed = (name for name in names if before.get(name) != after.get(name))
    return {name.rpartition("/")[0].partition("/hub/")[2] for name in changed}


@pytest.mark.parametrize(
    ("name", "file", "old", "new", "touched"),
    [
        ("serve-hot", "fleet.yaml", "lang: it", "lang: fr", {"sites/shop-3"}),
        ("serve-hot", "fleet.yaml", "shop-2-a: {}", "shop-2-b: {}", {"sites/shop-2"}),
        ("shards", "sites.csv", "s-003-a,south", "s-003-b,south", {"sites/s-003"}),
        (
            "shards", "sites.csv", "s-004,hub,edge,box,s-004-a,south,\n",
            "s-004,hub,edge,box,s-004-a,south,\ns-005,hub,edge,box,s-005-a,south,\n",
            {"sites/s-005", "shards/01"},
        ),
        (
            "serve-hot", "fleet.yaml", "    shop-2:",
            "    shop-9: {cluster: hub, layer: edge, profile: box, hosts: {z: {}}, "
            "labels: {region: x}, vars: {lang: x}}\n    shop-2:",
            {"sites/shop-9", "apps"},
        ),
    ],
    ids=["variable", "host", "row", "new-row", "new-site"],
)  # fmt: skip
def test_editing_one_site_touches_its_unit_and_the_lists_of_units_alone(
    tmp_path: Path, name: str, file: str, old: str, new: str, touched: set[str]
) -> None:
    before = cases.read_files(TREES / name / "expected")
    after = _edited(tmp_path, name, file, old, new)
    assert after.files, after.text
    assert _touched(before, after.files) == touched


@pytest.mark.parametrize("name", cases.names(ERRORS))
def test_a_faulty_spec_is_refused_with_exactly_its_expected_text(name: str, update: bool) -> None:
    case = ERRORS / name
    found = cases.compile_case(case)
    if update:
        cases.write_text(case / "expected.txt", found.text)
    assert not found.files, f"{name} compiles"
    _same(cases.text_difference(cases.read_text(case / "expected.txt"), found.text))


def _same(difference: str) -> None:
    if difference:
        pytest.fail(f"{difference}\n\nIf it is meant: pytest --update-golden", pytrace=False)
