"""Plain data to YAML text: one fixed style that every YAML reader understands alike.

Block style, two spaces, list items at the column of their key, keys in the order of the data.
A string is written plain only where no YAML 1.1 or 1.2 reader can take it for anything else;
otherwise as a literal block or in JSON quotes. Nothing here reads YAML, sorts keys or knows
what an object is.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Any

SHORT = 100
"""Strings below this length recur from site to site: how they are written is remembered."""

KEY_LIMIT = 1000
"""YAML readers give up on a one-line key that is longer than 1,024 characters."""


def dump(data: Mapping[str, Any], header: str = "") -> str:
    """The YAML text of a mapping, with `header` (a comment line) on top, ending in a line break.

    Takes dicts with string keys, lists, tuples, strings, ints of 64 bits, floats, bools, None
    and their subclasses.

    Raises:
        ValueError: NaN, an infinity, a lone surrogate, too big an int, a key that is no string
            or too long, another type, or a header of several lines.
    """
    if "\n" in header or "\r" in header:
        raise ValueError("a header is one line")
    lines: list[str] = [f"{header}\n"] if header else []
    if data:
        _mapping(data, "", "", lines)
    else:
        lines.append("{}\n")
    return "".join(lines)


def after_key(value: Any, pad: str) -> str:
    """What follows `key:` in a mapping indented by `pad`: its own line break is included.

    Raises:
        ValueError: as for `dump`.
    """
    if type(value) is str:
        return f" {_scalar(value, pad)}\n"
    lines: list[str] = []
    _value(value, pad, lines)
    return "".join(lines)


def after_dash(value: Any, pad: str) -> str:
    """What follows `-` of a list indented by `pad`: its own line break is included.

    Raises:
        ValueError: as for `dump`.
    """
    if type(value) is str:
        return f" {_scalar(value, pad)}\n"
    lines: list[str] = []
    _item(value, pad, lines)
    return "".join(lines)


@lru_cache(maxsize=8192)
def key(text: str) -> str:
    """A mapping's key, without the colon.

    Raises:
        ValueError: the key is no string, or longer than `KEY_LIMIT` once written.
    """
    if not isinstance(text, str):
        raise ValueError(f"the key {text!r} is no string")  # noqa: TRY004 - one error for callers
    written = text if _PLAIN(text) and text.lower() not in _WORDS else quoted(text)
    if len(written) > KEY_LIMIT:
        raise ValueError(f"a key has {len(written)} characters, more than {KEY_LIMIT}")
    return written


def quoted(text: str) -> str:
    """A string in JSON quotes that YAML readers take as well.

    Raises:
        ValueError: the text holds a lone surrogate.
    """
    written = encode_basestring(text)
    if written.isascii() and "\x7f" not in written:
        return written
    if _SURROGATE(written):
        raise ValueError(f"{text!r} holds a lone surrogate, which is no character")
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", written)


def number(value: float) -> str:
    """A float that YAML 1.1 and 1.2 readers take for a float.

    Raises:
        ValueError: NaN or an infinity.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} has no place in a manifest")
    text = float.__repr__(value)
    # YAML 1.1 wants a dot in every float: 1e+16 would be a string.
    return text if "." in text else text.replace("e", ".0e")


def _value(value: Any, pad: str, lines: list[str]) -> None:
    """Append what follows `key:`."""
    kind = type(value)
    if kind is str:
        lines.append(f" {_scalar(value, pad)}\n")
    elif kind is dict and value:
        lines.append("\n")
        _mapping(value, f"{pad}  ", f"{pad}  ", lines)
    elif kind is list and value:
        lines.append("\n")
        _sequence(value, pad, pad, lines)
    else:
        _rare(value, pad, lines, _value)


def _item(value: Any, pad: str, lines: list[str]) -> None:
    """Append what follows `-`."""
    kind = type(value)
    if kind is dict and value:
        _mapping(value, " ", f"{pad}  ", lines)
    elif kind is list and value:
        _sequence(value, " ", f"{pad}  ", lines)
    else:
        # A scalar looks the same after a dash and after a key; containers were caught above.
        _rare(value, pad, lines, _item) if kind is not str else _value(value, pad, lines)


def _mapping(data: Mapping[str, Any], lead: str, pad: str, lines: list[str]) -> None:
    """Append a mapping that is not empty; `lead` replaces the padding of the first line."""
    for name, value in data.items():
        if type(value) is str:
            lines.append(f"{lead}{key(name)}: {_scalar(value, pad)}\n")
        else:
            lines.append(f"{lead}{key(name)}:")
            _value(value, pad, lines)
        lead = pad


def _sequence(data: Iterable[Any], lead: str, pad: str, lines: list[str]) -> None:
    """Append a list that is not empty; `lead` replaces the padding of the first line."""
    for value in data:
        lines.append(f"{lead}-")
        _item(value, pad, lines)
        lead = pad


def _rare(value: Any, pad: str, lines: list[str], again: Any) -> None:
    """Append a scalar that is no plain `str`, an empty container, or a subclass of one."""
    if value is None:
        lines.append(" null\n")
    elif isinstance(value, bool):
        lines.append(" true\n" if value else " false\n")
    elif isinstance(value, int):
        lines.append(f" {_integer(value)}\n")
    elif isinstance(value, float):
        lines.append(f" {number(value)}\n")
    elif isinstance(value, str):
        again(str.__str__(value), pad, lines)
    elif not isinstance(value, Mapping | list | tuple):
        raise ValueError(f"{type(value).__name__} has no place in a manifest")
    elif value:
        again(dict(value) if isinstance(value, Mapping) else list(value), pad, lines)
    else:
        lines.append(" {}\n" if isinstance(value, Mapping) else " []\n")


def _integer(value: int) -> str:
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"{value} does not fit into 64 bits")
    return int.__repr__(value)


def _scalar(value: str, pad: str) -> str:
    """A string: plain or a literal block where that is safe, else quoted."""
    written = _one_line(value) if len(value) < SHORT else ""
    if written:
        return written
    if "\n" not in value or not _LITERAL(value):
        return value if _PLAIN(value) and value.lower() not in _WORDS else quoted(value)
    body = value.removesuffix("\n")
    chomp = "|" if body is not value else "|-"
    indented = body.replace("\n", f"\n{pad}  ").replace(f"\n{pad}  \n", "\n\n")
    return f"{chomp}\n{pad}  {indented}"


@lru_cache(maxsize=16384)
def _one_line(value: str) -> str:
    """A string on one line, or nothing where it may be a literal block."""
    if _PLAIN(value) and value.lower() not in _WORDS:
        return value
    return "" if "\n" in value else quoted(value)


_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@-]*+(?: [A-Za-z0-9_./@-]++)*+").fullmatch
_WORDS = frozenset(
    "y yes n no on off true false null nan inf infinity".split()  # noqa: SIM905
)
"""Words that some reader takes for a bool, null or number, in lower case."""

_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SURROGATE = re.compile("[\ud800-\udfff]").search

# A literal block is safe when no line begins with white space that a reader could take for
# indentation on the first line or a tab on any, none ends in white space, no line break but
# \n occurs, and the text neither begins with an empty line nor ends in more than one.
_SAFE = "[^\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff\n]"
_LITERAL = re.compile(rf"(?! ){_SAFE}+(?<! )(?:\n+{_SAFE}+(?<! ))*\n?").fullmatch
