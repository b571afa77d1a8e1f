"""Exchanges and places directories through renameat2, the only call that does it atomically.

It holds no policy: what to do where the file system refuses is the caller's business.
"""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1
_RENAME_EXCHANGE = 2
_CANNOT = frozenset({errno.EXDEV, errno.EBUSY, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
"""Other devices, mount points, file systems and kernels without the call."""


class KernelExchange:
    """The `Exchange` port on Linux; where libc has no renameat2, `swap` always answers False."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._call = getattr(libc, "renameat2", None)
        if self._call is not None:
            path = ctypes.c_char_p
            self._call.argtypes = (ctypes.c_int, path, ctypes.c_int, path, ctypes.c_uint)

    def swap(self, first: str, second: str) -> bool:
        """Exchange two directories; False where the file system cannot."""
        return self._rename(first, second, _RENAME_EXCHANGE)

    def place(self, source: str, target: str) -> bool:
        """Rename to a name that must be free; False where source and target cannot be joined."""
        if self._rename(source, target, _RENAME_NOREPLACE):
            return True
        return _plain_rename(source, target)

    def _rename(self, source: str, target: str, flags: int) -> bool:
        if self._call is None:
            return False
        paths = (_AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target))
        if self._call(*paths, flags) == 0:
            return True
        number = ctypes.get_errno()
        if number in _CANNOT:
            return False
        raise OSError(number, os.strerror(number), source, None, target)


def _plain_rename(source: str, target: str) -> bool:
    """Rename without the kernel's promise not to replace: looks first, and never at a file."""
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), source, None, target)
    try:
        Path(source).rename(target)
    except OSError as fault:
        if fault.errno in _CANNOT:
            return False
        raise
    return True
