"""A shop with two versions of a detector, a dataset and files of metrics, for tests of models."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.commands.locking import fleet
from tests.commands.running import run

SPEC = """\
# what the shop sees
datasets:
  shelves:
    format: coco
    classes: [bottle, can]
    versions: {"2026.1": {uri: "main:data/shelves/", annotations: a.json}}
    splits: {seed: 7, parts: {train: 0.8, test: 0.2}}
models:
  detector:
    task: object-detection
    framework: onnx
    license: Apache-2.0
    classes: [bottle, can]
    signature: {inputs: [{name: image, datatype: UINT8, shape: [-1, 640, 640, 3]}]}
    versions:
      "1": {uri: 'main:detector/1.onnx'}   # the first
      "2":
        uri: "main:detector/2.onnx"  # better
        needs: {arch: amd64}
        metrics:
          - {name: map50, value: 0.61, dataset: "shelves:2026.1", split: test}   # by hand
        lineage: {base: "detector:1", trainedOn: "shelves:2026.1"}
    gates: [{metric: map50, atLeast: 0.5}]
    target: "2"  # OPS-7
"""
FILES = {
    "detector/1.onnx": b"one",
    "detector/2.onnx": b"two",
    "data/shelves/a.json": b'{"images":[],"annotations":[],"categories":[]}',
}
MAP50 = {"name": "map50", "value": 0.65, "dataset": "shelves:2026.1", "split": "test"}
P95 = {"name": "p95", "value": "24ms", "profile": "box"}


def shop(folder: Path, *, models: str = SPEC, locked: bool = True) -> Path:
    """The fleet in a folder, locked."""
    fleet(folder, models=models, files=FILES)
    if locked:
        result = run("lock", at=folder)
        assert result.exit_code == 0, result.output
    return folder


def measured(folder: Path, *metrics: dict[str, Any], **keys: Any) -> Path:
    """A file of metrics, as a program writes one."""
    path = folder / "metrics.json"
    document = {"format": "edgewright-metrics/1", "metrics": list(metrics), **keys}
    path.write_text(json.dumps({key: one for key, one in document.items() if one}, indent=2))
    return path


def spec_text(folder: Path) -> str:
    """The file of the models as it is now."""
    return (folder / "specs/models.yaml").read_text()
