"""A structure, parsed once: how to make an object's data and text from the values of its holes.

Two drafts of one template usually differ in scalars only: their structures are the same text.
That text is parsed and laid out once, and each draft then only fills the holes, without Jinja's
output and without YAML. What is filled equals what parsing the whole rendered text would give.
Parts without a hole are shared between objects: nobody may change data in place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ryaml import InvalidYamlError, loads  # type: ignore[attr-defined]

from compiler.model import emit
from compiler.model.record import dataclass
from compiler.stages.render.templates import HOLE, SIZE_LIMIT

BRACKET_LIMIT = 10_000
"""The parser takes time with the square of open brackets: 100,000 of them take a quarter minute."""


class StructureError(Exception):
    """A structure is no YAML mapping, or a hole in it is no whole key or value."""


class FillError(Exception):
    """The values of the holes make no object: a repeated key, a key that is no text, the size."""


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A parsed structure."""

    root: _Container
    parts: tuple[str, ...]
    slots: tuple[_Slot, ...]
    name_hole: int | None
    """The hole that is the whole of `metadata.name`, if one is."""

    def data(self, holes: list[Any]) -> dict[str, Any]:
        """The object as plain data.

        Raises:
            FillError: a hole makes a key that is no text, or one that occurs twice.
        """
        filled: dict[str, Any] = self.root.fill(holes)
        return filled

    def text(self, holes: list[Any]) -> str:
        """The object as YAML, equal to `emit.dump` of its data.

        Raises:
            ValueError: as for `emit.dump`.
            FillError: the text is larger than an object can be.
        """
        parts, size = list(self.parts), 0
        for slot in self.slots:
            piece = parts[slot.place] = slot.write(holes[slot.hole], slot.pad)
            size += len(piece)
            if size > SIZE_LIMIT:
                raise FillError(f"the object has more than {SIZE_LIMIT:,} characters")
        return "".join(parts)


def parse_structure(structure: str) -> Skeleton:
    """Parse a structure whose holes are marked by `HOLE`.

    Raises:
        StructureError: it is no YAML mapping, or a hole is no whole key or value in it.
    """
    if structure.count("[") + structure.count("{") > BRACKET_LIMIT:
        raise StructureError(f"the template makes more than {BRACKET_LIMIT:,} brackets")
    data = _parsed(_with_marks(structure))
    if not isinstance(data, dict):
        raise StructureError("the template makes no mapping")
    _reject_partial_holes(data, structure.count(HOLE))
    parts, slots = _layout(data)
    if len(slots) != structure.count(HOLE):
        raise StructureError("a text in the template looks like the mark of a hole")
    name = _hole_of((data.get("metadata") or {}).get("name")) if _has_metadata(data) else None
    return Skeleton(_container(data), parts, slots, name)


def plain_data(structure: str, holes: list[Any]) -> Any:
    """What the structure gives when each hole is written as JSON and the whole is parsed.

    The slow way, which needs no skeleton: the standard that `Skeleton.data` is held to.

    Raises:
        StructureError: the text is no YAML.
        ValueError: a hole's value is no JSON.
    """
    pieces = structure.split(HOLE)
    written = (f"{json_text(hole)}{piece}" for hole, piece in zip(holes, pieces[1:], strict=True))
    return _parsed("".join((pieces[0], *written)))


def parse_object(text: str) -> Mapping[str, Any]:
    """A generated file as data.

    Raises:
        ValueError: it is no YAML, or no mapping.
    """
    try:
        found = loads(text)
    except InvalidYamlError as error:
        raise ValueError(str(error)) from None
    if not isinstance(found, dict):
        raise ValueError("the file holds no mapping")  # noqa: TRY004 - one error for callers
    return found


def json_text(value: Any) -> str:
    """A value as JSON on one line, safe wherever YAML takes a flow value.

    Raises:
        ValueError: NaN, an infinity, a lone surrogate or another type.
    """
    if isinstance(value, str):
        return emit.quoted(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(json_text, value))}]"
    if isinstance(value, dict):
        items = (f"{emit.quoted(key)}: {json_text(item)}" for key, item in value.items())
        return f"{{{', '.join(items)}}}"
    if isinstance(value, float):
        return emit.number(value)
    return json.dumps(value)


