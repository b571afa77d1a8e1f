"""Compares two outputs: every object that differs, what that does, and what it costs the sites.

Here objects of one directory are judged together: a ConfigMap of a content-derived name does
what its workload does, and a roll whose bytes are not at the site is an outage where no old pod
stays. Prints nothing, reads no spec and asks no cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from compiler.model.changes import Comparison, Effect
from compiler.model.ports import Output
from compiler.stages.compare import delivery
from compiler.stages.compare.delivery import Config
from compiler.stages.compare.ground import Ground, Grounds
from compiler.stages.compare.judge import Judge, Parse
from compiler.stages.compare.pairs import Met, Pair, pairs
from compiler.stages.compare.pods import Verdict
from compiler.stages.compare.rows import Change, rows
from compiler.stages.compare.sites import costs

__all__ = ["Ground", "changes", "compare"]

_RESTARTS = (
    Effect.OUTAGE, Effect.RE_CREATE, Effect.LOOP_RESTART, Effect.ROLLING_RESTART,
    Effect.SIDECAR_CHANGE, Effect.SCALE, Effect.MOVED, Effect.NEW, Effect.REMOVED,
)  # fmt: skip
"""What a workload's change does to the files that its pods read, the most severe first."""
_ROLLS = (Effect.RE_CREATE, Effect.ROLLING_RESTART)


def compare(
    old: Output,
    new: Output,
    parse: Parse,
    moved: Sequence[tuple[str, str]] = (),
    grounds: Grounds | None = None,
) -> Comparison:
    """Everything that differs; `base` and `head` of the answer are for the caller to name.

    `parse` raises ValueError for a text that is no object. `moved` are pairs of paths of the
    spec: what was called so is now called so. `grounds` say how large the disks of sites are.
    """
    judge = Judge(parse)
    found = changes(old, new, judge, moved)
    return Comparison(
        base="",
        head="",
        rows=rows(found),
        costs=costs(old, new, found, judge, grounds or {}),
        objects=len(found),
    )


def changes(
    old: Output, new: Output, judge: Judge, moved: Sequence[tuple[str, str]] = ()
) -> list[Change]:
    """Every object that differs with what that does, in the light of its directory."""
    by_directory: dict[str, list[Change]] = {}
    for pair in pairs(old, new, moved):
        by_directory.setdefault(pair.directory, []).append(Change(pair, judge.judged(pair)))
    there = _there(old, by_directory, judge)
    return [
        change
        for directory, several in by_directory.items()
        for change in _together(several, there.get(directory, ()))
    ]


def _together(several: Sequence[Change], there: Sequence[Config]) -> list[Change]:
    """The changes of one directory, each judged in the light of the others."""
    judged = [_outage(change, several, there) for change in several]
    workloads = [change for change in judged if change.judged.pods]
    return [_follows(change, workloads) for change in judged]


def _there(
    old: Output, by_directory: Mapping[str, Sequence[Change]], judge: Judge
) -> dict[str, list[Config]]:
    """Every sidecar config that a directory had where a roll may wait for bytes."""
    rolling = {
        directory
        for directory, several in by_directory.items()
        if any(change.verdict.effect in _ROLLS for change in several)
        and any(_is_rolling(change.judged.new_config) for change in several)
    }
    if not rolling:
        return {}
    texts = old.read([path for path in old.files if _is_config(path, rolling)])
    found: dict[str, list[Config]] = {}
    for path, text in texts.items():
        config = delivery.config_of(judge.parsed(text, ""))
        if config:
            found.setdefault(path.rpartition("/")[0], []).append(config)
    return found


def _is_config(path: str, directories: Set[str]) -> bool:
    directory, _, file = path.rpartition("/")
    return directory in directories and file.startswith("configmap-")


def _is_rolling(config: Config | None) -> bool:
    """Whether a config is of pods that are replaced when their artifacts change."""
    return config is not None and "revision" in config.document.get("tenant", {})


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


def _outage(change: Change, neighbours: Sequence[Change], there: Sequence[Config]) -> Change:
    """A roll that has to fetch: an outage where no pod stays, a long roll where one does."""
    if not change.judged.pods or change.verdict.effect not in _ROLLS or change.pair.new is None:
        return change
    missing, rate = _missing(change.pair.new, neighbours, there)
    if not missing:
        return change
    size = sum(delivery.size_of(artifact) or 0 for artifact in missing.values())
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
    workload: bytes, neighbours: Sequence[Change], there: Sequence[Config]
) -> tuple[dict[str, Mapping[str, Any]], int]:
    """What a rolling workload's new pods wait for, and the rate at which it comes."""
    for one in neighbours:
        config = one.judged.new_config
        if config and _is_rolling(config) and _name(one.pair) in workload:
            return delivery.fetched(there, [config]), config.rate
    return {}, 0


def _name(pair: Pair) -> bytes:
    """The object's name as its file has it: kind and suffix are cut off."""
    file = pair.path.rpartition("/")[2].removesuffix(".yaml")
    return file.partition("-")[2].encode()
