"""What the tests of the outbox start from: a store, a worker's volume, a stream."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

from sidecar.disk import owner, store
from sidecar.disk.layout import Layout
from sidecar.model.config import Limits, Stream
from sidecar.outbox import ground
from sidecar.outbox.accept import Acceptor
from sidecar.outbox.spool import Spool

TENANT = "train.edge"


class Given(NamedTuple):
    """A store and a worker's volume below one directory."""

    layout: Layout
    own: owner.Owner
    run: Path
    notes: list[tuple[str, str, str]]

    def spool(self, name: str = "gradients", **facts: Any) -> Spool:
        """The spool of a stream, opened anew."""
        limits = facts.pop("limits", Limits(self.layout.root, min_free=0, min_free_percent=0))
        clock = facts.pop("clock", time.time)
        stream = Stream(name, facts.pop("to", "s3://results/fl/"), **facts)
        return Spool(self.layout, TENANT, stream, limits, self.own, clock=clock)

    def acceptor(self, *spools: Spool, settled: float = 0.0) -> Acceptor:
        """What takes files of the volume into spools, told of nothing yet."""
        ground.prepare(str(self.run), tuple(one.stream.name for one in spools))
        known = {one.stream.name: one for one in spools}
        return Acceptor(str(self.run), known, self._note, settled=settled)

    def left(self, name: str, data: bytes = b"data", stream: str = "gradients") -> Path:
        """A file that a worker left by the documented protocol."""
        folder = self.run / "outbox" / stream
        (folder / f".{os.urandom(4).hex()}").write_bytes(data)
        path = folder / name
        next(folder.glob(".????????")).rename(path)
        return path

    def _note(self, code: str, stream: str, detail: str) -> None:
        self.notes.append((code, stream, detail))


def given(folder: Path) -> Given:
    """A fresh one."""
    run = folder / "run"
    run.mkdir(exist_ok=True)
    layout = store.open_store(str(folder / "store"))
    (folder / "store" / "tenants" / TENANT / "outbox").mkdir(parents=True, exist_ok=True)
    return Given(layout, owner.enter(layout), run, [])


def contents(spool: Spool, part: str = "new") -> dict[str, bytes]:
    """What lies in a part of a spool, by the name that the worker gave it."""
    folder = Path(spool.at(part))
    return {path.name.partition("~")[2]: path.read_bytes() for path in sorted(folder.iterdir())}


def names(folder: Path | str) -> list[str]:
    """What lies in a directory, sorted."""
    return sorted(path.name for path in Path(folder).iterdir())
