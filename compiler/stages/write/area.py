"""The area that one run works in: the lock, the staging folder, and its removal.

Whatever lies in a staging folder, of this run or of one that was killed, is either owned by
the ledger beside it and deleted, or foreign and brought back to where it came from. A staged
directory gets its ledger first and an old one loses its ledger last, so this holds at every
moment. Nothing here decides what is written.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compiler.model.codes import write as codes
from compiler.model.diagnostics import Diagnostics
from compiler.model.ledger import LEDGER_FILE
from compiler.stages.write.disk import OWN_PREFIX, read_file, read_ledger
from compiler.stages.write.nouns import Area, WriteOptions

_SUFFIX = ".staging"


@contextmanager
def open_area(out: Path, options: WriteOptions, diagnostics: Diagnostics) -> Iterator[Area]:
    """Take the lock, clear what dead runs left, make a staging folder; clear it at the end.

    Raises:
        CompileError: another run holds the lock, or a file lies where the output belongs.
    """
    real = os.path.realpath(out)
    if os.path.lexists(real) and not os.path.isdir(real):
        diagnostics.fail(codes.BLOCKED, f"{out} is a file; the output needs a folder there")
    os.makedirs(real, exist_ok=True)
    with _locked(real, str(out), diagnostics):
        _clear_leftovers(real, str(out), diagnostics)
        staging = f"{real}/{OWN_PREFIX}{secrets.token_hex(4)}{_SUFFIX}"
        os.mkdir(staging)
        allowed = tuple(place for path in options.overwrite for place in _places(path))
        try:
            yield Area(real, staging, str(out), allowed, options.parse, options.immutable)
        finally:
            sweep(staging, real)


def sweep(source: str, live: str) -> list[str]:
    """Delete a staged or an old directory, with all below it; foreign things return to `live`.

    Answers the paths under which things were kept because something else lies at their place.
    """
    kept: list[str] = []
    owned = read_ledger(source).digests
    with os.scandir(source) as entries:
        found = list(entries)
    for entry in found:
        target = f"{live}/{entry.name}"
        if entry.name == LEDGER_FILE:
            continue
        if entry.is_dir(follow_symlinks=False):
            kept += _restore_folder(entry.path, target, whole=bool(owned))
        elif entry.name in owned:
            os.unlink(entry.path)
        else:
            kept += _restore_file(entry.path, target)
    if any(entry.name == LEDGER_FILE for entry in found):
        os.unlink(f"{source}/{LEDGER_FILE}")
    os.rmdir(source)
    return kept


def _restore_folder(source: str, live: str, *, whole: bool) -> list[str]:
    """Bring a folder back in one step where it can be, else merge it into what lies there."""
    if whole and not os.path.lexists(live):
        os.makedirs(os.path.dirname(live), exist_ok=True)
        os.rename(source, live)
        return []
    return sweep(source, live)


def _restore_file(source: str, live: str) -> list[str]:
    """Bring a foreign file back; where it still is, by link or by content, the copy goes."""
    if not os.path.lexists(live):
        os.makedirs(os.path.dirname(live), exist_ok=True)
        os.rename(source, live)
        return []
    if _is_same(source, live):
        os.unlink(source)
        return []
    other = f"{live}.recovered-{secrets.token_hex(4)}"
    os.rename(source, other)
    return [other]


def _is_same(first: str, second: str) -> bool:
    if os.path.samestat(os.lstat(first), os.lstat(second)):
        return True
    if os.path.islink(first) or os.path.islink(second):
        return (
            os.path.islink(first) and os.path.islink(second) and _target(first) == _target(second)
        )
    if os.path.isfile(first) and os.path.isfile(second):
        return read_file(first) == read_file(second)
    return False


def _target(link: str) -> str:
    return os.readlink(link)


def _clear_leftovers(out: str, shown: str, diagnostics: Diagnostics) -> None:
    """Sweep the staging folders of dead runs; the lock is held, so every one is dead."""
    with os.scandir(out) as entries:
        names = [e.name for e in entries if e.is_dir(follow_symlinks=False)]
    for name in sorted(names):
        if name.startswith(OWN_PREFIX) and name.endswith(_SUFFIX):
            kept = sweep(f"{out}/{name}", out)
            also = (
                "; kept: " + ", ".join(os.path.relpath(path, out) for path in kept) if kept else ""
            )
            diagnostics.add(
                codes.REPAIRED, f"{shown}/{name} was left by a run that was ended{also}"
            )


def _places(path: Path) -> tuple[str, str]:
    """A path without links above it, and without being a link itself."""
    parent, name = os.path.split(os.path.abspath(path))
    return f"{os.path.realpath(parent)}/{name}", os.path.realpath(path)


@contextmanager
def _locked(out: str, shown: str, diagnostics: Diagnostics) -> Iterator[None]:
    """Hold the lock beside the output; the kernel frees it when the process dies."""
    handle = _open_lock(out)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(handle)
            diagnostics.fail(
                codes.BUSY,
                f"{holder} is writing {shown}",
                hint="wait until it has ended, then compile again",
            )
        _sign(handle)
        yield
    finally:
        os.close(handle)


def _open_lock(out: str) -> int:
    """The lock file, or the output folder itself where nothing may be made beside it."""
    state = f"{os.path.dirname(out)}/.edgewright"
    try:
        if not os.path.isdir(state):
            os.makedirs(state, exist_ok=True)
            Path(state, ".gitignore").write_text("*\n")
        return os.open(f"{state}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as fault:
        if fault.errno not in {errno.EACCES, errno.EPERM, errno.EROFS}:
            raise
        return os.open(out, os.O_RDONLY | os.O_CLOEXEC)


def _holder(handle: int) -> str:
    try:
        number = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    except OSError:
        number = ""
    return f"process {number}" if number.isdigit() else "another process"


def _sign(handle: int) -> None:
    """Leave the process id for the message of whoever comes second."""
    try:
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
    except OSError as fault:
        if fault.errno not in {errno.EBADF, errno.EINVAL, errno.EISDIR}:
            raise
