"""The images of a COCO file: their sizes by id, their files, their parts in a split.

Holds one entry of a mapping for each image; sizes are shared, since most images have one of few.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any, Final

import msgspec

from compiler.datasets.boxes import SLACK
from compiler.datasets.listing import Listing
from compiler.datasets.tally import Tally, identity_of
from compiler.model.counted import GRID, Box, Picture
from compiler.model.ports import Files
from compiler.model.splitting import place_of

Id = int | str
UNSET: Final = msgspec.UNSET
LARGEST: Final = 2**53
_TRIED: Final = 200


class Image(msgspec.Struct, gc=False):
    """What is counted of an image."""

    id: Id
    file_name: str | msgspec.UnsetType = UNSET
    width: float | msgspec.UnsetType = UNSET
    height: float | msgspec.UnsetType = UNSET


class Size:
    """A size that many images share, and whether no annotation has `named` them yet (`fresh`).

    An unknown size is −1 × −1. `across` and `down` are how far a box may reach; `columns` and
    `lines` turn a length into a field of the grid of sizes.
    """

    __slots__ = ("across", "columns", "down", "fresh", "height", "lines", "named", "width")

    def __init__(self, width: float, height: float, named: Size | None = None) -> None:
        self.width, self.height = width, height
        self.across, self.down = width + SLACK, height + SLACK
        self.columns, self.lines = GRID / width, GRID / height
        self.fresh = named is not None
        self.named = named or self


class Images:
    """Takes the entries of `images`; then annotations ask it for the sizes of theirs."""

    def __init__(self, files: Files, tally: Tally, annotations: str) -> None:
        self._sizes: dict[Any, Size] = {}
        self._by_number: list[Size | None] = []
        self.wanted: dict[Any, list[tuple[Any, tuple[float, ...]]]] = {}
        self._shown: dict[str, tuple[Id, Size]] = {}
        self._shared: dict[tuple[float, float], Size] = {}
        self._tally = tally
        self._listing = Listing(files, tally.request.splits)
        self._folder = annotations.rpartition("/")[0]
        self._root: str | None = None

    def take(self, images: Sequence[Image]) -> None:
        """Count some images."""
        if self._root is None and images:
            self._root = self._find_root(images)
        self._tally.samples += len(images)
        for image in images:
            size = self._size(image)
            if image.id in self._sizes:
                self._tally.problem("duplicate-id", f"image {image.id}")
            elif isinstance(image.id, int) and abs(image.id) >= LARGEST:
                self._tally.problem("bad-value", f"image {image.id:.3e}: an id of that size")
            self._sizes[image.id] = size
            self._take_file(image, size)

    def ready(self) -> None:
        """Make ready for annotations, once all images are known."""
        self.wanted = {self._shown[name][0]: [] for name in self._tally.chosen()}
        ids = self._sizes
        # Ids are mostly small numbers: a list takes a fifth of a mapping's memory, and less time.
        if ids and all(type(one) is int and one >= 0 for one in ids) and max(ids) < 8 * len(ids):
            self._by_number = [None] * (max(ids) + 1)
            for one, size in ids.items():
                self._by_number[one] = size
            self._sizes = {}

    def sizes(self, ids: Sequence[Any]) -> list[Size | None]:
        """The sizes of some images; None for one that is not there."""
        if not self._by_number:
            return list(map(self._sizes.get, ids))
        try:
            if not ids or min(ids) >= 0:
                return list(map(self._by_number.__getitem__, ids))
        except (IndexError, TypeError):
            pass
        there = range(len(self._by_number))
        return [
            self._by_number[one] if isinstance(one, int) and one in there else None for one in ids
        ]

    def name(self, one: Any, size: Size) -> None:
        """Keep in mind that an annotation has named an image."""
        if self._by_number:
            self._by_number[one] = size.named
        else:
            self._sizes[one] = size.named

    def finish(self, names: dict[Any, str]) -> None:
        """Report what is left: images without annotations, files without an image; pictures."""
        sizes = self._by_number or self._sizes.values()
        self._tally.unlabelled += sum(size is not None and size.fresh for size in sizes)
        self._listing.report(self._tally)
        for name in self._tally.chosen():
            number, size = self._shown[name]
            boxes = [
                Box(names.get(category, str(category)), *_shares(box, size))
                for category, box in self.wanted.get(number, ())
            ]
            self._tally.pictures.append(Picture(name, boxes=tuple(boxes)))
        self._sizes, self._by_number = {}, []

    def _size(self, image: Image) -> Size:
        width, height = image.width, image.height
        if width is UNSET or height is UNSET or not (0 < width < LARGEST and 0 < height < LARGEST):
            self._tally.problem("image-size", f"image {image.id}")
            width = height = -1.0
        size = self._shared.get((width, height))
        if size is None:
            size = Size(width, height, Size(width, height))
            self._shared[width, height] = size
        return size

    def _take_file(self, image: Image, size: Size) -> None:
        division = self._tally.division
        if image.file_name is UNSET or not image.file_name:
            self._tally.problem("missing-file", f"image {image.id}: no file_name")
            name = ""
        else:
            name = f"{self._root}{image.file_name}"
            if fault := self._listing.take(name):
                self._tally.problem(fault, f"image {image.id}: {image.file_name}")
            elif self._tally.offer(name):
                self._shown[name] = (image.id, size)
        if division is not None:
            place = self._listing.place(name)
            if place is None:
                place = place_of(division.splits.seed, (name or str(image.id)).encode())
            division.add(place, identity_of(image.id))

    def _find_root(self, images: Sequence[Image]) -> str:
        """The folder that file names are relative to: the one under which most of them are."""
        names = [image.file_name for image in islice(images, _TRIED) if image.file_name]
        roots = dict.fromkeys(
            ("", f"{self._folder}/" if self._folder else "", *self._listing.folders)
        )

        def found(root: str) -> int:
            return sum(self._listing.has(f"{root}{name}") for name in names)

        # The first of the best, and of two equally good ones the one nearest to the top.
        return max(roots, key=found) if names else ""


def _shares(box: tuple[float, ...], size: Size) -> tuple[float, float, float, float]:
    left, top, width, height = box
    if size.width <= 0:
        return 0, 0, 0, 0
    return left / size.width, top / size.height, width / size.width, height / size.height
