"""What is in a tree: one JSON array with an entry per line, whose digest is the tree's name.

Entries are read one at a time and sorted in runs, since a tree may hold more files than fit in
the memory of a sidecar.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from heapq import merge
from typing import NamedTuple

from sidecar.disk import fsops, hashing
from sidecar.disk.owner import Owner

_RUN = 16_384


class Entry(NamedTuple):
    """A file, or a directory: that has no digest. `path` is relative, `mode` its permissions."""

    path: str
    mode: int
    size: int
    sha256: str

    @property
    def directory(self) -> bool:
        """Whether it is a directory."""
        return not self.sha256


class Manifest:
    """The entries of a tree; a directory comes before what is in it."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Entry]:
        with open(self.path, "rb") as file:
            for line in file:
                if line.startswith(b'["'):
                    yield Entry(*json.loads(line.rstrip(b",\n")))

    def files(self) -> Iterator[Entry]:
        """The entries that are files."""
        return (entry for entry in self if not entry.directory)

    @property
    def digest(self) -> str:
        """The digest of the manifest, which is the name of its tree; empty where it is lost."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return ""
        try:
            return hashing.digest_of(descriptor)
        finally:
            os.close(descriptor)

    @property
    def single(self) -> str:
        """The name of the only file of the tree, or empty."""
        entries = iter(self)
        first, second = next(entries, None), next(entries, None)
        return first.path if first and not second and not first.directory else ""


class Writer:
    """Gathers entries in any order; `finish` writes them in theirs."""

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._lines: list[bytes] = []
        self._runs: list[str] = []

    def add(self, entry: Entry) -> None:
        """One more entry."""
        self._lines.append(json.dumps(entry, separators=(",", ":")).encode())
        if len(self._lines) >= _RUN:
            self._runs.append(self._spill())

    def finish(self) -> tuple[str, str]:
        """Where the manifest was written and synced, and its digest."""
        path, found = self._owner.scratch(), hashing.sha256()
        descriptor = fsops.create(path, 0o444)
        try:
            for block in _blocks(merge(sorted(self._lines), *map(_lines, self._runs))):
                found.update(block)
                fsops.write(descriptor, block)
            fsops.sync(descriptor)
        finally:
            fsops.close(descriptor)
            self.abandon()
        return path, found.hexdigest()

    def abandon(self) -> None:
        """Delete what was gathered."""
        for run in self._runs:
            fsops.unlink(run)
        self._runs, self._lines = [], []

    def _spill(self) -> str:
        path = self._owner.scratch()
        descriptor = fsops.create(path)
        try:
            fsops.write(descriptor, b"\n".join(sorted(self._lines)) + b"\n")
        finally:
            fsops.close(descriptor)
        self._lines = []
        return path


def _lines(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        for line in file:
            yield line.rstrip(b"\n")


def _blocks(lines: Iterator[bytes]) -> Iterator[bytes]:
    block, between = bytearray(b"["), b"\n"
    for line in lines:
        block += between + line
        between = b",\n"
        if len(block) >= hashing.BLOCK:
            yield bytes(block)
            block.clear()
    yield bytes(block) + b"\n]\n"
