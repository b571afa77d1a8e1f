"""D1, D2, D4, D5: what happens when bytes or inodes run short."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sidecar.disk import blobs, collect, documents, journal, owner, partial, space, store, tenants
from sidecar.disk.layout import Layout
from sidecar.model.config import Limits
from sidecar.model.reasons import ReasonError
from tests.sidecar.disk.given import accept, activate, blob, limits, names, raw, sha, tree
from tests.sidecar.support import disks
from tests.sidecar.support.invariants import problems

MIB = 1 << 20


@pytest.fixture
def layout() -> Iterator[Layout]:
    with disks.tmpfs("32m", inodes=400) as path:
        yield store.open_store(f"{path}/store")


@pytest.fixture
def own(layout: Layout) -> Iterator[owner.Owner]:
    with owner.enter(layout) as entered:
        yield entered


def fill(layout: Layout, leave: int) -> Path:
    """Let another program of the node take all space but a part."""
    path = Path(layout.root).parent / "other"
    with path.open("wb", buffering=0) as file, suppress(OSError):
        found = os.statvfs(path.parent)
        file.write(b"x" * (found.f_bavail * found.f_frsize - leave))
    return path


def refused(layout: Layout, bounds: Limits, size: int, inodes: int = 0) -> ReasonError:
    """Why so much is not to be had."""
    with pytest.raises(ReasonError) as raised:
        space.require(layout, bounds, size, inodes)
    return raised.value


def test_d1_too_little_space_is_known_before_a_byte_is_fetched(
    layout: Layout, own: owner.Owner
) -> None:
    bounds = limits(layout.root, min_free=8 * MIB)
    with pytest.raises(ReasonError) as raised:
        partial.open_partial(layout, own, "a" * 64, 30 * MIB, limits=bounds)
    assert raised.value.code == "DiskFull"
    assert raised.value.facts["need"] == 30 * MIB
    assert 20 * MIB < raised.value.facts["free"] < 24 * MIB
    assert f"free beyond the {8 * MIB} that stay free" in raised.value.detail
    assert space.used(layout) < MIB


def test_d1_what_nobody_keeps_makes_room(layout: Layout, own: owner.Owner) -> None:
    bounds = limits(layout.root, grace=600)
    accept(layout, own, "job.worker", [])
    raw(layout, own, b"x" * (20 * MIB))
    collect.collect(layout, own, bounds, 1_000_000)
    assert refused(layout, bounds, 20 * MIB).code == "DiskFull"
    assert collect.collect(layout, own, bounds, 1_000_600) >= 20 * MIB
    space.require(layout, bounds, 20 * MIB, 0)


def test_d2_a_disk_that_fills_up_costs_at_most_a_chunk(layout: Layout, own: owner.Owner) -> None:
    data = os.urandom(20 * MIB)
    part = partial.open_partial(layout, own, sha(data), -1)
    other = fill(layout, 10 * MIB)
    with pytest.raises(ReasonError, match="DiskFull"):
        _write_all(part, data)
    assert part.trusted == 8 * MIB
    part.close()
    other.unlink()
    with partial.open_partial(layout, own, sha(data), -1) as again:
        assert again.trusted >= 8 * MIB
        _write_all(again, data[again.position :])
        again.seal(private=False)
    assert problems(layout.root) == []
    assert blobs.size(layout, sha(data)) == len(data)


def _write_all(part: partial.Partial, data: bytes) -> None:
    for start in range(0, len(data), MIB):
        part.write(data[start : start + MIB])


def test_d2_a_full_disk_leaves_what_is_active_and_heals(layout: Layout, own: owner.Owner) -> None:
    lock = tenants.enter(layout, "job.worker")
    old = raw(layout, own, b"old" * MIB)
    accept(layout, own, "job.worker", [old[0]])
    activate(layout, own, "job.worker", "model.a", {"model/a": old})
    other = fill(layout, 0)
    log = journal.Journal(layout, "job.worker")
    log.write({"event": "nobody hears"})  # a lost event is no reason to fail
    with pytest.raises(ReasonError, match="DiskFull"):
        accept(layout, own, "job.worker", ["b" * 64])
    with pytest.raises(ReasonError, match="DiskFull"):
        tree(layout, own, {"a": b"x" * 5000})
    assert problems(layout.root) == []
    assert documents.read(layout.tenant("job.worker", "config", "accepted.json")) is not None
    other.unlink()
    new = raw(layout, own, b"new" * MIB)
    accept(layout, own, "job.worker", [new[0]])
    activate(layout, own, "job.worker", "model.a", {"model/a": new})
    log.write({"event": "heard"})
    assert problems(layout.root) == []
    assert lock is not None


@pytest.mark.parametrize("kind", ["ext4", "xfs", "tmpfs"])
def test_d2_a_disk_without_a_byte_left_can_be_collected(kind: str) -> None:
    with disks.tmpfs("32m", inodes=200) if kind == "tmpfs" else disks.mounted(kind) as path:
        layout = store.open_store(f"{path}/store")
        bounds = limits(layout.root, grace=0)
        with owner.enter(layout) as own:
            raw(layout, own, b"x" * (20 * MIB))
            collect.collect(layout, own, bounds, 1_000_000)
        fill(layout, 0)
        exhaust(Path(path, "inodes"))
        layout = store.open_store(layout.root)
        with owner.enter(layout) as own:
            assert collect.collect(layout, own, bounds, 1_000_001) >= 20 * MIB
        assert names(store.open_store(layout.root).store("reserve")) != []


def exhaust(folder: Path) -> None:
    """Take every block and inode that is left."""
    folder.mkdir()
    with suppress(OSError):
        for number in range(100_000):
            with (folder / str(number)).open("wb") as file:
                file.write(b"x" * 100)
                file.flush()


def test_d4_a_lower_quota_takes_the_version_before_then_the_partials_and_never_the_active(
    layout: Layout, own: owner.Owner
) -> None:
    previous, current = raw(layout, own, b"1" * (4 * MIB)), raw(layout, own, b"2" * (4 * MIB))
    accept(layout, own, "job.worker", [current[0]])
    for version in (previous, current):
        activate(layout, own, "job.worker", "model.a", {"model/a": version})
    now = time.time()
    _collect_below(layout, own, 5 * MIB, now + 1)
    assert blobs.has(layout, previous[0]), "the grace of the version before is not over"
    with owner.enter(layout) as dead:
        partial.open_partial(layout, dead, "c" * 64, 4 * MIB).close()
    before = space.used(layout)
    _collect_below(layout, own, before - MIB, now + 700)
    assert not blobs.has(layout, previous[0])
    assert not Path(layout.slot("job.worker", "model.a", "previous")).is_symlink()
    assert names(layout.store("partial")) != []
    _collect_below(layout, own, 5 * MIB, now + 701)
    assert names(layout.store("partial")) == []
    _collect_below(layout, own, MIB, now + 5000)
    assert blobs.has(layout, current[0])
    assert problems(layout.root) == []


def _collect_below(layout: Layout, own: owner.Owner, quota: int, now: float) -> None:
    collect.collect(layout, own, limits(layout.root, max_bytes=quota, grace=600), now)


def test_d4_a_version_that_is_being_proven_keeps_the_one_before(
    layout: Layout, own: owner.Owner
) -> None:
    previous, current = raw(layout, own, b"1" * MIB), raw(layout, own, b"2" * MIB)
    accept(layout, own, "job.worker", [current[0]])
    for version in (previous, current):
        activate(layout, own, "job.worker", "model.a", {"model/a": version})
    record = layout.slot("job.worker", "model.a", "record.json")
    documents.write(own, record, {"phase": "probation"})
    _collect_below(layout, own, 1, time.time() + 5000)
    assert blobs.has(layout, previous[0])
    documents.write(own, record, {"phase": "idle"})
    _collect_below(layout, own, 1, time.time() + 5000)
    assert not blobs.has(layout, previous[0])


def test_d5_inodes_are_counted_too(layout: Layout) -> None:
    left = space.room(layout, limits(layout.root)).inodes
    space.require(layout, limits(layout.root), 0, left)
    reason = refused(layout, limits(layout.root), 0, left + 1)
    assert (reason.code, reason.facts) == ("DiskFull", {"need": left + 1, "free": left})


def test_d5_running_out_of_inodes_leaves_nothing_behind(layout: Layout, own: owner.Owner) -> None:
    before = space.room(layout, limits(layout.root)).inodes
    with pytest.raises(ReasonError, match="DiskFull"):
        tree(layout, own, {f"{n}": b"" for n in range(500)})
    owner.sweep(layout)
    own.leave()
    assert space.room(layout, limits(layout.root)).inodes >= before


def test_the_quota_is_told_from_the_disk(layout: Layout, own: owner.Owner) -> None:
    bounds = limits(layout.root, max_bytes=8 * MIB)
    blob(layout, own, b"x" * (5 * MIB))
    reason = refused(layout, bounds, 4 * MIB)
    assert reason.code == "QuotaExceeded"
    assert reason.facts["need"] == 4 * MIB
    assert reason.facts["free"] <= 3 * MIB
    space.require(layout, bounds, 2 * MIB, 0)


def test_a_hard_link_is_counted_once(layout: Layout, own: owner.Owner) -> None:
    raw(layout, own, b"x" * (5 * MIB))
    assert space.used(layout) < 6 * MIB


def test_what_others_hold_is_left_to_them(layout: Layout, own: owner.Owner) -> None:
    bounds = limits(layout.root, max_bytes=16 * MIB)
    with owner.enter(layout) as other, space.hold(layout, other, bounds, 10 * MIB, 50):
        reason = refused(layout, bounds, 10 * MIB)
        assert reason.code == "DiskFull", "they give it back, so waiting helps"
        with pytest.raises(ReasonError), space.hold(layout, own, bounds, 10 * MIB, 0):
            pass
    with space.hold(layout, own, bounds, 10 * MIB, 0):
        pass
    assert names(layout.staging(own.token)) == []


def test_what_the_dead_held_is_free(layout: Layout) -> None:
    bounds = limits(layout.root, max_bytes=16 * MIB)
    child = os.fork()
    if child == 0:
        with space.hold(layout, owner.enter(layout), bounds, 10 * MIB, 0):
            os._exit(0)
    os.waitpid(child, 0)
    assert len(names(layout.store("staging"))) == 1
    space.require(layout, bounds, 10 * MIB, 0)


@pytest.mark.parametrize(("percent", "free"), [(0, 32), (25, 24), (90, 3)])
def test_the_floor_keeps_clear_of_the_collector_of_images(
    layout: Layout, percent: int, free: int
) -> None:
    """The kubelet deletes images from 80 % use on; a quarter stays free."""
    bounds = limits(layout.root, min_free_percent=percent)
    assert abs(space.room(layout, bounds).disk - free * MIB) < MIB
    assert Limits("").min_free_percent == 25
    assert refused(layout, bounds, (free + 1) * MIB).code == "DiskFull"


def test_the_larger_of_both_floors_counts() -> None:
    assert space.floor(limits("", min_free=5, min_free_percent=10), 100) == 10
    assert space.floor(limits("", min_free=15, min_free_percent=10), 100) == 15
