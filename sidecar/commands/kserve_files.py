"""Fetches and unpacks for KServe's initializer: everything is staged, then moved into place.

A directory that a broken run left behind is swept, what is there from an earlier run is replaced,
and a reader never finds half a file under its name.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html import unescape
from threading import Event
from typing import Final, NamedTuple
from urllib.parse import urlencode

from sidecar.commands import kserve_places as places
from sidecar.commands.kserve_places import Place
from sidecar.disk import failure, fsops, removal
from sidecar.model.config import Source, Store, Unpack
from sidecar.model.reasons import ReasonError
from sidecar.transfer.context import Context
from sidecar.transfer.exchange import Request, send
from sidecar.transfer.failures import Refusal, of_refusal
from sidecar.transfer.ranged import HttpRemote
from sidecar.transfer.scheme import PastEnd, Remote, Wanted
from sidecar.transfer.schemes import find, target
from sidecar.unpack import unpack
from sidecar.unpack.guard import plain

_STAGE: Final = ".edgewright-"
_PIECE: Final = 1 << 20
_TRIES: Final = 5
_LIST: Final = 8 << 20
_MAX_FILES: Final = 1_000_000
_ARCHIVES: Final = {".tar": "tar", ".tar.gz": "tar.gz", ".tgz": "tar.gz", ".zip": "zip"}
_CONTENT = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)
_FIELD = re.compile(r"<(Key|Size)>([^<]*)</")
_NEXT = re.compile(r"<NextContinuationToken>([^<]+)</")


class Brought(NamedTuple):
    """One file that was fetched."""

    url: str
    name: str
    size: int
    sha256: str


def bring(one: Place, context: Context) -> list[Brought]:
    """Have everything of a place in its target; archives that come alone are unpacked.

    Raises:
        ReasonError: why not.
    """
    with failure.told(one.target):
        make(one.target)
        if one.scheme == "file":
            return _linked(one)
        _sweep(one.target)
        stage = f"{one.target}/{_STAGE}{os.urandom(8).hex()}"
        fsops.make_directory(stage)
        try:
            return _fetched(one, context, stage)
        finally:
            removal.remove(stage)


def _fetched(one: Place, context: Context, stage: str) -> list[Brought]:
    remotes = list(_remotes(one, context))
    with ThreadPoolExecutor(context.network.streams) as pool:
        found = list(pool.map(lambda pair: _one(context, stage, *pair), remotes))
    if one.sha256 and (len(found) != 1 or found[0].sha256 != one.sha256):
        raise ReasonError("DigestMismatch", f"{one.url} has another digest")
    form = _form(found[0].name) if len(found) == 1 else ""
    if form:
        folder = f"{stage}/unpacked"
        fsops.make_directory(folder)
        free = os.statvfs(stage)
        caps = Unpack(form, free.f_bavail * free.f_frsize, _MAX_FILES)
        unpack(f"{stage}/{found[0].name}", caps, Folder(folder), Event())
        stage = folder
    for name in sorted(os.listdir(stage)):
        removal.remove(f"{one.target}/{name}")
        fsops.rename(f"{stage}/{name}", f"{one.target}/{name}")
    fsops.sync_directory(one.target)
    return found


def _remotes(one: Place, context: Context) -> Iterator[tuple[str, Remote]]:
    """Every file of a place: its name below the target, and where it is."""
    if one.scheme == "s3":
        bucket, _, path = one.url.removeprefix("s3://").partition("/")
        for key, name in _keys(context, context.config.stores[0], bucket, path.strip("/")):
            source = Source(f"s3://{bucket}/{key}", context.config.stores[0])
            yield name, next(iter(find((source,), Wanted(), context)))
    elif one.scheme in ("http", "https"):
        name = plain(one.url.partition("?")[0].rstrip("/").rpartition("/")[2].encode())
        access = Headers(places.headers(context.environment, one.url))
        yield name, HttpRemote(context, one.url, access, Wanted())
    else:
        known = "s3, http, https and file are fetched here"
        raise ReasonError("SchemeUnsupported", f"{one.scheme}: {known}")


class Headers:
    """Access by the headers that KServe has for a host."""

    def __init__(self, given: dict[str, str]) -> None:
        self._given = given

    def headers(self, request: Request) -> dict[str, str]:
        """The same for every request."""
        del request
        return self._given

    def renew(self, refusal: Refusal) -> bool:
        """Never."""
        del refusal
        return False


def _keys(context: Context, store: Store, bucket: str, path: str) -> list[tuple[str, str]]:
    """Keys and names of the object at a path, or of all below it; empty objects are left out."""
    found: list[tuple[str, str]] = []
    token = ""
    there = target(Source(f"s3://{bucket}/", store), context)
    while True:
        query = {"list-type": "2", "prefix": path} | (
            {"continuation-token": token} if token else {}
        )
        answer = send(context, Request("GET", f"{there.url}?{urlencode(query)}"), there.access)
        if answer.status != 200:
            raise of_refusal(answer.refusal(), f"s3://{bucket}/{path}")
        text = answer.read(_LIST).decode("utf-8", "replace")
        answer.close()
        for entry in _CONTENT.findall(text):
            fields = {key: unescape(value) for key, value in _FIELD.findall(entry)}
            key = fields.get("Key", "")
            if key == path and path:
                return [(key, plain(key.rpartition("/")[2].encode()))]
            below = not path or key.startswith(f"{path}/")
            if below and not key.endswith("/") and fields.get("Size") != "0":
                found.append((key, plain(key[len(path) :].lstrip("/").encode())))
        more = _NEXT.search(text)
        if more is None:
            break
        token = unescape(more[1])
    if not found:
        raise ReasonError("NotFound", f"no object at or below s3://{bucket}/{path}")
    return found


def _one(context: Context, stage: str, name: str, remote: Remote) -> Brought:
    path = f"{stage}/{name}"
    make(os.path.dirname(path))
    descriptor = fsops.create(path, 0o644)
    try:
        size, digest = _downloaded(context, remote, descriptor)
    finally:
        fsops.close(descriptor)
    return Brought(remote.label, name, size, digest)


def _downloaded(context: Context, remote: Remote, descriptor: int) -> tuple[int, str]:
    """All bytes of a place; a broken connection goes on where it was."""
    download = Download(remote, descriptor)
    for attempt in range(_TRIES):
        before = download.offset
        try:
            return download.go_on()
        except PastEnd:
            download.restart()
        except ReasonError as fault:
            if fault.reason.kind != "wait" or attempt == _TRIES - 1:
                raise
            if fault.code == "SourceChanged":
                download.restart()
            context.stop.wait(fault.after or (0.2 if download.offset > before else 2**attempt))
    raise ReasonError("Protocol", f"{remote.label}: it never came whole")


class Download:
    """How far a file has come."""

    def __init__(self, remote: Remote, descriptor: int) -> None:
        self._remote = remote
        self._descriptor = descriptor
        self._view = memoryview(bytearray(_PIECE))
        self.restart()

    def restart(self) -> None:
        """Begin with nothing."""
        fsops.truncate(self._descriptor, 0)
        self.offset, self._identity, self._hash = 0, "", hashlib.sha256()

    def go_on(self) -> tuple[int, str]:
        """Fetch the rest; size and digest of the whole.

        Raises:
            ReasonError: it broke; what came is kept.
        """
        if not self._identity:
            self.restart()
        flow = self._remote.open(self.offset, self._identity)
        try:
            if flow.start != self.offset:
                self.restart()
            self._identity = flow.identity
            while count := flow.readinto(self._view):
                piece = self._view[:count]
                fsops.write_at(self._descriptor, piece, self.offset)
                self._hash.update(piece)
                self.offset += count
            if flow.total >= 0 and flow.total != self.offset:
                raise ReasonError("Protocol", f"{self._remote.label}: {self.offset} bytes came")
        finally:
            flow.close()
        return self.offset, self._hash.hexdigest()


class Folder:
    """Writes what comes out of an archive into a directory of its own."""

    def __init__(self, root: str) -> None:
        self._root = root

    def directory(self, path: str) -> None:
        """A directory and those above it."""
        make(f"{self._root}/{path}".rstrip("/"))

    def file(self, path: str, executable: bool, size: int) -> File:
        """A new file."""
        del size
        self.directory(os.path.dirname(path))
        return File(fsops.create(f"{self._root}/{path}", 0o755 if executable else 0o644))


class File:
    """One file of an archive."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, view: bytes | memoryview) -> None:
        """Append."""
        fsops.write(self._descriptor, view)

    def close(self) -> None:
        """Be done with it."""
        fsops.close(self._descriptor)


