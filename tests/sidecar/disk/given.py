"""What tests of the store begin with: bytes, limits, tenants, and switches."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sidecar.disk import documents, fsops, partial, tenants, trees
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Limits


def sha(data: bytes) -> str:
    """The digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def limits(root: str, **given: int) -> Limits:
    """Limits that do not ask the machine for free space unless a test does."""
    return Limits(root, **{"min_free": 0, "min_free_percent": 0, **given})


def blob(layout: Layout, owner: Owner, data: bytes, *, private: bool = False) -> str:
    """Bytes as a fetch leaves them; their digest."""
    digest = sha(data)
    with partial.open_partial(layout, owner, digest, len(data)) as part:
        part.write(data[part.position :])
        part.seal(private)
    return digest


def raw(layout: Layout, owner: Owner, data: bytes, name: str = "model.onnx") -> tuple[str, str]:
    """The digest and the tree of a single file."""
    digest = blob(layout, owner, data)
    tree = trees.from_blob(layout, owner, digest, name, private=False)
    trees.remember(layout, owner, digest, "raw", tree)
    return digest, tree


def tree(layout: Layout, owner: Owner, files: Mapping[str, bytes], **given: Any) -> str:
    """The tree of files by path."""
    writer = trees.TreeWriter(layout, owner, private=given.pop("private", False), **given)
    for path, data in files.items():
        file = writer.file(path, path.endswith(".sh"), len(data))
        file.write(data)
        file.close()
    return writer.finish()


def accept(layout: Layout, owner: Owner, tenant: str, digests: Sequence[str]) -> None:
    """A config that names artifacts, of which the collector reads only their digests."""
    lock = tenants.enter(layout, tenant)
    if lock is not None:
        lock.release()
    document = {"artifacts": [{"name": f"a{n}", "sha256": one} for n, one in enumerate(digests)]}
    tenants.accept(layout, owner, tenant, document)


def activate(
    layout: Layout, owner: Owner, tenant: str, group: str, members: Mapping[str, tuple[str, str]]
) -> str:
    """Let `current` name a release of members (key to digest and tree); its id."""
    release = sha(repr(sorted(members.items())).encode())[:16]
    slot = Path(layout.slot(tenant, group))
    for path in (slot, slot / "releases"):
        if not path.is_dir():
            fsops.make_directory(str(path))
    if not (slot / "releases" / release).is_dir():
        _build(owner, f"{slot}/releases/{release}", members)
    before = str((slot / "current").readlink()) if (slot / "current").is_symlink() else ""
    if before and before != f"releases/{release}":
        point(owner, slot, "previous", before)
    point(owner, slot, "current", f"releases/{release}")
    return release


def point(owner: Owner, slot: Path, pointer: str, target: str) -> None:
    """Let a link of a slot name something, by one rename."""
    scratch = owner.scratch()
    fsops.symlink(target, scratch)
    fsops.rename(scratch, f"{slot}/{pointer}")
    fsops.sync_directory(str(slot))


@contextmanager
def public() -> Iterator[str]:
    """A directory that every user of the machine may change, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o777)
        yield path


def names(path: str | Path) -> list[str]:
    """What is in a directory, sorted."""
    return sorted(one.name for one in Path(path).iterdir())


def _build(owner: Owner, path: str, members: Mapping[str, tuple[str, str]]) -> None:
    place = owner.scratch()
    fsops.make_directory(place)
    described = []
    for key, (digest, tree_name) in members.items():
        kind = key.partition("/")[0]
        if not Path(place, kind).is_dir():
            fsops.make_directory(f"{place}/{kind}")
        fsops.symlink(f"{'../' * 7}store/trees/{tree_name}", f"{place}/{key}")
        fsops.sync_directory(f"{place}/{kind}")
        described.append({"key": key, "digest": digest, "tree": tree_name})
    documents.write(owner, f"{place}/release.json", {"members": described})
    fsops.sync_directory(place)
    fsops.rename(place, path)
    fsops.sync_directory(str(Path(path).parent))
