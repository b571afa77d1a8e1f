"""serveVersion: the number by which model servers tell the versions of a model apart.

It belongs to a digest, is the same in every environment, rises, and is never used again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from compiler.model.lock import LockedArtifact
from compiler.stages.lock.nouns import Place

MODELS = "models/"


def model_of(name: str) -> str:
    """The model of an artifact's name, empty for data and code."""
    return name.removeprefix(MODELS).partition(":")[0] if name.startswith(MODELS) else ""


def numbered(
    entries: Mapping[Place, LockedArtifact], old: Mapping[Place, LockedArtifact], order: list[Place]
) -> dict[Place, LockedArtifact]:
    """The entries with a number each; `order` is the spec's own, so that later means higher."""
    known: dict[tuple[str, str], int] = {}
    most: dict[str, int] = {}
    for place, entry in sorted(old.items()):
        model = model_of(place[2])
        if model and entry.serve_version is not None:
            known.setdefault((model, entry.sha256), entry.serve_version)
            most[model] = max(most.get(model, 0), entry.serve_version)
    made = dict(entries)
    for place in [*order, *sorted(entries.keys() - set(order))]:
        model = model_of(place[2])
        if place not in entries or not model:
            continue
        entry = entries[place]
        number = known.get((model, entry.sha256))
        if number is None:
            number = most[model] = most.get(model, 0) + 1
            known[model, entry.sha256] = number
        made[place] = entry.model_copy(update={"serve_version": number})
    return made


def without_twins(
    entries: Mapping[Place, LockedArtifact], order: Iterable[Place]
) -> dict[Place, LockedArtifact]:
    """The entries without numbers that another digest of the model has already.

    What comes first in the spec keeps its number: it is the older one.
    """
    rank = {place: index for index, place in enumerate(order)}
    taken: dict[tuple[str, int], str] = {}
    made = {}
    for place in sorted(entries, key=lambda one: (rank.get(one, len(rank)), one)):
        entry = entries[place]
        if entry.serve_version is not None:
            owner = taken.setdefault((model_of(place[2]), entry.serve_version), entry.sha256)
            if owner != entry.sha256:
                entry = entry.model_copy(update={"serve_version": None})
        made[place] = entry
    return made


def highest(
    old: Mapping[Place, LockedArtifact], new: Mapping[Place, LockedArtifact]
) -> dict[Place, LockedArtifact]:
    """Entries that nothing uses any more and that stay, so that their number is not used again.

    That is one for each model at most: the one whose number is above all that are in use.
    """
    most: dict[str, int] = {}
    for place, entry in new.items():
        model = model_of(place[2])
        most[model] = max(most.get(model, 0), entry.serve_version or 0)
    kept: dict[str, Place] = {}
    for place, entry in sorted(old.items()):
        model, number = model_of(place[2]), entry.serve_version or 0
        if model and place not in new and number > most.get(model, 0):
            most[model], kept[model] = number, place
    return {place: old[place] for place in kept.values()}
