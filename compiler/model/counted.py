"""What a count of a dataset asks and finds: samples, labels by class, parts, boxes, problems.

Pure data and the words for it. Nothing here opens a file or judges whether a finding matters:
a dataset of background images is as legal as one that was labelled by mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Final

from compiler.model.diagnostics import Code
from compiler.model.ports import Files
from compiler.model.record import dataclass
from compiler.model.splitting import Splits

EXAMPLES: Final = 3
"""How many places of one kind of problem are named; of the others only the number is."""

GRID: Final = 20
"""Boxes are sorted into GRID × GRID fields by width and height relative to their image."""

PROBLEMS: Final[Mapping[str, str]] = {
    "bad-record": "records that do not have the form that the format asks for",
    "bad-value": "values that are no number, not finite, or too large to be meant",
    "class-order": "label maps that number the declared classes in another order",
    "crowd-without-mask": "crowd annotations whose segmentation is not run-length encoded",
    "duplicate-file": "files that two samples name",
    "duplicate-id": "ids that were used before",
    "duplicate-key": "objects that give one key twice",
    "empty-box": "boxes without area",
    "empty-class": "declared classes without any label",
    "empty-file": "image files without a single byte",
    "foreign-file": "files among the images that are no images",
    "image-size": "images without a usable width and height",
    "missing-file": "files that the labels name and that are not there",
    "negative-box": "boxes with a negative width, height or corner",
    "no-header": "files whose first row looks like data, not like names of columns",
    "orphan-label": "label files without an image",
    "outside-box": "boxes that reach beyond their image",
    "ragged-row": "rows with another number of fields than the header",
    "unknown-class": "labels of a class that is not declared",
    "unknown-image": "labels of an image that is not listed",
    "unlabelled": "samples without any label",
    "unlisted-file": "image files that nothing names",
}
"""Every kind of problem, and what it counts."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One kind of problem (a key of PROBLEMS): how often, and the first places by name."""

    kind: str
    count: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind}: {self.count}"


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled box in shares of its image: left, top, width and height from 0 to 1."""

    label: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Picture:
    """A sample to look at: the file as `Files` names it, with its boxes or its one label."""

    name: str
    label: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """What was found in one version of a dataset.

    `classes` has the number of labels of each class in the declared order, then of undeclared
    ones by name; a declared class without labels is there with 0. `splits` has the samples of
    each part. `grid` counts boxes by relative size, row by row from the flattest, GRID fields
    each; empty where the format has no boxes. Problems are sorted by kind. `label_map` has the
    class behind each number of the labels, as text, where the format numbers its classes.
    """

    samples: int
    labels: int = 0
    classes: Mapping[str, int] = field(default_factory=dict)
    splits: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    grid: tuple[int, ...] = ()
    pictures: tuple[Picture, ...] = ()
    label_map: Mapping[str, str] = field(default_factory=dict)

    @property
    def imbalance(self) -> float | None:
        """How many times the most frequent class outnumbers the rarest; None without labels."""
        return imbalance(self.classes)


@dataclass(frozen=True, slots=True)
class CountRequest:
    """What the spec says of a dataset, as far as counting needs it.

    `annotations` is the annotation file below the dataset's place, empty to look for it.
    `columns` says which column or field is the `id`, the `label` and the `path` of a record;
    those that it leaves out have these very names. `pictures` samples are described for a report.
    """

    classes: tuple[str, ...] = ()
    annotations: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    splits: Splits | None = None
    pictures: int = 0


@dataclass(frozen=True, slots=True)
class DatasetFormat:
    """A dataset format by its name in the spec.

    `count` reads what it must of the files, as a stream, and raises `UncountableError` for
    what it refuses.
    """

    name: str
    title: str
    count: Callable[[Files, CountRequest], Counted]


class UncountableError(Exception):
    """A dataset cannot be counted: one file of it is refused, with the place and a hint.

    `line` counts from 1 and `byte` from 0; None where there is no such place.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        hint: str = "",
        *,
        file: str = "",
        line: int | None = None,
        byte: int | None = None,
    ) -> None:
        place = file + (f":{line}" if line is not None else "")
        at = f" (byte {byte:,})" if byte is not None else ""
        super().__init__(f"{place}: {message}{at}" if place else f"{message}{at}")
        self.code, self.hint = code, hint
        self.file, self.line, self.byte = file, line, byte


def imbalance(classes: Mapping[str, int]) -> float | None:
    """How many times the most frequent class outnumbers the rarest; None without labels.

    Infinite where a class has no label at all.
    """
    if not classes or not any(classes.values()):
        return None
    rarest = min(classes.values())
    return max(classes.values()) / rarest if rarest else float("inf")
