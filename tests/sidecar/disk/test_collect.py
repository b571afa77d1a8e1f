"""G2, A4, C5 and tenants: what is deleted, what never is, and who may go on meanwhile."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sidecar.disk import (
    blobs,
    collect,
    departures,
    documents,
    fsops,
    locks,
    owner,
    partial,
    store,
    tenants,
    trees,
)
from sidecar.disk.layout import Layout
from sidecar.model.reasons import ReasonError
from tests.sidecar.disk.given import accept, activate, blob, limits, names, raw
from tests.sidecar.support import disks
from tests.sidecar.support.invariants import problems

GRACE = 600
DAY = 86_400
NOW = time.time()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return store.open_store(f"{tmp_path}/store")


@pytest.fixture
def own(layout: Layout) -> Iterator[owner.Owner]:
    with owner.enter(layout) as entered:
        yield entered


def collected(layout: Layout, own: owner.Owner, *times: float, **given: int) -> int:
    """Collect at each time, counted from now; the bytes that this freed."""
    bounds = limits(layout.root, **{"grace": GRACE, **given})
    return sum(collect.collect(layout, own, bounds, NOW + one) for one in times)


def replaced(layout: Layout, own: owner.Owner, count: int) -> list[tuple[str, str]]:
    """Let a worker switch through so many versions, each the only one in its config."""
    versions = [raw(layout, own, f"version {n}".encode()) for n in range(count)]
    for version in versions:
        accept(layout, own, "job.worker", [version[0]])
        activate(layout, own, "job.worker", "model.a", {"model/a": version})
    return versions


# --- G2, A4


def test_g2_what_is_no_longer_listed_goes_after_the_grace(layout: Layout, own: owner.Owner) -> None:
    digest, name = raw(layout, own, b"weights")
    accept(layout, own, "job.worker", [digest])
    assert collected(layout, own, 0, GRACE, 9 * GRACE) == 0
    accept(layout, own, "job.worker", [])
    assert collected(layout, own, 10 * GRACE, 10 * GRACE + GRACE - 1) == 0
    assert trees.known(layout, digest, "raw") == name
    assert collected(layout, own, 11 * GRACE) > 0
    assert not blobs.has(layout, digest)
    assert names(layout.store("trees")) == names(layout.store("unpacked")) == []


def test_a4_a_replaced_version_stays_for_its_readers(layout: Layout, own: owner.Owner) -> None:
    first, *_ = replaced(layout, own, 3)
    reader = os.open(layout.tree(first[1]), os.O_RDONLY | os.O_DIRECTORY)
    collected(layout, own, 0, GRACE - 1)
    late = os.open("model.onnx", os.O_RDONLY, dir_fd=reader)
    collected(layout, own, GRACE)
    assert os.read(late, 100) == b"version 0"
    with pytest.raises(FileNotFoundError):
        os.open("model.onnx", os.O_RDONLY, dir_fd=reader)
    os.close(late)
    os.close(reader)


def test_a_return_within_the_grace_finds_all_in_place(layout: Layout, own: owner.Owner) -> None:
    digest, name = raw(layout, own, b"weights")
    accept(layout, own, "job.worker", [])
    collected(layout, own, 0, GRACE - 1)
    accept(layout, own, "job.worker", [digest])
    collected(layout, own, GRACE, 9 * GRACE)
    assert trees.known(layout, digest, "raw") == name
    accept(layout, own, "job.worker", [])
    assert collected(layout, own, 10 * GRACE) == 0, "the grace begins anew"


@pytest.mark.parametrize(("keep", "left"), [(0, 1), (1, 2), (2, 3), (3, 4), (9, 5)])
def test_as_many_versions_stay_as_the_config_says(
    layout: Layout, own: owner.Owner, keep: int, left: int
) -> None:
    versions = replaced(layout, own, 5)
    collected(layout, own, GRACE + 1, 3 * GRACE, 5 * GRACE, keep_previous=keep)
    assert [blobs.has(layout, one[0]) for one in versions] == [False] * (5 - left) + [True] * left
    assert len(names(layout.slot("job.worker", "model.a", "releases"))) == left
    assert problems(layout.root) == []


def test_what_a_change_under_way_names_stays(layout: Layout, own: owner.Owner) -> None:
    versions = replaced(layout, own, 4)
    releases = layout.slot("job.worker", "model.a", "releases")
    target = next(
        name
        for name in names(releases)
        if versions[0][0] in Path(releases, name, "release.json").read_text()
    )
    record = layout.slot("job.worker", "model.a", "record.json")
    documents.write(own, record, {"phase": "rollback", "target": target})
    collected(layout, own, 0, GRACE, 2 * GRACE)
    assert [blobs.has(layout, one[0]) for one in versions] == [True, False, True, True]


def test_a_lost_description_does_not_loosen_a_release(layout: Layout, own: owner.Owner) -> None:
    (version,) = replaced(layout, own, 1)
    Path(layout.slot("job.worker", "model.a", "current/release.json")).unlink()
    Path(layout.tenant("job.worker", "config/accepted.json")).write_text("{")
    collected(layout, own, 0, GRACE)
    assert Path(layout.slot("job.worker", "model.a", "current/model/a/model.onnx")).exists()
    assert Path(layout.tree(version[1])).is_dir()


def test_a_disk_that_does_not_answer_stops_the_collector() -> None:
    """Half an answer would make the rest look like garbage."""
    with disks.disk("ext4") as disk:
        layout = store.open_store(f"{disk.path}/store")
        with owner.enter(layout) as own:
            replaced(layout, own, 2)
            collected(layout, own, 0)
            os.sync()
            Path("/proc/sys/vm/drop_caches").write_text("3")
            disk.cut_power()
            with pytest.raises(ReasonError, match="StoreReadOnly"):
                collected(layout, own, GRACE)
        disk.unmount()
        disk.mount()
        assert problems(layout.root) == []


def test_a_clock_that_jumps_shortens_no_grace(layout: Layout, own: owner.Owner) -> None:
    digest, _ = raw(layout, own, b"weights")
    accept(layout, own, "job.worker", [])
    collected(layout, own, 60 - NOW)  # the clock was never set: a minute after the epoch
    collected(layout, own, 0)  # and then it was
    assert blobs.has(layout, digest)
    collected(layout, own, GRACE - 1)
    assert blobs.has(layout, digest)
    collected(layout, own, GRACE)
    assert not blobs.has(layout, digest)


def test_what_would_go_is_told_without_deleting(layout: Layout, own: owner.Owner) -> None:
    digest, name = raw(layout, own, b"weights")
    collected(layout, own, 0)
    bounds = limits(layout.root, grace=GRACE)
    assert collect.due(layout, bounds, NOW + 1) == []
    assert collect.due(layout, bounds, NOW + GRACE) == [
        f"store/unpacked/{digest}.raw",
        f"store/trees/{name}",
        f"store/trees/{name}.json",
        f"store/blobs/{digest[:2]}/{digest}",
    ]
    assert blobs.has(layout, digest)


def test_lists_of_datasets_keep_nothing(layout: Layout, own: owner.Owner) -> None:
    """They come from other nodes, and bytes are only brought because a config names them."""
    digest = blob(layout, own, b"image")
    Path(layout.store("datasets", "shelves")).mkdir()
    path = layout.store("datasets", "shelves", "edge-1.json")
    documents.write(own, path, {"entries": [{"sha256": digest}]})
    collected(layout, own, 0, GRACE)
    assert not blobs.has(layout, digest)


def test_the_list_of_chunks_stays_with_its_artifact(layout: Layout, own: owner.Owner) -> None:
    digest = blob(layout, own, b"digests of chunks")
    accept(layout, own, "job.worker", [])
    document = {"artifacts": [{"sha256": "a" * 64, "chunks": {"root": digest}}]}
    tenants.accept(layout, own, "job.worker", document)
    collected(layout, own, 0, GRACE)
    assert blobs.has(layout, digest)


# --- tenants


def age(layout: Layout, tenant: str, days: float) -> None:
    """Let everything of a tenant be so old."""
    then = NOW - days * DAY
    for path in [Path(layout.tenant(tenant)), *Path(layout.tenant(tenant)).rglob("*")]:
        os.utime(path, (then, then), follow_symlinks=False)


def test_two_tenants_with_one_artifact_name_do_not_meet(layout: Layout, own: owner.Owner) -> None:
    first, second = raw(layout, own, b"of the first"), raw(layout, own, b"of the second")
    for tenant, version in (("one.worker", first), ("two.worker", second)):
        accept(layout, own, tenant, [version[0]])
        activate(layout, own, tenant, "model.detector", {"model/detector": version})
    accept(layout, own, "one.worker", [])
    shown = [
        Path(layout.slot(one, "model.detector", "current/model/detector/model.onnx")).read_bytes()
        for one in ("one.worker", "two.worker")
    ]
    assert shown == [b"of the first", b"of the second"]
    collected(layout, own, 0, GRACE)
    assert problems(layout.root) == []


def test_what_two_tenants_share_goes_with_the_second(layout: Layout, own: owner.Owner) -> None:
    digest, _ = raw(layout, own, b"weights")
    for tenant in ("one.worker", "two.worker"):
        accept(layout, own, tenant, [digest])
    accept(layout, own, "one.worker", [])
    collected(layout, own, 0, GRACE)
    assert blobs.has(layout, digest)
    accept(layout, own, "two.worker", [])
    collected(layout, own, 2 * GRACE, 3 * GRACE)
    assert not blobs.has(layout, digest)


def test_a_tenant_that_was_removed_while_offline_goes_after_two_weeks(
    layout: Layout, own: owner.Owner
) -> None:
    (version,) = replaced(layout, own, 1)
    age(layout, "job.worker", 13.9)
    collected(layout, own, 0, GRACE)
    assert tenants.names(layout) == ["job.worker"]
    age(layout, "job.worker", 14.1)
    collected(layout, own, 2 * GRACE)
    assert tenants.names(layout) == ["job.worker"], "nothing goes at first sight"
    collected(layout, own, 3 * GRACE)
    assert tenants.names(layout) == []
    collected(layout, own, 4 * GRACE, 5 * GRACE)
    assert not blobs.has(layout, version[0])


def test_a_tenant_whose_process_lives_never_goes(layout: Layout, own: owner.Owner) -> None:
    replaced(layout, own, 1)
    with tenants.enter(layout, "job.worker") or pytest.fail("the lock is held"):
        age(layout, "job.worker", 400)
        collected(layout, own, 0, GRACE, 2 * GRACE)
        assert tenants.names(layout) == ["job.worker"]


def test_a_tenant_that_comes_back_in_time_stays(layout: Layout, own: owner.Owner) -> None:
    replaced(layout, own, 1)
    age(layout, "job.worker", 20)
    collected(layout, own, 0)
    lock = tenants.enter(layout, "job.worker")
    assert lock is not None
    lock.release()
    collected(layout, own, GRACE, 2 * GRACE)
    assert tenants.names(layout) == ["job.worker"]
    assert problems(layout.root) == []


def roll(layout: Layout, own: owner.Owner, revision: str, days: float) -> None:
    """A rolling worker of a revision that was accepted so long ago and is good."""
    tenant = f"job.worker.{revision}"
    version = raw(layout, own, revision.encode())
    accept(layout, own, tenant, [version[0]])
    activate(layout, own, tenant, "model.a", {"model/a": version})
    age(layout, tenant, days)


def test_a_rolled_tenant_goes_when_enough_newer_ones_are_good(
    layout: Layout, own: owner.Owner
) -> None:
    for revision, days in (("aa", 5), ("bb", 4), ("cc", 3)):
        roll(layout, own, revision, days)
    collected(layout, own, 0, GRACE, keep_previous=1)
    assert tenants.names(layout) == ["job.worker.bb", "job.worker.cc"]
    collected(layout, own, 2 * GRACE, 3 * GRACE, keep_previous=0)
    assert tenants.names(layout) == ["job.worker.cc"]


def test_a_newer_revision_that_is_not_good_replaces_nothing(
    layout: Layout, own: owner.Owner
) -> None:
    for revision, days in (("aa", 5), ("bb", 4)):
        roll(layout, own, revision, days)
    record = layout.slot("job.worker.bb", "model.a", "record.json")
    documents.write(own, record, {"phase": "probation"})
    accept(layout, own, "job.worker.cc", ["c" * 64])
    accept(layout, own, "job.other.dd", ["d" * 64])
    collected(layout, own, 0, GRACE, keep_previous=0)
    assert "job.worker.aa" in tenants.names(layout)


def test_short_space_spares_an_older_revision(layout: Layout, own: owner.Owner) -> None:
    for revision, days in (("aa", 5), ("bb", 4)):
        roll(layout, own, revision, days)
    collected(layout, own, 0, keep_previous=1)
    assert len(tenants.names(layout)) == 2
    collected(layout, own, 1, keep_previous=1, max_bytes=1)
    assert tenants.names(layout) == ["job.worker.bb"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("gradients/new/item", "payload"),
        ("gradients/uploads/item", "{}"),
        ("run.json", '{"stage": "accepted"}'),
    ],
)
def test_an_outbox_that_owes_something_outlives_its_tenant(
    layout: Layout, own: owner.Owner, path: str, text: str
) -> None:
    (version,) = replaced(layout, own, 1)
    outbox = Path(layout.tenant("job.worker", "outbox"))
    for name in ("new", "sent", "uploads"):
        Path(outbox, "gradients", name).mkdir(parents=True)
    Path(outbox, "gradients", "stream.json").write_text("{}")
    Path(outbox, path).write_text(text)
    age(layout, "job.worker", 15)
    collected(layout, own, 0, GRACE, 2 * GRACE, 3 * GRACE)
    assert names(layout.tenant("job.worker")) == ["lock", "outbox"]
    assert Path(outbox, path).read_text() == text
    assert Path(outbox, "gradients", "stream.json").exists()
    assert not blobs.has(layout, version[0])
    Path(outbox, path).unlink()
    age(layout, "job.worker", 15)
    collected(layout, own, 4 * GRACE, 5 * GRACE)
    assert tenants.names(layout) == []


# --- the others who are at work


def test_a_tenant_enters_while_it_is_dropped(layout: Layout, own: owner.Owner) -> None:
    """Between looking for the lock and taking it, the whole directory may vanish."""
    for _ in range(30):
        tenants.enter(layout, "job.worker").release()  # type: ignore[union-attr] # nobody has it
        with ThreadPoolExecutor(1) as other:
            entering = other.submit(tenants.enter, layout, "job.worker")
            departures.drop(layout, own, "job.worker")
            lock = entering.result()
        if lock is not None:  # else the collector had it at that moment
            assert Path(layout.tenant("job.worker", "lock")).exists()
            assert tenants.enter(layout, "job.worker") is None
            lock.release()


def test_one_collector_at_a_time(layout: Layout, own: owner.Owner) -> None:
    raw(layout, own, b"weights")
    collected(layout, own, 0)
    with locks.try_lock(layout.lock("collect")) or pytest.fail("the lock is held"):
        assert collected(layout, own, GRACE) == 0
    assert collected(layout, own, GRACE) > 0


def test_a_worker_that_outlives_its_parent_keeps_its_partial(
    layout: Layout, own: owner.Owner
) -> None:
    """Its parent is dead and so is the tenant's lock; that the worker lives is all that counts."""
    code = (
        "import os, sys\n"
        "from sidecar.disk import owner, partial\n"
        "from sidecar.disk.layout import Layout\n"
        "layout = Layout(sys.argv[1])\n"
        "ready, ready_end = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    own = owner.enter(layout)\n"
        "    part = partial.open_partial(layout, own, 'a' * 64, 1000)\n"
        "    part.write(b'x' * 500); part.checkpoint()\n"
        "    own.scratch()\n"
        "    print(own.token, os.getpid(), flush=True)\n"
        "    sys.stdin.read()\n"
        "    part.write(b'y' * 500); part.close()\n"
        "    os._exit(0)\n"
        "os._exit(0)\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, layout.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdin is not None
    token, worker = child.stdout.readline().decode().split()
    assert child.wait() == 0
    path = Path(layout.partial("a" * 64, token))
    os.utime(path, (NOW - 90 * DAY, NOW - 90 * DAY))
    owner.sweep(layout)
    collected(layout, own, 0, GRACE, max_bytes=1)
    assert owner.alive(layout, token)
    assert path.exists()
    assert Path(layout.staging(token)).is_dir()
    assert partial.open_partial(layout, own, "a" * 64, 1000).trusted == 0
    child.stdin.close()
    child.stdout.close()
    while Path(f"/proc/{worker}").exists():
        time.sleep(0.01)
    assert partial.open_partial(layout, own, "a" * 64, 1000).trusted in {0, 1000}
    owner.sweep(layout)
    assert names(layout.store("owners")) == [own.token]


def test_partials_of_the_dead_go_after_a_week(layout: Layout, own: owner.Owner) -> None:
    with owner.enter(layout) as dead:
        partial.open_partial(layout, dead, "a" * 64, 1000).close()
    paths = [Path(layout.store("partial", name)) for name in names(layout.store("partial"))]
    assert len(paths) == 2
    collected(layout, own, 0, GRACE)
    for path in paths:
        os.utime(path, (NOW - 8 * DAY, NOW - 8 * DAY))
    collected(layout, own, 2 * GRACE, 3 * GRACE)
    assert names(layout.store("partial")) == []


def test_locks_of_fetches_do_not_pile_up(layout: Layout, own: owner.Owner) -> None:
    held = locks.try_lock(layout.lock(f"fetch-{'a' * 64}"))
    free = locks.try_lock(layout.lock(f"fetch-{'b' * 64}"))
    young = locks.try_lock(layout.lock(f"fetch-{'c' * 64}"))
    assert held is not None
    assert free is not None
    assert young is not None
    for lock in (held, free):
        os.utime(lock.path, (NOW - 2 * DAY, NOW - 2 * DAY))
    free.release()
    young.release()
    collected(layout, own, 0)
    fetches = [name for name in names(layout.store("locks")) if name.startswith("fetch-")]
    assert fetches == [f"fetch-{'a' * 64}", f"fetch-{'c' * 64}"]


# --- a collector and a tenant, interleaved at each of the collector's changes


def interleaved(
    layout: Layout, own: owner.Owner, number: int, between: Callable[[], None], patience: float
) -> bool:
    """Let the collector delete, and another do something before its n-th change.

    Whether there was such a change. The other may have to wait for a lock of the collector's, so
    it gets a thread of its own, and the collector goes on after some patience.
    """
    count, thread = 0, threading.Thread(target=between)
    me = threading.get_ident()

    def seen(*_: object) -> None:
        nonlocal count
        if threading.get_ident() != me:
            return
        count += 1
        if count == number:
            thread.start()
            thread.join(patience)

    fsops.observer = seen
    try:
        collected(layout, own, GRACE)
    finally:
        fsops.observer = None
    if count < number:
        return False
    thread.join()
    return True


Accepting = Callable[[Layout, owner.Owner, str], None]


def with_lock(layout: Layout, own: owner.Owner, digest: str) -> None:
    """A tenant accepts a config again that names what is loose."""
    tenants.accept(layout, own, "job.worker", {"artifacts": [{"sha256": digest}]})


def without_lock(layout: Layout, own: owner.Owner, digest: str) -> None:
    """Sabotage: the same without holding the lock of those who keep something."""
    path = layout.tenant("job.worker", "config", "accepted.json")
    documents.write(own, path, {"artifacts": [{"sha256": digest}]})


def switch(layout: Layout, own: owner.Owner, digest: str, accepting: Accepting) -> None:
    """Accept what names a digest, and switch to it where the store has it."""
    accepting(layout, own, digest)
    known = trees.known(layout, digest, "raw")
    if known is not None:
        activate(layout, own, "job.worker", "model.a", {"model/a": (digest, known)})


def dangling(folder: Path, accepting: Accepting, patience: float) -> int:
    """In how many interleavings a tenant switches to what the collector then deletes."""
    found, number, more = 0, 0, True
    while more:
        number += 1
        layout = store.open_store(f"{folder}/{number}")
        with owner.enter(layout) as own, owner.enter(layout) as other:
            digest, _ = raw(layout, own, b"weights")
            accept(layout, own, "job.worker", [])
            collected(layout, own, 0)
            meanwhile = functools.partial(switch, layout, other, digest, accepting)
            more = interleaved(layout, own, number, meanwhile, patience)
            found += bool(problems(layout.root))
    print(f"{found} of {number} interleavings dangle")
    assert number > 15
    return found


def test_no_moment_of_the_collector_lets_a_link_dangle(tmp_path: Path) -> None:
    assert dangling(tmp_path, with_lock, 0.1) == 0


def test_sabotage_without_the_lock_a_link_dangles(tmp_path: Path) -> None:
    assert dangling(tmp_path, without_lock, 30) > 0


def test_the_collector_looks_no_further_than_names_of_its_own(
    layout: Layout, own: owner.Owner
) -> None:
    """What somebody put beside the tree of the store is not the collector's."""
    Path(layout.root, "lost+found").mkdir()
    Path(layout.store("notes")).mkdir()
    collected(layout, own, 0, GRACE, 2 * GRACE)
    assert Path(layout.root, "lost+found").is_dir()
    assert Path(layout.store("notes")).is_dir()
