"""Boxes: each expected one has a given partner of its class that overlaps enough, and no other.

Boxes are `x1, y1, x2, y2`. They come as objects with a box, a score and a class, as rows of five
or six numbers (the box, the score, the class), or as outputs of a name with `box`, `score` and
`label` or `class` in it. Their order does not count.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any, NamedTuple

from sidecar.hooks.mismatch import Mismatch, Tensor, is_number, is_tensor, outputs, tensor

_MOST = 5000
_BOX = ("box", "bbox", "bounding_box", "rect")
_SCORE = ("score", "confidence", "probability")
_CLASS = ("class", "label", "class_id", "label_id", "category_id", "class_name", "category", "name")
_SIDES = (
    ("x1", "y1", "x2", "y2"),
    ("xmin", "ymin", "xmax", "ymax"),
    ("left", "top", "right", "bottom"),
)


class Box(NamedTuple):
    """One box; `score` is NaN and `kind` None where they are not stated."""

    sides: tuple[float, float, float, float]
    score: float
    kind: Any


def compare_boxes(expected: Any, got: Any, limits: dict[str, float]) -> None:
    """Return when both hold the same boxes.

    Raises:
        Mismatch: a box is missing, not expected, too far off, or there are no boxes at all.
    """
    wanted, given = _boxes(expected, "the expected output"), _boxes(got, "the answer")
    overlap = limits.get("boxes.iou", 1.0)
    partners = [
        [at for at, other in enumerate(given) if _fits(one, other, overlap, limits)]
        for one in wanted
    ]
    taken = _match(partners, len(given))
    lonely = [number for number in range(len(wanted)) if number not in taken.values()]
    if lonely:
        raise Mismatch(*_missing(lonely[0], wanted, given, limits))
    extra = [at for at in range(len(given)) if at not in taken]
    if extra:
        more = f"; {len(given)} boxes instead of {len(wanted)}"
        raise Mismatch("", f"{_shown(given[extra[0]])} is not expected{more}")


def _fits(one: Box, other: Box, overlap: float, limits: dict[str, float]) -> bool:
    return (
        _same_kind(one, other)
        and iou(one.sides, other.sides) >= overlap
        and _score_fits(one, other, limits)
    )


def _same_kind(one: Box, other: Box) -> bool:
    return one.kind is None or other.kind is None or bool(one.kind == other.kind)


def _score_fits(one: Box, other: Box, limits: dict[str, float]) -> bool:
    if "boxes.score" not in limits or math.isnan(one.score):
        return True
    return abs(one.score - other.score) <= limits["boxes.score"]


def _match(partners: list[list[int]], size: int) -> dict[int, int]:
    """As many pairs as there can be: given box to expected box, by augmenting paths."""
    taken: dict[int, int] = {}
    for number in range(len(partners)):
        seen = bytearray(size)
        _augment(number, partners, taken, seen)
    return taken


def _augment(first: int, partners: list[list[int]], taken: dict[int, int], seen: bytearray) -> None:
    came: dict[int, int] = {}
    queue = [first]
    while queue:
        number = queue.pop()
        for at in partners[number]:
            if seen[at]:
                continue
            seen[at] = 1
            came[at] = number
            if at in taken:
                queue.append(taken[at])
                continue
            _swap(at, first, came, taken)
            return


def _swap(at: int, first: int, came: dict[int, int], taken: dict[int, int]) -> None:
    before = {number: place for place, number in taken.items()}
    while True:
        number = came[at]
        taken[at] = number
        if number == first:
            return
        at = before[number]


def iou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Intersection over union; 1 for equal boxes, also without an area."""
    if one == other:
        return 1.0
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    return common / (_area(one) + _area(other) - common)


