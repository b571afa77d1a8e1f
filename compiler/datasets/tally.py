"""The running totals of a count, which every format fills and none reads back.

Memory does not grow with the number of samples but for 8 bytes of each id and 16 of each sample
of a split. Decides nothing about the files.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from heapq import heappush, heappushpop
from itertools import islice
from operator import lt
from typing import Any, Final

from compiler.model.counted import (
    EXAMPLES,
    GRID,
    Counted,
    CountRequest,
    Picture,
    Problem,
)
from compiler.model.splitting import Division, place_of, repeated

_KNOWN: Final = 100_000
"""So many ids are told apart at once, with their places; of more only the number is known."""


class Tally:
    """Collects what passes by; `counted` closes the sum."""

    def __init__(self, request: CountRequest) -> None:
        self.request = request
        self.samples = 0
        self.unlabelled = 0
        self.classes: Counter[str] = Counter()
        self.declared = frozenset(request.classes)
        self.division = Division(request.splits) if request.splits else None
        self.grid = [0] * (GRID * GRID)
        self.boxed = False
        self.pictures: list[Picture] = []
        self.label_map: dict[str, str] = {}
        self._offered: list[tuple[int, str]] = []
        self._problems: dict[str, tuple[int, list[str]]] = {}

    def problem(self, kind: str, example: str = "", times: int = 1) -> None:
        """Count a problem; the first places of each kind are kept by name."""
        if not times:
            return
        count, examples = self._problems.get(kind, (0, []))
        self._problems[kind] = (count + times, examples)
        if example:
            self.example(kind, example)

    def example(self, kind: str, example: str) -> bool:
        """Name a place of a kind that was counted; False where no more are kept."""
        examples = self._problems[kind][1]
        if len(examples) < EXAMPLES:
            examples.append(printable(example))
        return len(examples) < EXAMPLES

    def label(self, name: str, example: str = "") -> None:
        """Count one label of a class."""
        self.classes[name] += 1
        if self.declared and name not in self.declared:
            self.problem("unknown-class", f"{example}: {name}" if example else name)

    def labels(self, names: Iterable[str]) -> bool:
        """Count many labels at once; False, with nothing counted, where one is undeclared."""
        found = Counter(names)
        if self.declared and not self.declared.issuperset(found):
            return False
        self.classes.update(found)
        return True

    def take_class(self, name: str, times: int, *, known: bool = True) -> None:
        """Count all labels of a class; `known` says whether the dataset itself names it."""
        self.classes[name] += times
        if not known or (self.declared and name not in self.declared):
            self.problem("unknown-class", name, times)

    def take_label_map(self, found: Mapping[str, str]) -> None:
        """Keep which number stands for which class, and compare their order with the declared."""
        self.label_map = {number: printable(name) for number, name in found.items()}
        for name in found.values():
            self.classes.setdefault(name, 0)
        order = [name for name in found.values() if name in self.declared]
        wanted = [name for name in self.request.classes if name in set(order)]
        if order != wanted:
            self.problem("class-order", f"{', '.join(order)[:100]}")

    def offer(self, name: str) -> bool:
        """Propose a sample to look at; True where it is one of those to keep until now.

        Chosen are those with the smallest hashes of their names: the same ones every time, and
        from all over the dataset.
        """
        most = self.request.pictures
        if not most:
            return False
        rank = -place_of(0, name.encode())
        if len(self._offered) < most:
            heappush(self._offered, (rank, name))
            return True
        return heappushpop(self._offered, (rank, name))[1] != name

    def chosen(self) -> list[str]:
        """The samples to look at, by name."""
        return sorted(name for _, name in self._offered)

    def box(self, width: float, height: float) -> None:
        """Count a box by its size in shares of its image."""
        self.boxed = True
        self.grid[_field(height) * GRID + _field(width)] += 1

    def counted(self) -> Counted:
        """Everything found, sorted, so that equal datasets give equal answers."""
        for name in self.request.classes if self.classes else ():
            if not self.classes[name]:
                self.problem("empty-class", name)
        self.problem("unlabelled", times=self.unlabelled)
        others = sorted(set(self.classes) - self.declared)
        classes = {printable(name): self.classes[name] for name in (*self.request.classes, *others)}
        return Counted(
            samples=self.samples,
            labels=sum(classes.values()),
            classes=classes if self.classes else {},
            splits=self.division.counted() if self.division else {},
            problems=tuple(
                Problem(kind, count, tuple(examples))
                for kind, (count, examples) in sorted(self._problems.items())
            ),
            grid=tuple(self.grid) if self.boxed else (),
            pictures=tuple(self.pictures),
            label_map=self.label_map,
        )


class Ids:
    """Tells ids that were used before, by their 64-bit hashes.

    As long as ids only rise none can be old, and nothing is looked up. The hash is that of the
    process, so nothing of it may outlive the count.
    """

    def __init__(self) -> None:
        self._last: Any = None
        self._rising = True
        self._known: set[int] | None = None
        self._later = array("q")

    def fresh(self, identities: Iterable[Any]) -> bool:
        """Take several ids at once; False, with nothing taken, where one of them may be old."""
        ids = list(identities)
        if self._rises(ids):
            self._last = ids[-1] if ids else self._last
            self._later.extend(map(hash, ids))
            return True
        if self._known is None:
            self._later.extend(map(hash, ids))
            return True
        new = set(map(hash, ids))
        if len(new) != len(ids) or not self._known.isdisjoint(new):
            return False
        self._known |= new
        self._spill()
        return True

    def used(self, identity: Any) -> bool:
        """Take one id; True where it is known to have been used before."""
        self._fall()
        number = hash(identity)
        if self._known is None:
            self._later.append(number)
            return False
        if number in self._known:
            return True
        self._known.add(number)
        self._spill()
        return False

    def late(self) -> int:
        """How many more uses of an old id there were than `used` and `fresh` have told."""
        if self._rising or not self._later:
            return 0
        numbers = memoryview(self._later).cast("B").cast("Q")
        shared = repeated(numbers)
        if not shared:
            return 0
        return sum(number in shared for number in numbers) - len(shared)

    def _rises(self, ids: list[Any]) -> bool:
        if not self._rising or not ids:
            return self._rising
        try:
            higher = self._last is None or self._last < ids[0]
            if higher and all(map(lt, ids, islice(ids, 1, None))):
                return True
        except TypeError:
            # Texts and numbers beside each other, or none at all.
            pass
        self._fall()
        return False

    def _fall(self) -> None:
        """From now on ids are looked up: few at once, many at the end."""
        if self._rising:
            self._rising = False
            if len(self._later) <= _KNOWN:
                self._known, self._later = set(self._later), array("q")

    def _spill(self) -> None:
        if self._known is not None and len(self._known) > _KNOWN:
            self._later.extend(self._known)
            self._known = None


def identity_of(value: Any) -> int:
    """A number below 2^64 for an id, the same for equal ids of one count."""
    return hash(value) & 0xFFFF_FFFF_FFFF_FFFF


def printable(text: str) -> str:
    """A name as it can be shown and stored: no control characters, no half of a character."""
    if text.isprintable():
        return text[:_SHOWN]
    return "".join(_shown(text[:_SHOWN]))


_SHOWN: Final = 300


def _shown(text: str) -> Iterator[str]:
    for letter in text:
        yield letter if letter.isprintable() else f"\\u{ord(letter):04x}"


def _field(share: float) -> int:
    return min(GRID - 1, max(0, int(share * GRID)))
