from __future__ import annotations

import random
from collections import Counter

import pytest

from compiler.model.splitting import Splits
from tests.datasets.held import count, examples, problems, refusal


def box(*corners: float, name: str = "cat", more: str = "") -> str:
    sides = ("xmin", "ymin", "xmax", "ymax")
    inner = "".join(f"<{s}>{c}</{s}>" for s, c in zip(sides, corners, strict=False))
    return f"<object><name>{name}</name>{more}<bndbox>{inner}</bndbox></object>"


def xml(*objects: str, file: str = "a.jpg", size: tuple[int, int] = (100, 50)) -> str:
    width, height = size
    return (
        f"<annotation><filename>{file}</filename><size><width>{width}</width>"
        f"<height>{height}</height></size>{''.join(objects)}</annotation>"
    )


def test_each_problem_is_counted_and_named() -> None:
    files = {
        "Annotations/a.xml": xml(box(1, 1, 50, 50), box(9, 9, 9, 20), box(9, 9, 5, 20)),
        "Annotations/b.xml": xml(box(1, 1, 120, 20, name="dog"), file="b.jpg"),
        "Annotations/c.xml": xml(file="gone.jpg", size=(0, 0)),
        "Annotations/d.xml": "<annotation><object>",
        "Annotations/e.xml": xml(box(1, 2), box(1, 1, 2, 2, name=""), file="a.jpg"),
        "Annotations/f.xml": xml().replace("<size>", "<size><width>1</width>"),
        "JPEGImages/a.jpg": "1",
        "JPEGImages/b.jpg": "",
        "JPEGImages/z.jpg": "3",
    }
    found = count("voc", files, classes=("cat", "bird"))
    assert found.samples == 4
    assert found.classes == {"cat": 4, "bird": 0, "dog": 1, "without a name": 1}
    assert problems(found) == {
        "bad-record": 2,
        "duplicate-file": 1,
        "duplicate-key": 1,
        "empty-box": 1,
        "empty-class": 1,
        "empty-file": 1,
        "image-size": 1,
        "missing-file": 1,
        "negative-box": 1,
        "outside-box": 1,
        "unknown-class": 2,
        "unlabelled": 1,
        "unlisted-file": 1,
    }
    assert examples(found, "outside-box") == ("Annotations/b.xml: dog [1, 1, 120, 20] in 100 × 50",)
    assert sum(found.grid) == 2


def test_boxes_of_parts_of_a_body_are_no_boxes_of_their_own() -> None:
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"
    found = count("voc", {"a.xml": xml(box(1, 1, 5, 5, more=part * 2)), "a.jpg": "1"})
    assert (found.samples, found.labels, problems(found)) == (1, 1, {})


BOMB = '<!DOCTYPE a [<!ENTITY x "haha">]>'
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("declared", [BOMB, OUTSIDE, '<!DOCTYPE a SYSTEM "a.dtd">'])
def test_a_document_type_is_refused_whatever_it_declares(declared: str) -> None:
    text = f'<?xml version="1.0"?>\n{declared}{xml(box(1, 1, 5, 5, name="&x;"))}'
    error = refusal("voc", {"a.xml": text})
    assert error.code.id == "E9104"
    assert error.line == 2


def test_nesting_and_other_encodings_are_counted_and_read_no_further() -> None:
    deep = "<annotation>" + "<a>" * 100_000
    files: dict[str, bytes | str] = {"a.xml": deep, "d.xml": xml(), "a.jpg": ""}
    files |= {"b.xml": xml().encode("utf-16"), "c.xml": b"\xff" + xml().encode()}
    found = count("voc", files)
    assert found.samples == 1
    assert problems(found)["bad-record"] == 3
    assert "nested more than 50 deep" in examples(found, "bad-record")[0]


def test_a_file_of_labels_beyond_any_sense_is_refused() -> None:
    assert refusal("voc", {"a.xml": b" " * (5 << 20)}).code.id == "E9103"
    assert refusal("voc", {"a.jpg": b""}).code.id == "E9105"


def test_many_files_count_as_they_were_written_and_a_split_follows_the_image() -> None:
    chance = random.Random(2)
    truth: Counter[str] = Counter()
    files: dict[str, bytes | str] = {}
    for i in range(300):
        names = chance.choices(["cat", "dog", "ü&amp;"], k=chance.randrange(5))
        truth.update(name.replace("&amp;", "&") for name in names)
        objects = (box(1, 1, 5, 5, name=name) for name in names)
        files[f"VOC/Annotations/{i}.xml"] = xml(*objects, file=f"{i}.png")
        files[f"VOC/JPEGImages/{i}.png"] = f"content {i}"
    found = count("voc", files, splits=Splits(1, (("a", 0.5), ("b", 0.5))))
    assert found.samples == 300
    assert found.classes == truth
    assert sum(found.splits.values()) == 300
    moved = {name.replace("VOC/", "other/"): data for name, data in files.items()}
    assert count("voc", moved, splits=Splits(1, (("a", 0.5), ("b", 0.5)))).splits == found.splits
