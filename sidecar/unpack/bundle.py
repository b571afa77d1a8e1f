"""Bundles of artifacts: bytes that come on a medium instead of a network, put into the store.

A bundle is a tar archive, perhaps through gzip, or a directory: `artifacts/<sha256>`, beside some
`<sha256>.chunks`, and `bundle.json`, which says what there has to be. Only these names, and only
plain files, are taken; what an archive holds for other readers, such as `manifests/` and `images/`,
is passed over. A file counts once its bytes have the digest that it is named by; what the store has
already is passed over too. Nothing here reads a config, unpacks an artifact or activates one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from stat import S_ISREG
from threading import Event
from typing import Any, Final, NamedTuple

from sidecar.disk import blobs, loaded, locks
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.disk.partial import open_partial
from sidecar.model.config import Limits, Unpack
from sidecar.model.reasons import ReasonError
from sidecar.unpack.guard import Guard, Sink, refused, shown
from sidecar.unpack.source import PIECE, File, Gzip, Plain
from sidecar.unpack.tar import untar

CONTENTS: Final = "bundle.json"
FOLDER: Final = "artifacts"
FORMAT: Final = 1
_NAME: Final = re.compile(r"([0-9a-f]{64})(\.chunks)?")
_OTHERS: Final = ("edgewright.lock", "manifests/", "configs/", "images/")
"""How names begin that are not for the store."""
_GZIP: Final = b"\x1f\x8b"
_CAPS: Final = Unpack("tar", max_bytes=1 << 60, max_files=100_000)
"""What bounds the bytes of a bundle is the room of the disk, looked at before each file."""
_SMALL: Final = 16 << 20
"""Bytes of the contents, and of a chunk list: 32 for each of its chunks."""
_DIGEST: Final = 32
_SYNCED: Final = 32 << 20


class Wrong(NamedTuple):
    """A file of a bundle that is not what its name says."""

    name: str
    words: str


class Outcome(NamedTuple):
    """Digests that came in, those that were here already, and what was not taken."""

    new: list[str]
    here: list[str]
    wrong: list[Wrong]


class Place(NamedTuple):
    """The store that a bundle goes to."""

    layout: Layout
    owner: Owner
    limits: Limits


def load(source: int | str, place: Place, stop: Event) -> Outcome:
    """Put what is in a bundle into the store: a descriptor of an archive, or a directory's path.

    Raises:
        ReasonError: ArchiveRefused, ArchiveTooLarge or ArchiveBroken, by the first thing that is
            no part of a bundle; DiskFull or QuotaExceeded. What came in before that stays.
        StoppedError: `stop` was set.
    """
    shelf = _Shelf(place)
    if isinstance(source, int):
        _archive(source, shelf, stop)
    else:
        _folder(source, shelf)
    return shelf.outcome()


def _archive(descriptor: int, shelf: _Shelf, stop: Event) -> None:
    plain = S_ISREG(os.fstat(descriptor).st_mode)
    file = File(descriptor, stop) if plain else _Pipe(descriptor, stop)
    guard = Guard(_CAPS, shelf, file)
    zipped = plain and file.size > 1 and file.at(0, 2) == _GZIP
    untar((Gzip if zipped else Plain)(file, guard.most), guard)


class _Pipe(File):
    """An archive that comes in by a pipe, so that no medium needs to be mounted in a pod."""

    def next(self, view: memoryview) -> int:
        self.check()
        length = os.readv(self.descriptor, [view])
        self.read += length
        return length


def _folder(path: str, shelf: _Shelf) -> None:
    """Every name is judged before the first byte is read."""
    folder = f"{path}/{FOLDER}"
    if not os.path.isdir(folder):
        raise ReasonError("ArchiveBroken", f"{path}: there is no directory {FOLDER} in it")
    names = [f"{FOLDER}/{name}" for name in sorted(os.listdir(folder))]
    if os.path.lexists(f"{path}/{CONTENTS}"):
        names.insert(0, CONTENTS)
    for name in names:
        insist(name)
        if not S_ISREG(os.stat(f"{path}/{name}", follow_symlinks=False).st_mode):
            raise refused(os.fsencode(name), "it is no plain file")
    for name in names:
        _plain_file(f"{path}/{name}", name, shelf)


def _plain_file(path: str, name: str, shelf: _Shelf) -> None:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, flags), "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        if not S_ISREG(found.st_mode):
            raise refused(os.fsencode(name), "it is no plain file")
        sink, buffer = shelf.file(name, executable=False, size=found.st_size), bytearray(PIECE)
        try:
            while length := file.readinto(buffer):
                sink.write(memoryview(buffer)[:length])
        finally:
            sink.close()


def insist(name: str) -> re.Match[str] | None:
    """What a name in a bundle stands for, None for its contents.

    Raises:
        ReasonError: ArchiveRefused.
    """
    if name == CONTENTS:
        return None
    folder, mark, last = name.partition("/")
    match = _NAME.fullmatch(last) if mark and folder == FOLDER else None
    if match is None:
        words = f"no part of a bundle; those are {CONTENTS} and {FOLDER}/<sha256>[.chunks]"
        raise refused(os.fsencode(name), words)
    return match


class _Shelf:
    """Takes the files of a bundle: what `unpack.guard` calls a writer."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._stated: dict[str, dict[str, Any]] | None = None
        self._came: set[str] = set()
        self.new: list[str] = []
        self.here: list[str] = []
        self.wrong: list[Wrong] = []

    def directory(self, path: str) -> None:
        """Only the one, and those of other readers."""
        if path != FOLDER and not f"{path}/".startswith(_OTHERS):
            raise refused(os.fsencode(path), "a directory that is no part of a bundle")

    def file(self, path: str, executable: bool, size: int) -> Sink:
        """What takes in the bytes of one file."""
        del executable
        if path.startswith(_OTHERS):
            return _Nothing()
        match = insist(path)
        if match is None:
            if self._came:
                raise refused(os.fsencode(path), "the contents come first, or not at all")
            return _Small(path, size, self._read_contents)
        self._came.add(match[0])
        if match[2]:
            self._expect(path, match[1], "chunks", found=True)
            return _Small(path, size, lambda data: self._chunk_list(path, data))
        self._expect(path, match[1], "size", found=size)
        return self._blob(path, match[1], size)

    def outcome(self) -> Outcome:
        """What came of it, with what the contents name and was not there."""
        for digest, stated in (self._stated or {}).items():
            names = [digest, *([f"{digest}.chunks"] if stated.get("chunks") else [])]
            self.wrong += [
                Wrong(f"{FOLDER}/{name}", f"{CONTENTS} names it and it is not there")
                for name in names
                if name not in self._came
            ]
        return Outcome(self.new, self.here, self.wrong)

    def _blob(self, path: str, digest: str, size: int) -> Sink:
        loaded.mark(self._place.layout, digest)
        if blobs.has(self._place.layout, digest):
            self.here.append(digest)
            return _Nothing()
        return _Incoming(self._place, digest, size, lambda same: self._judged(path, digest, same))

    def _judged(self, path: str, digest: str, same: bool) -> None:
        if same:
            self.new.append(digest)
        else:
            self.wrong.append(Wrong(path, "its bytes have another digest"))

    def _chunk_list(self, path: str, data: bytes) -> None:
        """A list has a name of its own, its digest, by which configs and neighbours ask for it."""
        if not data or len(data) % _DIGEST:
            self.wrong.append(Wrong(path, f"no list of digests of {_DIGEST} bytes"))
            return
        sink = self._blob(path, hashlib.sha256(data).hexdigest(), len(data))
        try:
            sink.write(data)
        finally:
            sink.close()

    def _read_contents(self, data: bytes) -> None:
        try:
            found = json.loads(data)
            number, artifacts = found["bundle"], found["artifacts"]
            fits = all(_NAME.fullmatch(one) and one.isalnum() for one in artifacts)
            fits = fits and all(isinstance(one, dict) for one in artifacts.values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
            raise ReasonError("ArchiveBroken", f"{CONTENTS} is not what it should be") from fault
        if number != FORMAT:
            words = f"bundle {number!r} is not known; this program reads {FORMAT}"
            raise ReasonError("ArchiveRefused", f"{CONTENTS}: {words}")
        if not fits:
            raise ReasonError("ArchiveBroken", f"{CONTENTS} is not what it should be")
        self._stated = artifacts

    def _expect(self, path: str, digest: str, what: str, found: object) -> None:
        """Hold a file against the contents, where there are any."""
        if self._stated is None:
            return
        stated = self._stated.get(digest)
        if stated is None:
            raise refused(os.fsencode(path), f"{CONTENTS} does not name it")
        if what in stated and stated[what] != found:
            raise refused(os.fsencode(path), f"{CONTENTS} says something else about its {what}")


class _Nothing:
    """Takes what is here already."""

    def write(self, view: bytes | memoryview) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class _Small:
    """Takes a file that is handled as a whole."""

    def __init__(self, name: str, size: int, done: Callable[[bytes], None]) -> None:
        if size > _SMALL:
            words = f"{shown(os.fsencode(name))}: {size:,} bytes, at most {_SMALL:,} make sense"
            raise ReasonError("ArchiveTooLarge", words)
        self._size = size
        self._done = done
        self._data = bytearray()

    def write(self, view: bytes | memoryview) -> None:
        """Append."""
        self._data += view

    def close(self) -> None:
        """Hand it on, unless it broke off."""
        if len(self._data) == self._size:
            self._done(bytes(self._data))


class _Incoming:
    """Takes the bytes of one artifact and seals them if they have the digest.

    A fetch of the same digest that is under way is neither waited for nor disturbed: both files
    have names of their own, and who is sealed first stays.
    """

    def __init__(
        self, place: Place, digest: str, size: int, judged: Callable[[bool], None]
    ) -> None:
        layout, owner, limits = place
        self._size = size
        self._judged = judged
        self._hash = hashlib.sha256()
        self._lock = locks.try_lock(layout.lock(f"fetch-{digest}"))
        try:
            self._partial = open_partial(layout, owner, digest, size, _SYNCED, limits=limits)
        except BaseException:
            self._let_go()
            raise
        self._digest = digest
        self._partial.truncate(0)  # what a dead fetch had is overwritten, where it lies

    def write(self, view: bytes | memoryview) -> None:
        """Append.

        Raises:
            ReasonError: the disk is full, read-only or unusable.
        """
        self._partial.write(view)
        self._hash.update(view)

    def close(self) -> None:
        """Seal it, or delete it."""
        with self._ending():
            if self._partial.position != self._size:
                self._partial.discard()
                return
            same = self._hash.hexdigest() == self._digest
            if same:
                # Only its own user may read it until a config says that it is not private.
                self._partial.seal(private=True)
            else:
                self._partial.discard()
            self._judged(same)

    @contextmanager
    def _ending(self) -> Iterator[None]:
        try:
            yield
        finally:
            with suppress(Exception):  # the first error is the one to tell
                self._partial.close()
            self._let_go()

    def _let_go(self) -> None:
        if self._lock is not None:
            self._lock.remove()
