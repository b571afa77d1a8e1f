"""Writes the tree: whole directories at a time, nothing lost, nothing deleted by surprise.

`write` does it all in one process. A caller with several uses the parts: `begin` (one
process) gives an area, `stage` (any process) judges and stages a directory in it, and the
session's `finish` (one process) judges what only all of them show and exchanges them. Every
diagnostic comes before the first exchange. Nothing is rendered or checked here, and nothing
is synced to the device: what a power loss takes, Git has.
"""

from __future__ import annotations

import hashlib
import os
import stat as modes
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from compiler.model.codes import write as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.ledger import LEDGER_FILE
from compiler.model.manifest import Directory
from compiler.model.record import dataclass
from compiler.stages.write.area import open_area
from compiler.stages.write.commit import commit
from compiler.stages.write.deletes import Deletes, judge_deletes
from compiler.stages.write.disk import Listing, fingerprint, list_directory, survey
from compiler.stages.write.nouns import Action, Area, Changes, Staged, WriteOptions, root_of
from compiler.stages.write.stage import retire, stage
from compiler.stages.write.stale import Difference, Staleness, count, stale

__all__ = [
    "Area",
    "Changes",
    "Difference",
    "Session",
    "Staged",
    "Staleness",
    "WriteOptions",
    "begin",
    "count",
    "stage",
    "stale",
    "write",
]


def write(
    tree: Mapping[str, Directory], out: Path, options: WriteOptions, diagnostics: Diagnostics
) -> Changes:
    """Make `out` hold the tree (directories by path) and answer what changed.

    Raises:
        CompileError: anything that speaks against it; then nothing was changed.
    """
    roots = options.roots or tuple(sorted({root_of(path) for path in tree}))
    with begin(out, replace(options, roots=roots), diagnostics) as session:
        settled = []
        staged = []
        for path, directory in tree.items():
            if session.is_settled(path, directory.files[LEDGER_FILE]):
                settled.append(path)
            else:
                staged.append(stage(directory, session.area))
        return session.finish(staged, settled, diagnostics)


@contextmanager
def begin(out: Path, options: WriteOptions, diagnostics: Diagnostics) -> Iterator[Session]:
    """Lock the output, repair what an interrupted run left, and survey what lies there.

    At the end, also after an error, everything that was staged or exchanged out is deleted.

    Raises:
        CompileError: the output is locked, or the operating system refused a step.
    """
    try:
        with open_area(out, options, diagnostics) as area:
            yield Session(area, options, survey(area.out, options.roots))
    except OSError as fault:
        names = [str(name) for name in (fault.filename, fault.filename2) if name]
        where = f": {' -> '.join(names)}" if names else ""
        diagnostics.fail(codes.WORLD, f"{fault.strerror or fault}{where}")


