"""Brings the files of a folder into the store, as blobs: only those that are not here already."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Lock, Thread, get_ident
from typing import Any, NamedTuple

from sidecar.disk import blobs, failure, fsops, removal, scrub, space
from sidecar.disk.manifests import Entry
from sidecar.model.config import Artifact, Unpack
from sidecar.model.digest import sha256
from sidecar.model.reasons import ReasonError
from sidecar.model.text import redact
from sidecar.transfer import engine, folder, small
from sidecar.unpack import listed
from sidecar.worker.bench import Bench, Note

_TELL = 1.0
_SMALL = 1 << 19
"""A file of at most so many bytes begins anew when it breaks off, so that none has a record."""
_BATCH, _MANY = 1 << 20, 64
"""Small files are synced together once there are so many bytes, or files, of them."""


class Gathered(NamedTuple):
    """Bytes that came in, those that were here from before, and where the last ones came from."""

    bytes: int
    resumed: int
    source: str


def gather(bench: Bench, artifact: Artifact, how: Unpack, note: Note, *, first: bool) -> Gathered:
    """Have every file of a folder whose list is here.

    Raises:
        ReasonError: the list is refused, or a file cannot be had now. What came in stays.
        Stopped: the worker is to end.
    """
    lock = engine.turn(bench.context, bench.layout, f"{artifact.sha256}.files", note)
    try:
        return _gathered(bench, artifact, how, note, first=first)
    finally:
        lock.remove()


def _gathered(
    bench: Bench, artifact: Artifact, how: Unpack, note: Note, *, first: bool
) -> Gathered:
    path, missing = bench.layout.blob(artifact.sha256), _Missing()
    if not artifact.private and os.path.isdir(bench.layout.tree(artifact.sha256)):
        _spare(bench, path, how)
    for entry in listed.entries(path, how):
        missing.count(entry, here=blobs.has(bench.layout, entry.sha256))
    if not missing.files:
        return Gathered(0, missing.here, "")
    space.require(bench.layout, bench.config.limits, missing.bytes, missing.files)
    crew = _Crew(bench, artifact, note, listed.entries(path, how), first=first)
    crew.run(min(bench.config.network.streams, missing.files))
    return Gathered(crew.bytes, missing.here + crew.resumed, crew.source)


class _Missing:
    def __init__(self) -> None:
        self.files = self.bytes = self.here = 0

    def count(self, entry: Entry, *, here: bool) -> None:
        if here:
            self.here += entry.size
        elif not entry.directory:
            self.files += 1
            self.bytes += entry.size


class _Crew:
    """Threads that share the files among them; the first fault ends all."""

    def __init__(
        self, bench: Bench, artifact: Artifact, note: Note, entries: Iterator[Entry], *, first: bool
    ) -> None:
        self.bytes = self.resumed = 0
        self.source = ""
        self._bench = bench
        self._artifact = artifact
        self._note = note
        self._entries = entries
        self._first = first
        self._lock = Lock()
        self._fault: BaseException | None = None
        self._under_way: dict[int, int] = {}
        self._told = 0.0

    def run(self, threads: int) -> None:
        """Fetch everything."""
        team = [Thread(target=self._work, daemon=True) for _ in range(threads)]
        for one in team:
            one.start()
        for one in team:
            one.join()
        if self._fault is not None:
            raise self._fault

    def _work(self) -> None:
        try:
            while batch := self._next():
                for entry in self._quickly(batch):
                    self._fetch(entry)
        except BaseException as fault:
            with self._lock:
                self._fault = self._fault or fault

    def _next(self) -> list[Entry]:
        """A file, or several small ones."""
        batch: list[Entry] = []
        size = 0
        with self._lock:
            for entry in self._entries if self._fault is None else ():
                if entry.directory or blobs.has(self._bench.layout, entry.sha256):
                    continue
                batch.append(entry)
                size += entry.size
                if size > _BATCH or len(batch) == _MANY:
                    break
        return batch

    def _quickly(self, batch: list[Entry]) -> list[Entry]:
        """Fetch the small files of a batch with few syncs; what is left for the usual way."""
        bench, files = self._bench, {one.sha256: one for one in batch if one.size <= _SMALL}
        if len(files) < 2:
            return batch
        guard = space.Guard(bench.layout, bench.config.limits)
        stage = bench.owner.scratch()
        fsops.make_directory(stage)
        ready: list[tuple[str, str]] = []
        try:
            for number, entry in enumerate(files.values()):
                data = self._small(entry)
                if data is not None:
                    guard.wrote(len(data))
                    ready.append((f"{stage}/{number}", entry.sha256))
                    _write(ready[-1][0], data)
            blobs.seal_all(bench.layout, bench.owner, stage, ready, self._artifact.private)
        finally:
            removal.remove(stage)
        came = {digest for _, digest in ready}
        with self._lock:
            self.bytes += sum(files[digest].size for digest in came)
        self._tell("progress", {"phase": "fetch"})
        return [one for one in batch if one.sha256 not in came]

    def _small(self, entry: Entry) -> bytes | None:
        """The bytes of a small file; None where they cannot be had at the first attempt."""
        context = self._bench.context
        context.allow(first=self._first)
        for source in folder.file(self._artifact, entry).sources:
            with suppress(ReasonError):
                data = small.get(source, context, entry.size)
                if sha256(data).hexdigest() == entry.sha256:
                    self.source = redact(source.url)
                    return data
        return None

    def _fetch(self, entry: Entry) -> None:
        bench, part = self._bench, folder.file(self._artifact, entry)
        found = engine.fetch(
            part, bench.context, bench.layout, bench.owner, self._tell, first=self._first
        )
        with self._lock:
            self.bytes += found.bytes
            self.resumed += found.resumed
            self.source = found.source or self.source
            self._under_way.pop(get_ident(), None)
        self._tell("progress", {"phase": "fetch"})

    def _tell(self, event: str, body: dict[str, Any]) -> None:
        """Say how far all files together are, and pass on everything else."""
        if event != "progress":
            self._note(event, body)
            return
        with self._lock:
            if "bytes" in body:
                self._under_way[get_ident()] = body["bytes"]
            total = self.bytes + sum(self._under_way.values())
            now = time.monotonic()
            due = now - self._told >= _TELL
            self._told = now if due else self._told
        if due:
            self._note("progress", {**body, "bytes": total})


def _write(path: str, data: bytes) -> None:
    with failure.told(path):
        descriptor = fsops.create(path)
        try:
            fsops.write(descriptor, data)
        finally:
            fsops.close(descriptor)


def _spare(bench: Bench, path: str, how: Unpack) -> None:
    """Set aside blobs that rotted: the tree is there and no longer known, so one of them may."""
    for entry in listed.entries(path, how):
        bench.context.check()
        if not entry.directory:
            scrub.spare(bench.layout, bench.owner, entry.sha256)
