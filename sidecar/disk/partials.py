"""The files of unfinished fetches: whose they are, what their records say, who takes them over."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, NamedTuple

from sidecar.disk import fsops
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, alive


class Left(NamedTuple):
    """A partial file of somebody: its path without ending, and its owner's token."""

    stem: str
    digest: str
    token: str

    @property
    def path(self) -> str:
        """The file with the bytes."""
        return f"{self.stem}.part"


def adopt(layout: Layout, owner: Owner, digest: str) -> None:
    """Take over what the dead left of a digest: the longest is ours now, the others go."""
    ours = layout.partial(digest, owner.token)
    dead = [
        one.path
        for one in listed(layout)
        if one.digest == digest and one.token != owner.token and not alive(layout, one.token)
    ]
    for path in sorted(dead, key=lambda path: read_record(path)["trusted"], reverse=True):
        if os.path.exists(ours) or not usable(path):
            delete(path)
        else:
            _take(path, ours)


def listed(layout: Layout) -> list[Left]:
    """Every partial file and every record, each stem once."""
    folder = layout.store("partial")
    stems = {name.rpartition(".")[0] for name in os.listdir(folder) if name.count(".") == 2}
    return [Left(f"{folder}/{stem}", *stem.split(".")) for stem in sorted(stems)]


def read_record(path: str) -> dict[str, Any]:
    """What the record beside a partial file says: `trusted` and `identity`."""
    found: dict[str, Any] = {"trusted": 0, "identity": {}}
    with suppress(FileNotFoundError), open(record_path(path), "rb") as file:
        for line in file:
            found |= _understood(line)
    return found


def record_path(path: str) -> str:
    """The record beside a partial file."""
    return f"{path.removesuffix('.part')}.json"


def usable(path: str) -> bool:
    """Whether a partial file is there and is nothing else too.

    A file system that tears a rename apart can leave it as a second name of a sealed blob, which
    nobody must write into.
    """
    try:
        return os.stat(path, follow_symlinks=False).st_nlink == 1
    except FileNotFoundError:
        return False


def delete(path: str) -> None:
    """Remove a partial file and its record."""
    fsops.unlink(record_path(path))
    fsops.unlink(path)


def _understood(line: bytes) -> dict[str, Any]:
    """A line cut off by a crash says nothing."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else {}
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    kinds = {"trusted": int, "identity": dict}
    return {name: found[name] for name in kinds if isinstance(found.get(name), kinds[name])}


def _take(path: str, ours: str) -> None:
    """Record first: a file without one would begin at its first byte again."""
    fsops.unlink(record_path(ours))
    if os.path.exists(record_path(path)):
        fsops.link(record_path(path), record_path(ours))
    fsops.rename(path, ours)
    fsops.sync_directory(os.path.dirname(ours))
    fsops.unlink(record_path(path))
