"""Which names an archive has used, in 16 bytes for each, whatever their length.

An archive may hold more names than fit in the memory of a sidecar, so only hashes are kept: 64 bits
with a key that is drawn for each process, which nobody can aim at.
"""

from __future__ import annotations

import unicodedata
from array import array

from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean

_START = 1024
_DIRECTORY = 1
_BITS = (1 << 64) - 1


class Names:
    """Files and directories that are taken; `most` of them may be."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._used = 0
        self._mask = _START - 1
        self._folded = array("Q", bytes(8 * _START))
        self._exact = array("Q", bytes(8 * _START))
        self._parent = ""

    def claim(self, path: str, *, directory: bool) -> None:
        """Take a path and the directories above it.

        Raises:
            ReasonError: ArchiveRefused when the path, or one that differs by case or by the way
                its letters are composed, is taken; ArchiveTooLarge beyond `most`.
        """
        parent = path.rpartition("/")[0]
        if parent != self._parent:
            self._above(parent)
            self._parent = parent
        self._one(path, directory)

    def _above(self, path: str) -> None:
        end = path.find("/")
        while end >= 0:
            self._one(path[:end], True)
            end = path.find("/", end + 1)
        if path:
            self._one(path, True)

    def _one(self, path: str, directory: bool) -> None:
        folded = hash(_fold(path)) & _BITS or 1
        exact = hash(path) & _BITS & ~_DIRECTORY | directory
        slot = self._slot(folded)
        if not self._folded[slot]:
            self._add(slot, folded, exact, path)
        elif self._exact[slot] != exact or not directory:
            words = "the name is there twice, or differs by case only"
            raise ReasonError("ArchiveRefused", f"{clean(path, 120)}: {words}")

    def _add(self, slot: int, folded: int, exact: int, path: str) -> None:
        if not self._left:
            raise ReasonError("ArchiveTooLarge", f"{clean(path, 120)}: more entries than allowed")
        self._left -= 1
        self._folded[slot], self._exact[slot] = folded, exact
        self._used += 1
        if self._used * 3 > self._mask * 2:
            self._grow()

    def _slot(self, folded: int) -> int:
        slot = folded & self._mask
        while self._folded[slot] not in (0, folded):
            slot = (slot + 1) & self._mask
        return slot

    def _grow(self) -> None:
        folded, exact = self._folded, self._exact
        count = 2 * (self._mask + 1)
        self._mask = count - 1
        self._folded, self._exact = array("Q", bytes(8 * count)), array("Q", bytes(8 * count))
        for index, key in enumerate(folded):
            if key:
                slot = self._slot(key)
                self._folded[slot], self._exact[slot] = key, exact[index]


def _fold(path: str) -> str:
    if path.isascii():
        return path.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())
