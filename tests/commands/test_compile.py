"""`edgewright compile` as its users meet it: exit codes, streams, formats, files left alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands.running import ROOT, run, run_json
from tests.stages.resolving import SHOP

DEBUG = SHOP.replace("LEVEL: info", "LEVEL: debug")
BROKEN = SHOP.replace("server: ovms", "server: ovsm")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A folder with a spec in the folder where the command looks for it."""
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "spec.yaml").write_text(SHOP, encoding="utf-8")
    return tmp_path


def rewrite(shop: Path, text: str) -> None:
    (shop / "specs" / "spec.yaml").write_text(text, encoding="utf-8")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_good_spec_becomes_an_output_folder_and_ends_with_0(shop: Path) -> None:
    result = run("compile", at=shop)
    assert result.exit_code == 0
    first, *rest = result.stdout.splitlines()
    assert re.fullmatch(r"generated: \d+ added \(\d+ objects in \d+ directories\)", first)
    assert "  added: shop/default/hub/sites/north-1" in rest
    assert "W7201" in result.stderr
    assert "W7201" not in result.stdout
    assert (shop / "generated/shop/default/hub/sites/north-1/kustomization.yaml").exists()


def test_a_second_run_changes_nothing_and_says_so(shop: Path) -> None:
    run("compile", at=shop)
    before = files(shop / "generated")
    result = run("compile", at=shop)
    assert result.stdout.startswith("generated: nothing changed (")
    assert files(shop / "generated") == before


def test_a_file_that_was_lost_comes_back_and_no_object_counts_as_changed(shop: Path) -> None:
    run("compile", at=shop)
    before = files(shop / "generated")
    (shop / "generated/shop/default/hub/sites/north-1/kustomization.yaml").unlink()
    first, *rest = run("compile", at=shop).stdout.splitlines()
    assert first.startswith("generated: no object changed, only files of 1 directory (")
    assert rest == ["  changed: shop/default/hub/sites/north-1"]
    assert files(shop / "generated") == before


def test_a_wrong_spec_ends_with_1_and_leaves_the_output_as_it_is(shop: Path) -> None:
    run("compile", at=shop)
    before = files(shop / "generated")
    rewrite(shop, BROKEN)
    result = run("compile", at=shop)
    assert result.exit_code == 1
    assert result.stdout == ""
    line = next(n for n, text in enumerate(BROKEN.splitlines(), 1) if "ovsm" in text)
    assert f"specs/spec.yaml:{line}:" in result.stderr
    assert "Did you mean ovms?" in result.stderr
    assert re.search(r"^ +\| +\^$", result.stderr, re.MULTILINE)
    assert result.stderr.splitlines()[-1] == "1 error"
    assert files(shop / "generated") == before


def test_a_missing_folder_or_a_wrong_option_ends_without_a_traceback(shop: Path) -> None:
    assert run("compile", "nowhere", at=shop).exit_code == 1
    assert run("compile", "--processes", "0", at=shop).exit_code == 2
    assert run("compile", "--colour", at=shop).exit_code == 2
    assert run("compile", "--env", "prod", at=shop).exit_code in (1, 2)
    assert not (shop / "generated").exists()


def test_check_ends_with_0_on_a_fresh_output_and_4_on_a_stale_one(shop: Path) -> None:
    run("compile", at=shop)
    fresh = run("compile", "--check", at=shop)
    assert fresh.exit_code == 0
    assert "up to date" in fresh.stdout
    before = files(shop)
    rewrite(shop, DEBUG)
    stale = run("compile", "--check", at=shop)
    assert stale.exit_code == 4
    assert re.search(r"^generated: stale: \d+ files differ", stale.stdout)
    assert "sites/north-1/deployment.apps-watch-north-1.yaml" in stale.stdout
    rewrite(shop, SHOP)
    assert files(shop) == before


def test_check_sees_an_edit_a_missing_and_a_foreign_file(shop: Path) -> None:
    run("compile", at=shop)
    site = shop / "generated/shop/default/hub/sites/north-1"
    edited = site / "deployment.apps-watch-north-1.yaml"
    text = edited.read_text()
    for spoil in (
        lambda: edited.write_text(text.replace("info", "debug")),
        edited.unlink,
        lambda: shutil.rmtree(site),
    ):
        spoil()
        assert run("compile", "--check", at=shop).exit_code == 4
    assert run("compile", at=shop).exit_code == 0
    assert run("compile", "--check", at=shop).exit_code == 0


def test_a_file_that_somebody_edited_is_kept_until_its_loss_is_allowed(shop: Path) -> None:
    run("compile", at=shop)
    edited = shop / "generated/shop/default/hub/sites/north-1/deployment.apps-watch-north-1.yaml"
    edited.write_text(edited.read_text().replace("value: info", "value: mine"))
    rewrite(shop, DEBUG)
    refused = run("compile", at=shop)
    assert refused.exit_code == 1
    assert edited.name in refused.stderr
    assert "value: mine" in edited.read_text()
    assert run("compile", "--overwrite", edited.relative_to(shop), at=shop).exit_code == 0
    assert "value: debug" in edited.read_text()


def test_only_writes_the_directories_that_are_named(shop: Path) -> None:
    run("compile", at=shop)
    before = files(shop / "generated")
    rewrite(shop, DEBUG)
    assert run("compile", "--only", "north-1", at=shop).exit_code == 0
    after = files(shop / "generated")
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert changed
    assert all("/sites/north-1/" in name for name in changed)


