"""Remarks as workflow commands, which GitHub shows on the lines of a pull request.

It shows ten of each level for a step and drops the rest in silence, so the rest is counted here.
No text can leave its place in a command or begin another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from compiler.reports.annotations import Annotation, Level
from compiler.reports.changes import counted

SHOWN = 10
_NAMES = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def render(annotations: Iterable[Annotation]) -> str:
    """The commands, the loudest first, each ending in a line break."""
    found = list(annotations)
    lines = []
    for level in Level:
        lines += _level(level, [one for one in found if one.level is level])
    return "".join(f"{line}\n" for line in lines)


def _level(level: Level, found: Sequence[Annotation]) -> list[str]:
    # The last of ten places is for the number of those that have none.
    shown = found if len(found) <= SHOWN else found[: SHOWN - 1]
    lines = [_command(one) for one in shown]
    if rest := found[len(shown) :]:
        more = f"and {counted(len(rest), f'more {level.value}')}: see the log and the report"
        lines.append(f"::{_NAMES[level]} title=edgewright::{_text(more)}")
    return lines


def _command(one: Annotation) -> str:
    place = one.place
    properties = {
        "file": place.file,
        "line": str(max(place.line, 1)),
        "col": str(max(place.column, 1)),
        "title": f"{one.rule.id} {one.rule.title}",
    }
    listed = ",".join(f"{name}={_value(value)}" for name, value in properties.items())
    return f"::{_NAMES[one.level]} {listed}::{_text(one.text)}"


def _text(text: str) -> str:
    shown = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return "".join(c if c.isprintable() else "\ufffd" for c in shown)


def _value(text: str) -> str:
    return _text(text).replace(":", "%3A").replace(",", "%2C")
