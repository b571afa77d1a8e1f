"""What is learnt of artifacts and images, and what becomes of a lock. Pure data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from compiler.model.lock import (
    Lock,
    LockedArtifact,
    LockedChunks,
    LockedDataset,
    LockedImage,
    LockedManifest,
    LockedTarget,
)
from compiler.model.record import dataclass

Place = tuple[str, str, str]
"""Environment, section and name: the key of an entry."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a store holds for one artifact: numbers as in `LockedArtifact`."""

    sha256: str
    size: int | None
    unpacked: int | None = None
    files: int | None = None
    chunks: LockedChunks | None = None
    manifest: LockedManifest | None = None
    etag: str = ""
    version_id: str = ""

    @classmethod
    def of(cls, entry: LockedArtifact) -> Measured:
        """What an entry says that was asked for earlier."""
        return cls(
            entry.sha256, entry.size, entry.unpacked, entry.files, entry.chunks,
            entry.manifest,
            entry.etag or "", entry.version_id or "",
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is known now. What has no answer keeps the entry that it has."""

    artifacts: Mapping[tuple[str, str], Measured] = field(default_factory=dict)
    images: Mapping[tuple[str, str], LockedImage] = field(default_factory=dict)
    targets: Mapping[tuple[str, str], LockedTarget] = field(default_factory=dict)
    datasets: Mapping[tuple[str, str], LockedDataset] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry that differs: `how` is added, changed or removed, `fields` from and to."""

    place: Place
    how: str
    fields: Mapping[str, tuple[Any, Any]]

    @property
    def key(self) -> str:
        """The entry's key in the file."""
        return ".".join(self.place)


def changes(old: Lock, new: Lock) -> list[Change]:
    """What differs between two locks, in the order of the file."""
    found = []
    for place in sorted({*old.entries, *new.entries}):
        before, after = (_fields(lock, place) for lock in (old, new))
        if before == after:
            continue
        how = "changed" if before and after else "added" if after else "removed"
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        found.append(Change(place, how, {n: (before.get(n), after.get(n)) for n in sorted(names)}))
    return found


def _fields(lock: Lock, place: Place) -> dict[str, Any]:
    entry = lock.entries.get(place)
    return entry.model_dump(mode="json", by_alias=True, exclude_none=True) if entry else {}
