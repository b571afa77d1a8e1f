"""The meaning of `set:`: one mapping laid over another.

Pure: neither argument changes. It merges values, not files: files of one spec never override
each other (see `joining`).
"""

from __future__ import annotations

from typing import Any, Final

from compiler.model.marks import Entry, Map, Marks, child_marks

_FREE_FORM: Final = frozenset({"params", "env", "vars", "labels"})
"""Mappings whose keys are the user's own words, so that no key below has a meaning to us."""


def overlay(base: Map, over: Map) -> Map:
    """`base` with `over` laid over it; every value keeps the marks of whoever wrote it.

    Mappings merge, lists and scalars replace, null removes; `splits.parts` is replaced whole.
    The keys keep the order of `base`; new ones follow in the order of `over`.
    """
    return _overlay(base, over, parent="", free=False)


def _overlay(base: Map, over: Map, parent: str, free: bool) -> Map:
    span = base.marks.span
    entries: dict[str, Entry] = {}
    result = Map((), Marks(span.file, span.line - 1, span.column - 1, entries))
    for key in [*base, *(key for key in over if key not in base)]:
        below = free or key in _FREE_FORM
        writer, value = _winner(base, over, key, parent, below)
        if value is not None or writer is base:
            result[key] = value
            entries[key] = entry_in(writer, key, value, span.file)
    return result


def _winner(base: Map, over: Map, key: str, parent: str, free: bool) -> tuple[Map, Any]:
    """Who writes the value of a key, and the value; None of `over` removes."""
    if key not in over:
        return base, base[key]
    new, old = over[key], base.get(key)
    if not isinstance(new, Map):
        return over, new
    whole = key == "parts" and parent == "splits" and not free
    if isinstance(old, Map) and not whole:
        return base, _overlay(old, new, key, free)
    return over, _overlay(Map((), new.marks), new, key, free)


def entry_in(owner: Map, key: str, value: Any, file: str) -> Entry:
    """The entry of a key for a container of another file, with the marks of `value`."""
    entry = owner.marks.entry(key)
    if entry is None:
        span = owner.marks.span
        line, column = span.line - 1, span.column - 1
        entry = (line, column, line, column, None, None)
    source = entry[5] or owner.marks.file
    return (*entry[:4], child_marks(value), None if source == file else source)
