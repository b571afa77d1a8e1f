"""The system's `syncfs`, which Python does not have: one call for a tree of very many files.

Only a worker has it; the module that it takes is too large for a resident process.
"""

from __future__ import annotations

import errno
import os


def syncfs(descriptor: int) -> None:
    """Make all that was written to the file system of a descriptor survive a power cut.

    Raises:
        OSError: the disk failed, or the system has no such call (`ENOSYS`).
    """
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "syncfs"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if library.syncfs(descriptor):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
