"""The files of a folder as one spec: sections join by name, nothing overrides anything.

Pure: it takes parsed documents and reads no file. The order of the documents decides nothing
but the order of keys and of lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from compiler.model.codes import text as codes
from compiler.model.diagnostics import Diagnostics, Related
from compiler.model.marks import Entry, List, Map, Marks
from compiler.model.merge import entry_in

Path = tuple[str, ...]

_TABLES: Final = frozenset(
    ("fleet", table) for table in ("clusters", "profiles", "sites", "registries")
)
"""Paths below a section whose mappings hold one definition for each name."""


def join(parts: Sequence[Map], diagnostics: Diagnostics, path: Path = ()) -> Map:
    """One mapping with every definition of `parts`; what two of them define is reported.

    Sections join, and so do the tables of `fleet`; lists of a section follow each other; equal
    scalars agree. The first definition stands in the result.
    """
    first = parts[0].marks
    entries: dict[str, Entry] = {}
    span = first.span
    result = Map((), Marks(span.file, span.line - 1, span.column - 1, entries))
    for key, owners in _owners(parts).items():
        value = owners[0][key]
        if len(owners) > 1:
            value = _joined(owners, key, (*path, key), diagnostics)
        result[key] = value
        entries[key] = entry_in(owners[0], key, value, span.file)
    return result


def _owners(parts: Sequence[Map]) -> dict[str, list[Map]]:
    """Who defines each key; a section left empty defines nothing where another one does."""
    owners: dict[str, list[Map]] = {}
    for part in parts:
        for key in part:
            owners.setdefault(key, []).append(part)
    for key, found in owners.items():
        if len(found) > 1:
            owners[key] = [part for part in found if part[key] is not None] or found[:1]
    return owners


def _joined(owners: Sequence[Map], key: str, path: Path, diagnostics: Diagnostics) -> Any:
    values = [owner[key] for owner in owners]
    if all(isinstance(value, Map) for value in values) and _is_joint(path):
        return join(values, diagnostics, path)
    if all(isinstance(value, List) for value in values) and len(path) == 1:
        return _chain(values)
    for owner in owners[1:]:
        if not _agree(owners[0][key], owner[key]):
            _report(owners[0], owner, key, path, diagnostics)
    return values[0]


def _is_joint(path: Path) -> bool:
    return len(path) == 1 or path in _TABLES


def _chain(values: Sequence[List]) -> List:
    file = values[0].marks.file
    entries: list[Entry] = []
    for value in values:
        for index in range(len(value)):
            entry = value.marks.entry(index)
            if entry is not None:
                entries.append((*entry[:5], entry[5] or value.marks.file))
    items = [item for value in values for item in value]
    return List(items, Marks(file, values[0].marks.line, values[0].marks.column, entries))


def _agree(one: Any, other: Any) -> bool:
    if isinstance(one, Map | List) or type(one) is not type(other):
        return False
    return bool(one == other)


def _report(first: Map, again: Map, key: str, path: Path, diagnostics: Diagnostics) -> None:
    place = first.marks.key_span(key)
    shapes = _shape(first[key]), _shape(again[key])
    difference = f", {shapes[1]} here and {shapes[0]} there" if shapes[0] != shapes[1] else ""
    diagnostics.add(
        codes.DEFINED_TWICE,
        f"{'.'.join(path)} is defined twice{difference}; first in {place}",
        again.marks.key_span(key),
        "keep one of the two",
        (Related(place, "first defined here"),),
    )


def _shape(value: Any) -> str:
    if isinstance(value, Map):
        return "a mapping"
    return "a list" if isinstance(value, List) else "a single value"
