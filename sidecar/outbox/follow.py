"""What is owed after items: a list of what was delivered, and the end of uploads nobody needs.

A list is due once nothing of its round waits any longer, so that whoever reads it learns of all
that the round had until then; where there are no rounds, once nothing waits, and not every moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from sidecar.outbox.names import ABORT, MANIFEST, item_of

QUIET = 60.0
"""Seconds between two lists of what has no round."""


class Follow:
    """What a stream still owes; `=manifest[.r<round>]` and `=abort-<item>` are its names."""

    def __init__(self) -> None:
        self._changes: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._abandoned: list[str] = []
        self._quiet_until = 0.0

    def changed(self, within: str) -> None:
        """Something of a round was delivered or dropped."""
        self._changes[within] = self._changes.get(within, 0) + 1

    def abandoned(self, text: str) -> None:
        """The upload of an item was begun and will not be ended."""
        self._abandoned.append(text)

    def next(self, waits: Callable[[str], bool], now: float, *, at_once: bool = False) -> str:
        """What is due first, or nothing. `waits` says whether something of a round still waits."""
        if self._abandoned:
            return f"{ABORT}{self._abandoned[0]}"
        for within, count in self._changes.items():
            early = not within and not at_once and now < self._quiet_until
            if not early and not waits(within):
                self._told[within] = count
                return f"{MANIFEST}.r{within}" if within else MANIFEST
        return ""

    def done(self, text: str, now: float) -> None:
        """One of these was seen to. What changed meanwhile is due again."""
        if text.startswith(ABORT):
            self._abandoned = [one for one in self._abandoned if one != text[len(ABORT) :]]
            return
        within = round_of(text)
        if self._changes.get(within) == self._told.get(within):
            self._changes.pop(within, None)
        self._told.pop(within, None)
        if not within:
            self._quiet_until = now + QUIET


def is_due_name(text: str) -> bool:
    """Whether a name stands for something owed and not for an item."""
    return text.startswith("=")


def round_of(text: str) -> str:
    """The round whose list a name stands for."""
    return text[len(MANIFEST) + 2 :]


def untold(folder: str) -> set[str]:
    """Rounds of which something has a receipt that is newer than the list of the round."""
    newest: dict[str, int] = {}
    listed: dict[str, int] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            item = item_of(entry.name)
            times, key = (newest, item.round) if item else (listed, entry.name[1:])
            times[key] = max(times.get(key, 0), entry.stat().st_mtime_ns)
    return {within for within, at in newest.items() if at >= listed.get(within, 0)}
