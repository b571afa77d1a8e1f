"""The directory that a worker writes into: how to step on ground that nobody can trust.

A worker leaves a file by writing it under a name that begins with a dot, or ends in `.part` or
`.tmp`, and renaming it to its final name in `<run>/outbox/<stream>/`. What is written in place
counts once nobody has it open for writing and nothing changed for two seconds. Only plain files
with one link are taken. Whatever the worker puts in the way of a path, no link is followed, nothing
outside is read and no open ever blocks. A file is renamed to a name of ours before it is copied, so
that removing it can never hit a newer file of its name.

The worker's uid is not in the config, and stages of a Run may each have their own. Whoever can
write here belongs to the pod; of owners only root is refused, unless the volume is root's (as a
kubelet makes it) or the sidecar runs as root itself.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from sidecar.disk import fsops
from sidecar.model.reasons import ReasonError
from sidecar.outbox.names import safe

OUTBOX: Final = "outbox"
CLAIM: Final = ".edgewright-"
UNFINISHED: Final = (".part", ".tmp")
_TOKEN = 8
_LONGEST = 255 - len(CLAIM) - _TOKEN - 1
_LOOK_AT_MOST = 4096
_VOLUME = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_DIRECTORY = _VOLUME | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Sight(NamedTuple):
    """What one look at a file showed: enough to see whether it changed since."""

    inode: int
    size: int
    written: int

    @classmethod
    def of(cls, found: os.stat_result) -> Sight:
        """The sight of a stat."""
        return cls(found.st_ino, found.st_size, found.st_mtime_ns)


class Found(NamedTuple):
    """A name in a stream's directory; `claimed` where it is one of ours already."""

    name: str
    claimed: bool
    sight: Sight

    @property
    def stated(self) -> str:
        """The name that the worker gave it."""
        return self.name[len(CLAIM) + _TOKEN + 1 :] if self.claimed else self.name


class Ground:
    """One stream's directory, open. It stays the same one whatever happens to its path."""

    def __init__(self, descriptor: int, *, root_may: bool) -> None:
        self._descriptor = descriptor
        self._device = os.fstat(descriptor).st_dev
        self._root_may = root_may

    def __enter__(self) -> Ground:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def look(self) -> Iterator[Found]:
        """What lies here under a final name, and what was claimed before; the latter first.

        Raises:
            OSError: the directory cannot be read.
        """
        for name in sorted(self._names(_is_final), key=lambda name: (not _is_claim(name), name)):
            with suppress(FileNotFoundError):
                yield Found(name, _is_claim(name), Sight.of(self._stat(name)))

    def unfinished(self) -> list[str]:
        """Names that somebody began to write under and never gave their final name."""
        return sorted(self._names(lambda name: not _is_final(name)))

    def open(self, found: Found) -> tuple[int, os.stat_result]:
        """A descriptor of a file for reading, and what it is; the open never blocks.

        Raises:
            ReasonError: OutboxRefused; it is no plain file of the pod's, or may not be read.
            OSError: it went away.
        """
        self._check(self._stat(found.name), found.stated)
        try:
            descriptor = os.open(found.name, _FILE, dir_fd=self._descriptor)
        except OSError as fault:
            if fault.errno in _UNREADABLE:
                raise _refused(found.stated, _UNREADABLE[fault.errno]) from fault
            raise
        try:
            opened = os.fstat(descriptor)
            self._check(opened, found.stated)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, opened

    def claim(self, found: Found) -> Found:
        """Give a name that was looked at to us; what has one of ours keeps it.

        What has the name by now may be another file: compare the inode.

        Raises:
            ReasonError: OutboxRefused; the name is too long.
            OSError: it went away.
        """
        if found.claimed:
            return found
        if len(os.fsencode(found.name)) > _LONGEST:
            raise _refused(found.name, f"its name is longer than {_LONGEST} bytes")
        ours = f"{CLAIM}{os.urandom(_TOKEN // 2).hex()}-{found.name}"
        fsops.rename_at(self._descriptor, found.name, ours)
        return Found(ours, True, Sight.of(self._stat(ours)))

    def remove(self, claimed: Found) -> None:
        """Remove a claimed file, whose bytes are accepted or given up."""
        fsops.unlink_at(self._descriptor, claimed.name)

    def _stat(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)

    def _names(self, wanted: Callable[[str], bool]) -> list[str]:
        names: list[str] = []
        with os.scandir(self._descriptor) as entries:
            for entry in entries:
                if wanted(entry.name):
                    names.append(entry.name)
                if len(names) >= _LOOK_AT_MOST:
                    break
        return names

    def _check(self, found: os.stat_result, stated: str) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise _refused(stated, f"it is {_kind(found.st_mode)}")
        if found.st_nlink != 1:
            raise _refused(stated, f"it has {found.st_nlink} hard links")
        if found.st_dev != self._device:
            raise _refused(stated, "it lies on another file system")
        if found.st_uid == 0 and not self._root_may:
            raise _refused(stated, "it belongs to root, and the volume does not")


def prepare(run: str, streams: tuple[str, ...]) -> None:
    """Make the directories that workers of any uid may leave files in.

    Raises:
        OSError: the worker put something else in their place, or the volume cannot be written.
    """
    volume = os.open(run, _VOLUME)
    try:
        outbox = _made(volume, OUTBOX, 0o755)
        try:
            for stream in streams:
                os.close(_made(outbox, stream, 0o1777))
        finally:
            os.close(outbox)
    finally:
        os.close(volume)


def enter(run: str, stream: str) -> Ground:
    """A stream's directory, reached without following any link below `run`.

    Raises:
        OSError: it is not there, or something else is in its place.
    """
    volume = os.open(run, _VOLUME)
    try:
        root_may = 0 in (os.fstat(volume).st_uid, os.geteuid())
        outbox = os.open(OUTBOX, _DIRECTORY, dir_fd=volume)
        try:
            return Ground(os.open(stream, _DIRECTORY, dir_fd=outbox), root_may=root_may)
        finally:
            os.close(outbox)
    finally:
        os.close(volume)


def _made(parent: int, name: str, mode: int) -> int:
    with suppress(FileExistsError):
        fsops.make_directory(name, mode, at=parent)
    descriptor = os.open(name, _DIRECTORY, dir_fd=parent)
    found = os.fstat(descriptor)
    if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) != mode:
        fsops.chmod(descriptor, mode)
    return descriptor


def _is_claim(name: str) -> bool:
    return name.startswith(CLAIM) and name[len(CLAIM) + _TOKEN : len(CLAIM) + _TOKEN + 1] == "-"


def _is_final(name: str) -> bool:
    return _is_claim(name) or not (name.startswith(".") or name.endswith(UNFINISHED))


def _refused(name: str, why: str) -> ReasonError:
    return ReasonError("OutboxRefused", f"{safe(name)}: {why}")


def _kind(mode: int) -> str:
    return next((text for test, text in _KINDS if test(mode)), "a device")


_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a directory; pack it into one file"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)
_UNREADABLE = {
    errno.EACCES: "the sidecar may not read it; make it readable for others",
    errno.ELOOP: "it is a symbolic link",
    errno.ENXIO: "it is a socket or a pipe",
}
