"""Merges two locks that left a common one: by entry, so that only what both changed is a conflict.

Two branches that number different versions of a model alike are no conflict: ours keeps the number,
theirs gets a new one. Pure; what is in conflict is written between Git's own marks.
"""

from __future__ import annotations

from collections.abc import Mapping

from compiler.model import lock as locks
from compiler.model.lock import Lock, LockedArtifact
from compiler.model.record import dataclass
from compiler.model.spec.base import SpecModel
from compiler.stages.lock.nouns import Place
from compiler.stages.lock.numbers import numbered, without_twins

Entries = Mapping[Place, SpecModel]


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged file, and the keys that both sides changed differently."""

    text: str
    conflicts: tuple[str, ...]


def merge(base: Lock, ours: Lock, theirs: Lock) -> Merged:
    """Merge by entry; `base` is what both come from."""
    merged: dict[Place, SpecModel] = {}
    torn: list[Place] = []
    for place in sorted(base.entries.keys() | ours.entries.keys() | theirs.entries.keys()):
        old, mine, other = (one.entries.get(place) for one in (base, ours, theirs))
        if mine != other and old not in (mine, other):
            torn.append(place)
            continue
        kept = other if mine == old else mine
        if kept is not None:
            merged[place] = kept
    merged.update(_renumbered(merged, [*sorted(ours.entries), *sorted(theirs.entries)]))
    blocks = {place: locks.block(place, entry) for place, entry in merged.items()}
    for place in torn:
        blocks[place] = _torn(place, ours.entries, theirs.entries)
    text = "\n".join([locks.HEAD, *(blocks[place] for place in sorted(blocks))])
    return Merged(text, tuple(".".join(place) for place in torn))


def _renumbered(merged: Entries, order: list[Place]) -> dict[Place, LockedArtifact]:
    artifacts = {p: one for p, one in merged.items() if isinstance(one, LockedArtifact)}
    apart = without_twins(artifacts, order)
    return numbered(apart, apart, order)


def _torn(place: Place, ours: Entries, theirs: Entries) -> str:
    mine, other = (
        locks.block(place, side[place]) if place in side else "" for side in (ours, theirs)
    )
    return f"<<<<<<< ours\n{mine}=======\n{other}>>>>>>> theirs\n"
