"""The cache on disk: pack files that are only ever appended to, and one index.

A cache that is missing, cut short, altered or written by two runs at once costs time and
nothing else: whatever does not read back is a miss. Nothing in it is ever executed, and
nothing outside its folder is read or deleted.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from compiler.model.cache import (
    CacheError,
    CacheRow,
    Notes,
    Place,
    blob_digest,
    format_index,
    pack_files,
    pack_notes,
    parse_index,
    unpack_files,
    unpack_notes,
)
from compiler.model.diagnostics import Diagnostic
from compiler.model.ledger import LEDGER_FILE
from compiler.model.record import dataclass

_INDEX = "index"
_LOCK = "lock"
_NEW = ".new"
_DIGEST = "sources"
_SUFFIXES = (".files", ".notes")
_SLACK = 1 << 20
_ORPHAN_SECONDS = 3600.0
_MANY_PACKS = 64


class PackWriter:
    """Appends entries to packs of its own; one per process, its rows go to the store.

    Its packs are locked while it is open, so that no other run takes them for garbage. Once
    the folder could not be written, it stores nothing more.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token = secrets.token_hex(8)
        self._packs: dict[str, _OpenPack] = {}
        self._broken = False

    def put(
        self,
        path: str,
        key: str,
        files: Mapping[str, bytes],
        warnings: Sequence[Diagnostic],
        summary: Any,
    ) -> CacheRow | None:
        """Store one unit: its files with the ledger, warnings, and a summary that JSON holds.

        Answers its row, None when it could not be stored.
        """
        ledger = hashlib.sha256(files[LEDGER_FILE]).hexdigest()
        nowhere = Place("", 0, 0, "")
        row = CacheRow(path, key, ledger, nowhere, nowhere)
        return self.copy(row, pack_files(files), pack_notes(warnings, summary))

    def copy(self, row: CacheRow, files: bytes, notes: bytes) -> CacheRow | None:
        """Store the blobs of a row as they are; the row with its new places, None as in `put`."""
        if self._broken:
            return None
        try:
            stored = self._append(".files", files)
            return replace(row, files=stored, notes=self._append(".notes", notes))
        except OSError:
            self._broken = True
            return None

    def close(self) -> None:
        """Close the packs; entries are readable at any time, before and after."""
        for pack in self._packs.values():
            os.close(pack.handle)
        self._packs.clear()

    def _append(self, suffix: str, blob: bytes) -> Place:
        if suffix not in self._packs:
            self._packs[suffix] = _open_pack(self._folder, self._token + suffix)
        return self._packs[suffix].append(blob)


@dataclass(slots=True)
class CacheStore:
    """The index of one cache folder, and what it leads to; made by `open`."""

    folder: Path
    rows: dict[str, CacheRow] = field(default_factory=dict)
    _changed: dict[str, CacheRow] = field(default_factory=dict)
    _notes: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Path) -> CacheStore:
        """Read the index; any fault of it is an empty cache. Creates nothing."""
        return cls(folder, _read_index(folder))

    def find(self, path: str, key: str) -> CacheRow | None:
        """The row of a unit whose inputs have this key; reads nothing."""
        row = self.rows.get(path)
        return row if row is not None and row.key == key else None

    def notes(self, path: str) -> Notes | None:
        """Warnings and summary of a unit; None when they do not read back: then it is a miss."""
        row = self.rows.get(path)
        if row is None:
            return None
        pack = row.notes.pack
        if pack not in self._notes:
            self._notes[pack] = _read_all(self.folder / pack)
        blob = self._notes[pack][row.notes.offset : row.notes.offset + row.notes.length]
        if blob_digest(blob) != row.notes.digest:
            return None
        try:
            return unpack_notes(blob)
        except CacheError:
            return None

    def files(self, path: str) -> dict[str, bytes] | None:
        """The files of a unit; None when they do not read back."""
        row = self.rows.get(path)
        blob = None if row is None else _read_blob(self.folder, row.files)
        if blob is None:
            return None
        try:
            return unpack_files(blob)
        except CacheError:
            return None

    def adopt(self, rows: Iterable[CacheRow | None]) -> None:
        """Take the rows of a pack writer, of this or of another process."""
        for row in rows:
            if row is not None:
                self.rows[row.path] = self._changed[row.path] = row

    def remember(self, fingerprints: Mapping[str, str]) -> None:
        """Note how written directories look on disk, by path."""
        for path, mark in fingerprints.items():
            row = self.rows.get(path)
            if row is not None and row.fingerprint != mark:
                self.adopt([replace(row, fingerprint=mark)])

    def save(self) -> None:
        """Merge what changed into the index on disk, and collect garbage once over half is dead.

        A folder that cannot be written stays as it is.
        """
        if not self._changed:
            return
        with contextlib.suppress(OSError), _locked(self.folder):
            before = _read_index(self.folder)
            self.rows = _readable(self.folder, {**before, **self._changed})
            self._collect()
            _replace_file(self.folder / _INDEX, format_index(self.rows.values()))
            self._changed.clear()
            for pack in _packs(before.values()) - _packs(self.rows.values()):
                (self.folder / pack).unlink(missing_ok=True)
            _delete_orphans(self.folder, _packs(self.rows.values()))

    def _collect(self) -> None:
        """Copy the live entries to new packs when most bytes are dead or the packs are many."""
        packs = _packs(self.rows.values())
        live = sum(row.files.length + row.notes.length for row in self.rows.values())
        total = sum(_size(self.folder / pack) for pack in packs)
        if total <= 2 * live + _SLACK and len(packs) <= _MANY_PACKS:
            return
        writer = PackWriter(self.folder)
        try:
            kept = {}
            for path, row in self.rows.items():
                files = _read_blob(self.folder, row.files)
                notes = _read_blob(self.folder, row.notes)
                if files is None or notes is None:
                    continue
                if (copied := writer.copy(row, files, notes)) is None:
                    return
                kept[path] = copied
        finally:
            writer.close()
        self.rows = kept
        self._notes.clear()


