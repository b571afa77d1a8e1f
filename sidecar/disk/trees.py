"""Unpacked artifacts: read-only directories named by the digest of what is in them.

A tree is prepared in staging and appears by one rename, synced before. It is never changed
afterwards, but for a file that rotted: `finish` puts the right bytes in its place.
"""

from __future__ import annotations

import os
from contextlib import suppress

from sidecar.disk import failure, fsops, hashing, removal
from sidecar.disk.layout import Layout
from sidecar.disk.manifests import Entry, Manifest, Writer
from sidecar.disk.owner import Owner

_ALLOCATE = 1 << 20


class TreeWriter:
    """Prepares a tree. Paths are relative and their parts plain names, which it insists on."""

    def __init__(self, layout: Layout, owner: Owner, *, private: bool) -> None:
        self._layout = layout
        self._owner = owner
        self._private = private
        self._root = owner.scratch()
        self._directories = {""}
        self._entries = Writer(owner)
        with failure.told(self._root):
            fsops.make_directory(self._root, 0o700)

    def directory(self, path: str) -> None:
        """A directory and those above it; it may be there already."""
        if path in self._directories:
            return
        _insist(path)
        self.directory(os.path.dirname(path))
        with failure.told(path):
            fsops.make_directory(f"{self._root}/{path}", 0o700)
        self._directories.add(path)
        self._entries.add(Entry(path, self._mode(executable=True), 0, ""))

    def file(self, path: str, executable: bool, size: int) -> FileWriter:
        """A new file of `size` bytes, -1 where that is not known.

        Raises:
            FileExistsError: something has the path already.
            ReasonError: the disk is full, read-only or unusable.
        """
        _insist(path)
        self.directory(os.path.dirname(path))
        mode = self._mode(executable)
        return FileWriter(f"{self._root}/{path}", path, mode, size, self._entries)

    def blob(self, name: str, digest: str) -> None:
        """The bytes of a blob as a file: the same file, or a copy where they are private."""
        source, path = self._layout.blob(digest), f"{self._root}/{name}"
        _insist(name)
        if self._private:
            _copy(source, self.file(name, executable=False, size=os.stat(source).st_size))
            return
        with failure.told(path):
            _publish(source)
            fsops.link(source, path)
        size = os.stat(path, follow_symlinks=False).st_size
        self._entries.add(Entry(name, 0o444, size, digest))

    def finish(self) -> str:
        """Sync all, give it its name, sync that; the name.

        Raises:
            ReasonError: the disk is full, read-only or unusable.
        """
        with failure.told(self._root):
            mode = self._mode(executable=True)
            for path in sorted(self._directories, reverse=True):
                self._close_directory(f"{self._root}/{path}" if path else self._root, mode)
            manifest, tree = self._entries.finish()
            fsops.rename(manifest, self._layout.manifest(tree))
            self._place(tree, mode)
        return tree

    def abandon(self) -> None:
        """Delete what was prepared."""
        self._entries.abandon()
        removal.remove(self._root)

    def _mode(self, executable: bool) -> int:
        mode = 0o440 if self._private else 0o444
        return mode | (mode >> 2) if executable else mode

    def _close_directory(self, path: str, mode: int) -> None:
        if path != self._root:  # only a writable directory can be moved
            fsops.chmod_path(path, mode)
        fsops.sync_directory(path)

    def _place(self, tree: str, mode: int) -> None:
        target = self._layout.tree(tree)
        if os.path.isdir(target):
            _mend(self._layout, tree, self._root, self._owner)
            self.abandon()
        else:
            fsops.rename(self._root, target)
        fsops.chmod_path(target, mode)
        fsops.sync_directory(target)
        fsops.sync_directory(os.path.dirname(target))


class FileWriter:
    """Writes one file of a tree in order and hashes it on the way."""

    def __init__(self, path: str, name: str, mode: int, size: int, entries: Writer) -> None:
        self._name = name
        self._path = path
        self._mode = mode
        self._entries = entries
        self._hash = hashing.sha256()
        self._size = 0
        with failure.told(path):
            self._descriptor = fsops.create(path)
            self._reserve(size)

    def write(self, view: bytes | memoryview) -> None:
        """Append."""
        with failure.told(self._path):
            fsops.write(self._descriptor, view)
        self._hash.update(view)
        self._size += len(view)

    def close(self) -> None:
        """Sync it and let it count as part of the tree."""
        try:
            with failure.told(self._path):
                if os.fstat(self._descriptor).st_size != self._size:
                    fsops.truncate(self._descriptor, self._size)
                fsops.chmod(self._descriptor, self._mode)
                fsops.sync(self._descriptor)
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            fsops.close(self._descriptor)
        self._entries.add(Entry(self._name, self._mode, self._size, self._hash.hexdigest()))

    def _reserve(self, size: int) -> None:
        if size < _ALLOCATE:
            return
        try:
            fsops.allocate(self._descriptor, size)
        except OSError:
            fsops.close(self._descriptor)
            raise


