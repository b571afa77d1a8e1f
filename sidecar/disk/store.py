"""Opens the store: makes what is missing and refuses a disk on which the rest could not be true."""

from __future__ import annotations

import os
from contextlib import suppress

from sidecar.disk import documents, failure, fsops, owner
from sidecar.disk.layout import FORMAT, Layout
from sidecar.model.reasons import ReasonError

_SHARED = (
    "blobs", "trees", "unpacked", "partial", "staging", "owners", "locks", "datasets",
)  # fmt: skip


def open_store(root: str) -> Layout:
    """The layout of a root that works.

    Raises:
        ReasonError: `StoreUnusable` (owner, rename, links), `StoreNewer`, `StoreReadOnly`,
            `DiskFull`.
    """
    layout = Layout(root)
    with failure.told(root):
        _check_owner(layout)
        _check_format(layout)
        _make(layout)
        _probe(layout)
        _state_format(layout)
    return layout


def _check_owner(layout: Layout) -> None:
    for path in (layout.root, layout.store(), f"{layout.root}/tenants"):
        with suppress(FileNotFoundError):
            found = os.stat(path)
            if found.st_uid != os.geteuid():
                raise ReasonError(
                    "StoreUnusable",
                    f"{path} belongs to uid {found.st_uid}, this is uid {os.geteuid()}: "
                    f"run `{failure.chown_advice(layout.root)}` on the node",
                )


def _check_format(layout: Layout) -> None:
    try:
        with open(layout.format, encoding="ascii", errors="replace") as file:
            text = file.read(64).strip()
    except FileNotFoundError:
        return
    if text.isdecimal() and int(text) > FORMAT:
        raise ReasonError("StoreNewer", f"{layout.format} is {text}, this program knows {FORMAT}")


def _make(layout: Layout) -> None:
    os.umask(0o022)
    shared = [layout.store(name) for name in _SHARED]
    for path in (layout.root, layout.store(), *shared, f"{layout.root}/tenants"):
        if not os.path.isdir(path):
            with suppress(FileExistsError):
                fsops.make_directory(path)
            fsops.sync_directory(os.path.dirname(path))


def _probe(layout: Layout) -> None:
    """Do once what everything else relies on: rename, symbolic link, hard link."""
    with owner.enter(layout) as own:
        first, second, third = own.scratch(), own.scratch(), own.scratch()
        fsops.close(fsops.create(first))
        fsops.rename(first, second)
        fsops.link(second, first)
        fsops.symlink("nowhere", third)
        if os.stat(first).st_nlink != 2 or os.readlink(third) != "nowhere":
            raise ReasonError("StoreUnusable", f"{layout.root}: links are not kept")


def _state_format(layout: Layout) -> None:
    if not os.path.exists(layout.format):
        with owner.enter(layout) as own:
            documents.write_bytes(own, layout.format, f"{FORMAT}\n".encode())
