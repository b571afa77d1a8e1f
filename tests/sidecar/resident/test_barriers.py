"""What holds a switch back: the other part of a joint model, and the hours of a site."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.sidecar.support.cases import World, free_port
from tests.sidecar.support.proxy import Asked
from tests.sidecar.support.running import Sidecar, until
from tests.sidecar.support.web import Reply, Web

OLD, NEW = "a" * 64, "b" * 64


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "edge")


def release(digest: str, url: str = "", **more: int) -> dict[str, object]:
    part = {"ask": {"url": url, "every": 1, "minimum": 3, "timeout": 2, **more}} if url else {}
    return {"model": "pair", "version": "1", "digest": digest, **part}


def test_a_first_install_does_not_run_ahead_of_the_cloud_part(world: World) -> None:
    answers = [404, 404]

    def script(asked: Asked) -> Reply | None:
        return Reply(answers.pop(0) if answers else 200) if OLD in asked.target else None

    with Web(script=script) as web:
        ask = release(OLD, web.url(f"/v1/releases/{OLD}"))
        world.mount_config(world.document(world.file("lite", b"1"), release=ask))
        with Sidecar(world) as sidecar:
            found = sidecar.wait_artifact("model/lite", reason="WaitingForRelease")
            assert "active" not in found
            assert sidecar.get("/startupz")[0] == 503
            sidecar.wait_page("/readyz")
            assert not answers


def test_an_edge_waits_while_the_cloud_part_lacks_the_release(world: World) -> None:
    """Both parts are real sidecars: the edge asks the cloud's own door."""
    cloud = World(world.directory.parent / "cloud")
    ask = f"http://127.0.0.1:{cloud.port}/v1/releases/"
    cloud.mount_config(cloud.document(cloud.file("big", b"1"), release=release(OLD)))
    world.mount_config(world.document(world.file("lite", b"1"), release=release(OLD, ask + OLD)))
    with Sidecar(cloud) as above, Sidecar(world) as sidecar:
        above.wait_page("/readyz")
        sidecar.wait_page("/readyz")
        lite = world.file("lite", b"2")
        world.mount_config(world.document(lite, release=release(NEW, ask + NEW)))
        found = sidecar.wait_artifact("model/lite", reason="WaitingForRelease")
        assert found["active"] != lite["sha256"]
        assert sidecar.get("/readyz")[0] == 200
        assert above.get(f"/v1/releases/{NEW}")[0] == 404
        cloud.mount_config(cloud.document(cloud.file("big", b"2"), release=release(NEW)))
        sidecar.wait_artifact("model/lite", state="GOOD", active=lite["sha256"])
        assert above.get(f"/v1/releases/{NEW}")[0] == 200


def test_every_replica_has_its_say(world: World) -> None:
    answers = [200, 200, 503, 200, 200, 200]

    def script(asked: Asked) -> Reply | None:
        if NEW not in asked.target:
            return None
        return Reply(answers.pop(0) if answers else 200)

    with Web(script=script) as web:
        world.mount_config(world.document(world.file("lite", b"1"), release=release(OLD)))
        with Sidecar(world) as sidecar:
            sidecar.wait_page("/readyz")
            lite = world.file("lite", b"2")
            ask = release(NEW, web.url(f"/v1/releases/{NEW}"))
            world.mount_config(world.document(lite, release=ask))
            sidecar.wait_artifact("model/lite", state="GOOD", active=lite["sha256"])
            assert not answers


def test_a_return_passes_the_barrier_also_while_the_cloud_is_away(world: World) -> None:
    url = f"http://127.0.0.1:{free_port()}/v1/releases/{OLD}"
    first, second = world.file("lite", b"1"), world.file("lite", b"2")
    world.mount_config(world.document(first, release=release(OLD)))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        world.mount_config(world.document(second, release=release(NEW)))
        sidecar.wait_artifact("model/lite", state="GOOD", active=second["sha256"])
        world.mount_config(world.document(first, release=release(OLD, url)))
        sidecar.wait_artifact("model/lite", state="GOOD", active=first["sha256"])


def shut(zone: str = "UTC") -> dict[str, str]:
    """A window of the sidecar that is shut now and for hours."""
    now = time.gmtime(time.time() + 6 * 3600)
    return {"from": f"{now.tm_hour:02}:00", "to": f"{now.tm_hour:02}:30", "zone": zone}


def test_an_update_waits_for_its_window_and_a_first_install_does_not(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1", window=shut())))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        second = world.file("det", b"2", window=shut())
        world.mount_config(world.document(second))
        found = sidecar.wait_artifact("model/det", reason="WindowShut")
        assert found["active"] != second["sha256"]
        sidecar.wait_event("staged", artifact="model/det", bytes=1)
        open_now = {"from": "00:00", "to": "00:00", "zone": "UTC"}
        world.mount_config(world.document(world.file("det", b"2", window=open_now)))
        sidecar.wait_artifact("model/det", state="GOOD", active=second["sha256"])


def test_a_window_in_a_zone_that_the_node_does_not_know_is_blocked(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1", window=shut("Mars/Olympus"))))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        second = world.file("det", b"2", window=shut("Mars/Olympus"))
        world.mount_config(world.document(second))
        found = sidecar.wait_artifact("model/det", reason="TimeZoneMissing", phase="blocked")
        assert found["active"] != second["sha256"]


def test_a_refused_question_is_no_failure_of_the_version(world: World) -> None:
    with Web(script=lambda _: Reply(404)) as web:
        world.mount_config(world.document(world.file("lite", b"1"), release=release(OLD)))
        with Sidecar(world) as sidecar:
            sidecar.wait_page("/readyz")
            ask = release(NEW, web.url(f"/v1/releases/{NEW}"))
            world.mount_config(world.document(world.file("lite", b"2"), release=ask))
            sidecar.wait_artifact("model/lite", reason="WaitingForRelease")
            until(lambda: len(web.asked) > 2, sidecar.said, sidecar)
            assert not sidecar.events("failed")
            assert not list((world.root / "tenants/watch.worker/quarantine").iterdir())
