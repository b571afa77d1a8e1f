"""Replaces a text file at once, and never what somebody else wrote in the meantime.

At every moment the file is wholly the old text or wholly the new one, also where the process is
killed. It decides nothing of what is written.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from compiler.model.codes import lock as codes
from compiler.model.diagnostics import Diagnostics

_MARK = "\ufeff"


def replace_text(path: Path, name: str, old: str, new: str, diagnostics: Diagnostics) -> None:
    """Like `save`; `name` is what the file is shown as.

    Raises:
        CompileError: somebody else wrote the file, or the system refuses; nothing is changed.
    """
    try:
        save(path, old, new)
    except FileExistsError:
        diagnostics.fail(codes.LOCK_MOVED, f"{name} was changed meanwhile", None, "run it again")
    except OSError as error:
        diagnostics.fail(codes.LOCK_UNWRITABLE, f"{name}: {error.strerror}")


def save(path: Path, old: str, new: str) -> None:
    """Put `new` in the place of `old`; an empty `old` stands for no file as well.

    Links, the mode and a byte order mark stay.

    Raises:
        FileExistsError: the file does not hold `old` any more; nothing is changed.
        OSError: the system refuses; nothing is changed.
    """
    real = Path(os.path.realpath(path))
    before = real.read_bytes() if real.exists() else b""
    if before.decode("utf-8-sig", "replace") != old.removeprefix(_MARK):
        raise FileExistsError(f"{path} was changed by somebody else in the meantime")
    mark = _MARK if before.startswith(_MARK.encode()) else ""
    _remove_dead(real)
    fresh = real.with_name(f".{real.name}.{os.getpid()}.tmp")
    try:
        with fresh.open("wb") as stream:
            stream.write((mark + new.removeprefix(_MARK)).encode())
            stream.flush()
            os.fsync(stream.fileno())
        if before:
            fresh.chmod(real.stat().st_mode & 0o777)
        fresh.replace(real)
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def _remove_dead(real: Path) -> None:
    """Remove what processes left beside a file that died while they saved it."""
    for left in real.parent.glob(f".{real.name}.*.tmp"):
        owner = left.name.removesuffix(".tmp").rpartition(".")[2]
        if owner.isdigit() and not _alive(int(owner)):
            with suppress(OSError):
                left.unlink()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
