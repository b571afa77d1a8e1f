"""Golden trees: whole specs with the output that they must become, byte for byte.

Rewritten by `pytest --update-golden`; the difference is then reviewed like any other change.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.golden import cases
from tests.golden.cases import ERRORS, TREES, Compiled

ROOT = Path(__file__).parents[1]
SEEDS = {"plain": "1", "shuffled": "2718", "commented": "31337"}

Variants = Mapping[str, Mapping[str, Compiled]]


@pytest.fixture(scope="session")
def update(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are rewritten; never where CI runs, which would approve anything."""
    wanted = bool(request.config.getoption("--update-golden"))
    if wanted and os.environ.get("CI"):
        pytest.exit("--update-golden is refused where CI is set", returncode=4)
    return wanted


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """Every case compiled by three processes: other hash seeds, names, order, folder, comments."""
    started = {}
    for variant, seed in SEEDS.items():
        folder = tmp_path_factory.mktemp(variant)
        result = folder / "result"
        command = [sys.executable, "-m", "tests.golden.child", variant, str(folder), str(result)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        started[variant] = (subprocess.Popen(command, cwd=ROOT, env=environment), result)
    codes = {variant: process.wait() for variant, (process, _) in started.items()}
    assert not any(codes.values()), f"compiling all cases ended with {codes}"
    return {
        variant: pickle.loads(result.read_bytes())
        for variant, (_, result) in started.items()
    }


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
