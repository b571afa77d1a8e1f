"""How an edit writes a value: like what stood there, on one line or as block lines.

It knows text and values; where they go is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from textwrap import indent
from typing import Any

from compiler.model import emit
from compiler.model.yaml_scalars import resolve, surprise

WIDTH = 100
"""A mapping or list that fits into a line of so many characters is written on one."""

_SHORT = emit.KEY_LIMIT // 8
"""Beyond it a string is quoted without a look at whether it could do without."""

_WORD = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@/-]*").fullmatch
_PRINTABLE = re.compile(r"[ -~]*").fullmatch


def one_line(value: Any, style: str | None = None) -> str:
    """A value on one line; a string keeps the quotes `style` of an old one that they can hold."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key(name)}: {one_line(item)}" for name, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(one_line(item) for item in value)}]"
    if not isinstance(value, str):
        return _source(value) or emit.after_key(value, "").strip()
    return _string(value, style)


def key(name: str) -> str:
    """A key, without its colon."""
    return emit.key(name)


def block(value: Any, column: int) -> str:
    """The block lines of a mapping or list at a column, each with its line break."""
    if isinstance(value, Mapping):
        lines = emit.dump(value)
    else:
        lines = "".join(f"-{emit.after_dash(item, '')}" for item in value)
    return indent(lines, " " * column, lambda line: bool(line.strip()))


def fits(value: Any, column: int) -> bool:
    """Whether a value may stand on one line that has `column` characters before it."""
    empty = not isinstance(value, Mapping | list | tuple) or not value
    return empty or column + len(one_line(value)) <= WIDTH


def _source(value: Any) -> str:
    """The text that a number was read from."""
    text = getattr(value, "text", "")
    return text if text and type(resolve(text)) is type(value) else ""


def _string(value: str, style: str | None) -> str:
    if style == "'" and _PRINTABLE(value):
        return "'" + value.replace("'", "''") + "'"
    if style == "" and _WORD(value) and _is_text(value):
        return value
    if style == '"' or len(value) > _SHORT:
        return emit.quoted(value)
    return emit.key(value)


def _is_text(value: str) -> bool:
    try:
        return isinstance(resolve(value), str) and surprise(value) is None
    except ValueError:
        return False
