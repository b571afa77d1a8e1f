"""Storing on a disk of this node: a copy that is synced before it has its name.

A name that exists is never written again; of two that store the same at once, one finds it there.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote

from sidecar.disk import fsops
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.transfer.exchange import Body, body_of
from sidecar.transfer.outgoing import Outgoing, Stored, Written
from sidecar.transfer.scheme import Storing

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

_PIECE = 1 << 20
_NO_LINKS = frozenset((errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK))


def storing() -> Storing:
    """How files are stored on a disk."""
    return Storing(_put, _write)


def path_of(url: str) -> str:
    """The path of a `file:` URL."""
    rest = url.removeprefix("file://")
    return unquote(rest[rest.find("/") :]) if "/" in rest else "/"


def _put(out: Outgoing, context: Context) -> Stored:
    path = path_of(out.source.url)
    try:
        size = os.stat(path, follow_symlinks=False).st_size
    except OSError:
        return Stored(out.source.url, already=_placed(path, out.body(context), out.source.label))
    if size != out.size:
        raise ReasonError("DigestMismatch", f"{out.source.label}: {size} bytes lie there")
    return Stored(out.source.url, already=True)


def _write(written: Written, context: Context) -> Stored:
    del context
    path, body = path_of(written.source.url), body_of(written.data)
    already = _placed(path, body, written.source.label, replace=written.replace)
    return Stored(written.source.url, already=already)


def _placed(path: str, body: Body, label: str, *, replace: bool = False) -> bool:
    """Give bytes a name; whether it was taken."""
    folder = os.path.dirname(path)
    temporary = f"{folder}/.{os.urandom(8).hex()}.part"
    try:
        _folders(folder)
        try:
            _copy(temporary, body)
            taken = not _named(temporary, path, replace=replace)
        finally:
            fsops.unlink(temporary)
        fsops.sync_directory(folder)
    except OSError as fault:
        raise _reason(fault, label) from fault
    return taken


def _copy(path: str, body: Body) -> None:
    descriptor = fsops.create(path, 0o644)
    try:
        with body.open() as file:
            while data := file.read(_PIECE):
                fsops.write(descriptor, data)
        fsops.sync(descriptor)
    finally:
        fsops.close(descriptor)


def _named(temporary: str, path: str, *, replace: bool) -> bool:
    """Whether the name is ours now; without hard links, as on a stick, by a look and a rename."""
    if not replace:
        try:
            fsops.link(temporary, path)
        except FileExistsError:
            return False
        except OSError as fault:
            if fault.errno not in _NO_LINKS:
                raise
            if os.path.lexists(path):
                return False
        else:
            return True
    fsops.rename(temporary, path)
    return True


def _folders(path: str) -> None:
    missing = []
    while path not in {"", "/"} and not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for folder in reversed(missing):
        with suppress(FileExistsError):
            fsops.make_directory(folder)
        fsops.sync_directory(os.path.dirname(folder))


def _reason(fault: OSError, label: str) -> ReasonError:
    words = f"{label}: {clean(fault.strerror or str(fault), 120)}"
    if fault.errno in {errno.ENOSPC, errno.EDQUOT}:
        return ReasonError("Busy", words)
    if fault.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return ReasonError("AccessDenied", words)
    return ReasonError("Offline", words)
