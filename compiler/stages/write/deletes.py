"""Counts what a write would delete from the clusters and holds it against what is allowed.

An object is deleted when its id leaves a cluster's output. One that only changed its
directory, its content-derived name, or its job or site by `moved:` is not. Which job and site
a file belongs to is read from its header line, because a ledger does not say. Changes nothing.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence

from compiler.model.codes import write as codes
from compiler.model.diagnostics import Diagnostics, Related, Span
from compiler.model.ledger import LedgerEntry
from compiler.model.lineage import CONTENT_NAME, owner, site_name, successors
from compiler.model.manifest import UnitRole
from compiler.model.record import dataclass
from compiler.stages.write.disk import read_file, read_ledger
from compiler.stages.write.nouns import Action, Area, Staged, WriteOptions, root_of

FREE_DELETES = 20
"""Up to this many objects may go without a word; a number that is given replaces it."""

_SHOWN = 3
_RELATED = 25


@dataclass(frozen=True, slots=True)
class Deletes:
    """How many objects go for good, and how many only change their place or name."""

    deleted: int
    moved: int


@dataclass(frozen=True, slots=True)
class _Lost:
    """An object that leaves the output: where it lies, and whose it was."""

    path: str
    entry: LedgerEntry
    subject: str
    site: str


def judge_deletes(
    staged: Sequence[Staged],
    settled: Collection[str],
    area: Area,
    options: WriteOptions,
    diagnostics: Diagnostics,
) -> Deletes:
    """Report deletions beyond what is allowed; `settled` are directories left as they are."""
    moved, allowed = options.moved, options.allow_deletes
    gone = sum(len(item.gone) for item in staged)
    lost = _without_successors(staged)
    if lost and moved:
        lost = _without_moved(lost, staged, area, moved)
    if lost and (allowed is None or len(lost) > allowed):
        whole = _vanished_sites(lost, area, moved) | _vanished_jobs(lost, staged, settled, area)
        if whole or allowed is not None or len(lost) > FREE_DELETES:
            _report(lost, whole, area, allowed, diagnostics)
    return Deletes(len(lost), gone - len(lost))


def _without_successors(staged: Sequence[Staged]) -> list[tuple[Staged, LedgerEntry]]:
    """What goes, less what appears elsewhere in its cluster or under another content name."""
    losers = [item for item in staged if item.gone]
    if not losers:
        return []
    kept = {(item.unit.target, entry.id) for item in staged for entry in item.added}
    return [
        (item, entry)
        for item in losers
        for entry in _without_renamed(item)
        if (item.unit.target, entry.id) not in kept
    ]


def _without_renamed(item: Staged) -> Iterator[LedgerEntry]:
    """What leaves a directory, less objects that only got a new content-derived name in it."""
    heirs = Counter(CONTENT_NAME.sub("", entry.id) for entry in item.added)
    for entry in item.gone:
        base = CONTENT_NAME.sub("", entry.id)
        if base != entry.id and heirs[base]:
            heirs[base] -= 1
        else:
            yield entry


def _without_moved(
    lost: Sequence[tuple[Staged, LedgerEntry]],
    staged: Sequence[Staged],
    area: Area,
    moved: Sequence[tuple[str, str]],
) -> list[tuple[Staged, LedgerEntry]]:
    """What is left after each lost object was paired with a new one of the same kind."""
    heirs: Counter[tuple[str, str, str, str]] = Counter()
    for item in staged:
        for entry in item.added:
            subject, site = _owner(f"{area.staging}/{item.path}", item, entry)
            heirs[root_of(item.path), _kind(entry), subject, site] += 1
    left = []
    for item, entry in lost:
        subject, site = _owner(f"{area.out}/{item.path}", item, entry)
        for where in successors(subject, site, moved):
            key = (root_of(item.path), _kind(entry), *where)
            if heirs[key]:
                heirs[key] -= 1
                break
        else:
            left.append((item, entry))
    return left


def _vanished_sites(
    lost: Sequence[tuple[Staged, LedgerEntry]], area: Area, moved: Sequence[tuple[str, str]]
) -> set[tuple[str, str]]:
    """(root, label) of the sites whose directory keeps no object."""
    left = {site_name(old) for old, _ in moved}
    return {
        (root_of(item.path), f"site {item.unit.name}")
        for item, _ in lost
        if item.unit.role is UnitRole.SITES
        and item.unit.name not in left
        and (item.action is Action.REMOVE or not read_ledger(_after(item, area)).objects)
    }


def _vanished_jobs(
    lost: Sequence[tuple[Staged, LedgerEntry]],
    staged: Sequence[Staged],
    settled: Collection[str],
    area: Area,
) -> set[tuple[str, str]]:
    """(root, label) of the jobs of which no object stays in that root."""
    owners = {
        (root_of(item.path), subject)
        for item, entry in lost
        if (subject := _owner(f"{area.out}/{item.path}", item, entry)[0]).startswith("jobs.")
    }
    alive = set(_survivors(owners, staged, settled, area))
    return {(root, _label(subject)) for root, subject in owners - alive}


def _survivors(
    owners: Collection[tuple[str, str]],
    staged: Sequence[Staged],
    settled: Collection[str],
    area: Area,
) -> Iterator[tuple[str, str]]:
    """The owners of which something stays; reads no further once all were met."""
    wanted = set(owners)
    folders = [(item.path, _after(item, area)) for item in staged if item.action != Action.REMOVE]
    folders += [(path, f"{area.out}/{path}") for path in sorted(settled)]
    for path, folder in folders:
        if not wanted:
            return
        for subject in _subjects(folder):
            if (root_of(path), subject) in wanted:
                wanted.discard((root_of(path), subject))
                yield root_of(path), subject


def _subjects(folder: str) -> Iterator[str]:
    """The subject of every generated file in a folder."""
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    for name in sorted(names):
        if name.endswith(".yaml") and (found := _header(f"{folder}/{name}")):
            yield found[0]


def _after(item: Staged, area: Area) -> str:
    """Where the directory's future content lies while nothing is exchanged yet."""
    return f"{area.out if item.action is Action.KEEP else area.staging}/{item.path}"


