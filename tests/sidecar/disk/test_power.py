"""C2 on real disks: ext4 and xfs whose power is cut while the store works.

Each round a child process fetches, unpacks, writes documents and switches as fast as it can. At a
random moment the file system is shut down without flushing its log, mounted anew and looked at.
"""

from __future__ import annotations

import hashlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from sidecar.disk import blobs, collect, documents, owner, partial, partials, store, tenants, trees
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from tests.sidecar.disk.given import activate, limits, sha, tree
from tests.sidecar.support import disks
from tests.sidecar.support.invariants import problems

ROUNDS = 1000
TENANT, GROUP = "job.worker", "model.detector"
SIZE = 96 << 10
CHUNK = 16 << 10


def version(number: int) -> bytes:
    """The bytes of a version, which are the same in each process."""
    seed = hashlib.sha256(str(number).encode()).digest()
    return (seed * (SIZE // len(seed) + 1))[: SIZE + number % 7]


def work(root: str, number: int) -> None:
    """Bring, unpack, accept and switch to one version after the other, for ever."""
    layout = store.open_store(root)
    with owner.enter(layout) as own:
        owner.sweep(layout)
        lock = tenants.enter(layout, TENANT)
        assert lock is not None
        while True:
            _turn(layout, own, number)
            number += 1


def _turn(layout: Layout, own: Owner, number: int) -> None:
    data = version(number)
    digest = sha(data)
    document = {"artifacts": [{"sha256": digest}], "number": number}
    tenants.accept(layout, own, TENANT, document)
    with partial.open_partial(layout, own, digest, len(data), CHUNK) as part:
        for start in range(part.position, len(data), 4096):
            part.write(data[start : start + 4096])
        part.seal(private=False)
    name = tree(layout, own, {"1/model.bin": data[:5000], "config": str(number).encode()})
    trees.remember(layout, own, digest, "tar", name)
    single = trees.from_blob(layout, own, digest, "model.bin", private=False)
    trees.remember(layout, own, digest, "raw", single)
    members = {"model/a": (digest, name), "model/b": (digest, single)}
    activate(layout, own, TENANT, GROUP, members)
    if number % 4 == 3:
        collect.collect(layout, own, limits(layout.root, grace=0), time.time())


def spawn(root: str, number: int, before: Callable[[], None]) -> int:
    """A child that works until it is killed or its disk fails."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            before()
            work(root, number)
        os._exit(0)
    return child


def cut(disk: disks.Disk, number: int, pause: float, before: Callable[[], None]) -> None:
    """One round: work, cut the power after a pause, and mount the disk anew."""
    child = spawn(f"{disk.path}/store", number, before)
    time.sleep(pause)
    disk.cut_power()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    disk.unmount()
    disk.mount()


def found(root: str) -> str:
    """How far the version that was accepted last had come."""
    layout = Layout(root)
    document = documents.read(layout.tenant(TENANT, "config", "accepted.json"))
    if document is None:
        return "nothing accepted"
    digest = document["artifacts"][0]["sha256"]
    release = documents.read(layout.slot(TENANT, GROUP, "current", "release.json"))
    if release is not None and release["members"][0]["digest"] == digest:
        return "switched"
    if trees.known(layout, digest, "raw") and trees.known(layout, digest, "tar"):
        return "unpacked"
    if blobs.has(layout, digest):
        return "sealed"
    trusted = [
        partials.read_record(left.path)["trusted"]
        for left in partials.listed(layout)
        if left.digest == digest
    ]
    return "resumable" if any(trusted) else "accepted"


def contents(root: str) -> dict[str, bytes]:
    """The right bytes of what may be in the store."""
    document = documents.read(Layout(root).tenant(TENANT, "config", "accepted.json"))
    last = int(document["number"]) if document else 0
    return {sha(version(n)): version(n) for n in range(max(last - 8, 0), last + 8)}


def accepted(root: str) -> int:
    """The number of the version that was accepted last, -1 for none."""
    document = documents.read(Layout(root).tenant(TENANT, "config", "accepted.json"))
    return int(document["number"]) if document else -1


def converges(root: str, number: int) -> None:
    """The store goes on from what was found: nothing is left over, the next version comes up."""
    layout = store.open_store(root)
    with owner.enter(layout) as own:
        owner.sweep(layout)
        assert [one.name for one in Path(layout.store("owners")).iterdir()] == [own.token]
        _turn(layout, own, number)
    assert found(root) == "switched"


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_c2_power_cuts_on_a_real_disk_leave_a_store_that_goes_on(kind: str, campaign: bool) -> None:
    rounds = ROUNDS if campaign else ROUNDS // 10
    chance, seen, wrong, number = random.Random(7), Counter[str](), [], 0
    with disks.disk(kind) as disk:
        root = f"{disk.path}/store"
        store.open_store(root)
        turn = _measure(root)
        os.sync()
        for _ in range(rounds):
            cut(disk, number, chance.uniform(0, 3.3 * turn), lambda: None)
            seen[found(root)] += 1
            wrong += problems(root, contents(root))
            assert accepted(root) >= number - 1, "an accepted config was lost"
            number = accepted(root) + 1
            converges(root, number)
    print(f"{kind}: {rounds} power cuts, {len(wrong)} wrong; {dict(seen)}")
    assert wrong == []
    assert len(seen) >= 4, "the cuts always came at the same moment"


def _measure(root: str) -> float:
    """How long one version takes, undisturbed."""
    layout = store.open_store(root)
    begin = time.monotonic()
    with owner.enter(layout) as own:
        lock = tenants.enter(layout, TENANT)
        _turn(layout, own, 0)
        if lock is not None:
            lock.release()
    return time.monotonic() - begin


def _forget_syncs() -> None:
    """Sabotage: files are not synced any more, directories are."""
    real = os.fsync

    def fsync(descriptor: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):  # noqa: PTH112 - it follows the link
            real(descriptor)

    os.fsync = fsync  # type: ignore[assignment] # in a child that lives for one round
    os.fdatasync = lambda _: None  # type: ignore[assignment] # see above


@pytest.mark.parametrize("kind", ["ext4", "xfs"])
def test_sabotage_power_cuts_find_missing_syncs(kind: str) -> None:
    chance, wrong = random.Random(7), []
    with disks.disk(kind) as disk:
        root = f"{disk.path}/store"
        store.open_store(root)
        turn = _measure(root)
        os.sync()
        for number in range(1, 40):
            cut(disk, number, chance.uniform(turn, 4 * turn), _forget_syncs)
            wrong += problems(root, contents(root))
            if wrong:
                break
    print(f"{kind} without syncs of files: wrong in round {number}: {wrong[:2]}")
    assert wrong
