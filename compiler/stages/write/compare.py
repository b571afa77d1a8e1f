"""Compares one directory's new files with what lies on disk: what to write, link and drop.

Judges ownership, file by file: only bytes that a ledger vouches for may be replaced or
deleted. Reads; changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import field

from compiler.model.codes import write as codes
from compiler.model.diagnostics import Diagnostic, Span
from compiler.model.ledger import LEDGER_FILE, Ledger, has_conflict_markers, parse_ledger
from compiler.model.record import dataclass
from compiler.stages.write.disk import Listing, read_file
from compiler.stages.write.nouns import Area


@dataclass(slots=True)
class Comparison:
    """File names by what happens to them, and everything that was found wrong.

    `replaced` holds the old bytes of objects whose content changes, by file name.
    """

    old: Ledger = field(default_factory=Ledger)
    write: list[str] = field(default_factory=list)
    link: list[str] = field(default_factory=list)
    drop: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    discarded: list[str] = field(default_factory=list)
    replaced: dict[str, bytes] = field(default_factory=dict)
    merged: bool = False
    findings: list[Diagnostic] = field(default_factory=list)

    @property
    def unchanged(self) -> bool:
        """Whether the disk holds exactly the new files."""
        return not (self.write or self.drop)


def compare(path: str, files: Mapping[str, bytes], listing: Listing, area: Area) -> Comparison:
    """Compare the new files of the directory at `path` with its listing on disk.

    No files at all: the directory is to go.
    """
    folder = f"{area.out}/{path}"
    found = Comparison()
    if LEDGER_FILE in listing.files:
        found.old = parse_ledger(read_file(f"{folder}/{LEDGER_FILE}"))
    found.merged = found.old.conflicted
    digests = found.old.digests
    judge = _Judge(path, area, found, digests)
    for name, data in files.items():
        if name in listing.carried:
            found.findings.append(_in_the_way(path, name, area))
        elif name in listing.files:
            judge.meet(name, data)
        else:
            found.write.append(name)
    for name in digests:
        if name not in files and name in listing.files:
            judge.leave(name)
    if LEDGER_FILE not in files and LEDGER_FILE in listing.files:
        found.drop.append(LEDGER_FILE)
    ours = digests.keys() | files.keys() | {LEDGER_FILE}
    found.foreign = sorted(listing.files.keys() - ours)
    found.carried = sorted(listing.carried)
    return found


@dataclass(slots=True)
class _Judge:
    """Decides about one file after the other of one directory."""

    path: str
    area: Area
    found: Comparison
    digests: Mapping[str, tuple[str, ...]]

    def meet(self, name: str, data: bytes) -> None:
        """A new file that has a namesake on disk: link it when equal, else it must be ours."""
        old = read_file(f"{self.area.out}/{self.path}/{name}")
        if old == data:
            self.found.link.append(name)
            return
        self.found.write.append(name)
        if name != LEDGER_FILE and self._may_go(name, old):
            self.found.replaced[name] = old

    def leave(self, name: str) -> None:
        """An owned file that is no longer generated."""
        self.found.drop.append(name)
        self._may_go(name, read_file(f"{self.area.out}/{self.path}/{name}"))

    def _may_go(self, name: str, old: bytes) -> bool:
        """Whether the bytes on disk are generated ones; records what speaks against it."""
        owned = self.digests.get(name)
        if owned and hashlib.sha256(old).hexdigest() in owned:
            return True
        if self.area.covered(f"{self.path}/{name}"):
            if owned is None:
                self.found.discarded.append(name)
            return False
        if owned and (name in self.found.old.contested or has_conflict_markers(old)):
            self.found.merged = True
            return False
        fault = _edited if owned else _in_the_way
        self.found.findings.append(fault(self.path, name, self.area))
        return False


def _edited(path: str, name: str, area: Area) -> Diagnostic:
    shown = f"{area.shown}/{path}/{name}"
    return Diagnostic(
        codes.EDITED,
        f"{name} was edited after it was generated, and the new output differs from the edit",
        Span(shown, 1, 1),
        f"move the edit into the spec (patches:), or give it up with --overwrite {shown}",
    )


def _in_the_way(path: str, name: str, area: Area) -> Diagnostic:
    shown = f"{area.shown}/{path}/{name}"
    return Diagnostic(
        codes.FOREIGN,
        f"{name} was not generated, but the output needs its name",
        Span(shown, 1, 1),
        f"move it elsewhere, or, if it is a file that may go, compile with --overwrite {shown}",
    )
