"""data.yaml: the names of the classes by number, and where the images of each part should be."""

from __future__ import annotations

import posixpath
from dataclasses import field
from typing import Any, Final

from compiler.datasets.listing import Listing
from compiler.datasets.tally import Tally
from compiler.model import source
from compiler.model.codes import dataset as codes
from compiler.model.counted import UncountableError
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.record import dataclass

_PARTS: Final = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class YoloNames:
    """What data.yaml says. `keypoints` is how many numbers follow a box for its keypoints."""

    file: str
    names: tuple[str, ...]
    keypoints: int = 0
    folders: tuple[tuple[str, str], ...] = field(default=())

    @property
    def lists(self) -> tuple[str, ...]:
        """Parts that are lists of images and not folders."""
        return tuple(path for _, path in self.folders if path.endswith(".txt"))

    def check_folders(self, listing: Listing, tally: Tally) -> None:
        """Report folders of data.yaml that hold no image."""
        for part, path in self.folders:
            if not path.endswith(".txt") and f"{path}/" not in listing.folders and path != ".":
                tally.problem("missing-file", f"{self.file}: {part}: {path}")


def read_names(file: str, data: bytes) -> YoloNames:
    """Read data.yaml.

    Raises:
        UncountableError: it is no YAML, has no names, or numbers them with gaps.
    """
    found = Diagnostics()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise UncountableError(
            codes.DATASET_TEXT, "a byte that no UTF-8 text has", "save the file as UTF-8",
            file=file, line=1 + data.count(b"\n", 0, error.start), byte=error.start,
        ) from None  # fmt: skip
    documents = source.parse(file, text, found)
    for one in found.in_order():
        raise _malformed(file, one.message, one.span, one.hint)
    content: Any = documents[0].data if documents else None
    if not isinstance(content, dict):
        raise _malformed(file, "no mapping with names", None)
    return YoloNames(
        file, _names(file, content), _keypoints(content), tuple(_folders(file, content))
    )


def _names(file: str, content: dict[Any, Any]) -> tuple[str, ...]:
    names = content.get("names")
    span = content.marks.key_span("names") if "names" in content else None  # type: ignore[attr-defined]
    if isinstance(names, dict):
        numbers = {str(number): str(name) for number, name in names.items()}
        if set(numbers) != {str(at) for at in range(len(numbers))}:
            raise _malformed(file, "names are not numbered 0, 1, 2 … without a gap", span)
        return tuple(numbers[str(at)] for at in range(len(numbers)))
    if not isinstance(names, list):
        raise _malformed(file, "there are no names", span, "write `names: [cat, dog]`")
    if any(isinstance(name, dict | list) for name in names):
        raise _malformed(file, "a name of a class is a list or a mapping", span)
    found = tuple(map(str, names))
    count = content.get("nc", len(found))
    if count != len(found):
        raise _malformed(file, f"nc is {count}, and there are {len(found)} names", span)
    return found


def _keypoints(content: dict[Any, Any]) -> int:
    shape = content.get("kpt_shape")
    if isinstance(shape, list) and len(shape) == 2 and all(isinstance(n, int) for n in shape):
        return int(shape[0]) * int(shape[1])
    return 0


def _folders(file: str, content: dict[Any, Any]) -> list[tuple[str, str]]:
    """The folders of each part, below the dataset's place; those outside it are not looked at."""
    base, found = posixpath.dirname(file), []
    for part in _PARTS:
        value = content.get(part)
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, str) and path and not path.startswith("/"):
                joined = posixpath.normpath(posixpath.join(base, path))
                # Exports of one tool say ../train/images and mean train/images beside the file.
                found.append((part, joined.removeprefix("../")))
    return found


def _malformed(file: str, message: str, span: Span | None, hint: str = "") -> UncountableError:
    return UncountableError(
        codes.DATASET_MALFORMED,
        message,
        hint or "data.yaml has names, and train and val with folders of images",
        file=file,
        line=span.line if span else 1,
    )
