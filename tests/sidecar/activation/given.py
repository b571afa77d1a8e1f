"""A store with trees in it, as a worker leaves them, for tests of what is active."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from sidecar.activation import forms
from sidecar.activation.releases import Member
from sidecar.activation.switch import Slot
from sidecar.disk import blobs, fsops, store, tenants, trees
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner, enter

TENANT = "watch.worker"


def opened(directory: Path) -> tuple[Layout, Owner]:
    """A store and somebody in it."""
    directory.mkdir(exist_ok=True)
    layout = store.open_store(str(directory))
    lock = tenants.enter(layout, TENANT)
    assert lock is not None
    return layout, enter(layout)


def slot_of(layout: Layout, owner: Owner, group: str = "model.det") -> Slot:
    """The slot of a group of the one tenant."""
    return Slot(layout, owner, TENANT, group)


def tree(layout: Layout, owner: Owner, files: dict[str, bytes], *, private: bool = False) -> str:
    """A tree with these files."""
    writer = trees.TreeWriter(layout, owner, private=private)
    for path, data in files.items():
        file = writer.file(path, executable=False, size=len(data))
        file.write(data)
        file.close()
    return writer.finish()


def member(
    layout: Layout, owner: Owner, key: str, files: dict[str, bytes], *, view: str = "flat",
    number: int = 0, private: bool = False,
) -> Member:  # fmt: skip
    """A member whose tree is there; the digest is that of its files' names and bytes."""
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    found = tree(layout, owner, files, private=private)
    trees.remember(layout, owner, digest, forms.form("tar", "", private=private), found)
    name = key.partition("/")[2]
    return Member(key, "1", "", digest, "tar", found, "", view, name, number, private)


def single(
    layout: Layout, owner: Owner, key: str, name: str, data: bytes, *, view: str = "flat",
    number: int = 0,
) -> Member:  # fmt: skip
    """A member that is one file, linked to its blob."""
    digest = hashlib.sha256(data).hexdigest()
    scratch = owner.scratch()
    descriptor = fsops.create(scratch)
    fsops.write(descriptor, data)
    fsops.close(descriptor)
    blobs.seal(layout, owner, scratch, digest, private=False)
    found = trees.from_blob(layout, owner, digest, name, private=False)
    trees.remember(layout, owner, digest, forms.form("raw", name, private=False), found)
    short = key.partition("/")[2]
    return Member(key, "1", "", digest, "raw", found, name, view, short, number, private=False)


def names(path: str | Path) -> list[str]:
    """What is in a directory."""
    return sorted(one.name for one in Path(path).iterdir())


def shown(path: str) -> dict[str, bytes]:
    """All files below a directory, by their relative path."""
    found = {}
    for directory, _, files in os.walk(path):
        for file in files:
            whole = f"{directory}/{file}"
            found[os.path.relpath(whole, path)] = Path(whole).read_bytes()
    return found
