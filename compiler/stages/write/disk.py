"""What lies on disk, read with as few calls as the kernel allows, and files made anew.

No judgement here: nothing decides what is owned, stale or allowed. Links are never followed.
Paths are strings, because one `Path` per file doubles the time that a fleet's write takes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping

from compiler.model.ledger import LEDGER_FILE, Ledger, parse_ledger
from compiler.model.record import dataclass

Stat = tuple[int, int, int]
"""Size in bytes, modification time in nanoseconds, inode."""

OWN_PREFIX = ".edgewright-"
"""How the names of our own temporary directories begin."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Listing:
    """One directory: its regular files by name, its folders, and what is neither."""

    files: Mapping[str, Stat]
    folders: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    @property
    def carried(self) -> frozenset[str]:
        """All names that a hard link cannot keep or should not: folders, links, sockets."""
        return self.folders | self.others


def list_directory(path: str) -> Listing | None:
    """The listing of a directory, None where there is none.

    Raises:
        NotADirectoryError: a file lies at `path` or at a parent of it.
    """
    files: dict[str, Stat] = {}
    folders: list[str] = []
    others: list[str] = []
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    stat = entry.stat(follow_symlinks=False)
                    files[entry.name] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)
                elif entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                else:
                    others.append(entry.name)
    except FileNotFoundError:
        return None
    return Listing(files, frozenset(folders), frozenset(others))


def fingerprint(listing: Listing) -> str:
    """32 hex digits that change when a file's size, time or inode does, or any name."""
    lines = [f"{name}\0{stat}" for name, stat in listing.files.items()]
    text = "\n".join(sorted(lines) + sorted(listing.carried))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def survey(out: str, roots: Iterable[str]) -> dict[str, Listing]:
    """Every directory below `out/<root>` that holds a ledger, by its path below `out`.

    A directory with a ledger is not entered: what lies below it is not ours. One in which a
    replace was interrupted counts as well. A file at a root's place is no directory of ours.
    """
    found: dict[str, Listing] = {}
    waiting = [root for root in roots if not os.path.islink(f"{out}/{root}")]
    while waiting:
        path = waiting.pop()
        try:
            listing = list_directory(f"{out}/{path}")
        except NotADirectoryError:
            continue
        if listing is None:
            continue
        if LEDGER_FILE in listing.files or any(n.startswith(OWN_PREFIX) for n in listing.folders):
            found[path] = listing
        else:
            waiting.extend(f"{path}/{name}" for name in listing.folders)
    return dict(sorted(found.items()))


def read_file(path: str) -> bytes:
    """All bytes of a regular file; a symbolic link is an OSError."""
    handle = os.open(path, _READ)
    try:
        parts = []
        while part := os.read(handle, _CHUNK):
            parts.append(part)
    finally:
        os.close(handle)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def read_ledger(directory: str) -> Ledger:
    """The ledger of a directory; an empty one where it has none."""
    try:
        return parse_ledger(read_file(f"{directory}/{LEDGER_FILE}"))
    except FileNotFoundError:
        return Ledger()


def create_file(path: str, data: bytes) -> Stat:
    """Make a file that must not exist yet and answer how it looks on disk."""
    handle = os.open(path, _CREATE, 0o666)
    try:
        written = os.write(handle, data)
        while written < len(data):
            written += os.write(handle, data[written:])
        stat = os.fstat(handle)
    finally:
        os.close(handle)
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def make_directory(path: str) -> None:
    """Make a directory that must not exist yet, with the parents that it lacks."""
    try:
        os.mkdir(path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.mkdir(path)
