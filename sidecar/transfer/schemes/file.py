"""`file:` paths of the node, for what comes on a disk and not over a link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sidecar.model.config import Source
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.transfer import file_store
from sidecar.transfer.scheme import PastEnd, Scheme, Wanted

if TYPE_CHECKING:
    from sidecar.transfer.context import Context


class FileRemote:
    """A file of this machine."""

    peer = False

    def __init__(self, path: str) -> None:
        self.host = "this node"
        self.label = clean(f"file://{path}")
        self._path = path

    def open(self, start: int, identity: str) -> FileFlow:
        """The bytes from `start` on.

        Raises:
            PastEnd: there is no byte at `start`.
            ReasonError: NotFound, AccessDenied, SourceChanged.
        """
        descriptor = _open(self._path, self.label)
        flow = FileFlow(descriptor, start, self.label)
        if start and identity and identity != flow.identity:
            flow.close()
            raise ReasonError("SourceChanged", f"{self.label}: another version than before")
        if start and start >= flow.total:
            flow.close()
            raise PastEnd(flow.total)
        return flow

    def blame(self) -> None:
        """Nothing is held against a file."""


class FileFlow:
    """An open file. `identity` changes with every change of its content that a file system sees."""

    web_page = False

    def __init__(self, descriptor: int, start: int, label: str) -> None:
        found = os.fstat(descriptor)
        self.start, self.total = start, found.st_size
        self.identity = f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
        self._descriptor = descriptor
        self._offset = start
        self._label = label

    def readinto(self, view: memoryview) -> int:
        """Read at most `view`; 0 at the end."""
        if not view:
            return 0
        try:
            count = os.preadv(self._descriptor, [view], self._offset)
        except OSError as error:
            raise ReasonError("Protocol", f"{self._label}: {error.strerror}") from error
        self._offset += count
        return count

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _open(path: str, label: str) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError as error:
        raise ReasonError("AccessDenied", f"{label}: {error.strerror}") from error
    except OSError as error:
        raise ReasonError("NotFound", f"{label}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ReasonError("NotFound", f"{label}: no plain file")
    return descriptor


def _find(source: Source, wanted: Wanted, context: Context) -> Iterator[FileRemote]:
    del wanted, context
    yield FileRemote(file_store.path_of(source.url))


SCHEME = Scheme(("file",), _find, storing=file_store.storing())
