from __future__ import annotations

from tests.datasets.held import count, examples, problems, refusal


def test_a_line_is_a_path_and_its_labels() -> None:
    files = {
        "list.txt": "\ufeff# images\na.jpg cat\nb.jpg\tbig dog\n\nc.jpg\nd.jpg cat dog\n"
        "a.jpg cat\r\n",
        "a.jpg": "1", "b.jpg": "2", "c.jpg": "3", "e.jpg": "4",
    }  # fmt: skip
    found = count("txt", files, annotations="list.txt", classes=("cat", "dog"))
    assert found.samples == 5
    assert found.classes == {"cat": 3, "dog": 1, "big dog": 1}
    assert problems(found) == {
        "duplicate-id": 1,
        "missing-file": 1,
        "unknown-class": 1,
        "unlabelled": 1,
        "unlisted-file": 1,
    }
    assert examples(found, "missing-file") == ("list.txt:6: d.jpg",)


def test_a_field_of_five_numbers_is_a_box() -> None:
    lines = "x/a.jpg 1,2,30,40,helmet 5,5,5,9,1 9,9,2,12,1 -1,0,3,3,1 1,2,3\n"
    found = count("txt", {"x/a.txt": lines, "x/x/a.jpg": "1"})
    assert found.classes == {"1": 3, "1,2,3": 1, "helmet": 1}
    assert problems(found) == {"empty-box": 1, "negative-box": 2}


def test_a_list_in_another_encoding_is_refused_and_of_several_one_is_named() -> None:
    assert refusal("txt", {"a.txt": "a.jpg ü".encode("latin-1")}).line == 1
    assert refusal("txt", {"a.txt": "", "b.txt": ""}).code.id == "E9106"