def _linked(one: Place) -> list[Brought]:
    """A path of the pod, such as a claim that KServe mounted: linked, as its initializer does."""
    path = one.url.removeprefix("file://")
    if not os.path.exists(path):
        raise ReasonError("NotFound", f"{path} is not there")
    names = sorted(os.listdir(path)) if os.path.isdir(path) else [os.path.basename(path)]
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    if not names:
        raise ReasonError("NotFound", f"{path} is empty")
    for name in names:
        if not os.path.lexists(f"{one.target}/{name}"):
            fsops.symlink(f"{folder}/{name}", f"{one.target}/{name}")
    return [Brought(f"{folder}/{name}", name, -1, "") for name in names]


def make(path: str) -> None:
    """A directory and those above it; several threads may want the same one."""
    if not os.path.isdir(path):
        make(os.path.dirname(path))
        with suppress(FileExistsError):
            fsops.make_directory(path)


def _form(name: str) -> str:
    ends = (form for end, form in sorted(_ARCHIVES.items(), key=_longest) if name.endswith(end))
    return next(ends, "")


def _longest(pair: tuple[str, str]) -> int:
    return -len(pair[0])


def _sweep(folder: str) -> None:
    for name in os.listdir(folder):
        if name.startswith(_STAGE):
            removal.remove(f"{folder}/{name}")
