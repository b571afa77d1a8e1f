"""Counts one version of a dataset where it lies: a file or every file below a folder of a store.

Opens nothing by itself and judges nothing: stores come from outside, findings are numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import BinaryIO

from compiler import datasets
from compiler.datasets.archive import unpacked
from compiler.model.counted import Counted, CountRequest
from compiler.model.inputs import Location
from compiler.model.ports import Files, Stores
from compiler.model.record import dataclass
from compiler.model.spec.artifacts import DatasetSpec
from compiler.model.splitting import Splits
from compiler.model.stored import Stored, below, is_manifest


def count(stores: Stores, dataset: DatasetSpec, version: str, at: Location) -> Counted:
    """Count a version; `at` is where its bytes are.

    Raises:
        StoreError: it cannot be read.
        UncountableError: a file of it is refused.
    """
    with opened(stores, dataset, version, at) as files:
        found = datasets.dataset_format(dataset.format)
        return found.count(files, request(dataset, version))


def opened(
    stores: Stores, dataset: DatasetSpec, version: str, at: Location
) -> AbstractContextManager[Files]:
    """The files of a version, out of their archive where it is one; a folder is none.

    Raises:
        StoreError: it cannot be read.
        UncountableError: the archive is broken, or the sidecar would refuse it.
    """
    entry = dataset.versions.get(version)
    form = entry.unpack if entry and not at.url.endswith("/") else None
    return unpacked(StoreFiles(stores, at), form or "", digests=dataset.splits is not None)


def request(dataset: DatasetSpec, version: str, pictures: int = 0) -> CountRequest:
    """What the spec says of a version, as far as counting needs it."""
    splits, entry = dataset.splits, dataset.versions.get(version)
    parts = tuple(splits.parts.items()) if splits and splits.seed is not None else ()
    columns = dataset.columns.model_dump(exclude_none=True) if dataset.columns else {}
    return CountRequest(
        classes=dataset.classes,
        annotations=(entry.annotations if entry else None) or "",
        columns=columns,
        splits=Splits(splits.seed, parts) if splits and splits.seed is not None else None,
        pictures=pictures,
    )


@dataclass(frozen=True, slots=True)
class StoreFiles:
    """A location of a store as files: one object, or every object below a folder."""

    stores: Stores
    at: Location

    def names(self) -> Iterator[Stored]:
        """Every file, in name order."""
        if not self.at.url.endswith("/"):
            stored = self.stores.look(self.at)
            yield replace(stored, name=self.at.url.rpartition("/")[2])
            return
        for one in self.stores.list(self.at):
            if not one.name.endswith("/") and not is_manifest(one.name):
                yield one

    def open(self, name: str, *, start: int = 0) -> AbstractContextManager[BinaryIO]:
        """A stream of one file's bytes.

        Raises:
            KeyError: there is no such file.
            StoreError: it cannot be read.
        """
        folder, _, own = self.at.url.rpartition("/")
        if own and own != name:
            raise KeyError(name)
        place = self.at if own else below(replace(self.at, url=f"{folder}/"), name)
        return self.stores.open(place, start=start)
