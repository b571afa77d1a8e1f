from __future__ import annotations

import contextlib
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from compiler.datasets import json_pieces
from compiler.model.counted import Counted
from compiler.model.splitting import Splits
from tests.datasets.held import Held, count, examples, problems, refusal

NAMES = {1: "cat", 2: "dog", 7: "bird"}


def image(number: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": f"{number}.jpg", "width": 100, "height": 50, **more}


def annotation(number: Any, of: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "image_id": of, "category_id": 1, "bbox": [1, 2, 10, 10.5], **more}


def document(images: list[Any], annotations: list[Any], **more: Any) -> dict[str, Any]:
    categories = [{"id": number, "name": name} for number, name in NAMES.items()]
    return {"images": images, "annotations": annotations, "categories": categories, **more}


def counted(data: Any, files: dict[str, bytes | str] | None = None, **asked: Any) -> Counted:
    text = data if isinstance(data, str) else json.dumps(data)
    return count("coco", {"a.json": text, **(files or {})}, **asked)


def there(*numbers: Any) -> dict[str, bytes | str]:
    return {f"{number}.jpg": f"content {number}" for number in numbers}


def test_each_problem_is_counted_and_named() -> None:
    data = document(
        [image(1), image(1), image(2), image(3, width=0), {"id": 4, "width": 9, "height": 9}],
        [
            annotation(1, 1),
            annotation(1, 1, category_id=9),
            annotation(2, 9),
            annotation(3, 1, bbox=[1, 1, 0, 5]),
            annotation(4, 1, bbox=[1, 1, -3, 5]),
            annotation(5, 1, bbox=[95, 1, 10, 5]),
            annotation(6, 1, bbox=[90, 1, 10.4, 5]),
            annotation(7, 3, bbox=[900, 1, 10, 5]),
            annotation(8, 1, bbox=[1, 2, 3]),
            annotation(9, 1, iscrowd=1, segmentation=[[1, 2, 3, 4]]),
            annotation(10, 1, iscrowd=1, segmentation={"counts": [1], "size": [9, 9]}),
            {"id": 11, "image_id": 1},
            "nonsense",
        ],
    )
    found = counted(data, there(1, 2, 5))
    assert found.samples == 5
    assert found.classes == {"cat": 9, "category 9": 1, "without a category": 1} | {
        "bird": 0,
        "dog": 0,
    }
    assert problems(found) == {
        "bad-record": 2,
        "crowd-without-mask": 1,
        "duplicate-file": 1,
        "duplicate-id": 2,
        "empty-box": 1,
        "image-size": 1,
        "missing-file": 2,
        "negative-box": 1,
        "outside-box": 1,
        "unknown-class": 2,
        "unknown-image": 1,
        "unlabelled": 2,
        "unlisted-file": 1,
    }
    assert examples(found, "outside-box") == ("annotation 5: [95, 1, 10, 5] in 100 × 50",)
    assert examples(found, "unknown-image") == ("annotation 2: image 9",)
    assert sum(found.grid) == 5
    assert found.label_map == {"1": "cat", "2": "dog", "7": "bird"}


@pytest.mark.parametrize("order", ["images first", "annotations first", "sorted"])
@pytest.mark.parametrize("indent", [None, 2])
def test_the_order_of_keys_and_the_layout_change_nothing(order: str, indent: int | None) -> None:
    chance = random.Random(1)
    images = [image(i, file_name=f"ordner/ü{i}\u2028.jpg") for i in range(3000)]
    annotations = [
        annotation(
            i, chance.randrange(2500), category_id=chance.choice([1, 2, 7]), text='}, {"id":'
        )
        for i in range(9000)
    ]
    data = document(images, annotations, info={"annotations": [{"id": 1}]})
    if order == "annotations first":
        data = {key: data[key] for key in ("annotations", "categories", "images")}
    text = json.dumps(data, sort_keys=order == "sorted", indent=indent, ensure_ascii=indent is None)
    found = counted(text)
    assert found.samples == 3000
    assert found.labels == 9000
    assert found.classes == Counter(NAMES[one["category_id"]] for one in annotations)
    named = {one["image_id"] for one in annotations}
    assert problems(found) == {"missing-file": 3000, "unlabelled": 3000 - len(named)}


def hostile(chance: random.Random) -> tuple[list[Any], list[Any]]:
    ids: list[Any] = list(range(60)) if chance.random() < 0.7 else [f"i{i}" for i in range(60)]
    extra: list[dict[str, Any]] = [
        {},
        {"segments_info": [{"id": 1, "category_id": 2}, {"id": 2}]},
        {"caption": '"bbox": }, {\\" ]'},
        {"segmentation": {"counts": "a}, {b\\", "size": [1, 2]}},
        {"näme": "\ud83d\ude00", "x": [[[{"id": 5}]], 1e-7, None, True]},
    ]
    images = [image(one, **chance.choice(extra)) for one in ids]
    annotations = [
        annotation(number, chance.choice([*ids, "none"]), **chance.choice(extra),
                   bbox=[chance.choice([0, 1, -1, 95.5]), 0, chance.choice([0, 3, 5, 50.25]), 5])
        for number in range(chance.randrange(400))
    ]  # fmt: skip
    return images, annotations


def boxes(annotations: list[Any], ids: set[Any]) -> dict[str, int]:
    """What is wrong with boxes, told in the plainest way."""
    found: Counter[str] = Counter()
    for one in annotations:
        left, _, width, _ = one["bbox"]
        if one["image_id"] not in ids:
            found["unknown-image"] += 1
        elif left < 0:
            found["negative-box"] += 1
        elif width == 0:
            found["empty-box"] += 1
        elif left + width > 100.5:
            found["outside-box"] += 1
    return dict(found)


@pytest.mark.parametrize("size", [200, 3000, 1 << 18])
def test_hostile_files_count_as_they_were_written_whatever_the_pieces(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_pieces, "PIECE", size)
    chance = random.Random(size)
    for _ in range(25):
        images, annotations = hostile(chance)
        ids = {one["id"] for one in images}
        text = json.dumps(document(images, annotations), indent=chance.choice([None, 1]))
        found = counted(text, {f"{one}.jpg": "x" for one in ids})
        assert found.samples == len(images)
        assert found.labels == len(annotations)
        left = ids - {one["image_id"] for one in annotations}
        told = problems(found)
        assert told.pop("unlabelled", 0) == len(left)
        assert told == boxes(annotations, ids)


def test_pycocotools_counts_the_same(tmp_path: Path) -> None:
    reason = "pip install pycocotools compares with it"
    module = pytest.importorskip("pycocotools.coco", reason=reason)
    chance = random.Random(9)
    annotations = [
        annotation(i, chance.randrange(190), category_id=chance.choice([1, 2, 7]))
        for i in range(2000)
    ]
    data = document([image(i) for i in range(200)], annotations)
    (tmp_path / "a.json").write_text(json.dumps(data))
    with contextlib.redirect_stdout(None):
        theirs = module.COCO(str(tmp_path / "a.json"))
    found = counted(data, there(*range(200)))
    assert found.samples == len(theirs.getImgIds())
    assert found.labels == len(theirs.getAnnIds())
    assert found.classes == {
        name: len(theirs.getAnnIds(catIds=[number])) for number, name in NAMES.items()
    }
    empty = [one for one in theirs.getImgIds() if not theirs.getAnnIds(imgIds=[one])]
    assert problems(found).get("unlabelled", 0) == len(empty)


WHOLE = json.dumps(document([image(i) for i in range(50)], [annotation(i, i) for i in range(50)]))


def test_a_file_cut_off_anywhere_is_refused_with_its_place() -> None:
    for end in range(0, len(WHOLE) - 1, 7):
        error = refusal("coco", {"a.json": WHOLE[:end]})
        assert error.code.id in ("E9102", "E9103")
        assert error.line == 1
        assert error.byte is not None
        assert error.byte <= end


REFUSED = {
    "utf-16": (WHOLE.encode("utf-16"), "E9101"),
    "a NUL byte": (WHOLE.replace('"5.jpg"', '"5\0.jpg"').encode(), "E9102"),
    "no UTF-8": (WHOLE.replace('"5.jpg"', '"5ä.jpg"').encode("latin-1"), "E9101"),
    "deep nesting": (b'{"images":[],"x":' + b"[" * 500_000, "E9103"),
    "deep nesting in an image": (b'{"images":[{"id":1,"x":' + b"[" * 500_000, "E9103"),
    "a key twice": (b'{"images":[],"annotations":[],"images":[]}', "E9107"),
    "a key twice in an image": (b'{"images":[{"id":1,"id":2}]}', "E9107"),
    "a key twice, spelt otherwise": (b'{"images":[{"id":1,"\\u0069d":2}]}', "E9107"),
    "NaN": (b'{"images":[{"id":1,"width":NaN}]}', "E9102"),
    "more after the end": (WHOLE.encode() + b"{}", "E9102"),
    "a list": (b"[]", "E9102"),
    "no list of images": (b'{"images":{}}', "E9102"),
    "no images": (b'{"annotations":[]}', "E9102"),
    "nothing": (b"", "E9102"),
    "gzip": (b"\x1f\x8b\x08", "E9101"),
    "an element without end": (b'{"images":[{"id":1,"x":"' + b"a" * (17 << 20), "E9103"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_such_file_is_refused(name: str) -> None:
    data, code = REFUSED[name]
    assert refusal("coco", {"a.json": data}).code.id == code


def test_the_place_of_a_fault_is_its_line_and_byte() -> None:
    text = json.dumps(document([image(i) for i in range(3)], []), indent=1)
    bad = text.replace('"file_name": "2.jpg"', '"file_name": 2.jpg')
    error = refusal("coco", {"a.json": bad})
    assert error.line == bad[: bad.index("2.jpg")].count("\n") + 1
    assert error.byte == bad.index("2.jpg") + 1
    assert str(error).startswith(f"a.json:{error.line}: expecting ',' delimiter")


def test_huge_numbers_are_counted_and_neither_crash_nor_pass() -> None:
    text = json.dumps(document([image(1), image(2**60)], [annotation(1, 1), annotation(2, 1)]))
    text = text.replace("10.5", "1e999", 1)
    found = counted(text, there(1, 2**60))
    assert problems(found) == {"bad-value": 2, "unlabelled": 1}


def test_of_several_json_files_the_spec_must_name_one() -> None:
    files = {"train.json": WHOLE, "b/val.json": WHOLE}
    error = refusal("coco", files)
    assert error.code.id == "E9106"
    assert 'annotations: "b/val.json"' in error.hint
    assert count("coco", files, annotations="train.json").samples == 50


def test_images_are_found_in_the_folder_that_holds_most_of_them() -> None:
    files = {"annotations/a.json": WHOLE, **{f"images/train/{i}.jpg": "x" for i in range(50)}}
    assert problems(count("coco", files)) == {}


def test_classes_in_another_order_than_declared_are_told() -> None:
    data = document([image(1)], [annotation(1, 1)])
    assert "class-order" not in problems(counted(data, classes=("cat", "dog", "bird")))
    assert problems(counted(data, classes=("dog", "cat", "bird")))["class-order"] == 1


SPLITS = Splits(3, (("train", 0.6), ("test", 0.4)))


def test_equal_images_and_equal_ids_are_in_one_part_and_a_new_image_moves_no_other() -> None:
    images = [image(i) for i in range(400)]
    files = there(*range(400))
    one = counted(document(images, []), files, splits=SPLITS)
    copies = [image(f"copy {i}", file_name=f"copy/{i}.jpg") for i in range(400)]
    copied: dict[str, bytes | str] = {f"copy/{i}.jpg": f"content {i}" for i in range(400)}
    twice = counted(document([*images, *copies], []), files | copied, splits=SPLITS)
    assert twice.splits == {name: 2 * samples for name, samples in one.splits.items()}
    again = [image(i, file_name=f"other/{i}.jpg") for i in range(400)]
    other: dict[str, bytes | str] = {f"other/{i}.jpg": f"other {i}" for i in range(400)}
    families = counted(document([*images, *again], []), files | other, splits=SPLITS)
    assert families.splits == twice.splits


def test_a_store_that_vouches_for_digests_is_not_read_and_the_split_is_the_same() -> None:
    import hashlib

    files = {"a.json": WHOLE, **there(*range(50))}
    vouched = {name: hashlib.sha256(str(data).encode()).hexdigest() for name, data in files.items()}
    read, told = Held(files), Held(files, vouched)
    assert count("coco", read, splits=SPLITS).splits == count("coco", told, splits=SPLITS).splits
    assert list(told.opened) == ["a.json"]
    assert len(read.opened) == 51


def test_samples_to_look_at_are_the_same_ones_every_time_with_their_boxes() -> None:
    annotations = [annotation(i, i % 50, category_id=2) for i in range(100)]
    data = document([image(i) for i in range(50)], annotations)
    found = counted(data, there(*range(50)), pictures=4)
    assert len(found.pictures) == 4
    for picture in found.pictures:
        assert [box.label for box in picture.boxes] == ["dog", "dog"]
        assert picture.boxes[0].left == pytest.approx(0.01)
    assert found.pictures == counted(data, there(*range(50)), pictures=4).pictures
