"""The ledger: what a generated directory says of its own files, one line each.

A line is `sha256 id file`: 64 hex digits, the object's id (`kind.group/namespace/name`, or
`-` for a file that is no object) and a plain file name. Reading tolerates Git's conflict
markers, so that two branches can meet in one ledger. Nothing here opens a file, and a name
that would lead out of its directory is never believed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import NamedTuple

from compiler.model.record import dataclass

LEDGER_FILE = ".edgewright.ledger"
NO_OBJECT = "-"

_DIGEST_LENGTH = 64
_OURS, _BASE, _THEIRS = "ours", "base", "theirs"
_MARKERS = {"<<<<<<<": _OURS, "|||||||": _BASE, "=======": _THEIRS, ">>>>>>>": ""}


class LedgerEntry(NamedTuple):
    """One owned file: digest of its bytes, id of its object (or `-`), name in its directory."""

    sha256: str
    id: str
    file: str

    def __str__(self) -> str:
        return f"{self.sha256} {self.id} {self.file}"


@dataclass(frozen=True, slots=True)
class Ledger:
    """The owned files of one directory; after a conflicted merge, those of both sides.

    `conflicted` says that markers were met. `contested` names the files that both sides list
    with different digests: what lies there was merged by Git and matches neither.
    """

    entries: tuple[LedgerEntry, ...] = ()
    conflicted: bool = False
    contested: frozenset[str] = field(default=frozenset())

    @property
    def digests(self) -> dict[str, tuple[str, ...]]:
        """Every acceptable sha256 of each owned file, by file name."""
        found: dict[str, tuple[str, ...]] = {}
        for entry in self.entries:
            found[entry.file] = (*found.get(entry.file, ()), entry.sha256)
        return found

    @property
    def objects(self) -> dict[str, str]:
        """File name by object id, without the files that are no objects."""
        return {entry.id: entry.file for entry in self.entries if entry.id != NO_OBJECT}


def parse_ledger(data: bytes) -> Ledger:
    """Read a ledger; lines that are none are skipped, conflict markers keep both sides."""
    lines = data.decode("utf-8", errors="replace").split("\n")
    if not any(line[:7] in _MARKERS for line in lines):
        return Ledger(tuple(entry for line in lines if (entry := _entry(line))))
    return _merged(lines)


def format_ledger(entries: Iterable[LedgerEntry]) -> bytes:
    """The sorted lines, each ended by a line break."""
    return "".join(f"{entry}\n" for entry in sorted(entries)).encode()


def has_conflict_markers(data: bytes) -> bool:
    """Whether a file holds a conflict as Git writes it: both outer markers at a line's start."""
    if b"<<<<<<< " not in data:
        return False
    lines = data.split(b"\n")
    starts = {line[:8] for line in lines}
    return b"<<<<<<< " in starts and b">>>>>>> " in starts


def _merged(lines: list[str]) -> Ledger:
    """Both sides of a conflicted ledger; the common ancestor that diff3 style shows is left out."""
    side = ""
    entries: dict[LedgerEntry, None] = {}
    digests: dict[str, dict[str, str]] = {_OURS: {}, _THEIRS: {}}
    for line in lines:
        if line[:7] in _MARKERS:
            side = _MARKERS[line[:7]]
        elif side != _BASE and (entry := _entry(line)):
            entries[entry] = None
            if side:
                digests[side][entry.file] = entry.sha256
    ours, theirs = digests[_OURS], digests[_THEIRS]
    contested = frozenset(file for file in ours.keys() & theirs if ours[file] != theirs[file])
    return Ledger(tuple(entries), conflicted=True, contested=contested)


def _entry(line: str) -> LedgerEntry | None:
    """The entry of one line, None for a line that cannot be one."""
    parts = line.rstrip("\r").split(" ", 2)
    if len(parts) != 3 or len(parts[0]) != _DIGEST_LENGTH:
        return None
    name = parts[2]
    if "/" in name or "\0" in name or name in {"", ".", ".."}:
        return None
    return LedgerEntry(*parts)
