"""What operators and pods ask for: once, prepare, rollback, status, gc."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.disk import scrub
from sidecar.disk.layout import Layout
from tests.sidecar.support.cases import World, tar
from tests.sidecar.support.invariants import problems
from tests.sidecar.support.running import Sidecar, command, run, surroundings, until


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def once(world: World) -> tuple[int, str, str]:
    return command(world, "once", "--view", str(world.view))


def test_once_brings_links_and_ends(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1"), world.tar("io", {"a": b"a"},
                                      kind="code")))  # fmt: skip
    code, _, said = once(world)
    assert code == 0, said
    assert (world.view / "models/det").read_bytes() == b"1"
    assert (world.view / "code/io/a").read_bytes() == b"a"
    parameters = (world.view / "params.json").readlink()
    assert str(parameters) == "/etc/edgewright/params/params.json"
    assert not list((world.root / "store/owners").iterdir())


def test_once_starts_offline_with_what_is_there(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    assert once(world)[0] == 0
    newer = world.file("det", b"2", sources=[{"url": f"file://{world.sources}/nothing"}])
    world.mount_config(world.document(newer))
    assert once(world)[0] == 0
    assert (world.view / "models/det").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("fault", "code", "reason"),
    [("missing", 1, "NotFound"), ("wrong", 1, "DigestMismatch")],
)
def test_once_ends_with_a_code_for_the_class_of_the_reason(
    world: World, fault: str, code: int, reason: str
) -> None:
    artifact = world.file("det", b"1")
    if fault == "missing":
        artifact["sources"] = [{"url": f"file://{world.sources}/nothing"}]
    else:
        artifact["sha256"] = "0" * 64
    world.mount_config(world.document(artifact))
    found, _, said = once(world)
    assert found == code
    assert reason in said


def test_once_does_not_wait_for_what_is_not_required(world: World) -> None:
    missing = world.file("ocr", b"2", required=False)
    missing["sources"] = [{"url": f"file://{world.sources}/nothing"}]
    world.mount_config(world.document(world.file("det", b"1"), missing))
    assert once(world)[0] == 0


def test_once_without_any_config_says_so(world: World) -> None:
    world.mount_config(b"{")
    code, _, said = once(world)
    assert (code, "ConfigInvalid" in said) == (1, True)


def test_prepare_hands_the_store_over(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    world = World(tmp_path)
    root = tmp_path / "host" / "namespace"
    root.parent.mkdir()
    outside = tmp_path / "outside"
    outside.write_text("root's")
    for _ in range(2):
        done = run(world, "prepare", "--root", str(root), "--owner", "65532:65532")
        assert done.returncode == 0, done.stderr
    assert (root.stat().st_uid, root.stat().st_gid) == (65532, 65532)
    (root / "store").mkdir()
    (root / "store/link").symlink_to(outside)
    (root / "store/file").write_text("x")
    assert run(world, "prepare", "--root", str(root), "--owner", "65532:65532").returncode == 0
    assert (root / "store/file").stat().st_uid == 65532
    assert (root / "store/link").lstat().st_uid == 65532
    assert outside.stat().st_uid == 0


def test_prepare_refuses_what_is_no_directory_and_no_owner(tmp_path: Path) -> None:
    world = World(tmp_path)
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        done = run(world, "prepare", "--root", str(tmp_path / name), "--owner", "1:1")
        assert (done.returncode, "StoreUnusable" in done.stderr) == (1, True)
    assert run(world, "prepare", "--root", str(tmp_path), "--owner", "me").returncode == 2


def test_a_rollback_by_hand_holds_until_it_is_asked_for_again(world: World) -> None:
    first, second = world.file("det", b"1"), world.file("det", b"2")
    world.mount_config(world.document(first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        world.mount_config(world.document(second))
        sidecar.wait_artifact("model/det", state="GOOD", wanted=second["sha256"])
        code, said, _ = command(world, "rollback", "model/det")
        assert (code, "serves the version before;" in said) == (0, True)
        found = sidecar.wait_artifact("model/det", phase="blocked", active=first["sha256"])
        assert found["reason"] == "Quarantined"
        assert sidecar.get("/readyz")[0] == 200
        code, said, _ = command(world, "rollback", "--json")
        assert (code, "before already" in json.loads(said)["done"]) == (0, True)
        assert sidecar.wait_artifact("model/det", phase="blocked")["active"] == first["sha256"]
        code, said, _ = command(world, "rollback", "--retry")
        assert (code, "tried again" in said) == (0, True)
        sidecar.wait_artifact("model/det", state="GOOD", active=second["sha256"])
        assert command(world, "rollback", "model/other")[0] == 2
        assert command(world, "rollback", "model/det", "model/other")[0] == 2


def test_a_rollback_works_offline_and_without_a_running_sidecar(world: World) -> None:
    first, second = world.file("det", b"1"), world.file("det", b"2")
    world.mount_config(world.document(first))
    assert once(world)[0] == 0
    world.mount_config(world.document(second))
    assert once(world)[0] == 0
    for path in world.sources.iterdir():
        path.unlink()
    assert command(world, "rollback")[0] == 0
    assert (world.view / "models/det").read_bytes() == b"1"
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", phase="blocked", active=first["sha256"])
        assert not sidecar.events("activate")


def test_without_a_version_before_a_rollback_is_refused(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    assert once(world)[0] == 0
    code, _, said = command(world, "rollback")
    assert (code, "UnableToRollBack" in said) == (1, True)


def test_status_is_the_same_from_the_sidecar_and_from_the_disk(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1", version="1.3.0")))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        code, running, _ = command(world, "status", "--json")
        assert code == 0
        until(lambda: not sidecar.workers(), sidecar.said, sidecar)
        assert "running sidecar" in command(world, "status")[1]
        sidecar.end()
    code, offline, _ = command(world, "status", "--json")
    assert code == 0
    here, there = json.loads(running), json.loads(offline)
    for key in ("artifacts", "revision", "state", "started", "tenant"):
        assert here[key] == there[key]
    assert (here["ready"], there["ready"]) == (True, False), "nobody serves it"
    table = command(world, "status")[1]
    assert "from the disk" in table
    assert "model/det  1.3.0   1.3.0   GOOD" in table


def test_status_says_what_to_do(world: World) -> None:
    artifact = world.file("det", b"1")
    artifact["sources"] = [{"url": f"file://{world.sources}/nothing"}]
    world.mount_config(world.document(artifact))
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", reason="NotFound")
        table = command(world, "status")[1]
        assert "Upload it, or correct its `uri` in the spec." in table


def test_gc_deletes_what_nobody_needs_and_says_what_would_go(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1" * 10_000)))
    assert once(world)[0] == 0
    for size in (b"2", b"3"):
        world.mount_config(world.document(world.file("det", size * 10_000)))
        assert once(world)[0] == 0
    blobs = list(world.root.glob("store/blobs/*/*"))
    assert len(blobs) == 3
    listed = command(world, "gc", "--dry-run")[1]
    assert "store/blobs" in listed
    assert len(list(world.root.glob("store/blobs/*/*"))) == 3
    assert command(world, "gc")[0] == 0
    assert command(world, "gc")[0] == 0
    assert len(list(world.root.glob("store/blobs/*/*"))) == 2
    assert (world.view / "models/det").read_bytes() == b"3" * 10_000


def test_once_refuses_a_view_that_is_not_there(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    code, _, said = command(world, "once", "--view", str(world.directory / "nowhere"))
    assert (code, "nowhere is no directory" in said) == (6, True)


def test_status_from_the_disk_does_not_call_a_worker_ready(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    assert once(world)[0] == 0
    code, said, _ = command(world, "status")
    assert (code, "ready yes" in said, "no sidecar answers" in said) == (0, False, True)


def test_a_config_that_is_not_there_is_told_with_its_path(world: World) -> None:
    code, _, said = command(world, "status")
    assert (code, f"{world.config}: there is no such file" in said) == (1, True)


def test_a_version_that_is_known_to_have_rotted_is_never_returned_to(world: World) -> None:
    first, second = world.file("det", b"1"), world.file("det", b"2")
    for artifact in (first, second):
        world.mount_config(world.document(artifact))
        assert once(world)[0] == 0
    digest = first["sha256"]
    blob = world.root / "store/blobs" / digest[:2] / digest
    blob.chmod(0o644)
    blob.write_bytes(b"0")
    blob.chmod(0o444)
    assert not scrub.check(Layout(str(world.root)), digest)
    code, _, said = command(world, "rollback")
    assert (code, "UnableToRollBack" in said) == (1, True)
    assert (world.view / "models/det").read_bytes() == b"2"


def test_a_name_that_the_config_does_not_list_is_told_beside_those_that_it_lists(
    world: World,
) -> None:
    world.mount_config(world.document(world.file("det", b"1"), world.file("ocr", b"2")))
    assert once(world)[0] == 0
    code, out, said = command(world, "rollback", "det")
    assert (code, out) == (2, "")
    assert "no det; it lists model/det, model/ocr" in said


def test_pushing_to_a_store_that_is_none_is_wrong_usage(world: World) -> None:
    world.mount_config(world.document(stores=[{"name": "main"}]))
    file = world.directory / "file"
    file.write_bytes(b"1")
    code, _, said = command(world, "push", str(file), "s3://a/b", "other")
    assert (code, "no store other; it has main" in said) == (2, True)


@pytest.mark.parametrize("digest", ["", "abc", "g" * 64])
def test_a_pin_that_is_no_digest_is_wrong_usage(world: World, digest: str) -> None:
    words = (f"file://{world.sources}/x#sha256={digest}", str(world.directory / "to"))
    done = run(world, "once", *words)
    assert (done.returncode, "64 hexadecimal digits" in done.stderr) == (2, True)


def test_a_bundle_that_is_loaded_is_taken_up_by_the_sidecar_that_waits(world: World) -> None:
    model = world.file("det", b"1")
    source = Path(model["sources"][0]["url"].removeprefix("file://"))
    medium = world.directory / "medium"
    (medium / "artifacts").mkdir(parents=True)
    source.rename(medium / "artifacts" / model["sha256"])
    world.mount_config(world.document(model))
    with Sidecar(world) as sidecar:
        sidecar.wait_event("blocked", reason="NotFound")
        done = run(world, "load", str(medium), "--root", str(world.root), "--json")
        assert json.loads(done.stdout) == {"new": [model["sha256"]], "here": [], "wrong": []}
        sidecar.wait_page("/readyz")


def test_load_wants_one_bundle_and_says_what_of_it_was_not_taken(world: World) -> None:
    medium = world.directory / "medium"
    (medium / "artifacts").mkdir(parents=True)
    (medium / "artifacts" / ("a" * 64)).write_bytes(b"other bytes")
    world.mount_config(world.document(world.file("det", b"1")))
    assert once(world)[0] == 0  # from now on its floor counts
    assert run(world, "load", "--root", str(world.root)).returncode == 2
    done = run(world, "load", str(medium), "--root", str(world.root))
    assert (done.returncode, done.stderr) == (1, "")
    assert f"artifacts/{'a' * 64}: its bytes have another digest" in done.stdout
    done = run(world, "load", str(world.directory), "--root", str(world.root))
    assert (done.returncode, "there is no directory artifacts" in done.stderr) == (1, True)
    done = run(world, "load", str(world.directory / "nothing"), "--root", str(world.root))
    assert (done.returncode, "Traceback" in done.stderr) == (6, False)


def test_a_rollback_without_a_sidecar_hashes_what_it_would_return_to(world: World) -> None:
    first, second = world.tar("det", {"a": b"1" * 100}), world.tar("det", {"a": b"2" * 100})
    world.mount_config(world.document(first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        world.mount_config(world.document(second))
        sidecar.wait_artifact("model/det", state="GOOD", wanted=second["sha256"])
        sidecar.end()
    trees = (path for path in world.root.glob("store/trees/*/a"))
    rotten = next(path for path in trees if path.read_bytes() == b"1" * 100)
    rotten.chmod(0o644)
    with rotten.open("r+b") as file:
        file.write(b"X")
    rotten.chmod(0o444)
    code, _, said = command(world, "rollback", "--view", str(world.view))
    assert (code, said.partition(":")[0]) == (1, "UnableToRollBack")
    assert (world.view / "models/det/a").read_bytes() == b"2" * 100


def test_c1_a_load_that_is_killed_in_the_middle_is_done_again(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    assert once(world)[0] == 0  # from now on its floor counts
    data = os.urandom(1 << 22)
    digest = hashlib.sha256(data).hexdigest()
    archive = tar({f"artifacts/{digest}": data})
    program = [sys.executable, "-m", "sidecar", "load", "-", "--root", str(world.root)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, env=surroundings()) as killed:
        assert killed.stdin is not None
        killed.stdin.write(archive[: 3 << 20])
        killed.stdin.flush()
        until(lambda: list(world.root.glob("store/partial/*.part")))
        killed.kill()
    assert not Path(Layout(str(world.root)).blob(digest)).exists()
    done = subprocess.run(program, input=archive, env=surroundings(), check=True,
                          capture_output=True)  # fmt: skip
    assert b"1 new in the store" in done.stdout
    assert problems(str(world.root)) == []
    assert not list(world.root.glob("store/partial/*"))
