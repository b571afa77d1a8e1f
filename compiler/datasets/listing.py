"""The files of a dataset by name: which are named by labels, which are not there, what they hold.

Of each file a hash is kept and not its name, so that a million files take 20 MB. Reads no file
but those whose content decides where a split puts them and whose digest nobody has told.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from compiler.datasets.lines import chunks
from compiler.datasets.tally import Tally
from compiler.model.codes import dataset as codes
from compiler.model.counted import UncountableError
from compiler.model.ports import Files
from compiler.model.splitting import Splits, place_of
from compiler.model.stored import Stored

IMAGES: Final = (
    ".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".avif",
)  # fmt: skip
_FOLDERS: Final = 1000
_NAMED: Final = 8
"""So many names a message lists."""


class Listing:
    """The files of one sort in a dataset, images if nothing else is said.

    `take` marks a file as named by a label; `folders` are those that hold the files, and those
    above them. `empty` names files without a byte.
    """

    def __init__(
        self,
        files: Files,
        splits: Splits | None = None,
        fits: Callable[[str], bool] | None = None,
    ) -> None:
        self._files = files
        self._fits = fits or is_image
        self.folders: list[str] = []
        self.empty: list[str] = []
        found = sorted(self._hashed(splits))
        self._hashes = array("q", (number for number, _ in found))
        self._places = array("Q", (place for _, place in found)) if splits else None
        self._named = bytearray(len(found))

    def __len__(self) -> int:
        return len(self._hashes)

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return self._at(name) is not None

    def take(self, name: str) -> str:
        """Mark a file as named; the kind of problem if it is missing or was named before."""
        at = self._at(name)
        if at is None:
            return "missing-file"
        before, self._named[at] = self._named[at], 1
        return "duplicate-file" if before else ""

    def place(self, name: str) -> int | None:
        """Where the content of a file lies in the split; None without file or split."""
        at = self._at(name)
        return None if at is None or self._places is None else self._places[at]

    def report(self, tally: Tally, kind: str = "unlisted-file") -> None:
        """Count the files that were never taken, and those without a byte, with the first names."""
        if self._fits is is_image:
            for name in self.empty:
                tally.problem("empty-file", name)
        left = len(self._named) - sum(self._named)
        tally.problem(kind, times=left)
        for one in self._files.names() if left else ():
            at = self._at(one.name)
            if at is not None and not self._named[at] and not tally.example(kind, one.name):
                break

    def _hashed(self, splits: Splits | None) -> Iterator[tuple[int, int]]:
        folders: set[str] = set()
        for one in self._files.names():
            if self._fits(one.name):
                if len(folders) < _FOLDERS:
                    folders.add(one.name.rpartition("/")[0])
                if not one.size:
                    self.empty.append(one.name)
                key = digest(self._files, one).encode() if splits else b""
                yield hash(one.name), place_of(splits.seed, key) if splits else 0
        above = {name[:at] for name in folders for at in _slashes(name)}
        ordered = sorted(folders | above, key=lambda name: (name.count("/"), name))
        self.folders = [f"{name}/" for name in ordered if name]

    def _at(self, name: str) -> int | None:
        number = hash(name)
        at = bisect_left(self._hashes, number)
        return at if at < len(self._hashes) and self._hashes[at] == number else None


def images(files: Files) -> Iterator[Stored]:
    """The image files, in name order."""
    return (one for one in files.names() if is_image(one.name))


def is_image(name: str) -> bool:
    """Whether a name is that of an image, and not of a file that a system hides."""
    return name.lower().endswith(IMAGES) and not name.rpartition("/")[2].startswith(".")


def digest(files: Files, one: Stored) -> str:
    """The sha256 of a file: as its store vouches, else read."""
    if one.sha256:
        return one.sha256
    total = hashlib.sha256()
    with files.open(one.name) as stream:
        for data in chunks(stream):
            total.update(data)
    return total.hexdigest()


def chosen(
    files: Files, wanted: str, fits: Callable[[str], bool], what: str, *, several: bool = False
) -> list[str]:
    """The files that hold the records or annotations: the one wanted, else those that fit.

    Raises:
        UncountableError: there is none, or more than one where `several` are not allowed.
    """
    if wanted:
        if any(one.name == wanted for one in files.names()):
            return [wanted]
        raise UncountableError(
            codes.DATASET_NO_FILE,
            f"{wanted} is not in the dataset",
            "write `annotations:` with the path below the version's uri",
        )
    names = [one.name for one in files.names()]
    found = [name for name in names if fits(name) and not _hidden(name)]
    if not found and len(names) == 1:
        found = names
    if not found:
        raise UncountableError(
            codes.DATASET_NO_FILE,
            f"there is no {what} among {len(names):,} files",
            "write `annotations:` with the path below the version's uri",
        )
    if len(found) > 1 and not several:
        listed = ", ".join(found[:_NAMED]) + (", …" if len(found) > _NAMED else "")
        raise UncountableError(
            codes.DATASET_SEVERAL,
            f"{len(found):,} files could be the {what}: {listed}",
            f'write `annotations: "{found[0]}"` at the version',
        )
    return found


def _slashes(name: str) -> list[int]:
    return [at for at, letter in enumerate(name) if letter == "/"]


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))
