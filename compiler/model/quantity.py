"""Kubernetes quantities (`500m`, `1.5Gi`, `2e3`) as whole numbers of thousandths.

The grammar is that of the API server, with its two roundings: what is finer than a
thousandth rounds away from zero, and what is beyond 2^63-1 is capped there. Nothing here
knows which resource a quantity measures, and nothing reads a float: 0.1 is a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

MILLI = 1000
"""Thousandths in one: `parse_quantity("1") == MILLI`."""

PATTERN = (
    r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)"
    r"(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E|[eE][+-]?[0-9]+)?$"
)
"""The grammar as one regular expression, in the common subset of all dialects."""

_GRAMMAR = re.compile(
    r"(?P<sign>[+-]?)(?:(?P<whole>[0-9]+)(?:\.(?P<part>[0-9]*))?|\.(?P<only>[0-9]+))"
    r"(?:(?P<binary>[KMGTPE]i)|(?P<decimal>[numkMGTPE])|[eE](?P<exponent>[+-]?[0-9]+))?",
    re.ASCII,
)
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_LARGEST = (2**63 - 1) * MILLI
_EXPONENT_CAP = 64


def parse_quantity(text: str | int) -> int:
    """The quantity in thousandths, rounded away from zero; `100m` is 100, `1Ki` is 1024000.

    Raises:
        ValueError: `text` is not a quantity; the message names it and the grammar.
    """
    return _parse(text if isinstance(text, str) else str(int(text)))


def is_quantity(text: str) -> bool:
    """Whether the API server would read `text` as a quantity."""
    return _GRAMMAR.fullmatch(text) is not None


def sum_quantities(texts: Iterable[str | int]) -> int:
    """The sum in thousandths; 0 for none.

    Raises:
        ValueError: one of `texts` is not a quantity.
    """
    return sum(parse_quantity(text) for text in texts)


def compare_quantities(left: str | int, right: str | int) -> int:
    """-1, 0 or 1 as `left` is less than, equal to or greater than `right`.

    Raises:
        ValueError: one of them is not a quantity.
    """
    one, other = parse_quantity(left), parse_quantity(right)
    return (one > other) - (one < other)


def add_requests(*maps: Mapping[str, int]) -> dict[str, int]:
    """Resource name to thousandths, summed over all `maps`."""
    total: dict[str, int] = {}
    for one in maps:
        for name, amount in one.items():
            total[name] = total.get(name, 0) + amount
    return total


def format_quantity(milli: int, *, binary: bool = False) -> str:
    """The shortest exact text: `250m`, `2`, `3k`; with `binary` also `512Mi`.

    A binary suffix is used only where it is exact and the amount at least 1Ki.
    """
    if milli % MILLI:
        return f"{milli}m"
    units = milli // MILLI
    if units == 0:
        return "0"
    steps = ((1024, ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")) if binary
             else (1000, ("k", "M", "G", "T", "P", "E")))  # fmt: skip
    return _shorten(units, *steps)


@lru_cache(maxsize=4096)
def canonical_quantity(text: str) -> str:
    """The same quantity as the API server keeps it word for word: `1000m` is `1`.

    Of many other texts it keeps the meaning only, and what reads back as another text looks like
    drift to whoever compares texts. Beyond the largest quantity a text stays as it is.

    Raises:
        ValueError: `text` is not a quantity; the message names it and the grammar.
    """
    milli = parse_quantity(text)
    if abs(milli) >= _LARGEST:
        return text
    return format_quantity(milli, binary=text.endswith("i"))


def canonical_quantities(quantities: Mapping[str, str]) -> dict[str, str]:
    """Each resource with its canonical quantity."""
    return {name: canonical_quantity(text) for name, text in quantities.items()}


def format_memory(milli: int) -> str:
    """A readable size for messages: at most one decimal in the largest binary unit that fits."""
    units = milli / MILLI
    for suffix in ("", "Ki", "Mi", "Gi", "Ti"):
        if abs(units) < 1024:
            return f"{units:.1f}".removesuffix(".0") + suffix
        units /= 1024
    return f"{units:.1f}".removesuffix(".0") + "Pi"


def _shorten(units: int, base: int, suffixes: tuple[str, ...]) -> str:
    suffix = ""
    for longer in suffixes:
        if units % base:
            break
        units, suffix = units // base, longer
    return f"{units}{suffix}"


@lru_cache(maxsize=4096)
def _parse(text: str) -> int:
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not a quantity: a number, then nothing, n u m k M G T P E, "
            "Ki Mi Gi Ti Pi Ei, or an exponent such as e3"
        )
    part = match["part"] or match["only"] or ""
    digits = int((match["whole"] or "") + part or "0")
    power = _power(match) - len(part)
    scale = 1024 ** _BINARY.get(match["binary"] or "", 0)
    amount = min(_scaled(digits * scale * MILLI, power), _LARGEST)
    return -amount if match["sign"] == "-" else amount


def _power(match: re.Match[str]) -> int:
    exponent = match["exponent"]
    if exponent is None:
        return _DECIMAL.get(match["decimal"] or "", 0)
    # A longer exponent cannot change a capped result, but would cost memory without end.
    return max(-_EXPONENT_CAP, min(_EXPONENT_CAP, int(exponent[:6])))


def _scaled(amount: int, power: int) -> int:
    if power >= 0:
        return int(amount * 10**power)
    return int(-(-amount // 10**-power))
