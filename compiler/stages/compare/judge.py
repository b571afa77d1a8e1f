"""Judges pairs one by one, and equal ones once: a change that many sites share is read once.

Two pairs are equal when their texts are, once the site's name and the digits of content names
are left out. What a pair's neighbours say of it is for `compare`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from compiler.model.changes import Effect, FieldChange
from compiler.model.record import dataclass
from compiler.stages.compare import effects
from compiler.stages.compare.delivery import Config, changed_fields, config_of
from compiler.stages.compare.fields import differences
from compiler.stages.compare.pairs import Met, Pair
from compiler.stages.compare.pods import Verdict, has_gap, is_privileged, template_of

Parse = Callable[[str], Mapping[str, Any]]

_CONTENT = re.compile(rb"-([0-9a-f]{8})(?![0-9a-z-])")
_SITE = b"\x00"


@dataclass(frozen=True, slots=True)
class Judged:
    """What equal pairs share. `gap` says that a roll of the workload ends its pods first."""

    kind: str
    verdict: Verdict
    fields: tuple[FieldChange, ...] = ()
    old_config: Config | None = None
    new_config: Config | None = None
    gap: bool = False
    pods: bool = False
    privileged: bool = False


@dataclass(slots=True)
class Judge:
    """Parses and judges; remembers by text. `parse` raises ValueError for what is no object."""

    parse: Parse
    known: dict[tuple[Any, ...], Judged] = field(default_factory=dict)
    data: dict[bytes, Mapping[str, Any]] = field(default_factory=dict)

    def judged(self, pair: Pair) -> Judged:
        """What the pair's change does by itself."""
        key = (pair.met, pair.role, *_same(pair))
        if key not in self.known:
            self.known[key] = self._judge(pair)
        return self.known[key]

    def parsed(self, text: bytes, site: str) -> Mapping[str, Any]:
        """An object of a site, or an equal one of another site: its names may be the other's."""
        key = _CONTENT.sub(b"-#", text.replace(site.encode(), _SITE) if site else text)
        if key not in self.data:
            self.data[key] = self._read(text)
        return self.data[key]

    def _judge(self, pair: Pair) -> Judged:
        old = self._read(pair.old) if pair.old is not None else None
        new = self._read(pair.new) if pair.new is not None else None
        return Judged(
            kind=effects.key_of(new or old or {})[1],
            verdict=_verdict(pair, old, new),
            fields=tuple(_fields(pair, old, new)),
            old_config=config_of(old) if old else None,
            new_config=config_of(new) if new else None,
            gap=has_gap(new) if new else False,
            pods=bool(template_of(new or old or {})),
            privileged=new is not None and is_privileged(new),
        )

    def _read(self, text: bytes) -> Mapping[str, Any]:
        try:
            return self.parse(text.decode("utf-8", "replace"))
        except ValueError:
            return {}


def _verdict(pair: Pair, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Verdict:
    if new is None:
        return effects.removed(old or {})
    if old is None:
        return effects.added(new)
    if pair.met is Met.PLACE:
        return _elsewhere(effects.changed(old, new, pair.role))
    if pair.met is not Met.FILE:
        return effects.renamed(old, new)
    return effects.changed(old, new, pair.role)


def _elsewhere(verdict: Verdict) -> Verdict:
    if verdict.effect is Effect.NO_OP:
        return Verdict(Effect.MOVED, "another sync unit applies it from now on")
    return replace(verdict, summary=f"{verdict.summary}; another sync unit applies it from now on")


def _fields(
    pair: Pair, old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Iterator[FieldChange]:
    if old is None or new is None:
        return
    before, after = config_of(old), config_of(new)
    if before and after:
        found: Iterator[FieldChange] = iter(changed_fields(before, after))
    else:
        found = differences(old, new)
    for one in found:
        shared = FieldChange(*(_shown(text, pair.site) for text in (one.path, one.old, one.new)))
        if shared.old != shared.new:
            yield shared


def _shown(text: str, site: str) -> str:
    text = _CONTENT.sub(rb"-#", text.encode()).decode()
    if not site:
        return text
    return re.sub(rf"(?<![A-Za-z0-9]){re.escape(site)}(?![A-Za-z0-9])", "{site}", text)


def _same(pair: Pair) -> Iterator[bytes | None]:
    """The pair's texts without what differs from site to site."""
    digits: dict[bytes, bytes] = {}

    def number(match: re.Match[bytes]) -> bytes:
        return digits.setdefault(match[1], b"-#%d" % len(digits))

    for text in (pair.old, pair.new):
        if text is None:
            yield None
        else:
            shared = text.replace(pair.site.encode(), _SITE) if pair.site else text
            yield _CONTENT.sub(number, shared)
