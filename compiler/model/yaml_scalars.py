"""Plain scalars by the core schema of YAML 1.2, and where readers of YAML 1.1 disagree.

It knows text and values only: no positions, no diagnostics, no quoted scalars.
"""

from __future__ import annotations

import math
import re
from typing import Any, Final

LONGEST_NUMBER: Final = 100

_STARTS: Final = frozenset("-+.0123456789~nNtTfF")
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


class Int(int):
    """An integer that keeps its source text: `012` is 12 and says `012`."""

    text: str

    def __new__(cls, value: int, text: str = "") -> Int:
        """Take the value and the text that it was read from."""
        self = super().__new__(cls, value)
        self.text = text or str(value)
        return self

    def __reduce__(self) -> tuple[type[Int], tuple[int, str]]:
        return Int, (int(self), self.text)


class Float(float):
    """A finite float that keeps its source text: `1.10` is 1.1 and says `1.10`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, value: float, text: str = "") -> Float:
        """Take the value and the text that it was read from."""
        self = super().__new__(cls, value)
        self.text = text or repr(value)
        return self

    def __reduce__(self) -> tuple[type[Float], tuple[float, str]]:
        return Float, (float(self), self.text)


def resolve(text: str) -> Int | Float | bool | str | None:
    """The value of a plain scalar by the YAML 1.2 core schema.

    Raises:
        ValueError: the number is infinite, not a number, out of range or absurdly long; the
            message says which, as the end of a sentence about the text.
    """
    if text[:1] not in _STARTS:
        return _WORDS.get(text, text)
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("is infinite or not a number")
    if _INTEGER.fullmatch(text):
        return Int(_integer(text), text)
    if _FLOAT.fullmatch(text):
        return Float(_float(text), text)
    return text


def surprise(text: str) -> str | None:
    """What a plain scalar means that its author may not expect; None where all readers agree.

    The answer is the rest of a sentence that begins with the text: "is text here (YAML 1.2);
    to a reader of YAML 1.1 it is false".
    """
    here, there = _describe(_quiet(text)), _describe(_yaml_1_1(text))
    if here != there:
        return f"is {here} here (YAML 1.2); to a reader of YAML 1.1 it is {there}"
    value = _quiet(text)
    if isinstance(value, Float) and _loses_zeros(text):
        return f'is the number {float(value)}; as text it needs quotes: "{text}"'
    return None


def _integer(text: str) -> int:
    _refuse_long(text)
    if text[1:2] == "o":
        return int(text[2:], 8)
    return int(text, 16) if text[1:2] == "x" else int(text)


def _float(text: str) -> float:
    _refuse_long(text)
    value = float(text)
    if math.isinf(value):
        raise ValueError("is beyond the range of a double")
    return value


def _refuse_long(text: str) -> None:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"is a number of more than {LONGEST_NUMBER} characters")


def _quiet(text: str) -> object:
    try:
        return resolve(text)
    except ValueError:
        return math.inf


def _loses_zeros(text: str) -> bool:
    mantissa, _, fraction = text.partition(".")
    return bool(mantissa) and fraction.isdigit() and len(fraction) > 1 and fraction.endswith("0")


def _describe(value: object) -> str:
    """The value in words that are equal exactly where the values are."""
    if isinstance(value, str):
        return value if value in ("a date", "a merge key", "a default value") else "text"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        return f"the number {int(value)}"
    finite = isinstance(value, float) and math.isfinite(value)
    return f"the number {float(str(value))}" if finite else "no finite number"


_WORDS_1_1: Final[dict[str, bool | str | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    "<<": "a merge key",
    "=": "a default value",
}
_DATE_1_1 = re.compile(
    r"\d{4}-\d\d-\d\d"
    r"|\d{4}-\d\d?-\d\d?(?:[Tt]|[ \t]+)\d\d?:\d\d:\d\d(?:\.\d*)?"
    r"(?:[ \t]*(?:Z|[-+]\d\d?(?::\d\d)?))?",
    re.ASCII,
)
_NUMBERS_1_1: Final[tuple[tuple[re.Pattern[str], int], ...]] = (
    (re.compile(r"[-+]?0b[01_]+"), 2),
    (re.compile(r"[-+]?0[0-7_]+"), 8),
    (re.compile(r"[-+]?0x[0-9a-fA-F_]+"), 16),
    (re.compile(r"[-+]?(?:0|[1-9][0-9_]*)"), 10),
)
_BASE_60_1_1 = re.compile(
    r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*"
)
_FLOAT_1_1 = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?")


def _yaml_1_1(text: str) -> Any:
    """The value that a reader of YAML 1.1 gives to a plain scalar; dates by name only."""
    if text in _WORDS_1_1:
        return _WORDS_1_1[text]
    if _DATE_1_1.fullmatch(text):
        return "a date"
    if _NOT_FINITE.fullmatch(text) or len(text) > LONGEST_NUMBER:
        return _quiet(text)
    return _number_1_1(text)


def _number_1_1(text: str) -> int | float | str:
    digits = text.replace("_", "")
    for pattern, base in _NUMBERS_1_1:
        if pattern.fullmatch(text):
            return _in_base(digits, base)
    if _BASE_60_1_1.fullmatch(text):
        return _base_60(digits)
    return float(digits) if _FLOAT_1_1.fullmatch(text) else text


def _in_base(digits: str, base: int) -> int | str:
    """The value of digits in a base, or the text where underscores were all that it had."""
    try:
        return int(digits, base)
    except ValueError:
        return digits


def _base_60(digits: str) -> int | float:
    sign = -1 if digits[0] == "-" else 1
    *high, last = digits.lstrip("+-").split(":")
    total: int | float = 0
    for part in high:
        total = total * 60 + int(part)
    return sign * (total * 60 + (float(last) if "." in last else int(last)))
