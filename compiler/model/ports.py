"""What stages need from the outside world, as protocols; adapters implement them.

No protocol here says how, and none of them is for data that a stage could be handed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from compiler.model.inputs import Location
from compiler.model.lock import LockedImage
from compiler.model.stored import Stored


class Exchange(Protocol):
    """Atomic renames of whole directories. Paths are absolute.

    Both methods answer False, with nothing changed, where the file system cannot do it
    (another device, an overlay's lower layer, no such call); any other fault is an OSError.
    """

    def swap(self, first: str, second: str) -> bool:
        """Exchange two existing directories in one step."""
        ...

    def place(self, source: str, target: str) -> bool:
        """Rename `source` to `target`, which must not exist.

        Raises:
            FileExistsError: something lies at `target`.
        """
        ...


class Stores(Protocol):
    """Every kind of store behind one door; the URL of a location says which. Thread-safe.

    Every method raises `StoreError` where the store does not give what was asked.
    """

    def list(self, prefix: Location) -> Iterator[Stored]:
        """Every object below a prefix that ends with a slash, in name order."""
        ...

    def look(self, at: Location) -> Stored:
        """What is at a location now, without its bytes."""
        ...

    def open(
        self, at: Location, *, start: int = 0, length: int | None = None, etag: str = ""
    ) -> AbstractContextManager[BinaryIO]:
        """A stream of the bytes from `start`; with `etag` only of that state of the object."""
        ...

    def put(self, at: Location, data: bytes, *, absent: bool = False) -> Stored:
        """Store bytes; with `absent` only where nothing is stored yet."""
        ...


class Registry(Protocol):
    """Registries of images. Thread-safe."""

    def image(self, reference: str) -> LockedImage:
        """The digest behind a reference and the platforms that it covers.

        Raises:
            StoreError: the registry does not say.
        """
        ...

    def manifest(self, reference: str, digest: str) -> bytes:
        """The manifest or index with that digest in the repository of a reference.

        Raises:
            StoreError: the registry does not give it, or gives something else.
        """
        ...

    def blob(
        self, reference: str, digest: str, *, start: int = 0
    ) -> AbstractContextManager[BinaryIO]:
        """A stream of a blob's bytes, which are not checked.

        Raises:
            StoreError: the registry does not give it.
        """
        ...


class Files(Protocol):
    """The files of one version of a dataset, wherever they lie: a folder, a prefix, an archive."""

    def names(self) -> Iterator[Stored]:
        """Every file, in name order, without its bytes."""
        ...

    def open(self, name: str, *, start: int = 0) -> AbstractContextManager[BinaryIO]:
        """A stream of one file's bytes.

        Raises:
            KeyError: there is no such file.
            StoreError: it cannot be read.
        """
        ...


class Output(Protocol):
    """A finished output as it lies somewhere: in a folder, or in a revision of Git."""

    @property
    def files(self) -> Mapping[str, str]:
        """Every file by its path below the output, with what its bytes are known by."""
        ...

    def read(self, paths: Sequence[str]) -> Mapping[str, bytes]:
        """The bytes of some files."""
        ...
