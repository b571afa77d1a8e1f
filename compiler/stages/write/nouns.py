"""The words of the write stage: its options, the area it works in, what it found and did.

Pure data that may cross from one process to another; nothing here touches the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import StrEnum
from pathlib import Path
from typing import Any

from compiler.model.cache import Known
from compiler.model.diagnostics import Diagnostic
from compiler.model.ledger import LedgerEntry
from compiler.model.manifest import Unit, UnitRole
from compiler.model.ports import Exchange
from compiler.model.record import dataclass

Parse = Callable[[str], Mapping[str, Any]]
"""Reads the text of a generated file; ValueError when it is none."""
Immutable = Callable[[Mapping[str, Any], Mapping[str, Any]], list[tuple[str, str]]]
"""(old object, new object) -> the (field path, reason) of each field that must not change."""

_NAMED = frozenset({UnitRole.INPUTS, UnitRole.JOBS, UnitRole.SITES, UnitRole.SHARDS})


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """What the caller allows.

    `overwrite` are files or folders whose edits may be lost. `allow_deletes` is the number of
    objects that may go, None for the usual limit. `moved` are (from, to) spec paths. `roots`
    are the folders below the output, `<project>/<environment>`, outside which nothing is
    deleted; none: those of the tree. `partial` says that the tree is only a part, so that
    absent directories stay. `known` says how directories looked after an earlier write.
    `parse` and `immutable` judge objects that change; in parallel runs they must be picklable.
    """

    exchange: Exchange
    overwrite: tuple[Path, ...] = ()
    allow_deletes: int | None = None
    moved: tuple[tuple[str, str], ...] = ()
    roots: tuple[str, ...] = ()
    partial: bool = False
    known: Mapping[str, Known] = field(default_factory=dict)
    parse: Parse | None = None
    immutable: Immutable | None = None


@dataclass(frozen=True, slots=True)
class Area:
    """Where one run works: absolute `out` and `staging`, and `shown`, how messages spell out."""

    out: str
    staging: str
    shown: str
    overwrite: tuple[str, ...] = ()
    parse: Parse | None = None
    immutable: Immutable | None = None

    def covered(self, path: str) -> bool:
        """Whether `--overwrite` names the file at `path` below the output, or a parent of it."""
        full = f"{self.out}/{path}"
        return any(full == allowed or full.startswith(f"{allowed}/") for allowed in self.overwrite)


class Action(StrEnum):
    """What becomes of one directory."""

    KEEP = "keep"
    ADD = "add"
    REPLACE = "replace"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Staged:
    """One directory, judged and, unless it is kept or removed, ready in the staging area.

    `gone` and `added` are the ledger entries of objects that leave or enter this directory;
    `entered` counts more that enter, where nothing can have left and so no entry is needed.
    `changed` counts objects with new content. `foreign` are names that no ledger owns, of which
    `carried` (folders, links) are moved after the exchange. `discarded` are foreign files that
    `--overwrite` gave up. `written`, `linked` and `dropped` count files.
    """

    unit: Unit
    path: str
    action: Action
    gone: tuple[LedgerEntry, ...] = ()
    added: tuple[LedgerEntry, ...] = ()
    entered: int = 0
    changed: int = 0
    foreign: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    discarded: tuple[str, ...] = ()
    written: int = 0
    linked: int = 0
    dropped: int = 0
    merged: bool = False
    fingerprint: str = ""
    findings: tuple[Diagnostic, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What a write did: directories by path, counts of objects and files.

    `fingerprints` says how each directory of the tree looks now, for the cache.
    `moved_objects` counts objects that only changed their place or their name.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    added_objects: int = 0
    changed_objects: int = 0
    moved_objects: int = 0
    deleted_objects: int = 0
    written_files: int = 0
    linked_files: int = 0
    deleted_files: int = 0
    fingerprints: Mapping[str, str] = field(default_factory=dict)

    @property
    def any(self) -> bool:
        """Whether anything was touched."""
        return bool(self.added or self.changed or self.removed)


def unit_of(path: str) -> Unit:
    """The unit that a path below the output most likely is, for directories of an older tree.

    `<project>/<environment>/<cluster>[/<site>]/<role>[/<name>]`.
    """
    parts = path.split("/")
    if len(parts) >= 5 and parts[-2] in _NAMED:
        return Unit("/".join(parts[:-2]), UnitRole(parts[-2]), parts[-1])
    if parts[-1] in set(UnitRole):
        return Unit("/".join(parts[:-1]), UnitRole(parts[-1]))
    return Unit("/".join(parts[:-1]), UnitRole.BASE, parts[-1])


def root_of(path: str) -> str:
    """The `<project>/<environment>` that a path below the output lies in."""
    return "/".join(path.split("/")[:2])