@dataclass(frozen=True, slots=True)
class _Container:
    """A mapping or list that holds holes: a copy of `constant` with some items filled in."""

    constant: dict[str, Any] | list[Any]
    holes: tuple[tuple[Any, int], ...]
    inner: tuple[tuple[Any, _Container | _Keyed], ...]

    def fill(self, holes: list[Any]) -> Any:
        """A fresh container; parts without holes are shared."""
        data: Any = self.constant.copy()
        for key, hole in self.holes:
            data[key] = holes[hole]
        for key, node in self.inner:
            data[key] = node.fill(holes)
        return data


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A mapping with holes as keys: pairs of a key or its hole, and a value's filler."""

    items: tuple[tuple[str | int, Callable[[list[Any]], Any]], ...]

    def fill(self, holes: list[Any]) -> Any:
        """A fresh mapping in the order of the template."""
        data: dict[str, Any] = {}
        for key, fill in self.items:
            name = key if isinstance(key, str) else holes[key]
            if not isinstance(name, str):
                raise FillError(f"the key {name!r} is no text")
            if name in data:
                raise FillError(f"the key {name!r} occurs twice")
            data[name] = fill(holes)
        return data


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a hole's text goes: the part, the hole, and how it is written at an indentation."""

    place: int
    hole: int
    write: Callable[[Any, str], str]
    pad: str


def _with_marks(structure: str) -> str:
    """The structure with a unique YAML string for every hole."""
    pieces = structure.split(HOLE)
    numbered = (f'"{_ESCAPED_MARK}{hole}."{piece}' for hole, piece in enumerate(pieces[1:]))
    return "".join((pieces[0], *numbered))


def _parsed(text: str) -> Any:
    try:
        return loads(text)
    except (InvalidYamlError, ValueError) as error:
        raise StructureError(str(error).removeprefix("TypeError: ")) from None


def _hole_of(value: Any) -> int | None:
    """The hole that a parsed string stands for, if it is one."""
    if isinstance(value, str) and value.startswith(_MARK) and (match := _WHOLE(value)):
        return int(match[1])
    return None


def _has_metadata(data: dict[str, Any]) -> bool:
    return isinstance(data.get("metadata"), dict)


def _reject_partial_holes(data: Any, count: int) -> None:
    """Every hole is the whole of exactly one key or value."""
    found = sorted(hole for value in _strings(data) if (hole := _hole_of(value)) is not None)
    if found != list(range(count)):
        raise StructureError("a hole is not the whole of a key or a value")


def _strings(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            if not isinstance(key, str):
                raise StructureError(f"the key {key!r} is no text; put it in quotes")
            yield key
            yield from _strings(value)
    elif isinstance(data, list):
        for value in data:
            yield from _strings(value)


def _container(data: Any) -> Any:
    """The filler of a mapping or list."""
    if isinstance(data, dict) and any(_hole_of(key) is not None for key in data):
        return _Keyed(tuple((_key(key), _filler(value)) for key, value in data.items()))
    items = list(data.items() if isinstance(data, dict) else enumerate(data))
    holes = tuple((key, hole) for key, item in items if (hole := _hole_of(item)) is not None)
    inner = tuple((key, _container(item)) for key, item in items if _holds_hole(item))
    return _Container(data, holes, inner)


def _key(key: str) -> str | int:
    hole = _hole_of(key)
    return key if hole is None else hole


def _filler(value: Any) -> Callable[[list[Any]], Any]:
    hole = _hole_of(value)
    if hole is not None:
        return lambda holes: holes[hole]
    if _holds_hole(value):
        fill: Callable[[list[Any]], Any] = _container(value).fill
        return fill
    return lambda _: value


def _holds_hole(value: Any) -> bool:
    """Whether a container holds a hole somewhere below."""
    return isinstance(value, dict | list) and any(
        _hole_of(text) is not None for text in _strings(value)
    )


def _layout(data: dict[str, Any]) -> tuple[tuple[str, ...], tuple[_Slot, ...]]:
    """The emitter's own text of a skeleton, cut at its holes."""
    parts: list[str] = []
    slots: list[_Slot] = []
    text, end = emit.dump(data), 0
    for match in _WRITTEN.finditer(text):
        parts.append(text[end : match.start()])
        line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
        write, pad = _writer(line, is_key=match[1] is None)
        slots.append(_Slot(len(parts), int(match[1] or match[2]), write, pad))
        parts.append("")
        end = match.end()
    parts.append(text[end:])
    return tuple(parts), tuple(slots)


def _writer(line: str, *, is_key: bool) -> tuple[Callable[[Any, str], str], str]:
    """How a hole is written that follows `line`, the beginning of its line, and its padding."""
    if is_key:
        return _write_key, ""
    lead = _LEAD.match(line)
    width = lead.end() if lead else 0
    if line.endswith(":"):
        return emit.after_key, " " * width
    # `- -` leads with every dash but the last: the innermost list is the hole's.
    return emit.after_dash, " " * line.rindex("-")


def _write_key(value: Any, _pad: str) -> str:
    return f"{emit.key(value)}:"


_MARK = "\x01hole"
_ESCAPED_MARK = "\\u0001hole"
_WHOLE = re.compile(r"\x01hole(\d+)\.").fullmatch
# The emitter writes a mark as a quoted string: after a space as a value with its line break, or
# as a key with its colon.
_WRITTEN = re.compile(r' "\\u0001hole(\d+)\."\n|"\\u0001hole(\d+)\.":')
_LEAD = re.compile(r"(?:- | )*")
