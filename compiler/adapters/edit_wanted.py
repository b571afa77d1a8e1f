"""What an edit asks for, as data: the edits themselves, and what a text must read as after one.

It knows no text; the data is made without a look at how it is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from compiler.model.marks import Path
from compiler.model.record import dataclass


@dataclass(frozen=True, slots=True)
class Set:
    """The value at `path` becomes `value`; what is missing on the way is written as well.

    A new entry goes behind its sibling `after`, else to the end of its mapping.
    """

    path: Path
    value: Any
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """`value` becomes the last item of the list at `path`, which is written if it is missing."""

    path: Path
    value: Any


@dataclass(frozen=True, slots=True)
class Remove:
    """The entry or item at `path` goes, with the comment on its line.

    Comments on lines of their own above it stay.
    """

    path: Path


Edit: TypeAlias = Set | Append | Remove


def new_value(edit: Edit) -> Any:
    """What is written where nothing was.

    Raises:
        KeyError: the edit removes.
    """
    if isinstance(edit, Remove):
        raise KeyError(edit.path)
    return [edit.value] if isinstance(edit, Append) else edit.value


def nested(path: Path, value: Any) -> Any:
    """A value with the mappings around it that a path leads through."""
    for step in reversed(path):
        value = {str(step): value}
    return value


def wanted(data: Any, edit: Edit) -> Any:
    """The data after an edit, made without the text."""
    if not edit.path:
        return plain(new_value(edit))
    step, rest = edit.path[0], edit.path[1:]
    below: Edit
    if isinstance(edit, Remove):
        if not has(data, step):
            raise KeyError(edit.path)
        if not rest:
            return _without(data, step)
        below = Remove(rest)
    elif isinstance(edit, Append):
        if not rest:
            return _with_item(data, step, edit.value)
        below = Append(rest, edit.value)
    else:
        below = Set(rest, edit.value, edit.after)
    return _with(data, step, wanted(data[step] if has(data, step) else None, below), edit)


def _with(data: Any, step: str | int, value: Any, edit: Edit) -> Any:
    if isinstance(data, list) and has(data, step):
        return [value if place == step else item for place, item in enumerate(data)]
    if data is not None and not isinstance(data, dict):
        raise KeyError(edit.path)
    return {**(data or {}), str(step): value}


def _with_item(data: Any, step: str | int, value: Any) -> Any:
    old = data[step] if has(data, step) else None
    if old is not None and not isinstance(old, list):
        raise KeyError(step)
    return _with(data, step, [*(old or []), plain(value)], Append((step,), value))


def _without(data: Any, step: str | int) -> Any:
    if isinstance(data, list):
        return [item for place, item in enumerate(data) if place != step]
    return {key: value for key, value in data.items() if key != step}


def plain(value: Any) -> Any:
    """Data without positions and source texts."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    raise TypeError(f"{type(value).__name__} has no place in a spec")


def same(one: Any, other: Any) -> bool:
    """Equality that tells true from 1 and 1 from 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        pairs = zip(one, other, strict=True) if len(one) == len(other) else [(0, 1)]
        return all(same(first, second) for first, second in pairs)
    return bool(one == other)


def document_of(data: Sequence[Any], path: Path) -> int:
    """The document that holds most of a path."""
    return max(range(len(data)), key=lambda place: _depth(data[place], path), default=0)


def _depth(value: Any, path: Path) -> int:
    for depth, step in enumerate(path):
        if not has(value, step):
            return depth
        value = value[step]
    return len(path)


def has(value: Any, step: str | int) -> bool:
    """Whether a mapping or list has an entry."""
    if isinstance(value, Mapping):
        return step in value
    return isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value)
