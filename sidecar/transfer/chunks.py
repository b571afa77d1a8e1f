"""Digests of an artifact's equal parts: checks bytes as they arrive, so that one flip costs a part.

The list is one file of binary digests whose own digest is the root that the config states; it is
fetched and kept like any artifact. It never replaces the digest of the whole.
"""

from __future__ import annotations

import hashlib
import os

from sidecar.model.config import Artifact, Chunks, Source

LENGTH = 32
_PIECE = 1 << 18


def listing(artifact: Artifact, chunks: Chunks) -> Artifact:
    """The chunk list as an artifact of its own: beside the bytes, and among peers by its digest."""
    return artifact._replace(
        sha256=chunks.root,
        size=chunks.number * LENGTH,
        unpacked=-1,
        chunks=None,
        unpack=None,
        private=False,
        sources=tuple(place for source in artifact.sources for place in _beside(source)),
    )


def _beside(source: Source) -> tuple[Source, ...]:
    url = source.url
    if url.startswith("peer:"):
        return (source,)
    if url.startswith(("http:", "https:")):
        path, mark, query = url.partition("?")
        return (source._replace(url=f"{path}.chunks{mark}{query}"),)
    if url.startswith("oci:"):
        # A repository knows blobs by digest: the list may be a layer of the same artifact.
        bare = url.partition("#")[0]
        return (source,) if "@" in bare else (source, source._replace(url=f"{bare}.chunks"))
    return (source._replace(url=f"{url}.chunks"),)


class BadChunk(Exception):  # noqa: N818 - a finding, not an error of ours
    """Bytes that are not what the list says. `start` is where their chunk begins."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class Checker:
    """Compares bytes with a list while they go by, in order."""

    def __init__(self, descriptor: int, chunks: Chunks, size: int) -> None:
        self.hashed = 0
        self._list = descriptor
        self._chunks = chunks
        self._size = size
        self._at = 0
        self._hash = hashlib.sha256()

    def seek(self, position: int, path: str) -> None:
        """Go on from a position; what of its chunk lies in the file already is read from there.

        Raises:
            BadChunk: it is the end of a chunk, and that is not as the list says.
        """
        start = position - position % self._chunks.size
        self._at, self._hash = start, hashlib.sha256()
        if start == position:
            return
        with open(path, "rb", buffering=0) as file:
            file.seek(start)
            while self._at < position:
                data = file.read(min(_PIECE, position - self._at))
                if not data:
                    raise BadChunk(start)
                self.feed(memoryview(data))

    def feed(self, view: memoryview) -> None:
        """Take in what arrived.

        Raises:
            BadChunk: a chunk that it completes is wrong.
        """
        while view:
            start = self._at - self._at % self._chunks.size
            end = min(start + self._chunks.size, self._size)
            part = view[: end - self._at]
            if not part:
                return  # more than there should be, which is the engine's to refuse
            self._hash.update(part)
            self.hashed += len(part)
            self._at += len(part)
            view = view[len(part) :]
            if self._at == end:
                self._compare(start)

    def close(self) -> None:
        """Be done with the list."""
        os.close(self._list)

    def _compare(self, start: int) -> None:
        digest, self._hash = self._hash.digest(), hashlib.sha256()
        place = start // self._chunks.size * LENGTH
        if os.pread(self._list, LENGTH, place) != digest:
            raise BadChunk(start)
