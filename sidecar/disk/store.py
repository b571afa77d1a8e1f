"""Opens the store: makes what is missing and refuses a disk on which the rest could not be true.

`open_store` sets the process's umask, since servers of other users read what it makes.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sidecar.disk import documents, failure, fsops, owner
from sidecar.disk.layout import FORMAT, Layout
from sidecar.model.reasons import ReasonError

SHARED = (
    "blobs",
    "trees",
    "unpacked",
    "partial",
    "staging",
    "owners",
    "locks",
    "loaded",
    "datasets",
)
_CANNOT = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


def open_store(root: str) -> Layout:
    """The layout of a root that works.

    Raises:
        ReasonError: `StoreUnusable` (missing, owner, rename, links), `StoreNewer`,
            `StoreReadOnly`, `DiskFull`.
    """
    layout = Layout(root)
    os.umask(0o022)
    with failure.told(root):
        _check_owner(layout)
        _check_format(layout)
        _make(layout)
        _prove(layout)
        _state_format(layout)
        owner.reserve(layout)
    return layout


def look(root: str) -> Layout:
    """The layout of a root to read only; it makes nothing.

    Raises:
        ReasonError: `StoreUnusable` where there is no store, `StoreNewer`.
    """
    layout = Layout(root)
    with failure.told(root):
        if not os.path.isdir(layout.store()):
            raise ReasonError("StoreUnusable", f"{root}: there is no store")
        _check_format(layout)
    return layout


def _check_format(layout: Layout) -> None:
    try:
        with open(layout.format, encoding="ascii", errors="replace") as file:
            text = file.read(64).strip()
    except (FileNotFoundError, NotADirectoryError):
        return
    if text.isdecimal() and int(text) > FORMAT:
        raise ReasonError("StoreNewer", f"{layout.format} is {text}, this program knows {FORMAT}")


def _check_owner(layout: Layout) -> None:
    for path in (layout.root, layout.store(), *_parts(layout), f"{layout.root}/tenants"):
        with suppress(FileNotFoundError, NotADirectoryError):
            found = os.stat(path).st_uid
            if found != os.geteuid():
                advice = failure.chown_advice(layout.root)
                raise ReasonError(
                    "StoreUnusable",
                    f"{path} belongs to uid {found} and this is uid {os.geteuid()}: run `{advice}`",
                )


def _make(layout: Layout) -> None:
    if not os.path.isdir(os.path.dirname(layout.root)):
        raise ReasonError("StoreUnusable", f"{os.path.dirname(layout.root)}: not there")
    for path in (layout.root, layout.store(), *_parts(layout), f"{layout.root}/tenants"):
        if not os.path.isdir(path):
            with suppress(FileExistsError):
                fsops.make_directory(path)
            if not os.path.isdir(path):
                raise ReasonError("StoreUnusable", f"{path}: something else than a directory")
            fsops.sync_directory(os.path.dirname(path))


def _parts(layout: Layout) -> list[str]:
    return [layout.store(name) for name in SHARED]


def _prove(layout: Layout) -> None:
    """Probe, but where a store that worked before is full: a collector has to get in."""
    try:
        _probe(layout)
    except (OSError, ReasonError) as error:
        if not (failure.is_full(error) and os.path.exists(layout.format)):
            raise


def _probe(layout: Layout) -> None:
    """Do once what everything else relies on."""
    with owner.enter(layout) as own:
        first, second, third = own.scratch(), own.scratch(), own.scratch()
        fsops.close(fsops.create(first))
        with _able(layout, "rename"):
            fsops.rename(first, second)
        with _able(layout, "a hard link"):
            fsops.link(second, first)
            _insist(os.stat(first).st_nlink == 2)
        with _able(layout, "a symbolic link"):
            fsops.symlink("nowhere", third)
            _insist(os.readlink(third) == "nowhere")
        with _able(layout, "a rename from part to part"):
            fsops.rename(third, layout.store("locks", own.token))
            fsops.unlink(layout.store("locks", own.token))


@contextmanager
def _able(layout: Layout, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        words = failure.ELSEWHERE if error.errno == errno.EXDEV else error.strerror
        detail = f"{layout.root}: {what} does not work: {words}"
        raise ReasonError("StoreUnusable", detail) from error


def _insist(true: bool) -> None:
    if not true:
        raise OSError(errno.EPERM, "it is not kept")


def _state_format(layout: Layout) -> None:
    if not os.path.exists(layout.format):
        with owner.enter(layout) as own:
            documents.write_bytes(own, layout.format, f"{FORMAT}\n".encode())
