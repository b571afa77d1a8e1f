"""Pascal VOC: one XML file for each image, with corners counted from 1, both included.

A sample is an XML file. A document type is refused, whatever it declares: entities are how a
small file becomes a large one or reads another. A single file that is no such XML is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from compiler.datasets.boxes import box_fault
from compiler.datasets.each import contents
from compiler.datasets.listing import Listing
from compiler.datasets.tally import Tally, identity_of
from compiler.datasets.voc_xml import VocImage, VocObject, VocXmlError, read_voc
from compiler.model.codes import dataset as codes
from compiler.model.counted import (
    Box,
    Counted,
    CountRequest,
    DatasetFormat,
    Picture,
    UncountableError,
)
from compiler.model.ports import Files
from compiler.model.splitting import place_of

_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG", ".bmp", ".webp")


def count(files: Files, request: CountRequest) -> Counted:
    """Count the XML files of a dataset and the objects in them.

    Raises:
        UncountableError: there is no XML file, or one declares a document type.
    """
    reader = _Reader(files, request)
    for name, data in contents(files, _annotations(files, request.annotations)):
        reader.take(name, data)
    return reader.counted()


FORMAT = DatasetFormat("voc", "Pascal VOC", count)


def _annotations(files: Files, wanted: str) -> Iterator[str]:
    """The XML files, or those below a folder or of the one name that the spec gives."""
    found = False
    for one in files.names():
        if one.name.lower().endswith(".xml") and _below(one.name, wanted):
            found = True
            yield one.name
    if not found:
        raise UncountableError(
            codes.DATASET_NO_FILE,
            f"there is no XML file {f'below {wanted}' if wanted else 'in the dataset'}",
            "write `annotations:` with the folder of the XML files below the version's uri",
        )


def _below(name: str, wanted: str) -> bool:
    folder = wanted.rstrip("/")
    return not wanted or name == folder or name.startswith(f"{folder}/")


class _Reader:
    def __init__(self, files: Files, request: CountRequest) -> None:
        self.tally = Tally(request)
        self.listing = Listing(files, request.splits)
        self.shown: dict[str, tuple[Box, ...]] = {}

    def take(self, name: str, data: bytes) -> None:
        """Count one XML file."""
        try:
            image = read_voc(data)
        except VocXmlError as error:
            if error.declares:
                raise UncountableError(
                    codes.DATASET_ENTITIES, error.message, "remove <!DOCTYPE …> from the file",
                    file=name, line=error.line, byte=error.byte,
                ) from None  # fmt: skip
            self.tally.problem(error.kind, f"{name}:{error.line}: {error.message}")
            return
        self.tally.samples += 1
        self.tally.unlabelled += not image.objects
        if image.width <= 0 or image.height <= 0:
            self.tally.problem("image-size", name)
        boxes = tuple(self._boxes(image, name))
        self._take_file(image, name, boxes)

    def counted(self) -> Counted:
        """Everything found."""
        self.listing.report(self.tally)
        self.tally.pictures += [
            Picture(name, boxes=self.shown[name]) for name in self.tally.chosen()
        ]
        return self.tally.counted()

    def _boxes(self, image: VocImage, name: str) -> Iterator[Box]:
        for one in image.objects:
            if one.name:
                self.tally.label(one.name, name)
            else:
                self.tally.take_class("without a name", 1, known=False)
            if one.corners is None:
                self.tally.problem("bad-record", f"{name}: {one.name}: no four corners")
                continue
            box = _box(one)
            fault = box_fault(box, image.width, image.height)
            if fault:
                shown = ", ".join(f"{number:g}" for number in one.corners)
                size = f"{image.width:g} × {image.height:g}"
                self.tally.problem(fault, f"{name}: {one.name} [{shown}] in {size}")
            elif image.width > 0 and image.height > 0:
                left, top, width, height = box
                self.tally.box(width / image.width, height / image.height)
                yield Box(
                    one.name, left / image.width, top / image.height,
                    width / image.width, height / image.height,
                )  # fmt: skip

    def _take_file(self, image: VocImage, name: str, boxes: tuple[Box, ...]) -> None:
        found = next(filter(self.listing.has, _candidates(image.filename, name)), "")
        if not found:
            self.tally.problem("missing-file", f"{name}: {image.filename or 'no filename'}")
        elif fault := self.listing.take(found):
            self.tally.problem(fault, f"{name}: {image.filename}")
        elif self.tally.offer(found):
            self.shown[found] = boxes
        if self.tally.division is not None:
            place = self.listing.place(found) if found else None
            if place is None:
                place = place_of(self.tally.division.splits.seed, name.encode())
            self.tally.division.add(place, identity_of(found or name))


def _box(one: VocObject) -> tuple[float, float, float, float]:
    """Left, top, width and height. Both corners are included, and yet equal ones are no box.

    Files that count from 0 are as frequent as those that count from 1, so 0 is no fault.
    """
    left, top, right, bottom = one.corners or (0, 0, 0, 0)
    return left, top, right - left, bottom - top


def _candidates(filename: str, name: str) -> Iterator[str]:
    """Where the image of an XML file may be: in the folder beside, or in the same folder."""
    folder, _, own = f"/{name}".rpartition("/")
    beside = folder.rpartition("/")
    stem = own.rpartition(".")[0]
    swapped = f"/{name}".replace("/Annotations/", "/JPEGImages/").rpartition("/")[0]
    for place in dict.fromkeys((swapped, f"{beside[0]}/images", f"{beside[0]}/JPEGImages", folder)):
        for file in (filename, *(f"{stem}{suffix}" for suffix in _SUFFIXES)):
            if file:
                yield f"{place}/{file}".removeprefix("/")
