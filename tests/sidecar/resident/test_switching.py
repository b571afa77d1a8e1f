"""Updates beside a server: what is told, what is rolled back, what stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sidecar.support.beside import Beside
from tests.sidecar.support.cases import World
from tests.sidecar.support.running import Sidecar, command, until


def model(
    world: World, server: Beside, content: bytes, number: int, name: str = "det", **more: object
) -> dict[str, object]:
    view = {"type": "ovms", "model": name, "number": number}
    return world.file(name, content, view=view, **server.told(name, number), version=str(number),
                      **more)  # fmt: skip


def config(world: World, server: Beside, *artifacts: dict[str, object]) -> dict[str, object]:
    return world.document(*artifacts, server=server.config)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_first_version_is_there_before_its_server_and_then_proven(world: World) -> None:
    server = Beside(world)
    world.mount_config(config(world, server, model(world, server, b"add 1", 1)))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        assert sidecar.get("/readyz")[0] == 503
        sidecar.wait_artifact("model/det", state="TRIAL")
        with server.start():
            sidecar.wait_page("/readyz")
            assert sidecar.wait_artifact("model/det", state="GOOD")["version"] == "1"


def test_a_new_version_is_served_without_a_restart(world: World) -> None:
    server = Beside(world)
    first = model(world, server, b"add 1", 1)
    world.mount_config(config(world, server, first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            second = model(world, server, b"add 2", 2)
            world.mount_config(config(world, server, second))
            sidecar.wait_artifact("model/det", state="GOOD", version="2")
            assert sidecar.artifact("model/det")["active"] == second["sha256"]
            assert server.loaded()["det"]["number"] == 2


def test_a_version_on_trial_is_left_at_once_when_somebody_asks(world: World) -> None:
    server = Beside(world)
    first = model(world, server, b"add 1", 1)
    world.mount_config(config(world, server, first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            second = model(world, server, b"slow 20", 2)
            world.mount_config(config(world, server, second))
            sidecar.wait_artifact("model/det", phase="notify", active=second["sha256"])
            done = command(world, "rollback", "model/det")
            assert (done[0], "serves the version before;" in done[1]) == (0, True)
            found = sidecar.wait_artifact("model/det", phase="blocked")
            assert found["active"] == first["sha256"]
            assert server.loaded()["det"]["number"] == 1


def test_a1_a_version_that_the_server_refuses_is_left_again_in_its_words(world: World) -> None:
    server = Beside(world)
    first = model(world, server, b"add 1", 1)
    world.mount_config(config(world, server, first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            broken = model(world, server, b"broken no such operator: Foo", 2)
            world.mount_config(config(world, server, broken))
            found = sidecar.wait_artifact("model/det", phase="blocked", wanted=broken["sha256"])
            assert (found["state"], found["reason"]) == ("REFUSED", "LoadFailed")
            assert found["active"] == first["sha256"]
            assert sidecar.get("/readyz")[0] == 200
            assert server.loaded()["det"]["number"] == 1
            assert not (world.root / "tenants/watch.worker/views/model/det/2").exists()
            assert len(sidecar.events("rollback")) == 1


def test_a1_what_failed_here_is_not_tried_again_by_a_restart_but_by_another_image(
    world: World,
) -> None:
    server = Beside(world)
    first = model(world, server, b"add 1", 1)
    broken = model(world, server, b"broken bad", 2)
    world.mount_config(config(world, server, first))
    with server:
        with Sidecar(world) as sidecar:
            sidecar.wait_page("/startupz")
            server.start()
            sidecar.wait_page("/readyz")
            world.mount_config(config(world, server, broken))
            sidecar.wait_artifact("model/det", phase="blocked", state="REFUSED")
        with Sidecar(world) as again:
            again.wait_artifact("model/det", phase="blocked", reason="LoadFailed")
            assert not again.events("activate")
            other = {**server.config, "image": "registry.example.com/server:2"}
            world.mount_config(world.document(broken, server=other))
            again.wait_event("rollback")
            assert again.wait_artifact("model/det", state="REFUSED")["active"] == first["sha256"]


def test_a_mended_version_comes_after_a_refused_one(world: World) -> None:
    server = Beside(world)
    world.mount_config(config(world, server, model(world, server, b"add 1", 1)))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            world.mount_config(config(world, server, model(world, server, b"broken bad", 2)))
            sidecar.wait_artifact("model/det", phase="blocked", state="REFUSED")
            world.mount_config(config(world, server, model(world, server, b"add 3", 2)))
            sidecar.wait_artifact("model/det", state="GOOD", phase="idle")
            assert server.loaded()["det"]["number"] == 2


def test_a2_a_server_that_dies_of_a_version_gets_the_one_before_once(world: World) -> None:
    server = Beside(world)
    first = model(world, server, b"add 1", 1)
    world.mount_config(config(world, server, first))
    with Sidecar(world) as sidecar, server:
        sidecar.wait_page("/startupz")
        server.start()
        sidecar.wait_page("/readyz")
        fatal = model(world, server, b"crash-later", 2)
        fatal["activation"]["probe"]["successes"] = 4  # type: ignore[index]  # a dictionary
        world.mount_config(config(world, server, fatal))
        sidecar.wait_event("rollback")
        until(lambda: not server.alive)
        server.stop()
        server.start()
        sidecar.wait_event("restored")
        found = sidecar.wait_artifact("model/det", phase="blocked")
        assert (found["reason"], found["active"]) == ("ProbeFailed", first["sha256"])
        assert len(sidecar.events("rollback")) == 1


def test_a3_a_first_version_that_fails_stays_and_is_tried_again(world: World) -> None:
    server = Beside(world)
    first = model(world, server, b"broken not yet", 1)
    world.mount_config(config(world, server, first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            found = sidecar.wait_artifact("model/det", reason="LoadFailed")
            assert found["active"] == first["sha256"]
            assert sidecar.get("/readyz")[0] == 503
            sidecar.wait_event("failed", 2, reason="LoadFailed")
            assert not sidecar.events("rollback")


def test_a4_files_of_the_version_before_stay_for_their_grace(world: World) -> None:
    server = Beside(world)
    document = config(world, server, model(world, server, b"add 1", 1))
    document["store"]["grace"] = 4  # type: ignore[index]  # a dictionary
    world.mount_config(document)
    views = world.root / "tenants/watch.worker/views/model/det"
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            second = config(world, server, model(world, server, b"add 2", 2))
            second["store"]["grace"] = 4  # type: ignore[index]  # a dictionary
            world.mount_config(second)
            sidecar.wait_artifact("model/det", state="GOOD", version="2")
            assert (views / "1/model.bin").read_bytes() == b"add 1"
            until(lambda: not (views / "1").exists(), sidecar.said, sidecar)
            assert (views / "2/model.bin").read_bytes() == b"add 2"


def test_a5_only_the_newest_of_many_configs_is_switched_to(world: World) -> None:
    server = Beside(world)
    world.mount_config(config(world, server, model(world, server, b"add 1", 1)))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            world.mount_config(config(world, server, model(world, server, b"slow 3", 2)))
            sidecar.wait_artifact("model/det", phase="notify")
            for number in range(3, 7):
                newer = model(world, server, b"add %d" % number, number)
                world.mount_config(config(world, server, newer))
            found = sidecar.wait_artifact("model/det", state="GOOD", version="6")
            assert found["active"] == newer["sha256"]
            assert len(sidecar.events("activate")) == 3
            assert not sidecar.events("rollback")
            assert server.loaded()["det"]["number"] == 6


def test_a6_no_member_of_a_bundle_changes_until_all_are_there(world: World) -> None:
    first = [world.file("det", b"1"), world.file("io", b"io 1", kind="code")]
    bundle = [{"name": "watch", "members": ["code/io", "model/det"]}]
    world.mount_config(world.document(*first, bundles=bundle))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        missing = world.file("det", b"2", sources=[{"url": f"file://{world.sources}/nothing"}])
        world.mount_config(
            world.document(missing, world.file("io", b"io 2", kind="code"), bundles=bundle)
        )
        sidecar.wait_artifact("model/det", reason="NotFound")
        current = world.slot("bundle.watch") / "current"
        assert [(current / one).read_bytes() for one in ("model/det", "code/io")] == [b"1", b"io 1"]
        assert sidecar.get("/readyz")[0] == 200
        both = [world.file("det", b"2"), world.file("io", b"io 2", kind="code")]
        world.mount_config(world.document(*both, bundles=bundle))
        sidecar.wait_artifact("model/det", state="GOOD", wanted=both[0]["sha256"])
        assert [(current / one).read_bytes() for one in ("model/det", "code/io")] == [b"2", b"io 2"]
        assert (world.view / "bundles/watch/code/io").read_bytes() == b"io 2"


def test_a7_a_config_that_goes_back_is_served_without_any_source(world: World) -> None:
    server = Beside(world)
    first, second = (model(world, server, b"add %d" % one, one) for one in (1, 2))
    world.mount_config(config(world, server, first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            world.mount_config(config(world, server, second))
            sidecar.wait_artifact("model/det", state="GOOD", version="2")
            for path in world.sources.iterdir():
                path.unlink()
            shut = {"from": "00:00", "to": "00:00", "zone": "Nowhere/None"}
            first["activation"]["window"] = shut  # type: ignore[index]  # a dictionary
            world.mount_config(config(world, server, first))
            sidecar.wait_artifact("model/det", state="GOOD", version="1")
            assert server.loaded()["det"]["number"] == 1


def rot(world: World, artifact: dict[str, object], content: bytes) -> None:
    """Change stored bytes under their name."""
    digest = str(artifact["sha256"])
    blob = world.root / "store/blobs" / digest[:2] / digest
    blob.chmod(0o644)
    blob.write_bytes(content)
    blob.chmod(0o444)


def test_a7_what_serves_again_is_hashed_after_it_does_and_brought_anew_where_it_rotted(
    world: World,
) -> None:
    first, second = world.file("det", b"1"), world.file("det", b"2")
    world.mount_config(world.document(first))
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", state="GOOD", wanted=first["sha256"])
        world.mount_config(world.document(second))
        sidecar.wait_artifact("model/det", state="GOOD", wanted=second["sha256"])
        assert "scrubbed_blobs_total 0" in sidecar.get("/metrics")[1]
        rot(world, first, b"0")
        world.mount_config(world.document(first))
        sidecar.wait_event("rotten")
        sidecar.wait_event("mended")
        assert (world.view / "models/det").read_bytes() == b"1"


def test_a3_rot_of_what_was_rolled_back_to_is_told(world: World) -> None:
    first, second = world.file("det", b"1"), world.file("det", b"2")
    world.mount_config(world.document(first))
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", state="GOOD", wanted=first["sha256"])
        world.mount_config(world.document(second))
        sidecar.wait_artifact("model/det", state="GOOD", wanted=second["sha256"])
        rot(world, first, b"0")
        assert command(world, "rollback", "model/det")[0] == 0
        sidecar.wait_event("restored")
        assert sidecar.wait_event("rotten")["blob"] == first["sha256"]


def test_several_models_of_one_server_change_each_for_itself(world: World) -> None:
    server = Beside(world)
    det, ocr = model(world, server, b"add 1", 1), model(world, server, b"add 1", 1, "ocr")
    world.mount_config(config(world, server, det, ocr))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            broken = model(world, server, b"broken bad", 2, "ocr")
            newer = model(world, server, b"add 2", 2)
            world.mount_config(config(world, server, newer, broken))
            sidecar.wait_artifact("model/det", state="GOOD", version="2")
            sidecar.wait_artifact("model/ocr", state="REFUSED", phase="blocked")
            assert {name: one["number"] for name, one in server.loaded().items()} == {
                "det": 2,
                "ocr": 1,
            }


def test_g2_an_artifact_that_is_listed_no_longer_is_unloaded_and_goes(world: World) -> None:
    server = Beside(world, "triton")
    view = {"type": "triton", "model": "ocr", "number": 1}
    ocr = world.file("ocr", b"add 1", view=view, **server.told("ocr", 1))
    det = world.file("det", b"add 1", view={**view, "model": "det"}, **server.told("det", 1))
    world.mount_config(config(world, server, det, ocr))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/startupz")
        with server.start():
            sidecar.wait_page("/readyz")
            assert set(server.loaded()) == {"det", "ocr"}
            world.mount_config(config(world, server, det))
            sidecar.wait_event("removed", group="model.ocr")
            assert set(server.loaded()) == {"det"}
            assert not (world.view / "models/ocr").is_symlink()
            assert not world.slot("model.ocr").exists()
            assert (world.view / "models/det/1/model.bin").exists()


def test_g3_a_server_that_is_not_there_yet_is_waited_for(world: World) -> None:
    server = Beside(world)
    world.mount_config(config(world, server, model(world, server, b"add 1", 1)))
    with Sidecar(world) as sidecar:
        sidecar.wait_artifact("model/det", reason="WaitingForServer")
        assert sidecar.get("/readyz")[0] == 503
        assert sidecar.get("/startupz")[0] == 200
        with server.start():
            sidecar.wait_page("/readyz")
        assert not sidecar.events("failed")


def test_what_moves_into_a_bundle_is_never_missing(world: World) -> None:
    det, code = world.file("det", b"1"), world.file("io", b"io 1", kind="code")
    world.mount_config(world.document(det))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        bundle = [{"name": "watch", "members": ["model/det", "code/io"]}]
        missing = {**code, "sources": [{"url": f"file://{world.sources}/nothing"}]}
        world.mount_config(world.document(det, missing, bundles=bundle))
        sidecar.wait_artifact("code/io", reason="NotFound")
        assert (world.view / "models/det").read_bytes() == b"1"
        world.mount_config(world.document(det, code, bundles=bundle))
        sidecar.wait_artifact("code/io", state="GOOD")
        assert "bundle.watch" in str((world.view / "models/det").readlink())
        sidecar.wait_event("removed", group="model.det")
        assert (world.view / "models/det").read_bytes() == b"1"
