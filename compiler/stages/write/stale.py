"""Tells how the output on disk differs from the tree, file by file; writes nothing.

Every owned file is hashed. Files that no ledger owns are nobody's business here.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from pathlib import Path

from compiler.model.ledger import LEDGER_FILE, parse_ledger
from compiler.model.manifest import Directory
from compiler.model.record import dataclass
from compiler.stages.write.disk import list_directory, read_file, read_ledger, survey
from compiler.stages.write.nouns import root_of


class Staleness(StrEnum):
    """How a file on disk differs from the output that the spec has."""

    MISSING = "missing"
    CHANGED = "changed"
    EXTRA = "extra"


@dataclass(frozen=True, slots=True, order=True)
class Difference:
    """One file that is not as it would be written; `path` is its directory below the output."""

    path: str
    file: str
    kind: Staleness

    def __str__(self) -> str:
        return f"{self.kind.value}: {self.path}/{self.file}"


def stale(
    tree: Mapping[str, Directory],
    out: Path,
    roots: Iterable[str] = (),
    *,
    partial: bool = False,
) -> list[Difference]:
    """All differences, sorted by directory and file; an empty list means up to date.

    `roots` and `partial` are those of the write options.
    """
    found: list[Difference] = []
    for path, directory in tree.items():
        found += stale_directory(path, directory.files[LEDGER_FILE], out)
    if not partial:
        found += stale_extra(tree, out, set(roots) or {root_of(path) for path in tree})
    return sorted(found)


def stale_extra(paths: Collection[str], out: Path, roots: Iterable[str]) -> list[Difference]:
    """What lies below the roots in directories that are none of `paths`."""
    known = set(paths)
    gone = [path for path in survey(str(out), sorted(roots)) if path not in known]
    return [difference for path in gone for difference in _left_over(path, out)]


def stale_directory(path: str, ledger: bytes, out: Path) -> list[Difference]:
    """How one directory on disk differs from the files that a ledger names."""
    folder = f"{out}/{path}"
    wanted = {entry.file: entry.sha256 for entry in parse_ledger(ledger).entries}
    wanted[LEDGER_FILE] = hashlib.sha256(ledger).hexdigest()
    listing = None if _is_link(folder) else list_directory(folder)
    if listing is None:
        return [Difference(path, file, Staleness.MISSING) for file in sorted(wanted)]
    found = []
    for file, digest in wanted.items():
        if file not in listing.files:
            found.append(Difference(path, file, Staleness.MISSING))
        elif hashlib.sha256(read_file(f"{folder}/{file}")).hexdigest() != digest:
            found.append(Difference(path, file, Staleness.CHANGED))
    owned = read_ledger(folder).digests if LEDGER_FILE in listing.files else {}
    extra = (owned.keys() & listing.files.keys()) - wanted.keys()
    return sorted([*found, *(Difference(path, file, Staleness.EXTRA) for file in extra)])


def count(differences: Iterable[Difference]) -> dict[Staleness, int]:
    """How many files are missing, changed and extra; kinds that do not occur are left out."""
    counts = Counter(item.kind for item in differences)
    return {kind: counts[kind] for kind in Staleness if counts[kind]}


def _left_over(path: str, out: Path) -> list[Difference]:
    folder = f"{out}/{path}"
    listing = list_directory(folder)
    names = (*read_ledger(folder).digests, LEDGER_FILE)
    return [
        Difference(path, name, Staleness.EXTRA)
        for name in names
        if listing is not None and name in listing.files
    ]


def _is_link(folder: str) -> bool:
    return Path(folder).is_symlink()
