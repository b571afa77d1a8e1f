"""One edit of a YAML text as splices: what is cut where, and what stands there instead.

Everything outside the splices stays byte for byte. It checks nothing of the result: whoever
calls reads the new text again.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import itemgetter
from typing import Any, TypeAlias

from compiler.adapters import edit_text
from compiler.adapters.edit_places import (
    LIST,
    MAPPING,
    Node,
    after_break,
    column,
    line_end,
    line_start,
    skip,
)

Splice: TypeAlias = tuple[int, int, str]
"""From, to, and the new text in between, with a line feed as its line break."""

STEP = 2


class LayoutError(Exception):
    """What is written there cannot be changed by a splice; the message says why."""


def spliced(text: str, splices: list[Splice]) -> str:
    """The text with the splices, in the line breaks that it has."""
    newline = _line_break(text)
    parts, at = [], 0
    for start, end, new in sorted(splices, key=itemgetter(0)):
        parts += [text[at:start], new.replace("\n", newline)]
        at = end
    return "".join([*parts, text[at:]])


def replace(text: str, parent: Node | None, place: int, value: Any, root: Node) -> list[Splice]:
    """Put another value in the place of an entry's, or of the root's."""
    key, old = parent.entries[place] if parent is not None else (None, root)
    if old.kind in (MAPPING, LIST) and old.style == "block":
        return _replace_block(text, key, old, value, parent)
    new = edit_text.one_line(value, old.style)
    if not old.missing:
        return [(old.start, old.end, new)]
    colon = key is not None and ":" not in text[key.end : old.start]
    lead = ": " if colon else " " if text[old.start - 1 : old.start] in (":", "-") else ""
    return [(old.start, old.end, lead + new)]


def insert(text: str, parent: Node, key: str, value: Any, after: str | None) -> list[Splice]:
    """Add an entry to a mapping: behind the entry `after`, else at the end."""
    place = parent.find(after) if after is not None else None
    last = parent.entries[-1 if place is None else place][1] if parent.entries else None
    name = f"{edit_text.key(key)}:"
    if parent.style == "flow":
        return _into_flow(text, parent, last, f"{name} {edit_text.one_line(value)}")
    at = parent.entries[-1 if place is None else place]
    indent = column(text, parent.start)
    return [_lines_after(text, _end(at), _entry(name, value, indent, _like(parent)))]


def append(text: str, parent: Node, value: Any) -> list[Splice]:
    """Add an item at the end of a list."""
    last = parent.entries[-1][1] if parent.entries else None
    if parent.style == "flow":
        return _into_flow(text, parent, last, edit_text.one_line(value))
    indent = column(text, parent.start)
    return [_lines_after(text, _end(parent.entries[-1]), _item(value, indent, _like(parent)))]


def fill(text: str, key: Node, old: Node, value: Any, indent: int) -> list[Splice]:
    """Write a mapping or list as block lines below a bare `key:`."""
    block = edit_text.block(value, indent + STEP)
    return [_lines_after(text, max(old.end, key.end), block)]


def remove(text: str, parent: Node, place: int) -> list[Splice]:
    """Take an entry or item away, with the comment on its own line."""
    if parent.style == "flow":
        return _out_of_flow(text, parent, place)
    start = _dash(text, parent, place) if parent.kind == LIST else _start(parent.entries[place])
    end = _end(parent.entries[place])
    if len(parent.entries) == 1:
        return _emptied(text, parent, start, end)
    head = line_start(text, start)
    if text[head:start].strip(" "):
        return [_up_to_next(text, parent, place, start)]
    return [(head, after_break(text, line_end(text, end)), "")]


def _line_break(text: str) -> str:
    end = line_end(text, 0)
    return text[end : after_break(text, end)] or "\n"


def _start(entry: tuple[Node | None, Node]) -> int:
    return (entry[0] or entry[1]).start


def _end(entry: tuple[Node | None, Node]) -> int:
    key, value = entry
    return value.end if key is None else max(value.end, key.end)


def _like(parent: Node) -> bool:
    """Whether the entries of a mapping or list are written in block lines."""
    return bool(parent.entries) and all(
        value.style == "block" for _, value in parent.entries if value.kind in (MAPPING, LIST)
    ) and any(value.kind in (MAPPING, LIST) for _, value in parent.entries)  # fmt: skip


def _entry(name: str, value: Any, indent: int, as_block: bool) -> str:
    pad = " " * indent
    container = isinstance(value, Mapping | list | tuple) and bool(value)
    if container and (as_block or not edit_text.fits(value, indent + len(name) + 1)):
        return f"{pad}{name}\n{edit_text.block(value, indent + STEP)}"
    return f"{pad}{name} {edit_text.one_line(value)}\n"


def _item(value: Any, indent: int, as_block: bool) -> str:
    pad = " " * indent
    container = isinstance(value, Mapping | list | tuple) and bool(value)
    if container and (as_block or not edit_text.fits(value, indent + 2)):
        return f"{pad}- {edit_text.block(value, indent + 2).lstrip(' ')}"
    return f"{pad}- {edit_text.one_line(value)}\n"


def _lines_after(text: str, at: int, lines: str) -> Splice:
    """Put whole lines behind the line of a place."""
    end = line_end(text, at)
    behind = after_break(text, end)
    if behind == end:
        return end, end, f"\n{lines.removesuffix(chr(10))}"
    return behind, behind, lines


def _into_flow(text: str, parent: Node, last: Node | None, new: str) -> list[Splice]:
    if last is None:
        inside = text[parent.start + 1 : parent.end - 1]
        if "#" in inside:
            raise LayoutError("a comment stands between empty brackets")
        return [(parent.start + 1, parent.end - 1, new)]
    is_last = last is parent.entries[-1][1]
    end = _end(next(entry for entry in parent.entries if entry[1] is last))
    comma = skip(text, end)
    has_comma = text[comma : comma + 1] == ","
    first = _start(parent.entries[0])
    own_lines = not text[line_start(text, first) : first].strip(" ")
    if not own_lines:
        return [(end, end, f", {new}")]
    pad = " " * column(text, first)
    behind = line_end(text, comma if has_comma else end)
    closing = comma if not has_comma else parent.end
    if closing < behind:
        return [(end, end, f", {new}")]
    comma_after = "," if has_comma or not is_last else ""
    added = (behind, behind, f"\n{pad}{new}{comma_after}")
    return [added] if has_comma else [(end, end, ","), added]


def _out_of_flow(text: str, parent: Node, place: int) -> list[Splice]:
    start, end = _start(parent.entries[place]), _end(parent.entries[place])
    comma = skip(text, end)
    if text[comma : comma + 1] == ",":
        return [_flow_head(text, parent, place, start, comma + 1)]
    if place == 0:
        return [(start, end, "")]
    before = skip(text, _end(parent.entries[place - 1]))
    if "#" not in text[before + 1 : start]:
        return [(before, end, "")]
    return [(before, before + 1, ""), (start, end, "")]


def _flow_head(text: str, parent: Node, place: int, start: int, end: int) -> Splice:
    """Cut an entry with the comma behind it, and the blanks that would be left."""
    head, tail = line_start(text, start), line_end(text, end)
    if not text[head:start].strip(" ") and not text[end:tail].strip(" "):
        return head, after_break(text, tail), ""
    is_last = place + 1 == len(parent.entries)
    following = parent.end - 1 if is_last else _start(parent.entries[place + 1])
    if is_last and place:
        return skip(text, _end(parent.entries[place - 1])) + 1, end, ""
    return start, following if not text[end:following].strip(" ") else end, ""


def _dash(text: str, parent: Node, place: int) -> int:
    """Where the dash of an item stands."""
    before = parent.start if place == 0 else _end(parent.entries[place - 1])
    return skip(text, before)


def _emptied(text: str, parent: Node, start: int, end: int) -> list[Splice]:
    """Cut the only entry of block lines, and say that nothing is left."""
    empty = "{}" if parent.kind == MAPPING else "[]"
    head = line_start(text, start)
    if text[head:start].strip(" ") or not head:
        return [(start, end, empty)]
    return [(start, end, empty)]


def _up_to_next(text: str, parent: Node, place: int, start: int) -> Splice:
    """Cut an entry that shares its line with a dash, so that the next one takes its place."""
    end = _end(parent.entries[place])
    if place + 1 == len(parent.entries):
        raise LayoutError("it shares its line with another value")
    following = (
        _dash(text, parent, place + 1) if parent.kind == LIST else _start(parent.entries[place + 1])
    )
    if "#" in text[end:following]:
        raise LayoutError("a comment stands between it and the next entry")
    return start, following, ""


def _replace_block(
    text: str, key: Node | None, old: Node, value: Any, parent: Node | None
) -> list[Splice]:
    """Put another value in the place of block lines, at their column."""
    if isinstance(value, Mapping | list | tuple) and value:
        indent = column(text, old.start)
        lines = edit_text.block(value, indent)
        same = isinstance(value, Mapping) == (old.kind == MAPPING)
        if not same and parent is not None and key is not None:
            indent = max(indent, column(text, key.start) + STEP)
            lines = edit_text.block(value, indent)
            return [(line_start(text, old.start), old.end, lines.removesuffix("\n"))]
        return [(old.start, old.end, lines.removesuffix("\n").lstrip(" "))]
    new = edit_text.one_line(value)
    head = line_start(text, old.start)
    if key is None or text[head : old.start].strip(" "):
        return [(old.start, old.end, new)]
    colon = skip(text, key.end) + 1
    return [(colon, colon, f" {new}"), (head, after_break(text, line_end(text, old.end)), "")]