@dataclass(frozen=True, slots=True)
class Session:
    """One run between its lock and its end; `area` may go to other processes."""

    area: Area
    options: WriteOptions
    found: Mapping[str, Listing]

    def is_settled(self, path: str, ledger: bytes | str) -> bool:
        """Whether a directory lies there as an earlier run left it and its output is the same.

        `ledger` is the new ledger, or its sha256 as hex where the caller does not have it at
        hand. Reads no file: it trusts size, time and inode.
        """
        known = self.options.known.get(path)
        if known is None or not known.fingerprint:
            return False
        digest = ledger if isinstance(ledger, str) else hashlib.sha256(ledger).hexdigest()
        listing = self.found.get(path)
        if listing is None and self.options.partial:
            listing = list_directory(f"{self.area.out}/{path}")
        return (
            known.ledger == digest
            and listing is not None
            and known.fingerprint == fingerprint(listing)
        )

    def lean(self, item: Staged) -> Staged:
        """A staged directory without what only deletions need, where nothing was there before."""
        if self.found:
            return item
        return replace(item, added=(), entered=item.entered + len(item.added))

    def finish(
        self, staged: Sequence[Staged], settled: Collection[str], diagnostics: Diagnostics
    ) -> Changes:
        """Judge the whole and exchange: `staged` and `settled` together are the new output.

        Raises:
            CompileError: with everything that any directory, or all together, have against it.
        """
        present = {item.path for item in staged} | set(settled)
        if not self.options.partial:
            absent = [path for path in self.found if path not in present]
            staged = [*staged, *(retire(path, self.area) for path in absent)]
        self._judge_roots(present, diagnostics)
        _judge_parents(staged, self.area, diagnostics)
        for item in staged:
            diagnostics.extend(item.findings)
        deletes = judge_deletes(staged, settled, self.area, self.options, diagnostics)
        diagnostics.raise_errors()
        _tell(staged, present, self.area, diagnostics)
        commit(staged, self.area, self.options.exchange)
        return self._changes(staged, settled, deletes, present)

    def _judge_roots(self, present: Collection[str], diagnostics: Diagnostics) -> None:
        """Refuse an empty output, and an empty environment where there was one."""
        filled = {root_of(path) for path in present}
        emptied = {root_of(path) for path in self.found} - filled
        if not present:
            diagnostics.add(codes.EMPTY, f"nothing would be written to {self.area.shown}")
        elif not self.options.partial:
            for root in sorted(emptied):
                diagnostics.add(codes.EMPTY, f"nothing would be left of {self.area.shown}/{root}")

    def _changes(
        self,
        staged: Sequence[Staged],
        settled: Collection[str],
        deletes: Deletes,
        present: Collection[str],
    ) -> Changes:
        by_action: dict[Action, list[str]] = {action: [] for action in Action}
        for item in sorted(staged, key=lambda found: found.path):
            by_action[_effect(item, present)].append(item.path)
        marks = {path: self.options.known[path].fingerprint for path in settled}
        marks |= {item.path: item.fingerprint for item in staged if item.path in present}
        touched = [item for item in staged if item.action is not Action.KEEP]
        return Changes(
            added=tuple(by_action[Action.ADD]),
            changed=tuple(by_action[Action.REPLACE]),
            removed=tuple(by_action[Action.REMOVE]),
            unchanged=tuple(sorted([*by_action[Action.KEEP], *settled])),
            added_objects=sum(len(item.added) + item.entered for item in touched) - deletes.moved,
            changed_objects=sum(item.changed for item in touched),
            moved_objects=deletes.moved,
            deleted_objects=deletes.deleted,
            written_files=sum(item.written for item in touched),
            linked_files=sum(item.linked for item in touched),
            deleted_files=sum(item.dropped for item in touched),
            fingerprints=dict(sorted(marks.items())),
        )


def _effect(item: Staged, present: Collection[str]) -> Action:
    """What a person would say happened: a directory that keeps only foreign files is removed."""
    gone = item.path not in present and item.action is Action.REPLACE
    return Action.REMOVE if gone else item.action


def _judge_parents(staged: Sequence[Staged], area: Area, diagnostics: Diagnostics) -> None:
    """Refuse to write through a link or a file that lies above a directory of the output."""
    parents: set[str] = set()
    for item in staged:
        parts = item.path.split("/")
        parents.update("/".join(parts[:end]) for end in range(1, len(parts)))
    for path in sorted(parents):
        try:
            mode = os.lstat(f"{area.out}/{path}").st_mode
        except (FileNotFoundError, NotADirectoryError):
            continue
        if not modes.S_ISDIR(mode):
            kind = "a symbolic link" if modes.S_ISLNK(mode) else "a file"
            shown = f"{area.shown}/{path}"
            diagnostics.add(
                codes.BLOCKED,
                f"{shown} is {kind}, not a folder",
                Span(shown, 1, 1),
                "remove it; only the output folder itself may be a link",
            )


def _tell(
    staged: Sequence[Staged], present: Collection[str], area: Area, diagnostics: Diagnostics
) -> None:
    """Say what was resolved and what stays although its directory goes."""
    for item in staged:
        shown = f"{area.shown}/{item.path}"
        if item.merged:
            diagnostics.add(codes.MERGED, f"{shown} holds both sides of a Git merge; rewritten")
        stays = [*item.foreign, *item.carried]
        if item.path not in present and stays:
            diagnostics.add(codes.KEPT, f"{shown} stays because of {', '.join(stays)}")
