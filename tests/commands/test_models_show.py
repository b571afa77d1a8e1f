"""Cards: what is known of a version, in words, as data, and for the Hugging Face Hub."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import yaml

from tests.commands.models import MAP50, P95, SPEC, measured, shop, spec_text
from tests.commands.running import run, run_json

SELECT = SPEC.replace(
    '    target: "2"  # OPS-7\n',
    '    select: {metric: map50, dataset: "shelves:2026.1", split: test}\n',
)


def test_a_card_says_what_is_known_of_a_version(tmp_path: Path) -> None:
    shop(tmp_path)
    result = run("models", "show", "detector:2", at=tmp_path)
    assert result.exit_code == 0
    shown = result.stdout
    digest = shown.split("sha256 ")[1][:12]
    data = shown.split("shelves:2026.1 (")[1][:12]
    assert (
        shown
        == f"""\
detector: object-detection
  framework: onnx
  license: Apache-2.0
  classes: bottle, can
  written at specs/models.yaml:10
  in use: 2 (default)

detector:2, wanted in default
  main:detector/2.onnx, sha256 {digest}…, 3 bytes
    onnx; needs arch amd64
    input image: UINT8 ?×640×640×3
    measured: map50 0.61 on shelves:2026.1 ({data}…), split test
  passes the gate on map50: map50 0.61 on shelves:2026.1 (test) is ≥ 0.5
  comes from
    data shelves:2026.1
    base detector:1
  runs in watch (default) at north-1: target, everywhere
"""
    )


def test_a_card_of_a_model_has_every_version_and_the_gates_that_fail(tmp_path: Path) -> None:
    shop(tmp_path)
    shown = run("models", "show", "detector", at=tmp_path).stdout
    assert "FAILS the gate on map50: map50 was not measured\n" in shown
    assert "  led to detector:2\n  runs nowhere\n" in shown


def test_a_selection_tells_its_reason_and_why_not_the_others(tmp_path: Path) -> None:
    shop(tmp_path, models=SELECT)
    shown = run("models", "show", "detector", at=tmp_path).stdout
    assert "  selected in default: 2, " in shown
    assert "    not 1: " in shown
    (chosen,) = run_json("models", "show", "detector", at=tmp_path)["selection"]
    assert (chosen["version"], chosen["metric"], chosen["value"]) == ("2", "map50", "0.61")


def test_the_hub_reads_the_front_matter(tmp_path: Path) -> None:
    shop(tmp_path)
    file = measured(tmp_path, P95, {**MAP50, "value": 0.41, "params": {"area": "small"}})
    assert run("models", "record", "detector:2", "--metrics", file, at=tmp_path).exit_code == 0
    result = run("models", "show", "detector", "--format", "huggingface", at=tmp_path)
    _, front, text = result.stdout.split("---\n", 2)
    found = yaml.safe_load(front)
    (index,) = found.pop("model-index")
    assert found == {
        "license": "apache-2.0",
        "library_name": "onnx",
        "pipeline_tag": "object-detection",
        "tags": ["edgewright", "onnx", "amd64"],
        "datasets": ["shelves"],
        "metrics": ["map50", "p95"],
        "base_model": "detector",
    }
    (entry,) = index["results"]
    assert len(entry["dataset"].pop("revision")) == 64
    assert (index["name"], entry) == (
        "detector:2",
        {
            "task": {"type": "object-detection"},
            "dataset": {"name": "shelves:2026.1", "type": "shelves", "split": "test"},
            "metrics": [
                {"type": "map50", "value": 0.61, "name": "map50"},
                {"type": "map50", "value": 0.41, "name": "map50", "args": {"area": "small"}},
            ],
        },
    )
    assert "- p95 24ms at box\n" in text


def test_a_licence_that_the_hub_does_not_know_is_other_with_its_name(tmp_path: Path) -> None:
    shop(tmp_path, models=SPEC.replace("Apache-2.0", "LicenseRef-Acme"))
    shown = run("models", "show", "detector:1", "--format", "huggingface", at=tmp_path).stdout
    assert "license: other\nlicense_name: licenseref-acme\n" in shown


def test_a_yanked_version_says_so_wherever_it_is_shown(tmp_path: Path) -> None:
    shop(tmp_path, models=SPEC.replace("1.onnx'}", "1.onnx', yanked: flickers}"))
    assert "  YANKED: flickers\n" in run("models", "show", "detector:1", at=tmp_path).stdout
    assert "base detector:1 (yanked: flickers)\n" in (
        run("models", "show", "detector:2", at=tmp_path).stdout
    )


def test_what_is_recorded_holds_the_published_schema(tmp_path: Path) -> None:
    shop(tmp_path)
    schema = json.loads(run("schema", "--metrics", at=tmp_path).stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    file = measured(tmp_path, MAP50, P95, by="eval@42", lineage={"trainedOn": "shelves"})
    validator.validate(json.loads(file.read_text()))
    assert run("models", "record", "detector:1", "--metrics", file, at=tmp_path).exit_code == 0
    assert "by: eval@42" in spec_text(tmp_path)
    wrong = {"format": "edgewright-metrics/1", "metrics": [{"name": "f1", "valeu": 1}]}
    assert {error.validator for error in validator.iter_errors(wrong)} == {
        "additionalProperties", "required",
    }  # fmt: skip
