"""Which fields of two objects differ, in short words. Values are cut; nothing is judged."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from compiler.model.changes import FieldChange

WIDTH = 100
"""Characters of a value that are shown."""


def differences(old: Any, new: Any, at: str = "") -> Iterator[FieldChange]:
    """The deepest paths at which two values differ; list entries with names are met by name."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys((*old, *new)):
            yield from differences(old.get(key), new.get(key), _below(at, str(key)))
        return
    names = _names(old), _names(new)
    if names[0] is not None and names[1] is not None:
        for name in dict.fromkeys((*names[0], *names[1])):
            yield from differences(names[0].get(name), names[1].get(name), f"{at}[{name}]")
        return
    if isinstance(old, str) and isinstance(new, str) and ("\n" in old or "\n" in new):
        yield from _lines(old, new, at)
        return
    yield FieldChange(at, shown(old), shown(new))


def shown(value: Any) -> str:
    """A value on one line, cut where it is long; absent is empty."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split()) if text else '""'
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


def _below(at: str, key: str) -> str:
    plain = key.replace("_", "").replace("-", "").isalnum()
    if not plain:
        return f"{at}[{key}]"
    return f"{at}.{key}" if at else key


def _names(value: Any) -> dict[str, Any] | None:
    """The entries of a list by name; None where it is none, or one has no name of its own."""
    if not isinstance(value, list | tuple) or not value:
        return None
    if not all(isinstance(entry, Mapping) and "name" in entry for entry in value):
        return None
    found = {str(entry["name"]): entry for entry in value}
    return found if len(found) == len(value) else None


def _lines(old: str, new: str, at: str) -> Iterator[FieldChange]:
    """The first lines of a text that differ, and how many follow."""
    before, after = old.splitlines(), new.splitlines()
    start = _common(before, after)
    end = _common(before[start:][::-1], after[start:][::-1])
    gone, come = before[start : len(before) - end], after[start : len(after) - end]
    more = max(len(gone), len(come)) - 1
    where = f"{at}, line {start + 1}{f' and {more} more' if more > 0 else ''}"
    yield FieldChange(where, *(shown(lines[0]) if lines else "" for lines in (gone, come)))


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    pairs = zip(first, second, strict=False)
    return next(
        (place for place, (one, other) in enumerate(pairs) if one != other),
        min(len(first), len(second)),
    )