def from_blob(layout: Layout, owner: Owner, digest: str, name: str, private: bool) -> str:
    """The tree of a single file that is a blob as it is."""
    writer = TreeWriter(layout, owner, private=private)
    try:
        writer.blob(name, digest)
        return writer.finish()
    except BaseException:
        writer.abandon()
        raise


def remember(layout: Layout, owner: Owner, digest: str, form: str, tree: str) -> None:
    """Note which tree a blob unpacks to; `form` is a format or `raw`."""
    path, scratch = layout.unpacked(digest, form), owner.scratch()
    with failure.told(path):
        fsops.symlink(f"../trees/{tree}", scratch)
        fsops.rename(scratch, path)
        fsops.sync_directory(os.path.dirname(path))


def known(layout: Layout, digest: str, form: str) -> str | None:
    """The tree that a blob unpacks to, where it was noted and is there."""
    try:
        tree = os.path.basename(os.readlink(layout.unpacked(digest, form)))
    except OSError:
        return None
    return tree if os.path.isdir(layout.tree(tree)) else None


def manifest(layout: Layout, tree: str) -> Manifest:
    """What is in a tree; see `restore` for one whose manifest is lost."""
    return Manifest(layout.manifest(tree))


def verify(layout: Layout, tree: str) -> list[str]:
    """The paths of a tree that are not as its manifest says: wrong, missing or too many."""
    root, expected, wrong = layout.tree(tree), set(), []
    for entry in manifest(layout, tree):
        expected.add(entry.path)
        if not _right(f"{root}/{entry.path}", entry):
            wrong.append(entry.path)
    return sorted([*wrong, *(path for path in _paths(root) if path not in expected)])


def _insist(path: str) -> None:
    parts = path.split("/")
    if "\0" in path or any(part in {"", ".", ".."} for part in parts):
        message = f"no plain relative path: {path!r}"
        raise ValueError(message)


def _publish(source: str) -> None:
    """Let all read a blob that was private for another tenant."""
    if os.stat(source).st_mode & 0o004:
        return
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        fsops.chmod(descriptor, 0o444)
        fsops.sync(descriptor)
    finally:
        os.close(descriptor)


def _copy(source: str, target: FileWriter) -> None:
    buffer = bytearray(hashing.BLOCK)
    try:
        with open(source, "rb", buffering=0) as file:
            while length := file.readinto(buffer):
                target.write(memoryview(buffer)[:length])
    finally:
        target.close()


def _mend(layout: Layout, tree: str, fresh: str, owner: Owner) -> None:
    """Put right what rotted in a tree, file by file, from one that was just prepared."""
    root = layout.tree(tree)
    for path in verify(layout, tree):
        if not os.path.lexists(f"{fresh}/{path}"):
            continue
        above = os.path.dirname(f"{root}/{path}")
        mode = os.stat(above).st_mode & 0o777
        fsops.chmod_path(above, 0o700)
        if os.path.isdir(f"{fresh}/{path}"):
            with suppress(FileExistsError):
                fsops.make_directory(f"{root}/{path}", mode)
        else:
            scratch = owner.scratch()
            fsops.link(f"{fresh}/{path}", scratch)
            fsops.rename(scratch, f"{root}/{path}")
        fsops.chmod_path(above, mode)
        fsops.sync_directory(above)


def _right(path: str, entry: Entry) -> bool:
    try:
        found = os.stat(path, follow_symlinks=False)
        if found.st_mode & 0o777 != entry.mode:
            return False
        if entry.directory:
            return os.path.isdir(path)
        return found.st_size == entry.size and _digest(path) == entry.sha256
    except OSError:
        return False


def _digest(path: str) -> str:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return hashing.digest_of(descriptor, forget=True)
    finally:
        os.close(descriptor)


def _paths(root: str) -> list[str]:
    found, waiting = [], [root]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                found.append(entry.path[len(root) + 1 :])
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return found
