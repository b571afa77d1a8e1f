"""Lists of versions: each option keeps exactly what fits, and where they run is what is planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands.models import MAP50, P95, SPEC, measured, shop
from tests.commands.running import ROOT, run, run_json

MORE = SPEC.replace(
    "    gates:",
    """\
      "3":
        uri: "main:detector/1.onnx"
        needs: {arch: arm64}
        variants:
          int8: {framework: openvino, metrics: [{name: p95, value: 9ms, profile: box}]}
        metrics:
          - {name: map50, value: 0.7, dataset: "shelves:2026.1", split: train}
          - {name: odd, value: 3}
        lineage: {base: "detector:2"}
    gates:""",
) + """\
  reader:
    task: text-recognition
    framework: onnx
    license: MIT
    versions: {"1": {uri: "main:detector/1.onnx", yanked: "blind"}}
"""  # fmt: skip


def listed(folder: Path, *options: str) -> list[str]:
    found = run_json("models", "list", *options, at=folder)
    return [f"{one['model']}:{one['version']}" for one in found["versions"]]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), "detector:1 detector:2 detector:3 reader:1"),
        (("--task", "text-recognition"), "reader:1"),
        (("--license", "Apache-2.0"), "detector:1 detector:2 detector:3"),
        (("--class", "can", "--class", "bottle"), "detector:1 detector:2 detector:3"),
        (("--framework", "openvino"), "detector:3"),
        (("--input-shape", "8,640,640,3"), "detector:1 detector:2 detector:3"),
        (("--input-shape", "1,320,320,3"), ""),
        (("--input-shape", "640,640,3"), ""),
        (("--arch", "arm64"), "detector:1 detector:3 reader:1"),
        (("--metric", "map50"), "detector:2 detector:3"),
        (("--metric", "map50>=0.61"), "detector:2 detector:3"),
        (("--metric", "map50>0.61"), "detector:3"),
        (("--metric", "p95<=10ms"), "detector:3"),
        (("--metric", "p95<=10"), ""),
        (("--metric", "p95<=0.01s", "--framework", "onnx"), ""),
        (("--base", "detector"), "detector:2 detector:3"),
        (("--base", "detector:2"), "detector:3"),
        (("--trained-on", "shelves"), "detector:2 detector:3"),
        (("--deployed",), "detector:2"),
        (("--deployed=north-1",), "detector:2"),
        (("--sort", "map50"), "detector:2 detector:3 detector:1 reader:1"),
        (("--sort", "sites"), "detector:2 detector:1 detector:3 reader:1"),
    ],
)
def test_each_option_keeps_what_fits(tmp_path: Path, options: tuple[str, ...], wanted: str) -> None:
    shop(tmp_path, models=MORE)
    assert listed(tmp_path, *options) == wanted.split()


def test_the_table_marks_what_is_wanted_and_says_where_it_runs(tmp_path: Path) -> None:
    shop(tmp_path, models=MORE)
    result = run("models", "list", at=tmp_path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["VERSION", "TASK", "FRAMEWORK", "LICENSE", "METRICS", "RUNS", "AT"]
    assert lines[2].startswith("* detector:2 ")
    assert lines[2].endswith("map50 0.61 on shelves:2026.1 (test)"
                             + lines[2][lines[2].index("(test)") + 6 :])  # fmt: skip
    assert lines[2].endswith(" north-1")
    assert "onnx, openvino" in lines[3]
    assert "p95 9ms int8 at box" in lines[3]
    assert lines[4].startswith("  reader:1 (yanked) ")
    assert run("models", "list", "--metric", "p95<1ms", at=tmp_path).stdout == "no version fits\n"


def test_better_is_first_whichever_way_a_metric_is_better(tmp_path: Path) -> None:
    shop(tmp_path)
    for version, value in (("1", "10ms"), ("2", "24ms")):
        file = measured(tmp_path, {**P95, "value": value})
        assert run("models", "record", f"detector:{version}", "--metrics", file,
                   at=tmp_path).exit_code == 0  # fmt: skip
    assert listed(tmp_path, "--sort", "p95") == ["detector:1", "detector:2"]
    file = measured(tmp_path, MAP50)
    run("models", "record", "detector:1", "--metrics", file, at=tmp_path)
    assert listed(tmp_path, "--sort", "map50") == ["detector:1", "detector:2"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--task", "object-detektion"), "Did you mean object-detection?"),
        (("--license", "Apache2"), "there is no license Apache2; there are: Apache-2.0, MIT."),
        (("--deployed=nort-1",), "there is no site nort-1; there are: north-1. Did you mean"),
        (("--base", "detektor:1"), "Did you mean detector (specs/models.yaml:10)?"),
        (("--trained-on", "shelves:2026.2"), "shelves has no version 2026.2"),
        (("--metric", "map50>=high"), "high is no metric value"),
        (("--metric", ">=3"), "write NAME, or NAME>=VALUE"),
        (("--input-shape", "big"), "write numbers, such as 1,640,640,3"),
        (("--sort", "mpa50"), "Did you mean map50?"),
        (("--sort", "odd"), "nobody says which way odd is better; add metrics: {odd: {better:"),
    ],
)
def test_a_word_that_nothing_has_is_a_mistake_and_gets_a_proposal(
    tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    shop(tmp_path, models=MORE)
    result = run("models", "list", *options, at=tmp_path)
    assert result.exit_code == 2
    assert told in result.stderr.replace("\n", " ")


def test_a_spec_that_does_not_compile_is_listed_without_places(tmp_path: Path) -> None:
    shop(tmp_path, models=SPEC.replace('target: "2"', 'target: "1"'))
    result = run("models", "list", at=tmp_path)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].endswith(" ?")
    assert result.stderr == ("where versions run is not known: 1 finding; see `edgewright check`\n")
    asked = run("models", "list", "--deployed", at=tmp_path)
    assert asked.exit_code == 3
    assert "E7501" in asked.stderr


def test_the_parts_of_a_pair_and_the_pair_itself_run_where_the_job_puts_them() -> None:
    spec = ROOT / "specs/helmet-detection"
    found = run_json("models", "list", spec)["versions"]
    sites = {f"{one['model']}:{one['version']}": one["sites"] for one in found}
    assert sites == {
        "little-model:1": ["gate"],
        "big-model:1": ["cloud"],
        "helmet-pair:1": ["cloud", "gate"],
        "initial-model:1": ["gate"],
    }
