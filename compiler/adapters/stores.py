"""Every kind of store behind one door: the scheme of a URL says which; each is made when needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from threading import Lock
from typing import BinaryIO

from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.ports import Stores
from compiler.model.stored import Stored, StoreError

SCHEMES = {
    "file": ("compiler.adapters.stores_file", "FileStore"),
    "http": ("compiler.adapters.stores_http", "HttpStore"),
    "https": ("compiler.adapters.stores_http", "HttpStore"),
    "oci": ("compiler.adapters.stores_oci", "OciStore"),
    "s3": ("compiler.adapters.stores_s3", "S3Store"),
}
"""Module and class by scheme."""


class AllStores:
    """Asks the store of each location. Thread-safe."""

    def __init__(self, profiles: Mapping[str, str] | None = None) -> None:
        """`profiles` are credentials by store; a store without one has the chain's."""
        self._made: dict[str, Stores] = {}
        self._profiles = dict(profiles or {})
        self._mutex = Lock()

    def list(self, prefix: Location) -> Iterator[Stored]:
        """Every object below a prefix."""
        return self._store(prefix).list(prefix)

    def look(self, at: Location) -> Stored:
        """What is at a location now."""
        return self._store(at).look(at)

    def open(
        self, at: Location, *, start: int = 0, length: int | None = None, etag: str = ""
    ) -> AbstractContextManager[BinaryIO]:
        """A stream of bytes."""
        return self._store(at).open(at, start=start, length=length, etag=etag)

    def put(self, at: Location, data: bytes, *, absent: bool = False) -> Stored:
        """Store bytes."""
        return self._store(at).put(at, data, absent=absent)

    def _store(self, at: Location) -> Stores:
        scheme = at.url.partition(":")[0]
        if scheme not in SCHEMES:
            hint = f"put it into a store of a scheme that is read: {', '.join(sorted(SCHEMES))}"
            raise StoreError(codes.STORE_FAILED, f"{scheme} is no scheme that is read", hint)
        module, name = SCHEMES[scheme]
        with self._mutex:
            if module not in self._made:
                made = getattr(import_module(module), name)
                self._made[module] = made(self._profiles) if scheme == "s3" else made()
            return self._made[module]
