"""A comparison for a terminal: what to look at first, then every row, then what sites bear."""

from __future__ import annotations

import re
from collections.abc import Iterator

from compiler.model.changes import DESTRUCTIVE, Comparison, Effect, Row
from compiler.reports.changes import (
    QUIET,
    cost,
    counted,
    fields,
    gates,
    objects,
    policies,
    sites,
    totals,
    warnings,
    where,
    words,
)

FIELDS = 8
"""Fields of a row that are shown."""
COSTS = 40
"""Groups of sites whose costs are shown."""
_RED, _YELLOW, _GREEN, _DIM, _BOLD, _PLAIN = (f"\033[{n}m" for n in (31, 33, 32, 2, 1, 0))
_CALM = (Effect.NEW, Effect.METADATA_ONLY, Effect.NO_OP, Effect.HOT_SWAP, Effect.CONFIG_RELOAD)
_KEY = 9
_CODE = re.compile(r"(\033\[(?:0|1|2|31|32|33)m)")


def render(found: Comparison, *, colour: bool = False) -> str:
    """The whole comparison, ending in a line break."""
    return "".join(f"{_line(line, colour)}\n" for line in _lines(found))


def _line(line: str, colour: bool) -> str:
    """A line whose words cannot move the cursor or turn around what follows."""
    parts = _CODE.split(line)
    return "".join(
        (part if colour else "") if _CODE.fullmatch(part) else printable(part) for part in parts
    )


def _lines(found: Comparison) -> Iterator[str]:
    yield f"{found.head}, compared with {found.base}"
    yield f"{_BOLD}{totals(found)}{_PLAIN}"
    first = warnings(found)
    if first:
        yield ""
        yield f"{_BOLD}Look first{_PLAIN}"
        yield from (f"  {_RED}{what}{_PLAIN}: {which}" for what, which in first)
    for row in found.rows:
        yield ""
        yield from _row(row)
    yield from _costs(found)
    yield from _held(found)


def _row(row: Row) -> Iterator[str]:
    tint = _RED if row.effect in DESTRUCTIVE else _GREEN if row.effect in _CALM else _YELLOW
    yield f"{tint}{words(row.effect)}{_PLAIN}  {row.subject}  {where(row.places)}"
    yield f"  {objects(row)}: {row.summary}"
    shown, more = fields(row, FIELDS)
    for one in shown:
        old, new = (value if value else "none" for value in (one.old, one.new))
        yield f"  {_DIM}{one.path}:{_PLAIN} {old} → {new}"
    if more:
        yield f"  {_DIM}and {counted(more, 'more field')}{_PLAIN}"
    if row.hint:
        yield f"  hint: {row.hint}"
    if row.cause:
        yield f"  from {row.cause}"
    if row.effect not in QUIET and sum(bool(place.site) for place in row.places) > 1:
        yield f"  {_DIM}{', '.join(sites(row.places))}{_PLAIN}"


def _costs(found: Comparison) -> Iterator[str]:
    if not found.costs:
        return
    yield ""
    yield f"{_BOLD}What it asks of each site{_PLAIN}"
    for one in found.costs[:COSTS]:
        yield f"  {where(one.places)}"
        yield from (f"    {what:<{_KEY}} {words_}" for what, words_ in cost(one))
    if len(found.costs) > COSTS:
        yield f"  and {len(found.costs) - COSTS} more groups; --format json has them all"


def _held(found: Comparison) -> Iterator[str]:
    judged, named = gates(found), policies(found)
    if judged or named:
        yield ""
        yield f"{_BOLD}Gates and policies{_PLAIN}"
    yield from (f"  {what} {said}" for what, said in judged)
    if named:
        yield f"  {named}"


def printable(text: str) -> str:
    """A text without a character that is not one to be read."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
