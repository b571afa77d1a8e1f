"""Lists of a folder's files as artifacts: what each line says, judged like an entry of an archive.

A list is the manifest of the tree that its files make, so its digest is that tree's name as well.
Nothing of a list is believed before all of it was read once. Fetches and writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from sidecar.disk.manifests import Entry
from sidecar.disk.marks import is_digest
from sidecar.model.config import Unpack
from sidecar.model.reasons import ReasonError
from sidecar.unpack.guard import MAX_PATH, plain, refused
from sidecar.unpack.names import Names

_LINE: Final = 6 * MAX_PATH + 256
"""JSON writes a byte of a name in six letters at most."""
_FILE, _DIRECTORY = 0o444, 0o555


def entries(path: str, how: Unpack) -> Iterator[Entry]:
    """The entries of the list at `path`, judged one by one; a directory before what is in it.

    Raises:
        ReasonError: ArchiveRefused, ArchiveTooLarge or ArchiveBroken, with the entry's name.
    """
    names, files, total = Names(how.max_files), 0, 0
    for entry in _read(path):
        name = entry.path.encode("utf-8", "surrogatepass")
        if plain(name) != entry.path or not entry.path:
            raise refused(name, "no plain name")
        names.claim(entry.path, directory=entry.directory)
        files += not entry.directory
        total += entry.size
        if total > how.max_bytes:
            words = f"{entry.path}: more than {how.max_bytes:,} bytes in all"
            raise ReasonError("ArchiveTooLarge", words)
        yield entry
    if not files:
        raise ReasonError("ArchiveBroken", "it holds no file")


def _read(path: str) -> Iterator[Entry]:
    with open(path, "rb") as file:
        if file.readline(_LINE) != b"[\n":
            raise _broken(1)
        number = 1
        while (line := file.readline(_LINE)) != b"]\n":
            number += 1
            yield _entry(line, number)
        if file.read(1):
            raise _broken(number + 2)


def _entry(line: bytes, number: int) -> Entry:
    try:
        fields: list[Any] = json.loads(line.removesuffix(b"\n").removesuffix(b","))
        path, mode, size, digest = fields
    except (ValueError, TypeError, RecursionError):
        raise _broken(number) from None
    right = [type(one) for one in fields] == [str, int, int, str]
    if right and digest:
        right = is_digest(digest) and size >= 0 and mode == _FILE
    elif right:
        right = size == 0 and mode == _DIRECTORY
    if not right:
        raise _broken(number)
    return Entry(path, mode, size, digest)


def _broken(number: int) -> ReasonError:
    return ReasonError("ArchiveBroken", f"line {number} is none of a list of files")
