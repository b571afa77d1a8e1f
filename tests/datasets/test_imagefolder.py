from __future__ import annotations

from compiler.model.splitting import Splits
from tests.datasets.held import Held, count, problems


def test_the_listing_alone_tells_classes() -> None:
    files = {"cat/1.jpg": "1", "cat/deep/2.PNG": "2", "dog/3.jpg": "", "4.jpg": "4",
             "dog/note.txt": "", "readme.md": "", "dog/.DS_Store": ""}  # fmt: skip
    held = Held(files)
    found = count("imagefolder", held, classes=("cat", "bird"))
    assert found.samples == 4
    assert found.classes == {"cat": 2, "bird": 0, "dog": 1}
    assert problems(found) == {
        "empty-class": 1,
        "empty-file": 1,
        "foreign-file": 1,
        "unknown-class": 1,
        "unlabelled": 1,
    }
    assert held.opened == {}


def test_folders_of_parts_are_no_classes() -> None:
    files = {"train/cat/1.jpg": "1", "val/cat/1.jpg": "2", "Test/dog/1.jpg": "3"}
    assert count("imagefolder", files).classes == {"cat": 2, "dog": 1}


def test_a_copy_in_another_class_is_in_the_same_part() -> None:
    splits = Splits(5, (("train", 0.5), ("test", 0.5)))
    one: dict[str, bytes | str] = {f"cat/{i}.jpg": f"content {i}" for i in range(200)}
    copy = {name.replace("cat", "dog"): data for name, data in one.items()}
    found = count("imagefolder", one, splits=splits).splits
    both = count("imagefolder", one | copy, splits=splits).splits
    assert both == {name: 2 * samples for name, samples in found.items()}