def test_only_a_job_covers_every_directory_that_holds_its_objects(shop: Path) -> None:
    run("compile", at=shop)
    before = files(shop / "generated")
    rewrite(shop, DEBUG)
    assert run("compile", "--check", "--only", "watch", at=shop).exit_code == 4
    assert run("compile", "--only", "watch", at=shop).exit_code == 0
    after = files(shop / "generated")
    changed = {name for name in before if before[name] != after.get(name)}
    assert {Path(name).parent.name for name in changed} == {"north-1", "west-1"}
    assert run("compile", "--check", at=shop).exit_code == 0


def test_only_refuses_what_selects_no_directory(shop: Path) -> None:
    run("compile", at=shop)
    result = run("compile", "--check", "--only", "cloud", at=shop)
    assert result.exit_code == 1
    assert "E2205 --only cloud selects no directory" in result.stderr


def test_only_tells_a_site_of_another_environment_from_a_misspelt_one(shop: Path) -> None:
    parts = "environments:\n  north: {where: {region: north}}\n  west: {where: {region: west}}\n"
    rewrite(shop, SHOP + parts)
    result = run("compile", "--env", "west", "--only", "north-1", at=shop)
    assert result.exit_code == 1
    assert "--only north-1 is a site of the fleet, and not one of west" in result.stderr
    assert "Choose its environment with --env." in result.stderr


def test_only_refuses_a_name_that_is_neither_a_site_nor_a_job(shop: Path) -> None:
    result = run("compile", "--only", "north-l", at=shop)
    assert result.exit_code == 1
    assert "E2205 --only north-l is neither" in result.stderr
    assert "Did you mean north-1?" in result.stderr


def test_an_output_that_cannot_be_made_is_a_fault_of_the_outside_world(shop: Path) -> None:
    result = run("compile", "--output", "/proc/edgewright", at=shop)
    assert result.exit_code == 6
    assert "E6008" in result.stderr


def test_removing_a_site_must_be_allowed(shop: Path) -> None:
    run("compile", at=shop)
    rewrite(shop, SHOP.replace("    place: {layer: edge}", "    place: {site: north-1}"))
    refused = run("compile", at=shop)
    assert refused.exit_code == 1
    assert "--allow-deletes" in refused.stderr
    gone = shop / "generated/shop/default/hub/sites/west-1"
    assert gone.exists()
    assert run("compile", "--allow-deletes", "20", at=shop).exit_code == 0
    assert not gone.exists()


def test_locked_refuses_what_the_lock_does_not_cover(shop: Path) -> None:
    result = run("compile", "--locked", at=shop)
    assert result.exit_code == 1
    assert "r.example.com/ovms:1 has no entry in the lock" in result.stderr
    assert not (shop / "generated").exists()


def test_one_environment_is_compiled_alone_and_the_other_stays(shop: Path) -> None:
    two = "environments: {a: {namespace: shop-a}, b: {namespace: shop-b}}\n"
    rewrite(shop, SHOP + two)
    assert run("compile", "--env", "a", at=shop).exit_code == 0
    out = shop / "generated" / "shop"
    assert [path.name for path in out.iterdir()] == ["a"]
    assert run("compile", "--env", "b", at=shop).exit_code == 0
    assert sorted(path.name for path in out.iterdir()) == ["a", "b"]
    assert run("compile", "--check", at=shop).exit_code == 0


def test_json_holds_the_result_and_every_finding_and_stderr_holds_nothing(shop: Path) -> None:
    found = run_json("compile", at=shop)
    assert found["directories"] > 3
    assert found["changedObjects"]["added"] == found["objects"]
    assert {d["severity"] for d in found["diagnostics"]} <= {"warning", "note"}
    rewrite(shop, BROKEN)
    result = run("compile", "--format", "json", at=shop)
    assert result.exit_code == 1
    assert result.stderr == ""
    (fault,) = json.loads(result.stdout)["diagnostics"]
    assert (fault["severity"], fault["file"]) == ("error", "specs/spec.yaml")
    assert fault["hint"] == "Did you mean ovms?"


def program(shop: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env: dict[str, Any] = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    return subprocess.run(
        [sys.executable, "-m", "compiler", *arguments],
        cwd=shop, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_reader_that_goes_away_is_no_error(shop: Path) -> None:
    pipeline = f"{sys.executable} -m compiler --help | head -n 1"
    made = subprocess.run(
        ["bash", "-o", "pipefail", "-c", pipeline],
        cwd=shop, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert "Traceback" not in made.stderr
    assert made.stdout.startswith("Usage: edgewright")


def test_the_program_writes_no_colour_and_no_progress_where_no_terminal_is(shop: Path) -> None:
    made = program(shop, "compile", "--no-cache")
    assert made.returncode == 0
    assert "\x1b" not in made.stdout + made.stderr
    assert not (shop / ".edgewright" / "cache").exists()


def test_an_output_that_cannot_be_written_is_the_outside_worlds_fault(shop: Path) -> None:
    (shop / "generated").write_text("a file where a folder should be")
    made = program(shop, "compile")
    assert made.returncode in (1, 2, 6)
    assert "Traceback" not in made.stderr
    assert (shop / "generated").read_text() == "a file where a folder should be"


def test_a_compile_loads_nothing_that_asks_the_world(shop: Path) -> None:
    """Their imports take longer than many a compile."""
    outside = ("boto3", "botocore", "git", "kubernetes", "requests", "ruamel", "ssl", "urllib3")
    code = (
        "import sys\nfrom compiler.cli import program\n"
        "try:\n    program.main(sys.argv[1:])\nexcept SystemExit as end:\n    assert not end.code\n"
        f"print('loaded:', [name for name in {outside} if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", code, "compile", "specs", "--output", "generated"]
    done = subprocess.run(command, cwd=shop, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("loaded: []\n")