def _owner(folder: str, item: Staged, entry: LedgerEntry) -> tuple[str, str]:
    """(subject, site) of an object, from its file's header, else from its directory."""
    if found := _header(f"{folder}/{entry.file}"):
        return found
    if item.unit.role is UnitRole.SITES:
        return "", item.unit.name
    named = item.unit.role in {UnitRole.JOBS, UnitRole.INPUTS}
    return (f"jobs.{item.unit.name}" if named else ""), ""


def _header(path: str) -> tuple[str, str] | None:
    try:
        return owner(read_file(path))
    except OSError:
        return None


def _report(
    lost: Sequence[tuple[Staged, LedgerEntry]],
    whole: Collection[tuple[str, str]],
    area: Area,
    allowed: int | None,
    diagnostics: Diagnostics,
) -> None:
    owned = [
        _Lost(item.path, entry, *_owner(f"{area.out}/{item.path}", item, entry))
        for item, entry in lost
    ]
    groups = _grouped(owned, whole)
    parts = [_describe(root, label, items, whole) for (root, label), items in groups.items()]
    limit = "" if allowed is None else f", {allowed} allowed"
    diagnostics.add(
        codes.DELETES,
        f"{_count(len(owned))} would be deleted{limit}: " + "; ".join(parts),
        hint=f"if that is meant, compile with --allow-deletes {len(owned)}; "
        "a renamed job or site belongs under moved:",
        related=tuple(_related(item, area) for item in owned[:_RELATED]),
    )


def _grouped(
    owned: Iterable[_Lost], whole: Collection[tuple[str, str]]
) -> dict[tuple[str, str], list[_Lost]]:
    """By site where a whole site goes, else by job, else by directory; in order of label."""
    groups: dict[tuple[str, str], list[_Lost]] = {}
    for item in owned:
        root = root_of(item.path)
        label = _label(item.subject) or item.path
        if item.site and (root, f"site {item.site}") in whole and (root, label) not in whole:
            label = f"site {item.site}"
        groups.setdefault((root, label), []).append(item)
    return dict(sorted(groups.items()))


def _describe(
    root: str, label: str, items: Sequence[_Lost], whole: Collection[tuple[str, str]]
) -> str:
    names = ", ".join(item.entry.id for item in items[:_SHOWN])
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    every = "all " if (root, label) in whole else ""
    return f"{root}: {every}{len(items)} of {label} ({names}{more})"


def _related(item: _Lost, area: Area) -> Related:
    return Related(Span(f"{area.shown}/{item.path}/{item.entry.file}", 1, 1), item.entry.id)


def _label(subject: str) -> str:
    kind, _, name = subject.partition(".")
    return f"job {name}" if kind == "jobs" else subject


def _count(number: int) -> str:
    return "1 object" if number == 1 else f"{number} objects"


def _kind(entry: LedgerEntry) -> str:
    return entry.id.split("/", 1)[0]
