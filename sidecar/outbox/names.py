"""Names of waiting items, and what the name of a worker's file says.

An item's name says all that there is to know of it: digest, round, deadline and the worker's own
name, so that one rename accepts it and the same bytes always have the same name. Names that begin
with `=` are no items: they stand for work that follows from items.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

LONGEST_NAME: Final = 96
LONGEST_ROUND: Final = 48
MANIFEST: Final = "=manifest"
"""Stands for the object that lists what was delivered; with `.r<round>` for one round."""
ABORT: Final = "=abort-"
"""Stands for giving up a begun upload; followed by the item's name."""
COMPLETED: Final = "=completed"
"""Stands for the marker that says that all results of a Run are stored."""

_ITEM = re.compile(
    r"(?P<sha256>[0-9a-f]{64})(?:\.r(?P<round>[A-Za-z0-9_][A-Za-z0-9_-]*))?"
    r"(?:\.d(?P<deadline>[0-9]{1,12}))?~(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]*)"
)
_ROUND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_DEADLINE = re.compile(r"[0-9]{1,12}")
_STATED = re.compile(r"(?P<facts>(?:(?:round|deadline)=[^,~]*,?)+)~(?P<name>.*)", re.DOTALL)
_STRANGE = re.compile(r"[^A-Za-z0-9._-]")


class Item(NamedTuple):
    """One accepted file. `deadline` is seconds since the epoch, 0 for none."""

    sha256: str
    name: str
    round: str = ""
    deadline: int = 0

    @property
    def text(self) -> str:
        """The item's name on disk."""
        within = f".r{self.round}" if self.round else ""
        until = f".d{self.deadline}" if self.deadline else ""
        return f"{self.sha256}{within}{until}~{self.name}"


class Left(NamedTuple):
    """What a worker says of a file: its name, made safe, and perhaps a round and a deadline."""

    name: str
    round: str = ""
    deadline: int = 0


def item_of(text: str) -> Item | None:
    """The item of a name on disk; None where it is none."""
    match = _ITEM.fullmatch(text)
    if match is None:
        return None
    return Item(match["sha256"], match["name"], match["round"] or "", int(match["deadline"] or 0))


def left_of(file: str) -> Left:
    """What the name of a file says: `[round=R][,deadline=SECONDS]~NAME`, or just a name.

    Raises:
        ValueError: the round or the deadline is none.
    """
    match = _STATED.fullmatch(file)
    if match is None:
        return Left(safe(file))
    facts = dict(fact.split("=", 1) for fact in match["facts"].split(",") if fact)
    return left(match["name"], facts.get("round", ""), facts.get("deadline", ""))


def left(name: str, within: str = "", until: str = "") -> Left:
    """The same from separate texts.

    Raises:
        ValueError: the round or the deadline is none.
    """
    if within and (len(within) > LONGEST_ROUND or not _ROUND.fullmatch(within)):
        raise ValueError(f"a round is up to {LONGEST_ROUND} letters, digits, '_' and '-'")
    if until and not _DEADLINE.fullmatch(until):
        raise ValueError("a deadline is whole seconds since 1970")
    return Left(safe(name), within, int(until or 0))


def safe(name: str) -> str:
    """A name for an object: what could mean something elsewhere becomes `_`; the end is kept."""
    plain = _STRANGE.sub("_", name.rpartition("/")[2])
    if len(plain) > LONGEST_NAME:
        plain = plain[:32] + plain[-(LONGEST_NAME - 32) :]
    return "_" + plain[1:] if plain.startswith((".", "-")) else plain or "data"
