"""Unpacked artifacts: read-only directories named by the digest of what is in them.

A tree is prepared in staging and appears by one rename, synced before. It is never changed
afterwards, but for a file that rotted: `mending` puts the right bytes in its place.
"""

from __future__ import annotations

import errno
import os

from sidecar.disk import blobs, failure, fsops, hashing, mending, removal, space, tenants
from sidecar.disk.layout import Layout
from sidecar.disk.manifests import Entry, Manifest, Writer
from sidecar.disk.owner import Owner, enter
from sidecar.model.config import Limits

_ALLOCATE = 1 << 20
_MANY = 64
"""From so many files on, one sync of the whole file system is cheaper than one for each."""


class TreeWriter:
    """Prepares a tree. Paths are relative and their parts plain names, which it insists on.

    With `limits` it stops before the disk's floor, whatever an archive turns out to hold.
    """

    def __init__(
        self, layout: Layout, owner: Owner, *, private: bool, limits: Limits | None = None
    ) -> None:
        self._layout = layout
        self._owner = owner
        self._private = private
        self._root = owner.scratch()
        self._directories = {""}
        self._entries = Writer(owner)
        self._files = 0
        self._open: set[FileWriter] = set()
        self._unsynced = False
        self._guard = space.Guard(layout, limits) if limits else None
        with failure.told(self._root):
            fsops.make_directory(self._root)

    def directory(self, path: str) -> None:
        """A directory and those above it; it may be there already."""
        if path in self._directories:
            return
        _insist(path)
        self.directory(os.path.dirname(path))
        with failure.told(path):
            fsops.make_directory(f"{self._root}/{path}")
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
        found = FileWriter(self, path, self._mode(executable), size)
        self._open.add(found)
        return found

    def blob(self, path: str, digest: str) -> None:
        """The bytes of a blob as a file: the same file, or a copy where they are private."""
        if self._private:
            self._copy(path, digest)
            return
        _insist(path)
        self.directory(os.path.dirname(path))
        with failure.told(path):
            blobs.publish(self._layout, digest)
            try:
                fsops.link(self._layout.blob(digest), f"{self._root}/{path}")
            except OSError as error:
                if error.errno != errno.EMLINK:
                    raise
                # So many files are equal that their names are all used up.
                self._copy(path, digest)
                return
        size = blobs.size(self._layout, digest)
        self._entries.add(Entry(path, blobs.PUBLIC, size, digest))

    def finish(self) -> str:
        """Sync all, give it its name, sync that; the name.

        Raises:
            ReasonError: the disk is full, read-only or unusable.
        """
        with failure.told(self._root):
            self._settle()
            manifest, tree = self._entries.finish()
            fsops.rename(manifest, self._layout.manifest(tree))
            fsops.sync_directory(self._layout.store("trees"))
            with tenants.keeping(self._layout):  # a collector may be about to take that name
                self._place(tree)
        return tree

    def abandon(self) -> None:
        """Delete what was prepared, also the files that are still written."""
        for file in self._open:
            file.drop()
        self._entries.abandon()
        removal.remove(self._root)

    def at(self, path: str) -> str:
        """Where a path of the tree lies while it is prepared."""
        return f"{self._root}/{path}"

    def wrote(self, size: int) -> None:
        """Count what a file took.

        Raises:
            ReasonError: `DiskFull`.
        """
        if self._guard is not None:
            self._guard.wrote(size)

    def sync(self, descriptor: int) -> None:
        """Sync a file now, or note that all are synced at the end."""
        self._files += 1
        if self._files > _MANY and fsops.can_sync_all():
            self._unsynced = True
        else:
            fsops.sync(descriptor)

    def closed(self, file: FileWriter, entry: Entry) -> None:
        """Let a complete file count as part of the tree."""
        self._open.discard(file)
        self._entries.add(entry)

    def _mode(self, executable: bool) -> int:
        mode = blobs.PRIVATE if self._private else blobs.PUBLIC
        return mode | (mode >> 2) if executable else mode

    def _settle(self) -> None:
        """Modes and syncs, from the inside out; the top stays writable, or it could not move."""
        mode = self._mode(executable=True)
        for path in sorted(self._directories, reverse=True):
            fsops.chmod_path(self.at(path), mode if path else mode | 0o200)
            if not self._unsynced:
                fsops.sync_directory(self.at(path))
        if self._unsynced:
            fsops.sync_below(self._root)

    def _place(self, tree: str) -> None:
        target = self._layout.tree(tree)
        if os.path.isdir(target):
            mending.mend(self._layout, self._owner, target, self._root, verify(self._layout, tree))
            self.abandon()
        else:
            fsops.rename(self._root, target)
        fsops.sync_directory(self._layout.store("trees"))
        fsops.chmod_path(target, self._mode(executable=True))
        fsops.sync_directory(target)

    def _copy(self, path: str, digest: str) -> None:
        size, buffer = blobs.size(self._layout, digest), bytearray(hashing.BLOCK)
        target = self.file(path, executable=False, size=size)
        try:
            with open(blobs.open_blob(self._layout, digest), "rb", buffering=0) as source:
                while length := source.readinto(buffer):
                    target.write(memoryview(buffer)[:length])
        finally:
            target.close()