def _area(box: tuple[float, ...]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _missing(
    number: int, wanted: list[Box], given: list[Box], limits: dict[str, float]
) -> tuple[str, str]:
    one = wanted[number]
    same = [other for other in given if _same_kind(one, other)]
    best = max(same, key=lambda other: iou(one.sides, other.sides), default=None)
    if best is None:
        return f"box {number}", f"{_shown(one)} has no partner of its class"
    found = iou(one.sides, best.sides)
    said = f"overlap {found:.4g} where {limits.get('boxes.iou', 1.0):.4g} is wanted"
    if not _score_fits(one, best, limits):
        off = abs(one.score - best.score)
        said += f", score off by {off:.4g} where {limits['boxes.score']:.4g} is allowed"
    return f"box {number}", f"{_shown(one)} is best met by {_shown(best)}: {said}"


def _shown(box: Box) -> str:
    kind = "" if box.kind is None else f"class {box.kind} "
    score = "" if math.isnan(box.score) else f" score {box.score:.4g}"
    return f"{kind}[{', '.join(f'{side:.6g}' for side in box.sides)}]{score}"


def _boxes(document: Any, whose: str) -> list[Box]:
    tensors = outputs(document)
    found = _from_tensors(_columns(document) if tensors is None else tensors)
    if found is None and tensors is None:
        found = _from_json(document)
    if found is None:
        raise Mismatch("", f"{whose} holds no boxes that are understood")
    if len(found) > _MOST:
        raise Mismatch("", f"{whose} holds {len(found)} boxes, more than {_MOST}")
    for box in found:
        if not all(math.isfinite(side) for side in box.sides):
            raise Mismatch("", f"{whose} holds a box with a side that is no number")
    return found


def _from_tensors(tensors: dict[str, Tensor]) -> list[Box] | None:
    boxes = _named(tensors, ("box", "det"))
    if boxes is None or not boxes.shape or boxes.shape[-1] not in {4, 5, 6}:
        return None
    scores, kinds = _named(tensors, ("score", "conf")), _named(tensors, ("label", "class"))
    rows = _rows(boxes)
    return [
        Box(
            (row[0], row[1], row[2], row[3]),
            _value(scores, number, row[4] if len(row) > 4 else math.nan),
            _value(kinds, number, row[5] if len(row) > 5 else None),
        )
        for number, row in enumerate(rows)
    ]


def _columns(document: Any) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, one in document.items() if isinstance(document, dict) else ():
        if is_tensor(one):
            with suppress(Mismatch):
                found[name] = tensor(one, name)
    return found


def _named(tensors: dict[str, Tensor], parts: tuple[str, ...]) -> Tensor | None:
    return next(
        (one for name, one in tensors.items() if any(part in name.lower() for part in parts)), None
    )


def _rows(boxes: Tensor) -> list[list[Any]]:
    size = boxes.shape[-1]
    return [boxes.values[at : at + size] for at in range(0, len(boxes.values), size)]


def _value(column: Tensor | None, number: int, default: Any) -> Any:
    if column is None or number >= len(column.values):
        return default
    return column.values[number]


def _from_json(document: Any) -> list[Box] | None:
    if isinstance(document, dict):
        document = next((one for one in document.values() if isinstance(one, list)), None)
    if not isinstance(document, list):
        return None
    while len(document) == 1 and isinstance(document[0], list) and _nested(document[0]):
        document = document[0]
    found = [_box(one) for one in document]
    return [one for one in found if one is not None] if all(found) else None


def _nested(entry: list[Any]) -> bool:
    return all(isinstance(one, (list, dict)) for one in entry)


def _box(entry: Any) -> Box | None:
    if isinstance(entry, list):
        if len(entry) not in {4, 5, 6} or not all(is_number(one) for one in entry):
            return None
        score = entry[4] if len(entry) > 4 else math.nan
        return Box((entry[0], entry[1], entry[2], entry[3]), score, entry[5] if entry[5:] else None)
    if not isinstance(entry, dict):
        return None
    sides = _sides(next((entry[key] for key in _BOX if key in entry), entry))
    score = next((entry[key] for key in _SCORE if is_number(entry.get(key))), math.nan)
    kind = next((entry[key] for key in _CLASS if key in entry), None)
    return None if sides is None else Box(sides, score, kind)


def _sides(found: Any) -> tuple[float, float, float, float] | None:
    if isinstance(found, dict):
        found = next(
            ([found[one] for one in names] for names in _SIDES if all(n in found for n in names)),
            None,
        )
    if not isinstance(found, list) or len(found) != 4 or not all(map(is_number, found)):
        return None
    return (found[0], found[1], found[2], found[3])
