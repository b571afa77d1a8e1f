"""The frame of a tar archive: headers without time, owner or machine, so that they never differ."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator, Sequence

from compiler.model.bundle import Segment, given
from compiler.model.record import dataclass

END = bytes(2 * tarfile.BLOCKSIZE)
"""What ends an archive."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an archive, by the segments that its bytes come in."""

    name: str
    segments: tuple[Segment, ...]

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return sum(one.size for one in self.segments)


def archive(entries: Iterable[Entry]) -> tuple[Segment, ...]:
    """The segments of an archive of some files, in their order."""
    return (*(part for entry in entries for part in _file(entry)), given(END))


def size_of(segments: Sequence[Segment]) -> int:
    """Bytes of some segments."""
    return sum(one.size for one in segments)


def _file(entry: Entry) -> Iterator[Segment]:
    info = tarfile.TarInfo(entry.name)
    info.size, info.mode = entry.size, 0o644
    yield given(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
    yield from entry.segments
    if rest := -entry.size % tarfile.BLOCKSIZE:
        yield given(bytes(rest))
