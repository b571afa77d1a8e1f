"""Many small files read side by side, in order: a store answers slowly and to many at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final

from compiler.model.codes import dataset as codes
from compiler.model.counted import UncountableError
from compiler.model.ports import Files

LARGEST: Final = 4 << 20
_AT_ONCE: Final = 16
_AHEAD: Final = 64


def contents(files: Files, names: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Each name with the bytes of its file, in the order of the names.

    Raises:
        UncountableError: a file has more than 4 MiB.
    """
    waiting: deque[tuple[str, Future[bytes]]] = deque()
    with ThreadPoolExecutor(_AT_ONCE) as crew:
        for name in names:
            waiting.append((name, crew.submit(small, files, name)))
            if len(waiting) == _AHEAD:
                first, done = waiting.popleft()
                yield first, done.result()
        for first, done in waiting:
            yield first, done.result()


def small(files: Files, name: str) -> bytes:
    """The bytes of a file that must be small.

    Raises:
        UncountableError: it has more than 4 MiB.
    """
    with files.open(name) as stream:
        parts, size = [], 0
        while data := stream.read(LARGEST + 1 - size):
            parts.append(data)
            size += len(data)
            if size > LARGEST:
                raise UncountableError(
                    codes.DATASET_BEYOND,
                    f"longer than {LARGEST >> 20} MiB",
                    "a file of labels for one image is seldom meant to be that long",
                    file=name,
                )
    return b"".join(parts)
