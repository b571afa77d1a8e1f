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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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

_INDEX = "index"
_LOCK = "lock"
_DIGEST = "sources"
_SUFFIXES = (".files", ".notes")
_SLACK = 1 << 20


class PackWriter:
    """Appends entries to packs of its own; one per process, its rows go to the store.

    Its packs are locked while it is open, so that no other run takes them for garbage.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._token = secrets.token_hex(8)
        self._packs: dict[str, _OpenPack] = {}

    def put(
        self,
        path: str,
        key: str,
        files: Mapping[str, bytes],
        warnings: Sequence[Diagnostic],
        summary: Any,
    ) -> CacheRow:
        """Store one unit: its files with the ledger, warnings, and a summary that JSON holds.

        Raises:
            OSError: the folder cannot be written.
        """
        ledger = hashlib.sha256(files[LEDGER_FILE]).hexdigest()
        stored = self._append(".files", pack_files(files))
        notes = self._append(".notes", pack_notes(warnings, summary))
        return CacheRow(path, key, ledger, stored, notes)

    def copy(self, row: CacheRow, files: bytes, notes: bytes) -> CacheRow:
        """Store the blobs of a row again, as they are."""
        return replace(
            row, files=self._append(".files", files), notes=self._append(".notes", notes)
        )

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

    def adopt(self, rows: Iterable[CacheRow]) -> None:
        """Take the rows of a pack writer, of this or of another process."""
        for row in rows:
            self.rows[row.path] = self._changed[row.path] = row

    def remember(self, fingerprints: Mapping[str, str]) -> None:
        """Note how written directories look on disk, by path."""
        for path, mark in fingerprints.items():
            row = self.rows.get(path)
            if row is not None and row.fingerprint != mark:
                self.adopt([replace(row, fingerprint=mark)])

    def save(self) -> None:
        """Merge what changed into the index on disk, and collect garbage once over half is dead.

        Raises:
            OSError: the folder cannot be written.
        """
        if not self._changed:
            return
        with _locked(self.folder):
            self.rows = {**_read_index(self.folder), **self._changed}
            self._collect()
            _write_index(self.folder, self.rows.values())
            self._changed.clear()
            _delete_unused(self.folder, self.rows.values())

    def _collect(self) -> None:
        """Copy the live entries to new packs when more than half of the bytes is dead."""
        packs = {place.pack for row in self.rows.values() for place in (row.files, row.notes)}
        live = sum(row.files.length + row.notes.length for row in self.rows.values())
        total = sum(_size(self.folder / pack) for pack in packs)
        if total <= 2 * live + _SLACK:
            return
        writer = PackWriter(self.folder)
        try:
            kept = {}
            for path, row in self.rows.items():
                files = _read_blob(self.folder, row.files)
                notes = _read_blob(self.folder, row.notes)
                if files is not None and notes is not None:
                    kept[path] = writer.copy(row, files, notes)
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


def _write_index(folder: Path, rows: Iterable[CacheRow]) -> None:
    _replace_file(folder / _INDEX, format_index(rows))


def _replace_file(path: Path, data: bytes) -> None:
    """Put a whole new file at a path, so that no reader sees half of it."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
    temporary.write_bytes(data)
    temporary.replace(path)


def _delete_unused(folder: Path, rows: Iterable[CacheRow]) -> None:
    """Delete packs that no row names and no living writer holds, and half-written files."""
    used = {place.pack for row in rows for place in (row.files, row.notes)}
    for path in folder.iterdir():
        orphan = path.suffix in _SUFFIXES and path.name not in used and not _is_held(path)
        if orphan or path.name.startswith(f"{_INDEX}."):
            path.unlink(missing_ok=True)


def _is_held(path: Path) -> bool:
    """Whether a living writer has the pack open."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


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
