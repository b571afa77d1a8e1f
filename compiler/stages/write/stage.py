"""Stages one directory: judges it and makes its new content ready beside the output.

Works on one directory at a time and in any process, so a fleet can be staged in parallel by
whoever rendered it. Never touches the live directory (but for bringing an interrupted
replace to its end) and decides nothing that needs to know a second directory.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from typing import Any

from compiler.model.codes import write as codes
from compiler.model.diagnostics import Diagnostic, Span
from compiler.model.ledger import LEDGER_FILE, NO_OBJECT, Ledger, LedgerEntry, parse_ledger
from compiler.model.manifest import Directory, Object, Unit
from compiler.stages.write.compare import Comparison, compare
from compiler.stages.write.disk import (
    Listing,
    Stat,
    create_file,
    fingerprint,
    make_directory,
)
from compiler.stages.write.journal import list_mended
from compiler.stages.write.nouns import Action, Area, Staged, unit_of


def stage(directory: Directory, area: Area) -> Staged:
    """Judge one directory of the tree and stage it if it changes.

    Raises:
        ValueError: a file's name is not a plain name, or the ledger is missing.
        OSError: the staging area cannot be written.
    """
    for name in directory.files:
        if "/" in name or "\0" in name or name in {"", ".", ".."}:
            raise ValueError(f"{directory.unit.path}: {name!r} is not a plain file name")
    objects = {item.file: item for item in directory.objects}
    return _stage(directory.unit.path, directory.unit, directory.files, objects, area)


def retire(path: str, area: Area) -> Staged:
    """Judge a directory that is no longer generated; foreign files stay in it."""
    return _stage(path, unit_of(path), {}, {}, area)


def _stage(
    path: str,
    unit: Unit,
    files: Mapping[str, bytes],
    objects: Mapping[str, Object],
    area: Area,
) -> Staged:
    new = parse_ledger(files[LEDGER_FILE]) if files else Ledger()
    live = f"{area.out}/{path}"
    if blocked := _obstacle(live):
        return Staged(unit, path, Action.KEEP, findings=(_blocked(path, blocked, area),))
    listing = list_mended(live)
    if listing is None:
        return _fresh(unit, files, new, area)
    found = compare(path, files, listing, area)
    action = _action(files, found)
    stats: dict[str, Stat] = dict(listing.files)
    if action is Action.REPLACE:
        stats = _fill(f"{area.staging}/{path}", live, files, found, listing)
    return Staged(
        unit,
        path,
        action,
        gone=_leaving(found.old, new),
        added=_leaving(new, found.old),
        changed=len(found.replaced.keys() & new.objects.values()),
        foreign=tuple(found.foreign),
        carried=tuple(found.carried),
        discarded=tuple(found.discarded),
        written=len(found.write),
        linked=len(found.link) if action is Action.REPLACE else 0,
        dropped=len(found.drop),
        merged=found.merged,
        fingerprint=fingerprint(Listing(stats, listing.folders, listing.others)),
        findings=(*found.findings, *_immutable_faults(files, found, new, objects, area)),
    )


def _action(files: Mapping[str, bytes], found: Comparison) -> Action:
    if found.unchanged:
        return Action.KEEP
    if files or found.foreign or found.carried:
        return Action.REPLACE
    return Action.REMOVE


def _fresh(unit: Unit, files: Mapping[str, bytes], new: Ledger, area: Area) -> Staged:
    """Stage a directory that has nothing at its place yet."""
    if not files:
        return Staged(unit, unit.path, Action.KEEP)
    folder = f"{area.staging}/{unit.path}"
    make_directory(folder)
    stats = {LEDGER_FILE: create_file(f"{folder}/{LEDGER_FILE}", files[LEDGER_FILE])}
    for name, data in files.items():
        if name != LEDGER_FILE:
            stats[name] = create_file(f"{folder}/{name}", data)
    return Staged(
        unit,
        unit.path,
        Action.ADD,
        added=_leaving(new, Ledger()),
        written=len(files),
        fingerprint=fingerprint(Listing(stats)),
    )


def _fill(
    folder: str, live: str, files: Mapping[str, bytes], found: Comparison, listing: Listing
) -> dict[str, Stat]:
    """Make the staged directory: ledger first, changed files anew, the rest as hard links."""
    make_directory(folder)
    stats: dict[str, Stat] = {}
    if LEDGER_FILE in files:
        # Copied even where it is equal: a sweep after a kill needs it before any other file.
        stats[LEDGER_FILE] = create_file(f"{folder}/{LEDGER_FILE}", files[LEDGER_FILE])
    for name in found.write:
        if name != LEDGER_FILE:
            stats[name] = create_file(f"{folder}/{name}", files[name])
    for name in found.link:
        if name != LEDGER_FILE:
            stats[name] = _link_or_copy(live, folder, name, files[name], listing.files[name])
    for name in found.foreign:
        stats[name] = listing.files[name]
        _link(f"{live}/{name}", f"{folder}/{name}")
    return stats


def _link_or_copy(live: str, folder: str, name: str, data: bytes, old: Stat) -> Stat:
    if _link(f"{live}/{name}", f"{folder}/{name}"):
        return old
    return create_file(f"{folder}/{name}", data)


def _link(source: str, target: str) -> bool:
    """Hard-link a file; False where the file system or its owner does not let us.

    A foreign file that cannot be linked is moved by the sweep, after the exchange.
    """
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        return False
    return True


def _leaving(old: Ledger, new: Ledger) -> tuple[LedgerEntry, ...]:
    """The objects of one ledger that the other lacks."""
    stay = new.objects
    return tuple(e for e in old.entries if e.id != NO_OBJECT and e.id not in stay)


def _obstacle(live: str) -> str:
    """What lies at a directory's place instead of a directory, in words; empty if nothing."""
    try:
        mode = os.lstat(live).st_mode
    except FileNotFoundError:
        return ""
    except NotADirectoryError:
        return "below a file"
    if stat.S_ISDIR(mode):
        return ""
    return "a symbolic link" if stat.S_ISLNK(mode) else "a file"


