"""Values with a magnitude: metric values and bounds, percentages, durations, link rates.

Parses what the forms in `scalars.py` let through; compares nothing.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from compiler.model.codes import spec as codes
from compiler.model.record import dataclass
from compiler.model.spec.base import fault, source_text

_AMOUNT = re.compile(
    r"^([+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(ms|us|s|m|h|%|[KMGT]i)?$"
)
_SCALE = {
    "us": (1e-6, "s"),
    "ms": (1e-3, "s"),
    "s": (1.0, "s"),
    "m": (60.0, "s"),
    "h": (3600.0, "s"),
    "%": (1.0, "%"),
    "Ki": (2.0**10, "B"),
    "Mi": (2.0**20, "B"),
    "Gi": (2.0**30, "B"),
    "Ti": (2.0**40, "B"),
}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_RATE = {"": 1, "k": 1_000, "M": 1_000_000, "G": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Measure:
    """A metric's value or bound: source `text`, `number` in base units, base `unit`.

    Base units are seconds (`s`), bytes (`B`), percent (`%`) and none for a bare number, so two
    measures compare exactly when their units are equal.
    """

    text: str
    number: float
    unit: str = ""

    def __str__(self) -> str:
        return self.text


def parse_measure(value: Any) -> Measure:
    """A `Measure` from a number or a text such as `24ms`; raises a validator's fault."""
    if isinstance(value, Measure):
        return value
    text = None if isinstance(value, bool) else source_text(value)
    match = _AMOUNT.match(text) if text is not None else None
    if text is None or match is None:
        shown = "this" if text is None else text
        raise fault(
            codes.WRONG_TYPE,
            f"{shown} is no metric value; it is a number, optionally with one of the units "
            "us, ms, s, m, h, %, Ki, Mi, Gi and Ti",
            "Examples: 0.61, 24ms",
        )
    factor, unit = _SCALE.get(match.group(2) or "", (1.0, ""))
    number = float(match.group(1)) * factor
    if not isfinite(number):
        raise fault(codes.OUT_OF_RANGE, f"{text} is beyond what a number can hold")
    return Measure(text, number, unit)


def in_unit(number: float, like: Measure) -> str:
    """A number of base units as text, in the unit that a measure was written in."""
    match = _AMOUNT.match(like.text)
    unit = (match.group(2) if match else "") or ""
    return f"{number / _SCALE.get(unit, (1.0, ''))[0]:.6g}{unit}"


def parse_percentage(value: Any) -> float:
    """The number before the sign of a text such as `95%`; raises a validator's fault."""
    text = source_text(value)
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", text or "")
    if match is None:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        raise fault(
            codes.MALFORMED_TEXT,
            f"{text if text is not None else 'this'} is no percentage; write a number and a % sign",
            f"Did you mean {text}%?" if number else "Example: 95%",
        )
    if float(match.group(1)) > 100:
        raise fault(codes.OUT_OF_RANGE, f"{text} is above 100%")
    return float(match.group(1))


def duration_seconds(text: str) -> float:
    """Seconds of a duration such as `24h` or `1h30m`."""
    return sum(float(n) * _SECONDS[u] for n, u in re.findall(r"([0-9.]+)(ms|s|m|h|d)", text))


def bits_per_second(text: str) -> float:
    """Bits per second of a link rate such as `20Mbit/s`."""
    match = re.fullmatch(r"([0-9.]+)(k|M|G|)bit/s", text)
    if match is None:
        raise ValueError(text)
    return float(match.group(1)) * _RATE[match.group(2)]


MetricValue = Annotated[
    Measure,
    PlainValidator(parse_measure),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "examples": ["24ms"]}]}),
]
Percentage = Annotated[
    float,
    PlainValidator(parse_percentage),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+(?:\\.[0-9]+)?%$", "examples": ["95%"]}),
]
