"""The helmet fleet with each gate broken once: what is refused, and the whole text that says so.

The fleet is the golden tree `selected`, which compiles. Rewritten by `pytest --update-golden`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from compiler.commands.common import GATE_CODES, GATE_FAILED
from tests.commands import helmets
from tests.commands.running import ROOT, run
from tests.golden import cases

EXPECTED = cases.HERE / "gates"
PAGE = ROOT / "docs/gates.md"
MODELS, FLEET, JOBS, LOCK = "models.yaml", "fleet.yaml", "jobs.yaml", "edgewright.lock"


class Broken(NamedTuple):
    """One change that breaks a gate. `codes` are all that is said."""

    codes: str
    file: str
    old: str
    new: str
    status: int = GATE_FAILED


BREAKS = {
    "metric-too-low": Broken("E7501", MODELS, "atLeast: 0.8}", "atLeast: 0.85}"),
    "metric-too-high": Broken("E7501", MODELS, "atMost: 30ms}", "atMost: 20ms}"),
    "metric-not-improved": Broken("E7501", MODELS, "{metric: map50, improvesBy: 0.02}",
                                  "{metric: map50, improvesBy: 0.05}"),
    "metric-worse": Broken("E7501", MODELS, "{metric: map50, noWorseBy: 0.01}",
                           "{metric: p95, profile: camera-box, noWorseBy: 1ms}"),
    "metric-not-measured": Broken("E7501", MODELS, "{metric: map50, atLeast: 0.8}",
                                  "{metric: f1, atLeast: 0.8}"),
    "dataset-too-small": Broken("E7502", MODELS, "minSamples: 40", "minSamples: 100"),
    "dataset-uneven": Broken("E7502", MODELS, "maxImbalance: 4", "maxImbalance: 3"),
    "dataset-not-counted": Broken("E7503", LOCK, '"default.datasets.helmets:2026.1"',
                                  '"default.datasets.helmets:2025.4"', 1),
    "policy": Broken("E7504", FLEET, "has(c.resources.limits.memory)",
                     "c.resources.limits.memory == '1Gi'"),
    "license": Broken("E7515", MODELS, "    license: MIT\n", "    license: GPL-3.0-only\n"),
    "license-of-a-base": Broken("E7515", MODELS, 'base: "little-model:1"', 'base: "yolo:8"'),
    "license-not-stated": Broken("E7515", MODELS, "    license: MIT\n", ""),
    "processor": Broken("E7516", MODELS, "needs: {arch: amd64}", "needs: {arch: arm64}"),
    "accelerator": Broken("E7516", MODELS, "needs: {arch: amd64}",
                          "needs: {accelerator: {name: nvidia-orin}}"),
    "framework": Broken("E3012", JOBS, "server: tfserving", "server: mlserver"),
    "platform-of-an-image": Broken("E7108", FLEET, "camera-box: {arch: amd64",
                                   "camera-box: {arch: arm64", 1),
    "classes-of-postprocessing": Broken("E7517", MODELS,
                                        "params: {iou: 0.4}\n      classes: [person, helmet, ",
                                        "params: {iou: 0.4}\n      classes: [helmet, person, "),
    "classes-of-a-pair": Broken("E7517", MODELS, "inputs: own}",
                                "inputs: own, classMap: {helmet-on: helmet-of}}"),
    "tensors-of-preprocessing": Broken("E7518", MODELS,
                                       "        outputs: [{name: image, datatype: FP32",
                                       "        outputs: [{name: image, datatype: UINT8"),
    "tensors-of-a-pair": Broken("E7518", MODELS, ", inputs: own}", "}"),
    "private-data-elsewhere": Broken("E3013", MODELS, "    require: {minSamples",
                                     "    private: {site: yard}\n    require: {minSamples"),
    "private-data-uploaded": Broken("E3013", JOBS, 'results: {uri: "host:/output"}',
                                    'results: {uri: "main:rounds/"}'),
    "private-model-elsewhere": Broken("E3013", MODELS, 'uri: "main:little/1.pb"\n',
                                      'uri: "main:little/1.pb"\n'
                                      "        lineage: {trainedOn: frames}\n"),
    "disk": Broken("E7510", FLEET, "memory: 16Gi, disk: 128Gi", "memory: 16Gi, disk: 128Mi"),
    "memory-of-a-worker": Broken("E7511", MODELS, "needs: {arch: amd64}",
                                 "needs: {arch: amd64, memory: 900Mi}"),
    "memory-of-a-host": Broken("E7512", MODELS, "needs: {memory: 2Gi}", "needs: {memory: 70Gi}"),
    "yanked": Broken("E2003", MODELS, 'needs: {memory: 2Gi}}}',
                     'needs: {memory: 2Gi}, yanked: flickers}}', 1),
}  # fmt: skip


@pytest.mark.parametrize("name", list(BREAKS))
def test_a_broken_gate_is_told_with_its_line_the_figure_and_what_would_fit(
    name: str, tmp_path: Path, update: bool
) -> None:
    broken = BREAKS[name]
    path = helmets.spec(tmp_path) / broken.file
    text = path.read_text(encoding="utf-8")
    assert text.count(broken.old) == 1, "the change does not say which line it means"
    path.write_text(text.replace(broken.old, broken.new), encoding="utf-8")
    result = run("compile", "spec", "--output", "out", at=tmp_path)
    assert result.exit_code == broken.status, result.output
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    said = re.findall(r"(?m)^(?:\S+:\d+:\d+: )?([EW]\d{4}) ", result.stderr)
    assert sorted(set(said)) == broken.codes.split()
    place = EXPECTED / f"{name}.txt"
    if update:
        cases.write_text(place, result.stderr)
    assert cases.text_difference(cases.read_text(place), result.stderr) == ""


def test_a_selection_that_nothing_passes_says_of_each_version_why_it_fell_out(
    tmp_path: Path, update: bool
) -> None:
    path = helmets.spec(tmp_path) / MODELS
    text = path.read_text(encoding="utf-8").replace(
        "license: [Apache-2.0]", "license: [BSD-2-Clause]"
    )
    path.write_text(text, encoding="utf-8")
    result = run("lock", "spec", "--offline", at=tmp_path)
    assert result.exit_code == 1
    place = EXPECTED / "selection.txt"
    if update:
        cases.write_text(place, result.stderr)
    assert cases.text_difference(cases.read_text(place), result.stderr) == ""


def test_the_fleet_itself_passes_every_gate(tmp_path: Path) -> None:
    helmets.spec(tmp_path)
    result = run("compile", "spec", "--output", "out", "--locked", at=tmp_path)
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr


@pytest.mark.parametrize("name", ["license", "private-data-uploaded", "tensors-of-a-pair"])
def test_a_gate_that_breaks_later_is_not_missed_by_the_cache_and_changes_nothing(
    name: str, tmp_path: Path
) -> None:
    broken = BREAKS[name]
    path = helmets.spec(tmp_path) / broken.file
    assert run("compile", "spec", "--output", "out", at=tmp_path).exit_code == 0
    before = cases.read_files(tmp_path / "out")
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace(broken.old, broken.new), encoding="utf-8")
    for command in (("compile", "spec", "--output", "out"), ("check", "spec")):
        assert run(*command, at=tmp_path).exit_code == GATE_FAILED
    assert cases.read_files(tmp_path / "out") == before
    path.write_text(text, encoding="utf-8")
    assert run("compile", "spec", "--output", "out", "--check", at=tmp_path).exit_code == 0


def test_every_gate_is_broken_once_and_no_expected_text_is_left_over() -> None:
    broken = {code for one in BREAKS.values() for code in one.codes.split()}
    assert set(GATE_CODES) <= broken
    assert {path.stem for path in EXPECTED.glob("*.txt")} == {*BREAKS, "selection"}


def test_every_message_of_the_page_on_gates_is_one_that_is_really_said() -> None:
    page = cases.read_text(PAGE)
    blocks = re.findall(r"(?ms)^```(\w*)\n(.*?)^```$", page)
    shown = [line.strip() for kind, text in blocks if not kind for line in text.splitlines()]
    texts = [*EXPECTED.glob("*.txt"), *cases.ERRORS.glob("*/expected.txt")]
    said = {line.strip() for path in texts for line in cases.read_text(path).splitlines()}
    assert len(shown) > 20
    assert [line for line in shown if line not in said] == []
