"""For each CEL rule of our definitions: specs that it takes and specs that it refuses.

Each is the smallest spec of its kind changed as stated here; None takes a field away. Where a
rule is about a change, the smallest object is there first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
DIGEST = "0" * 64
SMALLEST: Mapping[str, Json] = {
    "Dataset": {"project": "one", "dataset": "shelves", "format": "coco"},
    "InferenceModel": {"job": "watch", "model": "shelf", "site": "north", "digest": DIGEST},
    "TrainingModel": {"project": "one", "model": "shelf"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A rule by kind, place and message; `field` is what the server names on refusal."""

    kind: str
    at: str
    message: str
    field: str
    right: Sequence[Json]
    wrong: Sequence[Json]
    on_change: bool = False


def _immutable(kind: str, name: str) -> Case:
    return Case(
        kind=kind,
        at=f"spec.{name}",
        message=f"{name} cannot change",
        field=f"spec.{name}",
        on_change=True,
        right=({}, {"environment": "other"}),
        wrong=({name: "other"},),
    )


_OPEN_URLS = (
    "https://store.example.com/a/b.onnx",
    "https://user@store.example.com/b.onnx",
    "s3://bucket/path:with@signs/b.onnx",
    "host:/srv/model",
)
# Put together here, so that no line looks like a credential that leaked.
_SECRET_URLS = tuple(
    f"{scheme}://{who}@store.example.com/b.onnx"
    for scheme, who in (("https", "user:word"), ("s3", ":word"), ("git+ssh", "user:"))
)

CASES = (
    Case(
        kind="Dataset",
        at="spec",
        message="a dataset has versions, or local shares, not both",
        field="spec",
        right=(
            {},
            {"versions": [{"version": "1"}]},
            {"local": [{"site": "north", "path": "/srv"}]},
        ),
        wrong=({"versions": [{"version": "1"}], "local": [{"site": "north", "path": "/srv"}]},),
    ),
    _immutable("Dataset", "project"),
    _immutable("Dataset", "dataset"),
    Case(
        kind="Dataset",
        at="spec.versions[]",
        message="url must not contain a user and password",
        field="spec.versions[0]",
        right=[{"versions": [{"version": "1", "url": url}]} for url in _OPEN_URLS],
        wrong=[{"versions": [{"version": "1", "url": url}]} for url in _SECRET_URLS],
    ),
    Case(
        kind="InferenceModel",
        at="spec",
        message="targetVersion must be a version of the manifest",
        field="spec.targetVersion",
        right=(
            {"targetVersion": "1"},
            {"targetVersion": "1", "manifest": [{"version": "1", "downloadURL": "s3://a/b"}]},
            {
                "targetVersion": "2",
                "image": "registry.example.com/one:2",
                "manifest": [{"version": "1", "downloadURL": "s3://a/b"}],
            },
        ),
        wrong=(
            {"targetVersion": "2", "manifest": [{"version": "1", "downloadURL": "s3://a/b"}]},
            {"targetVersion": "2", "manifest": []},
        ),
    ),
    Case(
        kind="InferenceModel",
        at="spec",
        message="a serveVersion belongs to a digest",
        field="spec.serveVersion",
        right=(
            {"serveVersion": 3},
            {"serveVersion": 3, "digest": None, "delivery": "native"},
        ),
        wrong=(
            {"serveVersion": 3, "digest": None},
            {"serveVersion": 3, "digest": None, "delivery": "sidecar"},
        ),
    ),
    Case(
        kind="InferenceModel",
        at="spec",
        message="url must not contain a user and password",
        field="spec.url",
        right=[{"url": url} for url in _OPEN_URLS],
        wrong=[{"url": url} for url in _SECRET_URLS],
    ),
    _immutable("InferenceModel", "job"),
    _immutable("InferenceModel", "model"),
    _immutable("InferenceModel", "site"),
    Case(
        kind="InferenceModel",
        at="spec.manifest[]",
        message="downloadURL must not contain a user and password",
        field="spec.manifest[0]",
        right=[{"manifest": [{"version": "1", "downloadURL": url}]} for url in _OPEN_URLS],
        wrong=[{"manifest": [{"version": "1", "downloadURL": url}]} for url in _SECRET_URLS],
    ),
    Case(
        kind="TrainingModel",
        at="spec",
        message="target must be one of the versions",
        field="spec.target",
        right=({"target": "1"}, {"target": "1", "versions": [{"version": "1"}]}),
        wrong=(
            {"target": "2", "versions": [{"version": "1"}]},
            {"target": "2", "versions": []},
        ),
    ),
    Case(
        kind="TrainingModel",
        at="spec",
        message="target must not be a yanked version",
        field="spec.target",
        right=({"target": "1", "versions": [{"version": "1"}, {"version": "2", "yanked": "x"}]},),
        wrong=({"target": "2", "versions": [{"version": "1"}, {"version": "2", "yanked": "x"}]},),
    ),
    _immutable("TrainingModel", "project"),
    _immutable("TrainingModel", "model"),
    Case(
        kind="TrainingModel",
        at="spec.versions[]",
        message="url must not contain a user and password",
        field="spec.versions[0]",
        right=[{"versions": [{"version": "1", "url": url}]} for url in _OPEN_URLS],
        wrong=[{"versions": [{"version": "1", "url": url}]} for url in _SECRET_URLS],
    ),
)
