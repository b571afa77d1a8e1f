"""How often a store of reports is asked for a status."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from compiler import pipeline
from compiler.adapters.stores import AllStores
from compiler.commands.status_reports import heard
from compiler.model.diagnostics import Diagnostics
from compiler.model.inputs import Location
from compiler.model.stored import Stored
from tests.bench import bench_status


class Counted(AllStores):
    """Every store, with what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.lists: list[str] = []
        self.reads: list[str] = []

    def list(self, prefix: Location) -> Iterator[Stored]:
        self.lists.append(prefix.url)
        return super().list(prefix)

    def open(
        self, at: Location, *, start: int = 0, length: int | None = None, etag: str = ""
    ) -> AbstractContextManager[BinaryIO]:
        self.reads.append(at.url)
        return super().open(at, start=start, length=length, etag=etag)


def test_a_store_is_listed_once_and_each_report_is_read_once(tmp_path: Path) -> None:
    spec, count = bench_status.fleet(tmp_path)
    prepared = pipeline.prepare(pipeline.Request(root=spec), Diagnostics())
    fronts = prepared.workshop.fronts
    assert len(fronts) == 2
    sites = {front.context.environment: set(front.context.sites) for front in fronts}
    stores, diagnostics = Counted(), Diagnostics()
    found = heard(fronts, sites, stores, diagnostics)
    assert len(stores.lists) == 1
    assert len(stores.reads) == len(set(stores.reads)) == count == 2000
    assert {name: len(some) for name, some in found.reports.items()} == {
        "sample": 20, "prod": 1980,
    }  # fmt: skip
    assert not diagnostics.found

    one = Counted()
    heard(fronts, {"prod": {"store-1500"}}, one, diagnostics)
    assert (len(one.lists), len(one.reads)) == (1, 1)
    shutil.rmtree(tmp_path / "store")
    assert heard(fronts, sites, Counted(), diagnostics).reports == {"sample": [], "prod": []}
