"""A real store with files around it that nothing may touch, and archives unpacked into it."""

from __future__ import annotations

import hashlib
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from sidecar.disk import owner, trees
from sidecar.disk.store import open_store
from sidecar.model.config import Unpack
from sidecar.unpack import unpack
from tests.sidecar.unpack.archives import entry, tar

MEMORY = Path("/dev/shm")
CAP = 64 * 1024 * 1024


class Ground:
    """Unpacks archives; `outside` tells everything around the store by its content."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("victim", "etc/passwd", "store-beside/victim", "a/victim"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"{name} as it was\n")
        (folder / "incoming").mkdir()
        self.root = folder / "deep" / "below" / "store"
        self.root.mkdir(parents=True)
        self.layout = open_store(str(self.root))
        self.owner = owner.enter(self.layout)
        self.staging = Path(self.layout.staging(self.owner.token))

    def unpack(
        self, data: bytes, form: str, *, most: int = CAP, files: int = 1000, private: bool = False
    ) -> Path:
        """The tree of an archive; nothing is left behind when it is refused."""
        archive = self.folder / "incoming" / "archive"
        archive.write_bytes(data)
        writer = trees.TreeWriter(self.layout, self.owner, private=private)
        try:
            unpack(str(archive), Unpack(form, most, files), writer, Event())
            return Path(self.layout.tree(writer.finish()))
        except BaseException:
            writer.abandon()
            raise
        finally:
            archive.unlink()

    def outside(self) -> str:
        """The digest of all names, modes and bytes around the store."""
        found = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if not path.is_relative_to(self.root):
                found.update(_told(path).encode())
        return found.hexdigest()

    def inside(self) -> list[str]:
        """Everything in the store but trees, whose names are digests of what is in them."""
        trees_ = self.root / "store" / "trees"
        return sorted(str(path) for path in self.root.rglob("*") if trees_ not in path.parents)


def _told(path: Path) -> str:
    about = path.lstat()
    body = ""
    if stat.S_ISREG(about.st_mode):
        body = hashlib.sha256(path.read_bytes()).hexdigest()
    elif stat.S_ISLNK(about.st_mode):
        body = str(path.readlink())
    return f"{path} {about.st_mode:o} {about.st_uid} {about.st_nlink} {body}\n"


@contextmanager
def ground() -> Iterator[Ground]:
    """A ground in memory where the machine has such a file system: campaigns sync a lot."""
    where = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=where) as folder:
        found = Ground(Path(folder))
        # The first tree of a store makes its locks, which would look like leftovers.
        found.unpack(tar(entry(b"first", b"tree")), "tar")
        yield found


def content(tree: Path) -> dict[str, bytes]:
    """What is in a tree by path; a directory ends with a slash."""
    return {
        f"{path.relative_to(tree)}{'/' if path.is_dir() else ''}": b""
        if path.is_dir()
        else path.read_bytes()
        for path in sorted(tree.rglob("*"))
    }
