"""COCO: one JSON file with images, annotations and categories, in any order.

The file is streamed and decoded in pieces by types that hold only what is counted, so that
masks and polygons are skipped. Where annotations come before the images that they speak of, they
are passed over and read after the rest. A sample is an entry of `images`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from compiler.datasets.boxes import box_fault
from compiler.datasets.coco_images import Id, Image, Images, Size
from compiler.datasets.json_pieces import JsonPieces
from compiler.datasets.json_text import keys_are_single, shape_is_one
from compiler.datasets.listing import chosen
from compiler.datasets.tally import Ids, Tally
from compiler.model.codes import dataset as codes
from compiler.model.counted import (
    GRID,
    Counted,
    CountRequest,
    DatasetFormat,
    UncountableError,
)
from compiler.model.ports import Files

UNSET: Final = msgspec.UNSET


class Annotation(msgspec.Struct, gc=False):
    """What is counted of an annotation."""

    id: Id | msgspec.UnsetType = UNSET
    image_id: Id | msgspec.UnsetType = UNSET
    category_id: Id | msgspec.UnsetType = UNSET
    bbox: tuple[float, float, float, float] | msgspec.UnsetType = UNSET
    iscrowd: int = 0


class Masked(Annotation, gc=False):
    """An annotation among crowds: of the segmentation the first byte is looked at as well."""

    segmentation: msgspec.Raw = msgspec.Raw()


class Nothing(msgspec.Struct, gc=False):
    """An element that is passed over."""


def count(files: Files, request: CountRequest) -> Counted:
    """Count the images and annotations of a dataset.

    Raises:
        UncountableError: the annotation file is none of COCO's.
    """
    (name,) = chosen(
        files, request.annotations, lambda name: name.lower().endswith(".json"), "annotation file"
    )
    return _Reader(files, request, name).counted()


FORMAT = DatasetFormat("coco", "COCO JSON", count)

_KEYS: Final[dict[type[Any], tuple[bytes, ...]]] = {
    Annotation: (b"id", b"image_id", b"category_id", b"bbox"),
    Image: (b"id", b"file_name", b"width", b"height"),
    Nothing: (),
}
_GET: Final = {key: attrgetter(key.decode()) for keys in _KEYS.values() for key in keys}
_CROWD: Final = attrgetter("iscrowd")


class _Reader:
    def __init__(self, files: Files, request: CountRequest, name: str) -> None:
        self.files, self.name = files, name
        self.tally = Tally(request)
        self.images = Images(files, self.tally, name)
        self.ids = Ids()
        self.labels: Counter[Any] = Counter()
        self.categories: dict[Id, str] = {}

    def counted(self) -> Counted:
        """Read the file, once or twice, and sum up."""
        later = None
        keys = set()
        with self.files.open(self.name) as stream:
            pieces = JsonPieces(stream, self.name)
            for key in pieces.keys():  # noqa: SIM118 - not a mapping
                keys.add(key)
                if key == "annotations" and "images" not in keys:
                    later = pieces.offset, pieces.line
                self._section(pieces, key, passing="images" not in keys)
        if "images" not in keys:
            raise UncountableError(
                codes.DATASET_MALFORMED,
                f"there is no key images; there are: {', '.join(sorted(keys)[:10]) or 'none'}",
                "COCO's object detection files have images, annotations and categories",
                file=self.name,
            )
        if later is not None:
            with self.files.open(self.name, start=later[0]) as stream:
                self._section(JsonPieces(stream, self.name, *later), "annotations", passing=False)
        return self._sum()

    def _section(self, pieces: JsonPieces, key: str, *, passing: bool) -> None:
        if key == "images":
            for images in pieces.elements(_decoder(Image), self._convert(Image)):
                self.images.take(images)
            self.images.ready()
        elif key == "annotations" and passing:
            for _ in pieces.elements(_decoder(Nothing), lambda _: None):
                pass
        elif key == "annotations":
            for rows in pieces.elements(_decoder(Annotation), self._convert(Masked)):
                self._take(rows)
        elif key == "categories":
            self._take_categories(pieces.value())
        else:
            pieces.value()

    def _take(self, rows: Sequence[Annotation]) -> None:
        self.labels.update(map(_GET[b"category_id"], rows))
        if not self.ids.fresh(map(_GET[b"id"], rows)):
            for row in rows:
                if row.id is not UNSET and self.ids.used(row.id):
                    self.tally.problem("duplicate-id", f"annotation {row.id}")
        if any(map(_CROWD, rows)):
            self._check_crowds(rows)
        self._take_boxes(rows)
        if self.images.wanted:
            self._take_pictures(rows)

    def _take_boxes(self, rows: Sequence[Annotation]) -> None:
        images, grid, unset, last = self.images, self.tally.grid, UNSET, GRID - 1
        found = images.sizes(list(map(_GET[b"image_id"], rows)))
        for row, size, box in zip(rows, found, map(_GET[b"bbox"], rows), strict=True):
            if size is None:
                self.tally.problem("unknown-image", f"{_named(row)}: image {row.image_id}")
                continue
            if size.fresh:
                images.name(row.image_id, size)
            if box is unset:
                continue
            left, top, width, height = box
            if (
                left >= 0 <= top and width > 0 < height
                and left + width <= size.across and top + height <= size.down
            ):  # fmt: skip
                column, line = int(width * size.columns), int(height * size.lines)
                grid[
                    (line if line < last else last) * GRID + (column if column < last else last)
                ] += 1
            else:
                self._fault(row, size)
        self.tally.boxed = True

    def _take_pictures(self, rows: Sequence[Annotation]) -> None:
        for row in rows:
            if row.image_id in self.images.wanted and row.bbox is not UNSET:
                self.images.wanted[row.image_id].append((row.category_id, row.bbox))

    def _fault(self, row: Annotation, size: Size) -> None:
        """Say what is wrong with a box; nothing may be, where the size of its image is unknown."""
        box: Any = row.bbox
        kind = box_fault(box, size.width, size.height)
        if kind:
            shown = ", ".join(f"{number:g}" for number in box)
            image = (
                f"{size.width:g} × {size.height:g}" if size.width > 0 else "an image without size"
            )
            self.tally.problem(kind, f"{_named(row)}: [{shown}] in {image}")

    def _check_crowds(self, rows: Sequence[Annotation]) -> None:
        for row in rows:
            if row.iscrowd and not (
                isinstance(row, Masked) and bytes(row.segmentation)[:1] == b"{"
            ):
                self.tally.problem("crowd-without-mask", _named(row))

    def _take_categories(self, found: Any) -> None:
        for one in found if isinstance(found, list) else [found]:
            named = isinstance(one, dict) and isinstance(one.get("name"), str)
            if not named or not isinstance(one.get("id"), int | str):
                self.tally.problem("bad-record", f"category {one!r:.60}: no id or no name")
            elif one["id"] in self.categories or one["name"] in self.categories.values():
                self.tally.problem("duplicate-id", f"category {one['id']} {one['name']}")
            else:
                self.categories[one["id"]] = one["name"]

    def _convert(self, kind: type[Any]) -> Any:
        """How an element becomes a row where the quick decoder refuses its piece."""

        def convert(value: Any) -> Any | None:
            word = "image" if kind is Image else "annotation"
            try:
                if isinstance(value, dict) and "segmentation" in value:
                    first = b"{" if isinstance(value["segmentation"], dict) else b"["
                    value["segmentation"] = msgspec.Raw(first)
                return msgspec.convert(value, kind)
            except msgspec.ValidationError as error:
                known = value.get("id", "?") if isinstance(value, dict) else f"{value!r:.40}"
                said = str(error)
                self.tally.problem("bad-record", f"{word} {known}: {said[:1].lower()}{said[1:]}")
                return None

        return convert

    def _sum(self) -> Counted:
        tally = self.tally
        for number, times in sorted(self.labels.items(), key=str):
            shown = f"category {number}" if number is not UNSET else "without a category"
            known = number in self.categories
            tally.take_class(self.categories.get(number, shown), times, known=known)
        tally.take_label_map({str(number): name for number, name in self.categories.items()})
        self.images.finish(self.categories)
        tally.problem("duplicate-id", times=self.ids.late())
        return tally.counted()


def _decoder(kind: type[Any]) -> Any:
    decode = msgspec.json.Decoder(list[kind]).decode  # type: ignore[valid-type]
    masked = msgspec.json.Decoder(list[Masked]).decode

    def quickly(piece: bytes) -> list[Any] | None:
        try:
            rows = decode(piece)
            if kind is Annotation and any(map(_CROWD, rows)):
                rows = masked(piece)
        except (msgspec.DecodeError, RecursionError):
            return None
        if shape_is_one(piece, len(rows)):
            return rows
        found = {key: len(rows) - list(map(_GET[key], rows)).count(UNSET) for key in _KEYS[kind]}
        return rows if keys_are_single(piece, found) else None

    return quickly


def _named(row: Annotation) -> str:
    return f"annotation {row.id if row.id is not UNSET else 'without an id'}"
