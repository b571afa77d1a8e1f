"""Image lists: on each line the path of an image, then its labels or its boxes.

Fields are parted by a tab, or by blanks where the line has no tab. A field of five numbers
`left,top,right,bottom,class` is a box, any other a label. Lines beginning with # are left out.
A path is relative to the dataset's place or to the list's own folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Final

from compiler.datasets.boxes import box_fault
from compiler.datasets.lines import blocks
from compiler.datasets.listing import Listing, chosen
from compiler.datasets.tally import Ids, Tally, identity_of
from compiler.model.counted import Counted, CountRequest, DatasetFormat, Picture
from compiler.model.ports import Files
from compiler.model.splitting import place_of

_SIDES: Final = 5


def count(files: Files, request: CountRequest) -> Counted:
    """Count the lines of every list of a dataset.

    Raises:
        UncountableError: a list is no text.
    """
    reader = _Reader(files, request)
    names = chosen(
        files, request.annotations, lambda name: name.lower().endswith((".txt", ".lst")), "list"
    )
    for name in names:
        with files.open(name) as stream:
            for block in blocks(stream, name):
                for number, line in enumerate(block.text.split("\n"), block.line):
                    if line.strip() and not line.lstrip().startswith("#"):
                        reader.take(line.strip(), f"{name}:{number}", name.rpartition("/")[0])
    return reader.counted()


FORMAT = DatasetFormat("txt", "List of images and labels", count)


class _Reader:
    def __init__(self, files: Files, request: CountRequest) -> None:
        self.tally = Tally(request)
        self.paths = Ids()
        self.listing = Listing(files, request.splits)
        self.shown: dict[str, str] = {}

    def take(self, line: str, place: str, folder: str) -> None:
        """Count one line."""
        tally = self.tally
        path, *fields = _fields(line)
        tally.samples += 1
        tally.unlabelled += not fields
        for field in fields:
            self._label(field, place)
        name = path if self.listing.has(path) or not folder else f"{folder}/{path}"
        if self.paths.used(name):
            tally.problem("duplicate-id", f"{place}: {path}")
        if self.listing.take(name) == "missing-file":
            tally.problem("missing-file", f"{place}: {path}")
        elif tally.offer(name):
            self.shown[name] = " ".join(fields)
        if tally.division is not None:
            at = self.listing.place(name)
            if at is None:
                key = hashlib.sha256(path.encode()).hexdigest().encode()
                at = place_of(tally.division.splits.seed, key)
            tally.division.add(at, identity_of(name))

    def counted(self) -> Counted:
        """Everything found."""
        self.tally.problem("duplicate-id", times=self.paths.late())
        self.listing.report(self.tally)
        self.tally.pictures += [Picture(name, self.shown[name]) for name in self.tally.chosen()]
        return self.tally.counted()

    def _label(self, field: str, place: str) -> None:
        box = _box(field)
        if box is None:
            self.tally.label(field, place)
            return
        left, top, right, bottom = box[0]
        self.tally.label(box[1], place)
        fault = box_fault((left, top, right - left, bottom - top), 0, 0)
        if fault:
            self.tally.problem(fault, f"{place}: {field}")


def _fields(line: str) -> Iterator[str]:
    parts = line.split("\t") if "\t" in line else line.split()
    return (part.strip() for part in parts if part.strip())


def _box(field: str) -> tuple[tuple[float, ...], str] | None:
    parts = field.split(",")
    if len(parts) != _SIDES:
        return None
    try:
        return tuple(map(float, parts[:4])), parts[4]
    except ValueError:
        return None
