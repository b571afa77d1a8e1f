"""Datasets in a real S3 server count as the same files in memory do."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from compiler.adapters.stores import AllStores
from compiler.model.counted import Counted, UncountableError
from compiler.model.inputs import Location
from compiler.model.spec.artifacts import DatasetSpec
from compiler.model.stored import StoreError
from compiler.workflows.counting import count as count_stored
from tests.datasets.held import count
from tests.datasets.test_archive import FILES, packed
from tests.datasets.test_coco import annotation, document, image
from tests.sidecar.support.s3 import ACCESS, S3, SECRET

SPLITS = {"seed": 3, "parts": {"train": 0.5, "test": 0.5}}


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def stored(s3: S3, bucket: str, files: Mapping[str, bytes | str]) -> None:
    for name, data in files.items():
        s3.put(bucket, name, data.encode() if isinstance(data, str) else data)


def counted(s3: S3, path: str, form: str, unpack: str | None = None, **more: object) -> Counted:
    version = {"uri": f"main:{path}", "unpack": unpack} if unpack else {"uri": f"main:{path}"}
    dataset = DatasetSpec.model_validate({"format": form, "versions": {"1": version}, **more})
    at = Location(f"s3://{path}", endpoint=s3.endpoint, region="us-east-1")
    return count_stored(AllStores(), dataset, "1", at)


def test_folders_of_small_files_are_read_side_by_side(s3: S3) -> None:
    stored(s3, "counted-yolo", {f"set/{name}": data for name, data in FILES.items()})
    found = counted(s3, "counted-yolo/set/", form="yolo", splits=SPLITS)
    assert found.samples == 50
    assert found.classes == {"cat": 25, "dog": 25}
    assert sum(found.splits.values()) == 50


def test_annotations_before_their_images_are_read_by_a_range(s3: S3) -> None:
    annotations = [annotation(i, i % 300) for i in range(6000)]
    data = document([image(i) for i in range(300)], annotations)
    text = json.dumps(dict(sorted(data.items())))
    files = {"a.json": text, **{f"{i}.jpg": "x" for i in range(300)}}
    stored(s3, "counted-coco", files)
    found = counted(s3, "counted-coco/", form="coco")
    assert found == count("coco", files)
    assert found.classes["cat"] == 6000


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_an_archive_is_counted_without_being_kept(s3: S3, form: str) -> None:
    stored(s3, "counted-archives", {f"a.{form}": packed(FILES, form)})
    found = counted(s3, f"counted-archives/a.{form}", form="yolo", unpack=form)
    assert found == count("yolo", FILES)


def test_one_object_is_a_dataset_too(s3: S3) -> None:
    stored(s3, "counted-one", {"t.csv": "label\na\nb\n"})
    assert counted(s3, "counted-one/t.csv", form="csv").classes == {"a": 1, "b": 1}
    with pytest.raises(StoreError):
        counted(s3, "counted-one/gone.csv", form="csv")
    stored(s3, "counted-one", {"u.csv": "label\n".encode("utf-16")})
    with pytest.raises(UncountableError, match=r"u.csv:1: this is UTF-16"):
        counted(s3, "counted-one/u.csv", form="csv")
