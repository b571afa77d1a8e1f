"""The addresses that a server listens on, above all sockets by their path."""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
from contextlib import suppress

Address = tuple[str, int] | str
"""A host and a port, or the path of a unix socket."""


def family(place: Address) -> int:
    """Its family of sockets."""
    if isinstance(place, str):
        return socket.AF_UNIX
    return socket.AF_INET6 if ":" in place[0] else socket.AF_INET


def bind_path(listener: socket.socket, path: str, mode: int) -> int:
    """Bind by a rename, so that the name never leads nowhere and never has another mode.

    Raises:
        OSError: it cannot be bound, or a living process listens there.
    """
    if _answers(path):
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    temporary = f"{path}.{os.urandom(4).hex()}"
    listener.bind(temporary)
    try:
        os.chmod(temporary, mode)
        os.rename(temporary, path)
    except OSError:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    return inode_of(path)


def _answers(path: str) -> bool:
    """Whether somebody listens at a path; a socket that was left by the dead refuses."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.setblocking(False)
        try:
            caller.connect(path)
        except BlockingIOError:
            return True
        except OSError:
            return False
    return True


def inode_of(path: str) -> int:
    """The number of the socket at a path, 0 where there is none."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return 0
    return found.st_ino if stat.S_ISSOCK(found.st_mode) else 0


def uid_of(connection: socket.socket) -> int:
    """The user at the other end of a unix socket, -1 on TCP."""
    if connection.family != socket.AF_UNIX:
        return -1
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int(struct.unpack("3i", found)[1])
