from __future__ import annotations

import pytest

from tests.datasets.held import Held, count, examples, problems, refusal

DATA = "names: [cat, dog]\nnc: 2\ntrain: images/train\nval: images/val\n"


def test_each_problem_is_counted_and_named() -> None:
    files = {
        "data.yaml": DATA,
        "images/train/a.jpg": "1",
        "labels/train/a.txt": "0 0.5 0.5 0.2 0.4\n1 0.5 0.5 0 0.1\n5 0.5 0.5 0.1 0.1\n\n",
        "images/train/b.jpg": "2",
        "labels/train/b.txt": "0 0.95 0.5 0.2 0.2\n0 -0.1 0.5 0.1 0.1\n0 0.5 0.5\nx 1 1 1 1\n",
        "images/train/c.jpg": "3",
        "images/train/d.jpg": "",
        "labels/train/d.txt": "",
        "labels/train/gone.txt": "0 0.5 0.5 0.1 0.1\n",
    }
    found = count("yolo", files)
    assert found.samples == 4
    assert found.classes == {"cat": 3, "dog": 1, "class 5": 1}
    assert problems(found) == {
        "bad-record": 2,
        "empty-box": 1,
        "empty-file": 1,
        "missing-file": 1,
        "negative-box": 1,
        "orphan-label": 1,
        "outside-box": 1,
        "unknown-class": 1,
        "unlabelled": 2,
    }
    assert examples(found, "missing-file") == ("data.yaml: val: images/val",)
    assert examples(found, "outside-box") == ("labels/train/b.txt:1: 0 0.95 0.5 0.2 0.2",)
    assert found.label_map == {"0": "cat", "1": "dog"}
    assert sum(found.grid) == 2


def test_an_outline_has_the_box_around_it_and_keypoints_come_after_a_box() -> None:
    images = {"images/a.jpg": "1", "data.yaml": "names: {0: cat}\n"}
    outline = count("yolo", images | {"labels/a.txt": "0 0.1 0.1 0.3 0.1 0.2 0.6\n"})
    assert (outline.labels, problems(outline)) == (1, {})
    assert outline.grid.index(1) == 10 * 20 + 3 or outline.grid.index(1) == 10 * 20 + 4
    pose = images | {"data.yaml": "names: {0: cat}\nkpt_shape: [2, 3]\n"}
    good = count("yolo", pose | {"labels/a.txt": "0 .5 .5 .1 .1 .1 .1 2 .2 .2 0\n"})
    assert (good.labels, problems(good)) == (1, {})
    short = count("yolo", pose | {"labels/a.txt": "0 .5 .5 .1 .1\n"})
    assert problems(short) == {"bad-record": 1}


def test_without_data_yaml_the_declared_classes_number_the_labels() -> None:
    files = {"a.jpg": "1", "a.txt": "1 0.5 0.5 0.1 0.1"}
    assert count("yolo", files, classes=("cat", "dog")).classes == {"cat": 0, "dog": 1}


def test_names_in_another_order_than_declared_are_told() -> None:
    files = {"data.yaml": DATA, "images/a.jpg": "1", "labels/a.txt": "0 0.5 0.5 0.1 0.1"}
    assert problems(count("yolo", files, classes=("dog", "cat")))["class-order"] == 1


BAD: dict[str, tuple[str | bytes, str, str]] = {
    "other numbers": ("names: {0: a, 2: b}\n", "E9102", "without a gap"),
    "another nc": ("names: [a]\nnc: 3\n", "E9102", "nc is 3"),
    "no names": ("train: images\n", "E9102", "no names"),
    "no YAML": ("names: [a\n", "E9102", ""),
    "names of names": ("a: &a [x,x]\nb: &b [*a,*a]\nnames: [*b,*b]\n", "E9102", ""),
    "UTF-16": ("names: [a]".encode("utf-16"), "E9101", "iconv"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_data_yaml_that_names_nothing_is_refused(name: str) -> None:
    data, code, words = BAD[name]
    error = refusal("yolo", {"data.yaml": data, "images/a.jpg": ""})
    assert error.code.id == code
    assert words in f"{error} {error.hint}"


def test_many_backgrounds_between_labelled_images_keep_their_order() -> None:
    files: dict[str, bytes | str] = {"data.yaml": "names: [cat]\n"}
    for i in range(500):
        files[f"images/{i:04}.jpg"] = str(i)
        if i % 7 == 0:
            files[f"labels/{i:04}.txt"] = "0 0.5 0.5 0.1 0.1\n" * (i % 3 + 1)
    held = Held(files)
    found = count("yolo", held)
    assert found.samples == 500
    assert found.labels == sum(i % 3 + 1 for i in range(0, 500, 7))
    assert problems(found) == {"unlabelled": 500 - len(range(0, 500, 7))}
    assert all(times == 1 for times in held.opened.values())
