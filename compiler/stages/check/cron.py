"""Whether Kubernetes' cron parser takes a schedule, and whether a time zone exists.

The parser's dialect: five fields, `?` for `*`, three-letter names of months and days, no 7 for
Sunday, and descriptors such as `@daily` and `@every 1h30m`. When a schedule fires next is not
asked here.
"""

from __future__ import annotations

import re
from functools import cache
from zoneinfo import available_timezones

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("the minute", 0, 59, {}),
    ("the hour", 0, 23, {}),
    ("the day of the month", 1, 31, {}),
    ("the month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("the day of the week", 0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_DESCRIPTORS = {
    "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly",
}  # fmt: skip
_DURATION = re.compile(r"[+-]?(0|(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+")
_NUMBER = re.compile(r"\d+")


def schedule_problem(text: str) -> str:
    """What is wrong with a schedule, in words that follow it, or the empty text."""
    if "TZ" in text:
        return "names a time zone; write it as timeZone"
    if text.startswith("@"):
        return _descriptor_problem(text)
    fields = text.split()
    if len(fields) != len(_FIELDS):
        return f"has {len(fields)} fields; it needs minute, hour, day, month and day of the week"
    for part, (what, low, high, names) in zip(fields, _FIELDS, strict=True):
        for one in filter(None, part.split(",")):
            if problem := _range_problem(one, low, high, names):
                return f"has {one!r} as {what}, which {problem}"
    return ""


def time_zone_problem(text: str) -> str:
    """What is wrong with a time zone's name, or the empty text."""
    if text in _zones():
        return ""
    near = next((zone for zone in sorted(_zones()) if zone.lower() == text.lower()), "")
    return f"is no time zone; write {near}" if near else "is no time zone such as Europe/Vienna"


def _descriptor_problem(text: str) -> str:
    every = text.removeprefix("@every ")
    if every != text:
        return "" if _DURATION.fullmatch(every) else "has no duration such as 1h30m after @every"
    return "" if text in _DESCRIPTORS else "is none of @hourly, @daily, @weekly, @monthly, @yearly"


def _range_problem(text: str, low: int, high: int, names: dict[str, int]) -> str:
    span, slash, step = text.partition("/")
    first, hyphen, last = span.partition("-")
    if slash and (not _NUMBER.fullmatch(step) or int(step) == 0):
        return "has a step that is no number above 0"
    if first in {"*", "?"}:
        return ""
    start = _number(first, names)
    end = _number(last, names) if hyphen else (high if slash else start)
    if start is None or end is None:
        return "is no number"
    if start < low or end > high:
        return f"is not within {low} to {high}"
    return "begins after its end" if start > end else ""


def _number(text: str, names: dict[str, int]) -> int | None:
    if text.lower() in names:
        return names[text.lower()]
    return int(text) if _NUMBER.fullmatch(text) else None


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
