"""Compares two outputs: every object that differs, what that does, and what it costs the sites.

Here objects of one directory are judged together: a ConfigMap of a content-derived name does
what its workload does, and a roll whose bytes are not at the site is an outage where no old pod
stays. Prints nothing, reads no spec and asks no cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from compiler.model.changes import Comparison, Effect
from compiler.model.ports import Output
from compiler.stages.compare import delivery
from compiler.stages.compare.judge import Judge, Parse
from compiler.stages.compare.pairs import Met, Pair, pairs
from compiler.stages.compare.pods import Verdict
from compiler.stages.compare.rows import Change, rows
from compiler.stages.compare.sites import costs

__all__ = ["changes", "compare"]

_RESTARTS = (
    Effect.OUTAGE, Effect.RE_CREATE, Effect.LOOP_RESTART, Effect.ROLLING_RESTART,
    Effect.SIDECAR_CHANGE, Effect.SCALE, Effect.MOVED, Effect.NEW, Effect.REMOVED,
)  # fmt: skip
"""What a workload's change does to the files that its pods read, the most severe first."""
_ROLLS = (Effect.RE_CREATE, Effect.ROLLING_RESTART)


def compare(
    old: Output, new: Output, parse: Parse, moved: Sequence[tuple[str, str]] = ()
) -> Comparison:
    """Everything that differs; `base` and `head` of the answer are for the caller to name.

    `parse` raises ValueError for a text that is no object. `moved` are pairs of paths of the
    spec: what was called so is now called so.
    """
    judge = Judge(parse)
    found = changes(old, new, judge, moved)
    return Comparison(
        base="",
        head="",
        rows=rows(found),
        costs=costs(old, new, found, judge),
        objects=len(found),
    )


def changes(
    old: Output, new: Output, judge: Judge, moved: Sequence[tuple[str, str]] = ()
) -> list[Change]:
    """Every object that differs with what that does, in the light of its directory."""
    by_directory: dict[str, list[Change]] = {}
    for pair in pairs(old, new, moved):
        by_directory.setdefault(pair.directory, []).append(Change(pair, judge.judged(pair)))
    return [change for directory in by_directory.values() for change in _together(directory)]


def _together(several: Sequence[Change]) -> list[Change]:
    """The changes of one directory, each judged in the light of the others."""
    judged = [_outage(change, several) for change in several]
    workloads = [change for change in judged if change.judged.pods]
    return [_follows(change, workloads) for change in judged]


def _follows(change: Change, workloads: Iterable[Change]) -> Change:
    """A ConfigMap that got another name does what the workload does whose pods read it."""
    if change.judged.kind != "ConfigMap" or change.pair.met is not Met.CONTENT:
        return change
    name = _name(change.pair)
    readers = [one for one in workloads if one.pair.new is not None and name in one.pair.new]
    rolls = [one for one in readers if one.verdict.effect in _RESTARTS]
    if not rolls:
        verdict = Verdict(Effect.METADATA_ONLY, "a new name for files that no changed pod reads")
        return replace(change, known=verdict)
    worst = min(rolls, key=lambda one: one.verdict.effect.severity)
    return replace(change, known=worst.verdict)


def _outage(change: Change, neighbours: Sequence[Change]) -> Change:
    """A roll that has to fetch: an outage where no pod stays, a long roll where one does."""
    if not change.judged.pods or change.verdict.effect not in _ROLLS or change.pair.new is None:
        return change
    missing, rate = _missing(change.pair.new, neighbours)
    if not missing:
        return change
    size = sum(int(artifact.get("size") or 0) for artifact in missing.values())
    seconds = -(-size // rate) if rate and size else None
    names = ", ".join(sorted(delivery.title(one) for one in missing.values()))
    if change.judged.gap:
        summary = f"pods end, and new ones wait until {names} is at the site"
        hint = "stage first: let the site fetch it in a commit before this one (a sync job)"
        verdict = Verdict(Effect.OUTAGE, summary, hint)
    else:
        summary = f"{change.verdict.summary}; the old ones serve until {names} is at the site"
        verdict = Verdict(change.verdict.effect, summary)
    return replace(change, known=verdict, waits=(size, seconds))


def _missing(
    workload: bytes, neighbours: Sequence[Change]
) -> tuple[dict[str, Mapping[str, Any]], int]:
    """What a rolling workload's new pods wait for, and the rate at which it comes."""
    before = [config for one in neighbours if (config := one.judged.old_config)]
    for one in neighbours:
        config = one.judged.new_config
        rolling = config and "revision" in config.document.get("tenant", {})
        if config and rolling and _name(one.pair) in workload:
            return delivery.fetched(before, [config]), config.rate
    return {}, 0


def _name(pair: Pair) -> bytes:
    """The object's name as its file has it: kind and suffix are cut off."""
    file = pair.path.rpartition("/")[2].removesuffix(".yaml")
    return file.partition("-")[2].encode()
