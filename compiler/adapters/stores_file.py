"""A folder as a store: `file:///path` URLs, read and written in place."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from compiler.adapters.stores_faults import changed
from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.stored import Stored, StoreError, below


class FileStore:
    """Files by URL. An etag is made of size, time and inode, and holds on this machine only."""

    def list(self, prefix: Location) -> Iterator[Stored]:
        """Every file below a folder, in name order; links are not followed."""
        root = _path(prefix)
        with _told(prefix):
            names = sorted(_walk(root, ""))
        for name in names:
            yield replace(self.look(below(prefix, name)), name=name)

    def look(self, at: Location) -> Stored:
        """What a file is now."""
        with _told(at):
            status = _path(at).stat()
        return Stored(at, "", status.st_size, _etag(status), modified=status.st_mtime)

    @contextmanager
    def open(
        self, at: Location, *, start: int = 0, length: int | None = None, etag: str = ""
    ) -> Iterator[BinaryIO]:
        """A stream of a file's bytes."""
        with _told(at):
            file = _path(at).open("rb")
        with file:
            if etag and _etag(os.fstat(file.fileno())) != etag:
                raise changed(at)
            file.seek(start)
            yield file if length is None else BytesIO(file.read(length))

    def put(self, at: Location, data: bytes, *, absent: bool = False) -> Stored:
        """Put a whole file in its place."""
        path = _path(at)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with _told(at):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(data)
                if absent:
                    path.hardlink_to(temporary)
                else:
                    temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        return self.look(at)


@contextmanager
def _told(at: Location) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise StoreError(codes.STORE_ABSENT, f"{at.url}: {error.strerror}") from error
    except FileExistsError as error:
        raise StoreError(codes.STORE_FAILED, f"{at.url} is there already") from error
    except OSError as error:
        raise StoreError(codes.STORE_FAILED, f"{at.url}: {error.strerror}") from error


def _path(at: Location) -> Path:
    parts = urlsplit(at.url)
    return Path("/", unquote(parts.path).lstrip("/"))


def _etag(status: os.stat_result) -> str:
    return f"{status.st_size:x}-{status.st_mtime_ns:x}-{status.st_ino:x}"


def _walk(folder: Path, below: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        name = f"{below}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(folder / entry.name, f"{name}/")
        elif entry.is_file(follow_symlinks=False):
            yield name
