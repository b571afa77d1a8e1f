"""A power cut at any moment between a worker's rename and the receipt loses nothing.

The states are worked out from the log of a run (`support/crash.py`). In each, the file is still the
worker's, or it waits whole, or a receipt says that it is stored; and going on ends well.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from threading import Event
from typing import NamedTuple

import pytest

from sidecar.disk import owner, store
from sidecar.disk.layout import Layout
from sidecar.model.config import Limits, Stream
from sidecar.outbox.accept import Acceptor
from sidecar.outbox.names import item_of
from sidecar.outbox.spool import Spool
from tests.sidecar.outbox.given import TENANT, given
from tests.sidecar.support import crash
from tests.sidecar.support.volume import Change, Volume

DATA = {"first.bin": b"first " * 700, "second.bin": b"second " * 900}
GO = Event()


class Recorded(NamedTuple):
    """What lay there before, and every change of one run."""

    before: Volume
    log: list[Change]


def spool_of(root: str, own: owner.Owner) -> Spool:
    limits = Limits(root, min_free=0, min_free_percent=0)
    stream = Stream("gradients", "s3://results/fl/", max_bytes=1 << 20)
    return Spool(Layout(root), TENANT, stream, limits, own)


def acceptor_of(folder: str, spool: Spool) -> Acceptor:
    return Acceptor(f"{folder}/run", {"gradients": spool}, lambda *_: None, settled=0)


def record(tmp_path: Path) -> Recorded:
    """Two files are accepted and stored, one after the other."""
    here = given(tmp_path)
    here.acceptor(here.spool(max_bytes=1 << 20))
    for name, data in DATA.items():
        here.left(name, data)
    here.own.leave()
    before = crash.snapshot(str(tmp_path))
    with crash.recorded(str(tmp_path)) as log, owner.enter(here.layout) as own:
        _run(str(tmp_path), own)
    return Recorded(before, log)


def _run(folder: str, own: owner.Owner) -> None:
    spool = spool_of(f"{folder}/store", own)
    acceptor_of(folder, spool).take(GO)
    for one in spool.oldest():
        spool.finish(one.text, f"s3://results/fl/{one.text}")


def check(path: str) -> list[str]:
    """What is wrong in a state, and after going on from it."""
    wrong = [f"{name} is nowhere" for name, data in DATA.items() if not _is_somewhere(path, data)]
    waiting = Path(path, "store/tenants", TENANT, "outbox/gradients/new")
    for one in waiting.iterdir() if waiting.is_dir() else ():
        item = item_of(one.name)
        if item and hashlib.sha256(one.read_bytes()).hexdigest() != item.sha256:
            wrong.append(f"{one.name} waits with other bytes")
    return wrong or _again(path)


def _is_somewhere(path: str, data: bytes) -> bool:
    digest = hashlib.sha256(data).hexdigest()
    stream = Path(path, "store/tenants", TENANT, "outbox/gradients")
    left = [one for one in Path(path, "run/outbox/gradients").iterdir() if one.read_bytes() == data]
    kept = [
        one
        for part in ("new", "sent")
        if (stream / part).is_dir()
        for one in (stream / part).iterdir()
        if one.name.startswith(digest) and one.stat().st_size
    ]
    return bool(left or kept)


def _again(path: str) -> list[str]:
    layout = store.open_store(f"{path}/store")
    with owner.enter(layout) as own:
        owner.sweep(layout)
        _run(path, own)
        spool = spool_of(layout.root, own)
        wrong = [] if not spool.oldest() else ["something still waits"]
        for name, data in DATA.items():
            text = f"{hashlib.sha256(data).hexdigest()}~{name}"
            if not spool.receipt(text):
                wrong.append(f"{name} has no receipt")
        if os.listdir(spool.at("tmp")):  # noqa: PTH208 - emptiness is all that counts
            wrong.append("what was half made is still there")
    left = list(Path(path, "run/outbox/gradients").iterdir())
    return [*wrong, *(f"{one.name} is still the worker's" for one in left)]


def test_a_power_cut_at_any_moment_loses_no_accepted_file(tmp_path: Path, campaign: bool) -> None:
    recorded = record(tmp_path)
    report = crash.enumerate_states(
        recorded.log, recorded.before, check,
        limit=4096 if campaign else 512, samples=640 if campaign else 64,
    )  # fmt: skip
    print(f"outbox: {report}")
    assert report.problems == []
    assert report.states > 50


@pytest.mark.parametrize("missing", ["sync", "sync_directory"])
def test_the_search_notices_a_sync_that_is_missing(tmp_path: Path, missing: str) -> None:
    recorded = record(tmp_path)
    log = crash.without(recorded.log, missing)
    assert len(log) < len(recorded.log)
    report = crash.enumerate_states(log, recorded.before, check, limit=256, enough=1)
    print(f"outbox without {missing}: {report}")
    assert report.problems
