"""Says why the store failed in the words of `model.reasons`; decides nothing about what follows."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sidecar.model.reasons import ReasonError

ELSEWHERE: Final = "it leads to another file system; mount the root of the store once"


@contextmanager
def told(path: str) -> Iterator[None]:
    """Turn the errors of a file system at `path` into reasons.

    Raises:
        ReasonError: `DiskFull`, `StoreReadOnly` or `StoreUnusable`.
        OSError: anything that says nothing about the disk, such as a missing file.
    """
    try:
        yield
    except OSError as error:
        found = reason(error, path)
        if found is None:
            raise
        raise found from error


def reason(error: OSError, path: str) -> ReasonError | None:
    """The reason that an error of the file system stands for, or None."""
    code = _CODES.get(error.errno or 0)
    if code is None:
        return None
    where = error.filename if isinstance(error.filename, str) else path
    words = ELSEWHERE if error.errno == errno.EXDEV else error.strerror or "unknown error"
    return ReasonError(code, f"{where}: {words}")


def is_full(error: OSError | ReasonError) -> bool:
    """Whether an error says that there is no room."""
    found = error.code if isinstance(error, ReasonError) else _CODES.get(error.errno or 0)
    return found == "DiskFull"


def chown_advice(root: str) -> str:
    """The command that gives a store to the user and group that this process runs as."""
    return f"chown -R {os.geteuid()}:{os.getegid()} {root}"


_CODES = {
    errno.ENOSPC: "DiskFull",
    errno.EDQUOT: "DiskFull",
    errno.EROFS: "StoreReadOnly",
    errno.EIO: "StoreReadOnly",
    errno.ESTALE: "StoreReadOnly",
    errno.EUCLEAN: "StoreReadOnly",
    errno.ESHUTDOWN: "StoreReadOnly",
    errno.EXDEV: "StoreUnusable",
    errno.EACCES: "StoreUnusable",
    errno.EPERM: "StoreUnusable",
    errno.EMLINK: "StoreUnusable",
    errno.EOPNOTSUPP: "StoreUnusable",
    errno.ENOLCK: "StoreUnusable",
}
