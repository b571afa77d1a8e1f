"""What an archive carries by digest, looked at before a byte of it is written.

An artifact is one blob, with the list of its chunks where it has one; a prefix is the list of its
files and each of them. What a store has not, or has otherwise than it is locked, is reported.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import BinaryIO, Final

from compiler.model import bundle
from compiler.model.bundle import Held, Segment, given
from compiler.model.codes import bundle as codes
from compiler.model.codes import world
from compiler.model.diagnostics import Code, Diagnostics
from compiler.model.inputs import Location
from compiler.model.ports import Stores
from compiler.model.record import dataclass
from compiler.model.stored import StoreError, below, list_location, manifest_location
from compiler.stages.pack.contents import Bytes
from compiler.stages.pack.listing import files
from compiler.stages.pack.tar import Entry

AT_ONCE: Final = 16
"""Questions under way at the same time."""
MOST: Final = 99_000
"""Blobs; the sidecar takes 100,000 files of an archive."""
SHOWN: Final = 20
"""Files of a prefix that are named one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes by digest: `data` where they are here already, else at `at`; `path` within a prefix."""

    sha256: str
    size: int
    of: Bytes
    at: Location
    data: bytes | None = None
    path: str = ""

    @property
    def held(self) -> Held:
        """What the contents say of it; a file of a prefix is named by its list."""
        chunks = self.of.chunks if not self.path else None
        listed = {"chunks": True, "root": chunks.root} if chunks else {}
        return Held(size=self.size, names=() if self.path else self.of.names, **listed)

    def entries(self, stores: Stores) -> Iterator[Entry]:
        """Its file of the archive, and that of its chunks."""
        name = f"{bundle.ARTIFACTS}{self.sha256}"
        if self.data is not None:
            yield Entry(name, (given(self.data),))
            return
        yield Entry(name, (self._stored(stores, self.at, self.size, self.sha256),))
        if self.of.chunks and not self.path:
            chunks, at = self.of.chunks, list_location(self.at)
            listed = self._stored(stores, at, chunks.count * bundle.DIGEST_BYTES, chunks.root)
            yield Entry(f"{name}{bundle.CHUNKS}", (listed,))

    def _stored(self, stores: Stores, at: Location, size: int, sha256: str) -> Segment:
        def opened(start: int) -> AbstractContextManager[BinaryIO]:
            return stores.open(at, start=start)

        name = f"{self.of.names[0]}: {self.path}" if self.path else self.of.names[0]
        span = self.of.wanted.span
        return Segment(size=size, source=opened, sha256=sha256, name=name, span=span)


class _OtherError(Exception):
    """Something is not as it is locked."""

    def __init__(self, code: Code, messages: Sequence[str], hint: str = "") -> None:
        super().__init__()
        self.code, self.messages, self.hint = code, messages, hint


def look(artifacts: Sequence[Bytes], stores: Stores, diagnostics: Diagnostics) -> dict[str, Blob]:
    """Every blob of some artifacts by its digest, in their order; what is wrong is reported."""

    def looked(one: Bytes) -> list[Blob] | _OtherError:
        try:
            return list(_prefix(one, stores)) if one.listed else [_single(one, stores)]
        except StoreError as error:
            return _OtherError(error.code, [error.message], error.hint)
        except _OtherError as error:
            return error

    found: dict[str, Blob] = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one, answer in zip(artifacts, pool.map(looked, artifacts), strict=True):
            if isinstance(answer, _OtherError):
                _tell(one, answer, diagnostics)
                continue
            for blob in answer:
                found.setdefault(blob.sha256, blob)
    if len(found) > MOST:
        message = f"{len(found):,} files are needed; {MOST:,} are the most"
        diagnostics.add(codes.TOO_MANY, message, None)
    return dict(sorted(found.items()))


def _tell(one: Bytes, error: _OtherError, diagnostics: Diagnostics) -> None:
    for message in error.messages:
        told = f"{one.names[0]}: {message}"
        diagnostics.add(error.code, told, one.wanted.span, error.hint)


def _single(one: Bytes, stores: Stores) -> Blob:
    at, size = one.wanted.location, one.entry.size if one.entry else None
    if one.chunks:
        stores.look(list_location(at))
    stored = stores.look(at)
    if size not in (None, stored.size):
        message = f"the store has {stored.size:,} bytes, the lock {size:,}"
        raise _OtherError(codes.OTHER_BYTES, [message])
    return Blob(sha256=one.sha256, size=stored.size, of=one, at=at)


def _prefix(one: Bytes, stores: Stores) -> Iterator[Blob]:
    """The list of a prefix's files, then each of them, as the store lists it now."""
    folder = one.wanted.location
    with stores.open(manifest_location(folder, one.sha256)) as stream:
        text = stream.read()
    if hashlib.sha256(text).hexdigest() != one.sha256:
        message = "the list of its files is another one than is locked"
        raise _OtherError(codes.OTHER_BYTES, [message], "run `edgewright lock --push-chunks`")
    yield Blob(sha256=one.sha256, size=len(text), of=one, at=folder, data=text)
    there = {stored.name: stored.size for stored in stores.list(folder)}
    listed = list(files(text))
    absent = [file.path for file in listed if file.path not in there]
    if absent:
        more = [f"and {len(absent) - SHOWN:,} more"] if len(absent) > SHOWN else []
        messages = [f"{path} is not there" for path in absent[:SHOWN]]
        raise _OtherError(world.STORE_ABSENT, [*messages, *more])
    for file in listed:
        if there[file.path] != file.size:
            message = (
                f"{file.path} has {there[file.path]:,} bytes, and is locked with {file.size:,}"
            )
            raise _OtherError(codes.OTHER_BYTES, [message])
        at = below(folder, file.path)
        yield Blob(sha256=file.sha256, size=file.size, of=one, at=at, path=file.path)
