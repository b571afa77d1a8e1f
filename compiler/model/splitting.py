"""Which part of a split a sample belongs to: by its own content and the seed, by nothing else.

So a new sample moves no other, equal contents can never be in two parts, and whoever has the
bytes can compute the part alone: the first 8 bytes of `sha256(seed "/" key)`, as a number below
2^64, falls into the shares laid end to end in the order of the spec. `key` is the sha256 of the
sample's content in hexadecimal, or its id or path where it has no content of its own.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from compiler.model.record import dataclass

WHOLE: Final = 1 << 64


@dataclass(frozen=True, slots=True)
class Splits:
    """A seed and the share of each part, in the spec's order; together 1."""

    seed: int
    parts: tuple[tuple[str, float], ...]

    @property
    def borders(self) -> list[int]:
        """Where each part but the last ends."""
        total, found = 0.0, []
        for _, share in self.parts[:-1]:
            total += share
            found.append(min(WHOLE, round(total * WHOLE)))
        return found

    def part(self, key: bytes) -> str:
        """The part of one sample."""
        return self.parts[bisect_right(self.borders, place_of(self.seed, key))][0]


def place_of(seed: int, key: bytes) -> int:
    """Where a sample lies between 0 and 2^64."""
    return int.from_bytes(hashlib.sha256(b"%d/%b" % (seed, key)).digest()[:8])


class Division:
    """Counts the samples of each part while they pass by, 16 bytes of memory each.

    Samples that share an id are one family and go where its first member goes, although their
    contents differ: else the same id would be in two parts.
    """

    def __init__(self, splits: Splits) -> None:
        self.splits = splits
        self._places = array("Q")
        self._ids = array("Q")

    def add(self, place: int, identity: int | None = None) -> None:
        """Take one sample by its place and a number below 2^64 for its id, where it has one."""
        self._places.append(place)
        self._ids.append(place if identity is None else identity)

    def counted(self) -> Mapping[str, int]:
        """The samples of each part, in the spec's order."""
        borders, totals = self.splits.borders, [0] * len(self.splits.parts)
        for place in self._settled():
            totals[bisect_right(borders, place)] += 1
        return {name: totals[i] for i, (name, _) in enumerate(self.splits.parts)}

    def _settled(self) -> Iterable[int]:
        """The place of each sample, that of its family's first member where it has a family."""
        if self._ids == self._places:
            return self._places
        shared = repeated(self._ids)
        return _families(self._places, self._ids, shared) if shared else self._places


def repeated(numbers: Sequence[int]) -> set[int]:
    """Which numbers occur more than once, found bucket by bucket so that memory stays small."""
    buckets = [array("Q") for _ in range(61)]
    appends = [bucket.append for bucket in buckets]
    for number in numbers:
        appends[number % 61](number)
    found: set[int] = set()
    for bucket in buckets:
        if len(set(bucket)) != len(bucket):
            seen: set[int] = set()
            found.update(n for n in bucket if n in seen or seen.add(n))  # type: ignore[func-returns-value]
    return found


def _families(places: Sequence[int], ids: Sequence[int], shared: set[int]) -> list[int]:
    """Equal ids and equal contents tie samples together; the first of a family decides."""
    head: dict[tuple[str, int], tuple[str, int]] = {}

    def top(node: tuple[str, int]) -> tuple[str, int]:
        while (above := head.setdefault(node, node)) != node:
            node = above
        return node

    first: dict[tuple[str, int], int] = {}
    tied = {place for place, one in zip(places, ids, strict=True) if one in shared}
    for place, one in zip(places, ids, strict=True):
        if place in tied:
            head[top(("content", place))] = top(("id", one))
    return [
        first.setdefault(top(("content", place)), place) if place in tied else place
        for place in places
    ]