class FileWriter:
    """Writes one file of a tree in order and hashes it on the way."""

    def __init__(self, tree: TreeWriter, path: str, mode: int, size: int) -> None:
        self._tree = tree
        self._path = path
        self._mode = mode
        self._hash = hashing.sha256()
        self._size = 0
        with failure.told(path):
            self._descriptor = fsops.create(tree.at(path))
            self._reserve(size)

    def write(self, view: bytes | memoryview) -> None:
        """Append.

        Raises:
            ReasonError: the disk is full, read-only or unusable.
        """
        self._tree.wrote(len(view))
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
                self._tree.sync(self._descriptor)
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            self.drop()
        entry = Entry(self._path, self._mode, self._size, self._hash.hexdigest())
        self._tree.closed(self, entry)

    def drop(self) -> None:
        """Close it as it is; it is no part of the tree."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            fsops.close(descriptor)

    def _reserve(self, size: int) -> None:
        if size < _ALLOCATE:
            return
        try:
            fsops.allocate(self._descriptor, size)
        except OSError:
            fsops.close(self._descriptor)
            raise


def from_blob(layout: Layout, owner: Owner, digest: str, name: str, private: bool) -> str:
    """The tree of a single file that is a blob as it is.

    Raises:
        FileNotFoundError: the blob is not here.
        ReasonError: the disk is full, read-only or unusable.
    """
    writer = TreeWriter(layout, owner, private=private)
    try:
        writer.blob(name, digest)
        return writer.finish()
    except BaseException:
        writer.abandon()
        raise


def remember(layout: Layout, owner: Owner, digest: str, form: str, tree: str) -> None:
    """Note which tree a blob unpacks to; `form` tells apart what else it could become.

    Raises:
        ReasonError: the disk is full, read-only or unusable.
    """
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
    """What is in a tree. A manifest that was lost or rotted is made again from the tree.

    Raises:
        FileNotFoundError: there is no such tree.
        ReasonError: the disk is full, read-only or unusable.
    """
    found = Manifest(layout.manifest(tree))
    if found.digest != tree:
        restore(layout, tree)
    return found


def restore(layout: Layout, tree: str) -> bool:
    """Make the manifest of a tree again, from its files; whether they are what its name says.

    Raises:
        FileNotFoundError: there is no such tree.
    """
    with enter(layout) as owner, failure.told(layout.manifest(tree)):
        writer = Writer(owner)
        mending.describe(layout.tree(tree), writer.add)
        path, found = writer.finish()
        fsops.rename(path, layout.manifest(tree))
        fsops.sync_directory(layout.store("trees"))
    return found == tree


def verify(layout: Layout, tree: str) -> list[str]:
    """The paths of a tree that are not as its manifest says: wrong, missing or too many.

    Where the manifest is not what its name says, nothing is known: the answer is `["."]`. Changes
    nothing.
    """
    found = Manifest(layout.manifest(tree))
    if found.digest != tree or not os.path.isdir(layout.tree(tree)):
        return ["."]
    return mending.differences(layout.tree(tree), found)


def _insist(path: str) -> None:
    if "\0" in path or any(part in {"", ".", ".."} for part in path.split("/")):
        message = f"no plain relative path: {path!r}"
        raise ValueError(message)
