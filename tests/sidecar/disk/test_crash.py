"""C2: every state that a power cut could leave is one that the store can go on from.

The states are worked out from the log of a run (`support/crash.py`). In each, no name may promise
what is not there, and the same run, done again, must end as it should have.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from sidecar.activation import places, releases
from sidecar.disk import blobs, collect, documents, owner, partial, store, tenants, trees
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from tests.sidecar.disk.given import accept, limits, raw, sha
from tests.sidecar.support import crash
from tests.sidecar.support.invariants import problems
from tests.sidecar.support.volume import Change, Volume

BYTES = bytes(range(256)) * 40
OLD, NEW = b"old weights", b"new weights"
CONTENTS = {sha(data): data for data in (BYTES, OLD, NEW)}
FILES = {"config.pbtxt": b"name: 'detector'", "1/model.onnx": BYTES, "1/run.sh": b"#!/bin/sh"}


class Scenario(NamedTuple):
    """What is there before, what then happens, and what must be true when it has happened."""

    name: str
    prepare: Callable[[Layout, Owner], object]
    run: Callable[[Layout, Owner], object]
    ended: Callable[[Layout], bool]


def _seal(layout: Layout, own: Owner) -> None:
    part = partial.open_partial(layout, own, sha(BYTES), len(BYTES), 4096)
    for start in range(part.position, len(BYTES), 2048):
        part.write(BYTES[start : start + 2048])
    part.seal(private=False)


def _interrupt(layout: Layout, own: Owner) -> None:
    part = partial.open_partial(layout, own, sha(BYTES), len(BYTES), 4096)
    part.identity = {"etag": "one"}
    part.write(BYTES[:6000])
    part.close()


def _build(layout: Layout, own: Owner) -> None:
    writer = trees.TreeWriter(layout, own, private=False)
    for path, data in FILES.items():
        file = writer.file(path, path.endswith(".sh"), len(data))
        file.write(data)
        file.close()
    trees.remember(layout, own, sha(b"archive"), "tar", writer.finish())


def _write(layout: Layout, own: Owner) -> None:
    accept(layout, own, "job.worker", [sha(NEW)])


def _switch(layout: Layout, own: Owner) -> None:
    """As the core does it: the bytes, the tree, the release, the pointers."""
    digest, tree = raw(layout, own, NEW)
    _point(layout, own, digest, tree)


def _replace(layout: Layout, own: Owner) -> None:
    """The old version is replaced, and a look of the collector has seen what is loose."""
    _first(layout, own)
    digest, _ = raw(layout, own, BYTES, "unused.bin")
    assert blobs.has(layout, digest)
    accept(layout, own, "job.worker", [sha(NEW)])
    _switch(layout, own)
    collect.collect(layout, own, limits(layout.root), 1_000_000)


def _collect(layout: Layout, own: Owner) -> None:
    collect.collect(layout, own, limits(layout.root), 1_000_601)
    collect.collect(layout, own, limits(layout.root), 1_001_202)


def _first(layout: Layout, own: Owner) -> None:
    accept(layout, own, "job.worker", [sha(OLD)])
    digest, tree = raw(layout, own, OLD)
    _point(layout, own, digest, tree)


def _point(layout: Layout, own: Owner, digest: str, tree: str) -> None:
    slot = layout.slot("job.worker", "model.detector")
    places.make(f"{slot}/releases")
    member = releases.Member(
        "model/detector", "1", "", digest, "raw", tree, "model.onnx", "flat", "detector", 0, False
    )
    release = releases.build(own, slot, (member,), {})
    before = releases.pointed(slot, releases.CURRENT)
    if before and before != release:
        releases.point(own, slot, releases.PREVIOUS, before)
    releases.point(own, slot, releases.CURRENT, release)


def _shows(layout: Layout) -> bytes:
    path = Path(layout.slot("job.worker", "model.detector", "current", "model", "detector"))
    return path.read_bytes()


SCENARIOS = (
    Scenario("seal", lambda *_: None, _seal, lambda layout: blobs.has(layout, sha(BYTES))),
    Scenario("resume", _interrupt, _seal, lambda layout: blobs.has(layout, sha(BYTES))),
    Scenario(
        "build",
        lambda *_: None,
        _build,
        lambda layout: trees.known(layout, sha(b"archive"), "tar") is not None,
    ),
    Scenario(
        "write",
        lambda layout, own: accept(layout, own, "job.worker", [sha(OLD)]),
        _write,
        lambda layout: wanted(layout) == [sha(NEW)],
    ),
    Scenario(
        "collect",
        _replace,
        _collect,
        lambda layout: not blobs.has(layout, sha(BYTES)) and _shows(layout) == NEW,
    ),
    Scenario("switch", _first, _switch, lambda layout: _shows(layout) == NEW),
)


def wanted(layout: Layout) -> list[str]:
    """The digests of the accepted config; those of one of the two, never anything else."""
    document = documents.read(layout.tenant("job.worker", "config", "accepted.json"))
    return [one["sha256"] for one in document["artifacts"]] if document else []


class Recorded(NamedTuple):
    scenario: Scenario
    before: Volume
    log: list[Change]


def record(scenario: Scenario, folder: Path) -> Recorded:
    """Run a scenario once; its preparation counts as durable."""
    layout = store.open_store(f"{folder}/store")
    lock = tenants.enter(layout, "job.worker")
    assert lock is not None
    with owner.enter(layout) as own:
        scenario.prepare(layout, own)
    before = crash.snapshot(str(folder))
    with crash.recorded(str(folder)) as log, owner.enter(layout) as own:
        scenario.run(layout, own)
    lock.release()
    assert scenario.ended(layout)
    return Recorded(scenario, before, log)


def check(recorded: Recorded) -> crash.Check:
    """Nothing is wrong after the cut, and the same run then ends well."""

    def checked(path: str) -> list[str]:
        root = f"{path}/store"
        wrong = problems(root, CONTENTS)
        if recorded.scenario.name in {"write", "switch", "collect"} and not wanted(Layout(root)):
            wrong.append("the accepted config is neither the old nor the new one")
        if (
            recorded.scenario.name == "switch"
            and not wrong
            and _shows(Layout(root)) not in (OLD, NEW)
        ):
            wrong.append("what is active is neither the old nor the new version")
        return wrong or _again(recorded.scenario, root)

    return checked


def _again(scenario: Scenario, root: str) -> list[str]:
    layout = store.open_store(root)
    with owner.enter(layout) as own:
        owner.sweep(layout)
        lock = tenants.enter(layout, "job.worker")
        scenario.run(layout, own)
        if lock is not None:
            lock.release()
    wrong = problems(root, CONTENTS)
    if not scenario.ended(layout):
        wrong.append("the run did not end when it was done again")
    if os.listdir(layout.store("staging")):  # noqa: PTH208 - emptiness is all that counts
        wrong.append("staging was not swept")
    return [f"done again: {one}" for one in wrong]


@pytest.mark.parametrize("torn", [False, True], ids=["journaled", "torn"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda one: one.name)
def test_c2_a_power_cut_at_any_moment_leaves_a_store_that_goes_on(
    scenario: Scenario, torn: bool, tmp_path: Path, campaign: bool
) -> None:
    recorded = record(scenario, tmp_path)
    report = crash.enumerate_states(
        recorded.log,
        recorded.before,
        check(recorded),
        limit=4096 if campaign or not torn else 512,
        samples=640 if campaign else 64,
        torn_renames=torn,
    )
    print(f"{scenario.name}: {report}")
    assert report.problems == []
    assert report.states > 10


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("seal", ("sync",)),
        ("seal", ("sync_data",)),
        ("resume", ("sync_data",)),
        ("build", ("sync",)),
        ("build", ("sync_directory",)),
        ("write", ("sync",)),
        ("switch", ("sync",)),
        ("switch", ("sync_directory",)),
    ],
)
def test_sabotage_a_missing_sync_is_found(
    name: str, missing: tuple[str, ...], tmp_path: Path
) -> None:
    recorded = record(next(one for one in SCENARIOS if one.name == name), tmp_path)
    log = crash.without(recorded.log, *missing)
    assert len(log) < len(recorded.log)
    report = crash.enumerate_states(log, recorded.before, check(recorded), limit=256, enough=1)
    print(f"{name} without {missing}: {report}")
    assert report.problems


@pytest.mark.parametrize("name", ["seal", "write"])
def test_sabotage_a_copy_in_the_place_of_a_rename_is_found(name: str, tmp_path: Path) -> None:
    recorded = record(next(one for one in SCENARIOS if one.name == name), tmp_path)
    log = crash.renames_copied(recorded.log, recorded.before)
    report = crash.enumerate_states(log, recorded.before, check(recorded), limit=256, enough=1)
    print(f"{name} with copies: {report}")
    assert report.problems
