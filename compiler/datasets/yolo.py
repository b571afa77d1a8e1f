"""YOLO: an image, and beside `images/` under `labels/` a text file with one object a line.

An object is a class and a box (4 numbers), an outline (6 or more, in pairs) or, where data.yaml
has `kpt_shape`, a box and its keypoints; all in shares of the image. An image without a text
file is background. `train`, `val` and `test` of data.yaml must name folders or lists that are
there, but the spec's own split decides on parts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from compiler.datasets.boxes import box_fault
from compiler.datasets.each import contents, small
from compiler.datasets.lines import Block, started
from compiler.datasets.listing import Listing, chosen, images
from compiler.datasets.tally import Tally
from compiler.datasets.yolo_names import YoloNames, read_names
from compiler.model.counted import Box, Counted, CountRequest, DatasetFormat, Picture
from compiler.model.ports import Files

_BOX: Final = 4
_SLACK: Final = 1e-3
"""Shares are rounded, often to three or four digits."""


def count(files: Files, request: CountRequest) -> Counted:
    """Count the images of a dataset and the objects in their label files.

    Raises:
        UncountableError: data.yaml or a label file is not what it should be.
    """
    return _Reader(files, request).counted()


FORMAT = DatasetFormat("yolo", "YOLO", count)


def label_file(image: str) -> str:
    """The path of the label file of an image."""
    stem = image.rpartition(".")[0]
    before, found, after = f"/{stem}".rpartition("/images/")
    return f"{before}/labels/{after}.txt".removeprefix("/") if found else f"{stem}.txt"


class _Reader:
    def __init__(self, files: Files, request: CountRequest) -> None:
        self.files = files
        self.tally = Tally(request)
        self.names = self._names(files, request)
        self.listing = Listing(files, request.splits)
        own = {self.names.file, *self.names.lists}
        self.labels = Listing(
            files, fits=lambda name: name.endswith(".txt") and name not in own and _is_label(name)
        )
        self.shown: dict[str, tuple[Box, ...]] = {}

    def counted(self) -> Counted:
        """Read every label file and sum up."""
        tally = self.tally
        for image, text in self._texts():
            boxes = tuple(self._objects(label_file(image), text))
            tally.unlabelled += not text.strip()
            if tally.offer(image):
                self.shown[image] = boxes
        self.listing.report(tally)
        self.labels.report(tally, "orphan-label")
        self.names.check_folders(self.listing, tally)
        tally.take_label_map({str(at): name for at, name in enumerate(self.names.names)})
        tally.pictures += [Picture(name, boxes=self.shown[name]) for name in tally.chosen()]
        return tally.counted()

    def _names(self, files: Files, request: CountRequest) -> YoloNames:
        there = [one.name for one in files.names() if one.name.endswith((".yaml", ".yml"))]
        if not there and not request.annotations:
            return YoloNames("", request.classes)
        (name,) = chosen(files, request.annotations, lambda name: name in there, "data.yaml")
        return read_names(name, started(small(files, name), name))

    def _texts(self) -> Iterator[tuple[str, bytes]]:
        """Each image with the bytes of its label file; no bytes where it has none."""
        waiting: deque[str] = deque()

        def labelled() -> Iterator[str]:
            for one in images(self.files):
                self._take_image(one.name)
                waiting.append(one.name)
                if self.labels.take(label_file(one.name)) != "missing-file":
                    yield label_file(one.name)

        for label, data in contents(self.files, labelled()):
            while waiting and label_file(waiting[0]) != label:
                yield waiting.popleft(), b""
            yield waiting.popleft(), data
        yield from ((image, b"") for image in waiting)

    def _take_image(self, name: str) -> None:
        self.tally.samples += 1
        self.listing.take(name)
        if self.tally.division is not None:
            self.tally.division.add(self.listing.place(name) or 0)

    def _objects(self, file: str, data: bytes) -> Iterator[Box]:
        block = Block(file, started(data, file) if data else b"", 1, 0)
        if b"\0" in block.data:
            raise block.refused(block.data.find(0), "a NUL byte")
        for number, line in enumerate(block.text.split("\n"), 1):
            fields = line.split()
            if fields:
                yield from self._object(fields, f"{file}:{number}")

    def _object(self, fields: list[str], place: str) -> Iterator[Box]:
        try:
            numbers = [float(field) for field in fields[1:]]
            number = int(fields[0])
        except ValueError:
            self.tally.problem("bad-record", f"{place}: {' '.join(fields)[:60]}")
            return
        box = self._box(numbers)
        if box is None:
            self.tally.problem("bad-record", f"{place}: {len(fields)} fields")
            return
        known = 0 <= number < len(self.names.names)
        name = self.names.names[number] if known else f"class {number}"
        if known:
            self.tally.label(name, place)
        else:
            self.tally.take_class(name, 1, known=False)
        fault = "negative-box" if min(numbers[:_BOX]) < 0 else _fault(box)
        if fault:
            self.tally.problem(fault, f"{place}: {' '.join(fields)[:60]}")
            return
        self.tally.box(box[2], box[3])
        yield Box(name, *box)

    def _box(self, numbers: list[float]) -> tuple[float, float, float, float] | None:
        """The box of an object from its numbers; None where their count fits no form."""
        if len(numbers) == _BOX + self.names.keypoints:
            across, down, width, height = numbers[:_BOX]
            return across - width / 2, down - height / 2, width, height
        if self.names.keypoints or len(numbers) < _BOX + 2 or len(numbers) % 2:
            return None
        lefts, tops = numbers[::2], numbers[1::2]
        return min(lefts), min(tops), max(lefts) - min(lefts), max(tops) - min(tops)


def _fault(box: tuple[float, float, float, float]) -> str:
    left, top, width, height = box
    if width >= 0 <= height and (left < -_SLACK or top < -_SLACK):
        return "outside-box"
    return box_fault((max(left, 0), max(top, 0), width, height), 1, 1, _SLACK)


def _is_label(name: str) -> bool:
    """Notes of the uploader are no labels: those lie under `labels/` or beside images."""
    return "labels/" in name or name.rpartition("/")[2].lower() not in (
        "readme.txt", "classes.txt", "license.txt", "readme.dataset.txt", "readme.roboflow.txt",
    )  # fmt: skip
