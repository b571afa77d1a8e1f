"""Every call of the sidecar that changes a file system, and nothing else.

One door, so that tests can see each change, stop the process before any of them and work out what
a power cut could leave. Paths are absolute text. No call here follows a link at its last part.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import suppress

observer: Callable[[str, tuple[object, ...]], None] | None = None
"""Told the name and the arguments of each change before it happens; None outside tests."""

syncfs: Callable[[int], None] | None = None
"""The system's call of this name, which a worker sets: Python has none, and ctypes is too large
for a resident process."""

_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_ALLOCATE = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
_CANNOT_SYNC = (errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP)
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


def _seen(operation: str, *arguments: object) -> None:
    if observer is not None:
        observer(operation, arguments)


def create(path: str, mode: int = 0o600, *, at: int | None = None) -> int:
    """A descriptor of a new file, for reading and writing; `at` is a directory's descriptor.

    Raises:
        FileExistsError: something has the name already.
    """
    _seen("create", path, mode, at)
    return os.open(path, _CREATE, mode, dir_fd=at)


def reopen(path: str) -> int:
    """A descriptor of a file that exists, for reading and writing."""
    _seen("reopen", path)
    return os.open(path, _OPEN)


def append(path: str) -> int:
    """A descriptor that writes at the end of a file; made where it is missing."""
    _seen("append", path)
    return os.open(path, _APPEND, 0o600)


def lock_file(path: str) -> int:
    """A descriptor of a file that is only ever locked; made where it is missing."""
    _seen("lock_file", path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def write(descriptor: int, data: bytes | memoryview) -> None:
    """Write all of `data` where the descriptor stands."""
    _seen("write", descriptor, data)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> None:
    """Write all of `data` at an offset."""
    _seen("write_at", descriptor, data, offset)
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, offset)
        rest, offset = rest[written:], offset + written


def allocate(descriptor: int, size: int) -> None:
    """Reserve space for `size` bytes, which makes a shorter file that long.

    Does nothing where the file system cannot: the space is then taken as it is written.
    """
    _seen("allocate", descriptor, size)
    if size > 0:
        try:
            os.posix_fallocate(descriptor, 0, size)
        except OSError as error:
            if error.errno not in _CANNOT_ALLOCATE:
                raise


def truncate(descriptor: int, size: int) -> None:
    """Cut or extend a file."""
    _seen("truncate", descriptor, size)
    os.ftruncate(descriptor, size)


def chmod(descriptor: int, mode: int) -> None:
    """Set the mode of an open file or directory."""
    _seen("chmod", descriptor, mode)
    os.fchmod(descriptor, mode)


def chmod_path(path: str, mode: int) -> None:
    """Set the mode of a directory by its path."""
    _seen("chmod_path", path, mode)
    os.chmod(path, mode)


def sync(descriptor: int) -> None:
    """Make a file's bytes, length and mode survive a power cut."""
    _seen("sync", descriptor)
    os.fsync(descriptor)


def sync_data(descriptor: int) -> None:
    """Make a file's bytes and length survive a power cut, its mode perhaps not."""
    _seen("sync_data", descriptor)
    os.fdatasync(descriptor)


def sync_directory(path: str) -> None:
    """Make the names in a directory survive a power cut."""
    _seen("sync_directory", path)
    descriptor = os.open(path, _DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_below(path: str) -> None:
    """Make all that lies below a directory survive a power cut, with as few calls as possible."""
    _seen("sync_below", path)
    descriptor = os.open(path, _DIRECTORY)
    try:
        if not _synced_all(descriptor):
            _sync_each(path)
    finally:
        os.close(descriptor)


def _synced_all(descriptor: int) -> bool:
    try:
        if syncfs is not None:
            syncfs(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise
        return False
    return syncfs is not None


def _sync_each(path: str) -> None:
    for directory, _, files in os.walk(path):
        for name in ("", *files):
            descriptor = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def can_sync_all() -> bool:
    """Whether this process can sync a file system with one call."""
    return syncfs is not None


def close(descriptor: int) -> None:
    """Close what `create` or `reopen` gave."""
    _seen("close", descriptor)
    os.close(descriptor)


def make_directory(path: str, mode: int = 0o755, *, at: int | None = None) -> None:
    """Make a directory.

    Raises:
        FileExistsError: something has the name already.
    """
    _seen("make_directory", path, mode, at)
    os.mkdir(path, mode, dir_fd=at)


def rename(old: str, new: str) -> None:
    """Give a file, link or directory another name, replacing what has it."""
    _seen("rename", old, new)
    os.rename(old, new)


def rename_at(directory: int, old: str, new: str) -> None:
    """The same for two names in an open directory, which may have been moved since."""
    _seen("rename_at", directory, old, new)
    os.rename(old, new, src_dir_fd=directory, dst_dir_fd=directory)


def link(old: str, new: str) -> None:
    """Give a file a second name."""
    _seen("link", old, new)
    os.link(old, new, follow_symlinks=False)


def symlink(target: str, path: str) -> None:
    """Make a symbolic link."""
    _seen("symlink", target, path)
    os.symlink(target, path)


def unlink(path: str) -> None:
    """Remove a file or link; not being there is fine."""
    _seen("unlink", path)
    with suppress(FileNotFoundError):
        os.unlink(path)


def unlink_at(directory: int, name: str) -> None:
    """The same for a name in an open directory."""
    _seen("unlink_at", directory, name)
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


def remove_directory(path: str) -> None:
    """Remove an empty directory; not being there is fine."""
    _seen("remove_directory", path)
    with suppress(FileNotFoundError):
        os.rmdir(path)


def touch(path: str) -> None:
    """Set a file's times to now."""
    _seen("touch", path)
    os.utime(path, follow_symlinks=False)


def give(path: str, user: int, group: int, *, at: int | None = None) -> None:
    """Give a file, link or directory to another owner; `at` is a directory's descriptor."""
    _seen("give", path, user, group, at)
    os.chown(path, user, group, dir_fd=at, follow_symlinks=False)
