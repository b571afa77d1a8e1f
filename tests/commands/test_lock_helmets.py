"""The helmet fleet locked against a real S3 server: its `select:` chooses by what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.commands import helmets
from tests.commands.locking import read_lock
from tests.commands.running import run, run_json
from tests.golden import cases
from tests.sidecar.support.s3 import ACCESS, S3, SECRET

BUCKET = "helmets"
UNMEASURED = """        metrics:
          - {name: map50, value: 0.84, dataset: "helmets:2026.1", split: test}
          - {name: p95, value: 24ms, profile: camera-box}
"""


@pytest.fixture
def folder(tmp_path: Path, s3: S3, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The fleet with its artifacts in a bucket, and a lock that knows its images alone."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for key, data in helmets.artifacts().items():
        s3.put(BUCKET, key, data)
    address = f'{{url: "s3://{BUCKET}", endpoint: "{s3.endpoint}", region: us-east-1}}'
    spec = helmets.spec(tmp_path, f"stores: {{main: {address}}}\n")
    path = spec / "edgewright.lock"
    head, *blocks = path.read_text(encoding="utf-8").split("\n\n")
    images = [block for block in blocks if block.startswith('"default.images.')]
    path.write_text("\n\n".join([head, *images]).rstrip() + "\n", encoding="utf-8")
    return tmp_path


def selected(folder: Path) -> dict[str, Any]:
    run_json("lock", "spec", at=folder)
    found: dict[str, Any] = (
        read_lock(folder / "spec/edgewright.lock")
        .entries["default", "targets", "little-model"]
        .model_dump(by_alias=True, exclude_none=True)
    )
    return found


def test_the_selection_of_the_helmet_fleet_is_locked_from_a_store_byte_for_byte(
    folder: Path, update: bool
) -> None:
    models = folder / "spec/models.yaml"
    text = models.read_text(encoding="utf-8")
    models.write_text(text.replace(UNMEASURED, ""), encoding="utf-8")
    before = selected(folder)
    assert before["version"] == "1"
    assert before["rejected"] == {
        "2": "a gate fails: map50 was not measured",
        "3": "a gate fails: p95 41ms at camera-box is not ≤ 30ms",
        "4": "it carries the licence of yolo:8, that it is made from: "
        "AGPL-3.0-only is not accepted",
    }
    models.write_text(text, encoding="utf-8")
    after = selected(folder)
    assert after["version"] == "2"
    assert after["reason"] == ("map50 0.84 on helmets:2026.1 (test) beats 1 with 0.81 by 0.03")
    made = (folder / "spec/edgewright.lock").read_text(encoding="utf-8")
    committed = helmets.CASE / "spec/edgewright.lock"
    if update:
        cases.write_text(committed, made)
    assert made == cases.read_text(committed)
    compiled = run("compile", "spec", "--locked", "--output", "out", at=folder)
    assert compiled.exit_code == 0, compiled.output


def test_a_version_that_is_not_better_enough_does_not_take_the_place_of_the_one_in_use(
    folder: Path,
) -> None:
    selected(folder)
    models = folder / "spec/models.yaml"
    text = models.read_text(encoding="utf-8").replace("value: 41ms", "value: 29ms")
    models.write_text(text, encoding="utf-8")
    found = selected(folder)
    assert found["version"] == "2"
    assert found["rejected"]["3"] == (
        "a gate fails: map50 0.86 on helmets:2026.1 (test) against 0.84 before is 0.02 better, "
        "and must be more than 0.02 better"
    )
