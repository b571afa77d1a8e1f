"""Where the values of a YAML text begin and end, to the character, for edits that splice.

It is driven by the events of the reader that compiles read with, so that an edit never sees
another structure than a compile. It builds no data and changes nothing.
"""

from __future__ import annotations

import re
from typing import Any

from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from compiler.model.record import dataclass

SCALAR, MAPPING, LIST = "scalar", "mapping", "list"


@dataclass(frozen=True, slots=True)
class Node:
    """A value as written: `text[start:end]` is all of it and nothing after it.

    `style` is `block` or `flow` for a mapping or list, else the quote, `|`, `>`, or nothing for
    a plain scalar. `entries` are (key, value); the items of a list have no key. `shared` is true
    of an alias and of what has an anchor.
    """

    kind: str
    style: str
    start: int
    end: int
    shared: bool
    entries: tuple[tuple[Node | None, Node], ...] = ()
    value: str = ""

    @property
    def missing(self) -> bool:
        """Whether nothing at all is written: the value of a bare `key:`."""
        return self.kind == SCALAR and self.start == self.end

    @property
    def anything_shared(self) -> bool:
        """Whether it, or anything in it, is used under another name."""
        return self.shared or any(
            (key is not None and key.shared) or value.anything_shared for key, value in self.entries
        )

    def find(self, key: str | int) -> int | None:
        """The place of a key or index among the entries."""
        if self.kind == MAPPING:
            names = (entry[0].value if entry[0] else "" for entry in self.entries)
            return next((place for place, name in enumerate(names) if name == key), None)
        known = self.kind == LIST and isinstance(key, int) and 0 <= key < len(self.entries)
        return int(key) if known else None


def roots(text: str) -> list[Node]:
    """The value of each document of a text that was read without a fault."""
    return _Finder(text).roots()


def line_start(text: str, at: int) -> int:
    """Where the line of a place begins."""
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def line_end(text: str, at: int) -> int:
    """Where the line of a place ends, before its line break."""
    found = _BREAK.search(text, at)
    return found.start() if found else len(text)


def after_break(text: str, at: int) -> int:
    """The place behind the line break at `at`, which may be the end of the text."""
    found = _BREAK.match(text, at)
    return found.end() if found else at


def column(text: str, at: int) -> int:
    """The column of a place, from 0."""
    return at - line_start(text, at)


def skip(text: str, at: int) -> int:
    """The first place from `at` on that holds neither white space nor a comment."""
    found = _BLANK.match(text, at)
    return found.end() if found else at


_BREAK = re.compile(r"\r\n|\r|\n")
_BLANK = re.compile(r"(?:[ \t\r\n]+|(?:(?<=[\s,\[\]{}:-])|^)#[^\r\n]*)*")


class _Finder:
    """Builds the nodes of one text by recursive descent; the reader's cap bounds its depth."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.get: Any = CParser(text).get_event

    def roots(self) -> list[Node]:
        found = []
        while (event := self.get()).__class__ is not StreamEndEvent:
            if event.__class__ is DocumentStartEvent:
                found.append(self._node(self.get()))
        return found

    def _node(self, event: Any) -> Node:
        start, end = event.start_mark.index, event.end_mark.index
        if event.__class__ is AliasEvent:
            return Node(SCALAR, "", start, end, shared=True)
        if event.__class__ is ScalarEvent:
            return self._scalar(event, start)
        is_mapping = event.__class__ is MappingStartEvent
        kind, entries, end = self._mapping() if is_mapping else self._list()
        style = "flow" if event.flow_style else "block"
        if entries and style == "block":
            key, value = entries[-1]
            end = value.end if not value.missing or key is None else max(value.end, key.end)
            start = entries[0][0].start if entries[0][0] is not None else start
        return Node(kind, style, start, end, event.anchor is not None, tuple(entries))

    def _scalar(self, event: Any, start: int) -> Node:
        end = event.end_mark.index
        if event.style in ("|", ">"):
            end = self._block_end(start, end)
        style = event.style or ""
        return Node(SCALAR, style, start, end, event.anchor is not None, (), event.value)

    def _block_end(self, start: int, end: int) -> int:
        """Where a literal or folded block ends: its blank lines count only where they are kept."""
        body = self.text[start:end]
        if "+" in body.split("\n", 1)[0].partition("#")[0]:
            return start + len(body.removesuffix("\n").removesuffix("\r"))
        return start + len(body.rstrip())

    def _mapping(self) -> tuple[str, list[tuple[Node | None, Node]], int]:
        entries: list[tuple[Node | None, Node]] = []
        event: Any = self.get()
        while event.__class__ is not MappingEndEvent:
            key = self._node(event)
            entries.append((key, self._node(self.get())))
            event = self.get()
        return MAPPING, entries, _end(event)

    def _list(self) -> tuple[str, list[tuple[Node | None, Node]], int]:
        entries: list[tuple[Node | None, Node]] = []
        event: Any = self.get()
        while event.__class__ is not SequenceEndEvent:
            entries.append((None, self._node(event)))
            event = self.get()
        return LIST, entries, _end(event)


def _end(event: Any) -> int:
    return int(event.end_mark.index)