def _blocked(path: str, obstacle: str, area: Area) -> Diagnostic:
    return Diagnostic(
        codes.BLOCKED,
        f"{area.shown}/{path} is {obstacle}, not a folder",
        Span(f"{area.shown}/{path}", 1, 1),
        "remove it; the folder is made by the compile",
    )


def _immutable_faults(
    files: Mapping[str, bytes],
    found: Comparison,
    new: Ledger,
    objects: Mapping[str, Object],
    area: Area,
) -> list[Diagnostic]:
    """What the API server would refuse of the objects that change in place."""
    if area.immutable is None or area.parse is None or not found.replaced:
        return []
    before = {file: name for name, file in found.old.objects.items()}
    faults = []
    for name, file in new.objects.items():
        if file in found.replaced and before.get(file) == name:
            old = _parsed(found.replaced[file], area)
            after = objects[file].data if file in objects else _parsed(files[file], area)
            if old is not None and after is not None:
                span = objects[file].origin.span if file in objects else None
                faults += [
                    _immutable(name, f"{area.shown}/{file}", field, why, span)
                    for field, why in area.immutable(old, after)
                ]
    return faults


def _parsed(data: bytes, area: Area) -> Mapping[str, Any] | None:
    """A generated file as data; None for one that cannot be read and so cannot be judged."""
    if area.parse is None:
        return None
    try:
        return area.parse(data.decode())
    except ValueError:
        return None


def _immutable(name: str, file: str, field: str, why: str, span: Span | None) -> Diagnostic:
    return Diagnostic(
        codes.IMMUTABLE,
        f"{name}: {field} cannot change: {why} ({file})",
        span,
        "rename the job or raise `attempt:` so that a new object replaces it, or undo the change",
    )
