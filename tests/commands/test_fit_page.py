"""The page on what fits on a host: its example is compiled, and its figures are added up again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compiler.model.lock import Lock, LockedArtifact, LockedRollout, dump
from tests.commands.running import ROOT, run, run_json

PAGE = (ROOT / "docs/fit.md").read_text(encoding="utf-8")
SIZES = re.findall(r"^\| (\w+:\d) \| (\d+) MiB \| (\d+ MiB|a file) \| (\d+) MiB \|$", PAGE, re.M)
MIB = 1024**2


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """The spec of the page, with a lock that has the sizes of its table."""
    spec = re.search(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
    assert spec is not None
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/fleet.yaml").write_text(spec[1])
    entries: dict[tuple[str, str, str], LockedArtifact | LockedRollout] = {}
    for number, (name, fetched, unpacked, _) in enumerate(SIZES, 1):
        model, _, version = name.partition(":")
        end = "onnx" if unpacked == "a file" else "tar.gz"
        facts = {"uri": f"main:{model}-{version}.{end}", "sha256": f"{number}" * 64,
                 "size": int(fetched) * MIB, "serveVersion": number}  # fmt: skip
        if end == "tar.gz":
            facts |= {"unpacked": int(unpacked.split()[0]) * MIB}
        entries["default", "artifacts", f"models/{name}"] = LockedArtifact.model_validate(facts)
    for model, before, after in (("detector", "1", "2"), ("counter", "7", "7")):
        state = {"from": before, "to": after, "step": 0}
        entries["default", "rollouts", f"watch/{model}"] = LockedRollout.model_validate(state)
    (tmp_path / "specs/edgewright.lock").write_text(dump(Lock(entries)))
    return tmp_path


def test_the_table_says_what_each_artifact_takes() -> None:
    assert [name for name, *_ in SIZES] == ["detector:1", "detector:2", "counter:7"]
    for _, fetched, unpacked, on_disk in SIZES:
        tree = 0 if unpacked == "a file" else int(unpacked.split()[0])
        assert int(fetched) + tree == int(on_disk)


def test_the_example_is_refused_with_the_sum_that_the_page_shows(fleet: Path) -> None:
    result = run("compile", at=fleet)
    assert result.exit_code == 3
    said = result.stderr.splitlines()
    message = re.search(r"^specs/fleet\.yaml:\S+ E7510 .+$", PAGE, re.M)
    table = re.search(r"<!-- the sum -->\n```\n(.+?)```", PAGE, re.DOTALL)
    assert message is not None
    assert table is not None
    assert message[0] in said
    first = said.index(message[0]) + 3
    rows = [line.strip() for line in table[1].splitlines()]
    assert [line.strip() for line in said[first : first + len(rows)]] == rows
    hint = said[first + len(rows)]
    fitting = re.search(r"what would fit: a disk of (\S+), or `(.+?)`", PAGE)
    assert fitting is not None
    assert f"on a disk of {fitting[1]} or with {fitting[2]}" in hint


def test_the_figures_of_the_page_add_up(fleet: Path) -> None:
    text = re.search(r"^2200 \+ 70 are served.+?: (\d+) MiB\.", PAGE, re.DOTALL | re.M)
    left = re.search(r"which leaves (\d+) MiB", PAGE)
    assert text is not None
    assert left is not None
    spec = fleet / "specs/fleet.yaml"
    written = spec.read_text()
    for disk, previous, wanted in (("8Gi", 0, left[1]), ("9.9Gi", 1, "")):
        profile = f"disk: {disk}, cache: {{previous: {previous}}}"
        spec.write_text(written.replace("disk: 8Gi", profile))
        assert run("compile", at=fleet).exit_code == 0
        (site,) = run_json("explain", "north", at=fleet)["environments"]
        (host,) = site["fit"]["hosts"]
        assert host["needs"] == sum(part["bytes"] for part in host["parts"])
        if wanted:
            assert host["needs"] == int(wanted) * MIB
    parts = {"now": 2200 + 70, "before": 2000 + 70, "coming": 2200, "store": 1, "reserved": 1024}
    assert {part["part"] for part in host["parts"]} == {*parts, "floor"}
    for name, size in parts.items():
        assert sum(p["bytes"] for p in host["parts"] if p["part"] == name) == size * MIB
    assert int(text[1]) == sum(parts.values()) + 8192 // 4


def test_a_disk_that_the_hint_names_is_the_first_that_fits(fleet: Path) -> None:
    spec = fleet / "specs/fleet.yaml"
    written = spec.read_text()
    for disk, status in (("9.8Gi", 3), ("9.9Gi", 0)):
        spec.write_text(written.replace("disk: 8Gi", f"disk: {disk}"))
        assert run("check", at=fleet).exit_code == status


def test_a_warning_of_a_site_is_told_in_every_run_whatever_is_kept(fleet: Path) -> None:
    spec = fleet / "specs/fleet.yaml"
    spec.write_text(
        spec.read_text()
        .replace("disk: 8Gi", "disk: 16Gi")
        .replace('"1": {uri: "main:detector', '"1": {yanked: blind, uri: "main:detector')
    )
    for _ in range(2):
        result = run("compile", at=fleet)
        assert result.exit_code == 0
        assert "W7514 detector:2 of jobs.watch has no way back to detector:1" in result.stderr
