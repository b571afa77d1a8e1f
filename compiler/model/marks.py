"""Plain data that remembers where it was written: mappings and lists with their marks.

Marks are numbers until somebody asks for a `Span`. They carry no policy: which keys are
allowed, and what a value means, is decided elsewhere.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

from compiler.model.diagnostics import Span

Entry: TypeAlias = "tuple[int, int, int, int, Marks | None, str | None]"
"""Line and column of the key, then of the value, counted from 0; the marks of the value if it
is a mapping or list; the file, where it is another than that of the container."""
Path: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the root of a document to a value."""


class Marks:
    """Where a mapping or a list, its keys and its values were written.

    `entries` has an `Entry` per key (or index). `line` and `column` count from 0, as libyaml
    does; every `Span` counts from 1.
    """

    __slots__ = ("column", "entries", "file", "line")

    def __init__(
        self, file: str, line: int, column: int, entries: dict[str, Entry] | list[Entry]
    ) -> None:
        self.file = file
        self.line = line
        self.column = column
        self.entries = entries

    @property
    def span(self) -> Span:
        """The place where the mapping or list begins."""
        return Span(self.file, self.line + 1, self.column + 1)

    def entry(self, key: str | int) -> Entry | None:
        """The raw positions of one key or index, or None where there is no such entry."""
        if isinstance(self.entries, dict):
            return self.entries.get(str(key))
        known = isinstance(key, int) and -len(self.entries) <= key < len(self.entries)
        return self.entries[int(key)] if known else None

    def key_span(self, key: str | int) -> Span:
        """The place of a key (of an item, for an index); that of the container if unknown."""
        entry = self.entry(key)
        if entry is None:
            return self.span
        return Span(entry[5] or self.file, entry[0] + 1, entry[1] + 1)

    def value_span(self, key: str | int) -> Span:
        """The place of a value as written; that of the container if the key is unknown."""
        entry = self.entry(key)
        if entry is None:
            return self.span
        return Span(entry[5] or self.file, entry[2] + 1, entry[3] + 1)

    def child(self, key: str | int) -> Marks:
        """The marks of a value. For a scalar or an unknown key: marks with that one place."""
        entry = self.entry(key)
        if entry is None:
            return self
        return entry[4] or Marks(entry[5] or self.file, entry[2], entry[3], {})

    def at(self, path: Sequence[str | int]) -> Span:
        """The place of the value at a path, or of its nearest ancestor that was written."""
        marks, span = self, self.span
        for step in path:
            if marks.entry(step) is None:
                break
            span, marks = marks.value_span(step), marks.child(step)
        return span


NOWHERE = Marks("", 0, 0, {})


class Map(dict[str, Any]):
    """A mapping with string keys that knows where it was written. Treat it as read-only."""

    __slots__ = ("marks",)

    def __init__(
        self,
        data: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        marks: Marks = NOWHERE,
    ) -> None:
        super().__init__(data)
        self.marks = marks


class List(list[Any]):
    """A list that knows where it was written. Treat it as read-only."""

    __slots__ = ("marks",)

    def __init__(self, data: Iterable[Any] = (), marks: Marks = NOWHERE) -> None:
        super().__init__(data)
        self.marks = marks


def child_marks(value: object) -> Marks | None:
    """The marks of a value that has any."""
    return value.marks if isinstance(value, Map | List) else None


def lines_of_paths(data: object, path: Path = ()) -> Iterator[tuple[Path, int]]:
    """Every path of positioned data with its line: keys at the key, items at the value."""
    if isinstance(data, Map):
        for key, value in data.items():
            yield (*path, key), data.marks.key_span(key).line
            yield from lines_of_paths(value, (*path, key))
    elif isinstance(data, List):
        for place, value in enumerate(data):
            yield (*path, place), data.marks.value_span(place).line
            yield from lines_of_paths(value, (*path, place))


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the cycle collector where many objects are made that live on and form no cycles.

    It would walk all of them again and again: half of the time that 20,000 sites take.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
