"""Words that reports of a comparison share: effects, places, counts and costs. Plain text only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from compiler.model.changes import DESTRUCTIVE, Comparison, Cost, Effect, FieldChange, Place, Row
from compiler.model.readable import amount, duration
from compiler.model.transfer import waiting

_NUMBERED = re.compile(r"(.*?)(\d+)")
QUIET = (Effect.METADATA_ONLY, Effect.NO_OP)
QUIET_FIELDS = 2
RANGES = 40
"""Ranges of sites that are named; the rest is counted."""


def words(effect: Effect) -> str:
    """An effect as a person says it."""
    return effect.value.replace("-", " ") if effect is not Effect.RE_CREATE else effect.value


def counted(number: int, noun: str) -> str:
    """A number with its noun in the right form."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def totals(found: Comparison) -> str:
    """How much of what changes, on one line."""
    if not found.rows:
        return "nothing changes"
    parts = [f"{count:,} {words(effect)}" for effect, count in found.effects.items()]
    where = f" at {counted(len(found.sites), 'site')}" if found.sites else ""
    return f"{counted(found.objects, 'object')}{where}: {', '.join(parts)}"


def where(places: Sequence[Place]) -> str:
    """How many sites of which clusters."""
    counts = Counter((place.environment, place.cluster) for place in places)
    sites = sum(bool(place.site) for place in places)
    named = [f"{environment}/{cluster}" for environment, cluster in counts]
    listed = ", ".join(named[:4]) + (f" and {len(named) - 4} more" if len(named) > 4 else "")
    if not sites:
        return listed
    if sites == 1:
        return f"{places[0].site} ({listed})"
    return f"{sites:,} sites ({listed})"


def sites(places: Iterable[Place]) -> list[str]:
    """The names of sites, those with numbers that follow each other as ranges."""
    names = sorted({place.site for place in places if place.site})
    found = [first if first == last else f"{first} – {last}" for first, last in _ranges(names)]
    more = len(found) - RANGES
    return [*found[:RANGES], f"and {more:,} more"] if more > 0 else found


def fields(row: Row, most: int) -> tuple[Sequence[FieldChange], int]:
    """The fields that are shown, fewer where nothing that runs notices; and how many are not."""
    shown = row.fields[: QUIET_FIELDS if row.effect in QUIET else most]
    return shown, len(row.fields) - len(shown)


def objects(row: Row) -> str:
    """The kinds of a row with their numbers; one alone has none."""
    return ", ".join(
        kind if count == 1 else f"{count:,} {kind}" for kind, count in row.kinds.items()
    )


def warnings(found: Comparison) -> list[tuple[str, str]]:
    """What to look at first: a heading, and what it is about."""
    listed = [("a template of your own", name) for name in found.overridden]
    listed += [
        (words(row.effect), f"{objects(row)} of {row.subject}: {row.summary}")
        for row in found.rows
        if row.effect in DESTRUCTIVE
    ]
    return listed + [
        ("privileged container", f"{row.subject}, {where(row.places)}")
        for row in found.rows
        if row.privileged and row.effect is not Effect.NO_OP
    ]


def cost(one: Cost) -> Iterator[tuple[str, str]]:
    """What a site has to bear: a heading and its words."""
    if one.artifacts:
        yield "fetches", _fetches(one)
        yield "takes", _takes(one)
    if one.disk_before is not None or one.disk_after is not None:
        given = "" if one.disk_given is None else f" of {amount(one.disk_given)}"
        yield "disk", f"{_change(one.disk_before, one.disk_after)}{given}"
    if one.memory_before is not None or one.memory_after is not None:
        yield "memory", _change(one.memory_before, one.memory_after)
    if one.returns_offline is not None:
        why = one.returns_why
        if one.returns_offline:
            yield "way back", f"offline, at once{f', {why}' if why else ''}"
        else:
            yield "way back", f"fetches again{f': {why}' if why else ''}"


def _fetches(one: Cost) -> str:
    unknown = f", of which {one.unsized} of unknown size" if one.unsized else ""
    size = amount(one.download) if one.download else "size unknown"
    return f"{', '.join(one.artifacts)}: {size}{unknown if one.download else ''}"


def _takes(one: Cost) -> str:
    if one.seconds is None:
        return "unknown: no rate or no size" + (f"; window {one.window}" if one.window else "")
    if not one.window:
        return duration(one.seconds)
    worst = duration(waiting(one.seconds, one.window))
    nights = "one window" if one.nights == 1 else f"{one.nights} windows"
    return f"{duration(one.seconds)} in {nights} {one.window}, at the latest after {worst}"


def _change(before: int | None, after: int | None) -> str:
    parts = ["unknown" if size is None else amount(size) for size in (before, after)]
    if before is None or after is None or parts[0] != parts[1]:
        return " → ".join(parts)
    word = "more" if after > before else "less"
    return f"{parts[1]}, {amount(abs(after - before))} {word}"


def _ranges(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The first and last of names that only differ in a last number that goes up by one."""
    first = last = ""
    for name in names:
        if first and _follows(last, name):
            last = name
            continue
        if first:
            yield first, last
        first = last = name
    if first:
        yield first, last


def _follows(one: str, other: str) -> bool:
    before, after = _NUMBERED.fullmatch(one), _NUMBERED.fullmatch(other)
    if before is None or after is None or before[1] != after[1]:
        return False
    return len(before[2]) == len(after[2]) and int(before[2]) + 1 == int(after[2])


def gates(found: Comparison) -> list[tuple[str, str]]:
    """How the models that change stand with their gates: the version, and the figures."""
    several = len({one.environment for one in found.gates}) > 1
    said = {
        (
            f"{f'{one.environment}: ' if several else ''}{one.subject}",
            f"{'passes' if one.holds else 'fails'}: {one.why}",
        ): None
        for one in found.gates
    }
    return list(said)


def policies(found: Comparison) -> str:
    """The policies that were held, on one line; empty for none."""
    if not found.policies:
        return ""
    named = ", ".join(f"{name} (per {per})" for name, per in found.policies)
    noun = "policy holds" if len(found.policies) == 1 else "policies hold"
    return f"{len(found.policies):,} {noun}: {named}"
