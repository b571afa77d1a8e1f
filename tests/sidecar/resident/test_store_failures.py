"""A store that fails, loses or lacks something beside a process that goes on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sidecar.support import disks
from tests.sidecar.support.cases import World, free_port
from tests.sidecar.support.running import Sidecar, run, until


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    """A world whose store is a file system of 8 MiB."""
    world = World(tmp_path)
    with disks.tmpfs("8m", at=str(world.root)):
        yield world


def test_d1_without_room_nothing_is_fetched_and_what_is_active_stays(small: World) -> None:
    first = small.file("det", b"1" * 1_000_000)
    small.mount_config(small.document(first))
    with Sidecar(small) as sidecar:
        sidecar.wait_page("/readyz")
        small.mount_config(small.document(small.file("det", b"2" * 12_000_000)))
        found = sidecar.wait_artifact("model/det", reason="DiskFull")
        assert "12000000 bytes needed" in found["detail"]
        assert found["active"] == first["sha256"]
        assert sidecar.get("/readyz")[0] == 200
        assert not list(small.root.glob("store/partial/*.part"))


def test_d2_a_disk_that_is_full_heals_by_itself(small: World) -> None:
    small.mount_config(small.document(small.file("det", b"1" * 100_000)))
    with Sidecar(small) as sidecar:
        sidecar.wait_page("/readyz")
        filler = small.root / "somebody-elses"
        filler.write_bytes(b"0" * 7_000_000)
        second = small.file("det", b"2" * 2_000_000)
        small.mount_config(small.document(second))
        sidecar.wait_artifact("model/det", reason="DiskFull")
        filler.unlink()
        sidecar.wait_artifact("model/det", state="GOOD", active=second["sha256"])


def test_d4_the_version_before_makes_way_and_never_the_active_one(small: World) -> None:
    small.mount_config(small.document(small.file("det", b"1" * 2_500_000)))
    with Sidecar(small) as sidecar:
        sidecar.wait_page("/readyz")
        for data in (b"2" * 2_500_000, b"3" * 2_500_000):
            newer = small.file("det", data)
            small.mount_config(small.document(newer))
            sidecar.wait_artifact("model/det", state="GOOD", active=newer["sha256"])
        assert (small.view / "models/det").read_bytes() == b"3" * 2_500_000


def test_d3_a_store_that_becomes_read_only_keeps_serving(tmp_path: Path) -> None:
    with disks.disk("ext4", options="noatime,errors=remount-ro") as disk:
        world = World(tmp_path)
        world.root = Path(disk.path) / "store"
        world.root.mkdir()
        world.mount_config(world.document(world.file("det", b"1")))
        with Sidecar(world) as sidecar:
            sidecar.wait_page("/readyz")
            until(lambda: not sidecar.workers(), sidecar.said, sidecar)
            disk.fail()
            world.mount_config(world.document(world.file("det", b"2")))
            until(lambda: sidecar.status().get("reason") == "StoreReadOnly", sidecar.said, sidecar)
            assert sidecar.get("/readyz")[0] == 200
            assert sidecar.get("/healthz")[0] == 200
            assert (world.view / "models/det").read_bytes() == b"1"
            assert sidecar.end() == 0


def remount(world: World, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(world.root)], check=True)


def test_d3_a_device_starts_with_a_store_that_is_read_only(small: World) -> None:
    small.mount_config(small.document(small.file("det", b"1")))
    with Sidecar(small) as sidecar:
        sidecar.wait_page("/readyz")
        sidecar.end()
    remount(small, "ro")
    with Sidecar(small) as again:
        again.wait_page("/startupz")
        again.wait_page("/readyz")
        assert again.status()["reason"] == "StoreReadOnly"
        remount(small, "rw")
        again.wait_event("began")
        again.wait_page("/readyz")


@pytest.mark.parametrize("name", ["record.json", "release.json", "both", "previous"])
def test_c6_what_json_is_lost_is_made_again_from_links(world: World, name: str) -> None:
    det = world.file("det", b"1")
    world.mount_config(world.document(det))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        sidecar.end()
    slot = world.slot("model.det")
    for path in (slot / "record.json", *slot.glob("releases/*/release.json")):
        if name in (path.name, "both"):
            path.write_bytes(b"\0" * 20)
    for path in world.sources.iterdir():
        path.unlink()
    with Sidecar(world) as again:
        again.wait_artifact("model/det", state="GOOD", active=det["sha256"])
        again.wait_page("/readyz")
        assert not again.events("staged")
        assert json.loads((slot / "record.json").read_text())["phase"] == "idle"
        release = json.loads(next(slot.glob("releases/*/release.json")).read_text())
        assert release["members"][0]["digest"] == det["sha256"]


def test_c6_a_store_of_a_newer_format_is_refused_with_the_reason(world: World) -> None:
    (world.root / "format").write_text("99\n")
    world.mount_config(world.document(world.file("det", b"1")))
    with Sidecar(world) as sidecar:
        until(lambda: sidecar.status().get("reason") == "StoreNewer", sidecar.said, sidecar)
        assert sidecar.get("/healthz")[0] == 200
        assert sidecar.get("/startupz")[0] == 503
    assert run(world, "once", "--config", str(world.config), "--view",
               str(world.view)).returncode == 1  # fmt: skip


def test_c8_a_change_that_was_begun_too_often_is_blocked_and_what_is_active_stays(
    world: World,
) -> None:
    probe = {"url": f"http://127.0.0.1:{free_port()}/ready"}
    server = {"name": "custom", "image": "i:1", "ports": [int(probe["url"].split(":")[2][:-6])]}
    det = world.file("det", b"1", probe=probe)
    world.mount_config(world.document(det, server=server))
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", reason="WaitingForServer")
        sidecar.kill()
    record = world.slot("model.det") / "record.json"
    begun = json.loads(record.read_text())["begun"]
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", reason="WaitingForServer")
        sidecar.kill()
    worn = json.loads(record.read_text())
    assert worn["begun"] == begun + 1
    record.write_text(json.dumps({**worn, "begun": 65}))
    with Sidecar(world) as sidecar:
        found = sidecar.wait_artifact("model/det", reason="StateLoop", phase="blocked")
        assert found["active"] == det["sha256"]
        assert sidecar.get("/startupz")[0] == 200
        assert sidecar.post("/v1/retry")[0] == 200
        sidecar.wait_artifact("model/det", reason="WaitingForServer")


def test_i4_bytes_that_rot_are_seen_and_brought_again_under_the_readers(world: World) -> None:
    view = {"type": "ovms", "model": "det", "number": 1}
    det = world.file("det", b"healthy" * 1000, view=view)
    world.mount_config(world.document(det))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        sidecar.end()
    blob = next(world.root.glob("store/blobs/*/*"))
    blob.chmod(0o644)
    with blob.open("r+b") as file:
        file.write(b"X")
    blob.chmod(0o444)
    blob.unlink()
    for link in world.root.glob("store/unpacked/*"):
        link.unlink()
    shown = world.view / "models/det/1/model.bin"
    assert shown.read_bytes()[:1] == b"X"
    with Sidecar(world) as again:
        again.wait_page("/readyz")
        again.wait_event("mended")
        assert shown.read_bytes() == b"healthy" * 1000
        assert len(again.events("activate")) == 0


@pytest.mark.parametrize("what", ["pointer", "tree"])
def test_what_is_taken_from_under_a_running_sidecar_comes_back(world: World, what: str) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", state="GOOD")
        pointer = world.slot("model.det") / "current"
        if what == "pointer":
            pointer.unlink()
        else:
            (tree,) = (world.root / "store/trees").glob("*/")
            tree.chmod(0o755)
            tree.rename(world.directory / "taken")
        sidecar.wait_event("lost", group="model.det")
        until((world.view / "models/det").is_file, sidecar.said, sidecar)
        sidecar.wait_artifact("model/det", state="GOOD")
    assert (world.view / "models/det").read_bytes() == b"1"


@pytest.mark.parametrize("what", ["blob", "tree"])
def test_i4_a_repair_lets_the_running_sidecar_bring_what_rotted(world: World, what: str) -> None:
    det = world.tar("det", {"weights.bin": b"healthy" * 1000})
    world.mount_config(world.document(det))
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", state="GOOD")
        if what == "blob":
            (rotten,) = world.root.glob("store/blobs/*/*")
        else:
            (rotten,) = world.root.glob("store/trees/*/weights.bin")
        rotten.chmod(0o644)
        with rotten.open("r+b") as file:
            file.write(b"X")
        rotten.chmod(0o444)
        root = ("--root", str(world.root))
        assert run(world, "verify", *root).returncode == 1
        done = run(world, "verify", "--repair", *root)
        assert done.returncode == 3, done.stderr
        assert "1 artifacts were set aside" in done.stdout
        sidecar.wait_event("mended")
        assert (world.view / "models/det/weights.bin").read_bytes() == b"healthy" * 1000
        assert len(sidecar.events("activate")) == 1
    assert run(world, "verify", *root).returncode == 0


def test_a_repair_of_a_whole_store_changes_nothing(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", state="GOOD")
    done = run(world, "verify", "--repair", "--root", str(world.root), "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"blobs": 1, "trees": 1, "wrong": [], "aside": []}
    assert run(world, "verify", "--repair", "--root", str(world.sources)).returncode == 1