def compiler_digest(package: Path, folder: Path, extra: Iterable[str] = ()) -> str:
    """64 hex digits over the compiler's own files, the Python version and `extra`.

    Files are read only when a name, size or time differs from the last time; `folder` is
    where that is remembered.
    """
    found = sorted(_sources(package, ""))
    state = hashlib.sha256(repr((found, sys.version, sorted(extra))).encode()).hexdigest()
    remembered = _read_all(folder / _DIGEST).decode("ascii", "replace").split()
    if len(remembered) == 2 and remembered[0] == state and len(remembered[1]) == len(state):
        return remembered[1]
    digest = hashlib.sha256(repr((sys.version, sorted(extra))).encode())
    for name, _, _ in found:
        data = _read_all(package / name)
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    with contextlib.suppress(OSError):
        _prepare(folder)
        _replace_file(folder / _DIGEST, f"{state} {digest.hexdigest()}\n".encode())
    return digest.hexdigest()


@dataclass(slots=True)
class _OpenPack:
    """A pack file that is being appended to."""

    name: str
    handle: int
    offset: int = 0

    def append(self, blob: bytes) -> Place:
        """Write a blob at the end and answer where it lies."""
        written = os.write(self.handle, blob)
        while written < len(blob):
            written += os.write(self.handle, blob[written:])
        place = Place(self.name, self.offset, len(blob), blob_digest(blob))
        self.offset += len(blob)
        return place


def _open_pack(folder: Path, name: str) -> _OpenPack:
    _prepare(folder)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    handle = os.open(folder / name, flags, 0o644)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return _OpenPack(name, handle)


def _prepare(folder: Path) -> None:
    """Make the folder, and keep it out of Git whatever the repository's own ignore file says."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".gitignore").write_text("*\n")


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the cache's lock; savers wait for each other, for milliseconds."""
    _prepare(folder)
    handle = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read_index(folder: Path) -> dict[str, CacheRow]:
    try:
        return parse_index(_read_all(folder / _INDEX))
    except CacheError:
        return {}


def _replace_file(path: Path, data: bytes) -> None:
    """Put a whole new file at a path, so that no reader sees half of it."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}{_NEW}")
    temporary.write_bytes(data)
    temporary.replace(path)


def _readable(folder: Path, rows: Mapping[str, CacheRow]) -> dict[str, CacheRow]:
    """The rows whose packs are still there: another run may have collected them."""
    there = {pack for pack in _packs(rows.values()) if (folder / pack).is_file()}
    return {
        path: row
        for path, row in rows.items()
        if row.files.pack in there and row.notes.pack in there
    }


def _delete_orphans(folder: Path, used: set[str]) -> None:
    """Delete packs that no row names and that no running compile can still mean to name.

    Between a writer's end and its run's save nobody holds a pack, hence the hour's grace.
    """
    for path in folder.iterdir():
        ours = path.suffix in _SUFFIXES or path.name.endswith(_NEW)
        if ours and path.name not in used and _is_orphan(path):
            path.unlink(missing_ok=True)


def _packs(rows: Iterable[CacheRow]) -> set[str]:
    return {place.pack for row in rows for place in (row.files, row.notes)}


def _is_orphan(path: Path) -> bool:
    """Whether a file is old and no living writer has it open."""
    if time.time() - path.stat().st_mtime < _ORPHAN_SECONDS:
        return False
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _read_blob(folder: Path, place: Place) -> bytes | None:
    """The bytes of a place, None when they are not those that were stored."""
    try:
        handle = os.open(folder / place.pack, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        blob = os.pread(handle, place.length, place.offset)
    except (OSError, OverflowError, ValueError):
        return None
    finally:
        os.close(handle)
    return blob if blob_digest(blob) == place.digest else None


def _read_all(path: Path) -> bytes:
    """All bytes of a file, none when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _sources(package: Path, below: str) -> Iterator[tuple[str, int, int]]:
    """Name, size and time of every file of the package but Python's own caches."""
    with os.scandir(package / below) as entries:
        for entry in entries:
            name = f"{below}{entry.name}"
            if entry.is_dir():
                if entry.name != "__pycache__":
                    yield from _sources(package, f"{name}/")
            else:
                stat = entry.stat()
                yield name, stat.st_size, stat.st_mtime_ns
