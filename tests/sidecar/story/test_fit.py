"""The sum of a disk is true of the real program: on a disk of that size nothing is given up.

Two workers of a host have a model in common, one has another besides. Both go from one version to
the next and then have a third one at hand, which a window keeps from being switched to: now the
disk has what is served, the version before and the one that comes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from compiler.model.fit import Tenant, disk, smallest
from compiler.model.tenants import placed
from tests.sidecar.support import disks
from tests.sidecar.support.cases import World, free_port
from tests.sidecar.support.running import Sidecar, until

MIB = 1024**2
LARGE, SMALL = 6 * MIB, 3 * MIB
PAGE = 4096
STORE = {"minFree": 4 * MIB, "minFreePercent": 25, "grace": 0, "keepPrevious": 1}


class Host:
    """Two pods of one host, each with a view of its own, over one store."""

    def __init__(self, folder: Path) -> None:
        self.watch, self.count = World(folder / "watch"), World(folder / "count")
        self.root = folder / "store"
        self.root.mkdir()
        self.bytes = random.Random(4)
        for world in (self.watch, self.count):
            world.root, world.port = self.root, free_port()

    def both(self, version: int, **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """A model of archives, and one that is a file, of one version."""
        files = {"weights": self._data(LARGE), "labels": self._data(SMALL)}
        unpacked = {"unpacked": LARGE + SMALL, "version": str(version), **more}
        shared = self.watch.tar("shared", files, **unpacked)
        own = self.watch.file("own", self._data(SMALL), version=str(version), **more)
        return shared, own

    def documents(self, shared: dict[str, Any], own: dict[str, Any]) -> list[dict[str, Any]]:
        """The configs of both pods."""
        store = {"root": str(self.root), **STORE}
        counting = {"job": "count", "role": "worker"}
        return [
            self.watch.document(shared, own, store=store),
            self.count.document(shared, store=store, tenant=counting),
        ]

    def mount(self, documents: Sequence[dict[str, Any]]) -> None:
        """Give both pods a new config."""
        for world, document in zip((self.watch, self.count), documents, strict=True):
            world.mount_config(document)

    @contextmanager
    def running(self) -> Iterator[list[Sidecar]]:
        """The sidecars of both pods."""
        with ExitStack() as stack:
            yield [stack.enter_context(Sidecar(one)) for one in (self.watch, self.count)]

    def previous(self) -> set[str]:
        """The slots that have a version before."""
        found = self.root.glob("tenants/*/slots/*/previous")
        return {f"{one.parts[-4]}/{one.parts[-2]}" for one in found}

    def blobs(self) -> set[str]:
        """The digests of what was fetched and is still there."""
        return {one.name for one in self.root.glob("store/blobs/*/*")}

    def _data(self, size: int) -> bytes:
        return self.bytes.randbytes(size)


def shut() -> dict[str, str]:
    """A window that opens in half a day."""
    hour = (time.gmtime().tm_hour + 12) % 24
    return {"from": f"{hour:02}:00", "to": f"{hour:02}:01", "zone": "UTC"}


def tenants(before: Sequence[dict[str, Any]], now: Sequence[dict[str, Any]]) -> list[Tenant]:
    return [placed(new, before=old).tenant for old, new in zip(before, now, strict=True)]


def needed(folder: Path) -> int:
    """What the sum says of two versions, of which the next one is taken to be as large."""
    host = Host(folder)
    documents = [host.documents(*host.both(version)) for version in (1, 2)]
    found = smallest(tenants(*documents))
    assert found is not None
    return found


def story(host: Host) -> tuple[set[str], dict[str, Any], dict[str, Any]]:
    """Go from one version to the next and have a third at hand; what is left of the first."""
    first, second = host.both(1), host.both(2)
    third = (host.both(3, window=shut())[0], second[1])
    host.mount(host.documents(*first))
    with host.running() as sidecars:
        for one in sidecars:
            one.wait_page("/readyz")
        host.mount(host.documents(*second))
        for one in sidecars:
            wanted = second[0]["sha256"]
            one.wait_artifact("model/shared", state="GOOD", active=wanted)
        sidecars[0].wait_artifact("model/own", state="GOOD", active=second[1]["sha256"])
        host.mount(host.documents(*third))
        for one in sidecars:
            one.wait_artifact("model/shared", reason="WindowShut")
        until(lambda: not any(one.workers() for one in sidecars), sidecars[0].said)
        return host.previous(), first[0], third[0]


ALL = {"watch.worker/model.shared", "watch.worker/model.own", "count.worker/model.shared"}


def test_a_disk_of_the_sum_holds_what_is_served_the_version_before_and_what_comes(
    tmp_path: Path,
) -> None:
    size = needed(tmp_path / "sum")
    host = Host(tmp_path)
    with disks.tmpfs(str(-(-size // PAGE) * PAGE), at=str(host.root)):
        previous, first, third = story(host)
        assert previous == ALL
        assert {first["sha256"], third["sha256"]} <= host.blobs()


def test_on_a_disk_that_is_a_little_smaller_the_version_before_makes_way(tmp_path: Path) -> None:
    size = needed(tmp_path / "sum") - 2 * MIB
    host = Host(tmp_path)
    with disks.tmpfs(str(size // PAGE * PAGE), at=str(host.root)):
        previous, first, third = story(host)
        assert previous < ALL
        assert third["sha256"] in host.blobs()
        assert first["sha256"] not in host.blobs()


def test_the_sum_counts_what_both_workers_have_once(tmp_path: Path) -> None:
    host = Host(tmp_path)
    documents = [host.documents(*host.both(version)) for version in (1, 2)]
    both = tenants(*documents)
    alone = tenants(documents[0][:1], documents[1][:1])
    assert disk(both).needed == disk(alone).needed


def test_where_not_even_the_next_version_fits_it_never_comes(tmp_path: Path) -> None:
    host = Host(tmp_path)
    documents = [host.documents(*host.both(version)) for version in (1, 2)]
    forgetful = [{**one, "store": {**one["store"], "keepPrevious": 0}} for one in documents[1]]
    size = smallest(tenants(documents[0], forgetful))
    assert size is not None
    with disks.tmpfs(str((size - 2 * MIB) // PAGE * PAGE), at=str(host.root)):
        host.mount(documents[0])
        with host.running() as sidecars:
            for one in sidecars:
                one.wait_page("/readyz")
            host.mount(documents[1])
            sidecars[0].wait_artifact("model/shared", reason="DiskFull")
