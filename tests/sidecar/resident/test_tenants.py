"""Several processes on one store: pods of one tenant, several tenants, and what each keeps."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.sidecar.support.cases import World, free_port
from tests.sidecar.support.proxy import Fault, Relay
from tests.sidecar.support.running import Sidecar, until
from tests.sidecar.support.web import Web


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "one")


def beside(world: World, name: str) -> World:
    """Another pod on the same node."""
    other = World(world.directory.parent / name)
    other.root = world.root
    other.sources = world.sources
    other.port = free_port()
    return other


def rolling(world: World, *artifacts: dict[str, object], revision: str) -> dict[str, object]:
    return world.document(
        *artifacts, tenant={"job": "watch", "role": "worker", "revision": revision}
    )


def test_a_second_hot_pod_of_a_tenant_waits_and_takes_over(world: World) -> None:
    second = beside(world, "two")
    det = world.file("det", b"1")
    world.mount_config(world.document(det))
    second.mount_config(second.document(det))
    with Sidecar(world) as first:
        first.wait_page("/readyz")
        with Sidecar(second) as other:
            other.wait_event("waits", reason="WaitingForTenant")
            assert other.get("/startupz")[0] == 503
            assert "WaitingForTenant" in other.get("/readyz")[1]
            assert other.get("/healthz")[0] == 200
            first.kill()
            other.wait_page("/readyz")
            assert (second.view / "models/det").read_bytes() == b"1"


def test_pods_of_a_rolling_update_share_a_tenant(world: World) -> None:
    second = beside(world, "two")
    det = world.file("det", b"1", update="activate")
    world.mount_config(rolling(world, det, revision="0123456789"))
    second.mount_config(rolling(second, det, revision="0123456789"))
    with Sidecar(world) as first:
        first.wait_page("/readyz")
        with Sidecar(second) as other:
            other.wait_page("/readyz")
            assert (second.view / "models/det").read_bytes() == b"1"
            first.end()
            other.wait_event("began")
            other.wait_page("/readyz")


def test_old_and_new_pods_of_a_rolling_update_do_not_share_slots(world: World) -> None:
    second = beside(world, "two")
    old, new = (world.file("det", data, update="activate") for data in (b"1", b"2"))
    world.mount_config(rolling(world, old, revision="0000000001"))
    second.mount_config(rolling(second, new, revision="0000000002"))
    with Sidecar(world) as first, Sidecar(second) as other:
        first.wait_page("/readyz")
        other.wait_page("/readyz")
        assert (world.view / "models/det").read_bytes() == b"1"
        assert (second.view / "models/det").read_bytes() == b"2"


def test_two_tenants_with_one_artifact_name_do_not_meet(world: World) -> None:
    second = beside(world, "two")
    world.mount_config(world.document(world.file("det", b"1")))
    document = second.document(world.file("det", b"2"), tenant={"job": "other", "role": "worker"})
    second.mount_config(document)
    with Sidecar(world) as first, Sidecar(second) as other:
        first.wait_page("/readyz")
        other.wait_page("/readyz")
        assert (world.view / "models/det").read_bytes() == b"1"
        assert (second.view / "models/det").read_bytes() == b"2"
        world.mount_config(world.document(world.file("det", b"3")))
        first.wait_artifact("model/det", wanted=hashlib.sha256(b"3").hexdigest(), state="GOOD")
        assert (second.view / "models/det").read_bytes() == b"2"


def test_what_two_tenants_want_is_fetched_once_and_goes_with_the_last(world: World) -> None:
    second = beside(world, "two")
    data = bytes(range(256)) * 20_000
    digest = hashlib.sha256(data).hexdigest()
    with Web({"/m": data}) as web, Relay(web.port, always=Fault(rate=4_000_000)) as relay:
        sources = [{"url": f"http://127.0.0.1:{relay.port}/m"}]
        det = world.artifact("det", Path("/nowhere"), digest, len(data), sources=sources)
        world.mount_config(world.document(det))
        document = second.document(det, tenant={"job": "other", "role": "worker"})
        second.mount_config(document)
        with Sidecar(world) as first, Sidecar(second) as other:
            first.wait_page("/readyz")
            other.wait_page("/readyz")
            assert relay.sent <= len(data)
            empty = second.document(tenant={"job": "other", "role": "worker"})
            second.mount_config(empty)
            other.wait_event("removed", group="model.det")
            other.post("/v1/collect")
            other.post("/v1/collect")
            assert (world.view / "models/det").read_bytes() == data


def test_a_pod_that_restarts_while_another_tenant_fetches_the_same_digest_waits_for_it(
    world: World,
) -> None:
    second = beside(world, "two")
    data = bytes(range(256)) * 40_000
    digest = hashlib.sha256(data).hexdigest()
    with Web({"/m": data}) as web, Relay(web.port, always=Fault(rate=5_000_000)) as relay:
        sources = [{"url": f"http://127.0.0.1:{relay.port}/m"}]
        det = world.artifact("det", Path("/nowhere"), digest, len(data), sources=sources)
        world.mount_config(world.document(det))
        second.mount_config(second.document(det, tenant={"job": "other", "role": "worker"}))
        with Sidecar(world) as first:
            until(lambda: relay.sent > 500_000, first.said, first)
            with Sidecar(second) as other:
                until(other.workers, other.said, other)
                other.kill()
            with Sidecar(second) as again:
                first.wait_page("/readyz")
                again.wait_page("/readyz")
        assert relay.sent <= len(data) + (4 << 20)


def test_the_node_role_stages_and_switches_nothing(world: World) -> None:
    det = world.file("det", b"1", update="stage")
    del det["link"]
    document = world.document(det, tenant={"job": "watch", "role": "node"})
    world.mount_config(document)
    with Sidecar(world, "--role", "node") as node:
        node.wait_page("/readyz")
        assert "active" not in node.wait_artifact("model/det", state="STAGED")
        assert not list((world.root / "tenants/watch.node/slots").iterdir())
    pod = beside(world, "two")
    for path in world.sources.iterdir():
        path.unlink()
    staged = {**det, "activation": {"update": "activate"}, "link": "/edgewright/models/det"}
    pod.mount_config(rolling(pod, staged, revision="0123456789"))
    with Sidecar(pod) as sidecar:
        sidecar.wait_page("/startupz")
        assert (pod.view / "models/det").read_bytes() == b"1"


def test_the_node_role_sends_what_a_dead_tenant_left(world: World) -> None:
    target = world.directory / "target"
    target.mkdir()
    stream = [{"name": "results", "to": f"file://{target}/nowhere/else/"}]
    (world.directory / "target/nowhere").write_text("in the way")
    world.mount_config(world.document(outbox=stream))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        inbox = world.view / "run/outbox/results"
        until(inbox.is_dir, sidecar.said, sidecar)
        (inbox / ".w").write_bytes(b"gradients")
        (inbox / ".w").rename(inbox / "w.bin")
        new = world.root / "tenants/watch.worker/outbox/results/new"
        until(lambda: list(new.iterdir()), sidecar.said, sidecar)
        sidecar.kill()
    (world.directory / "target/nowhere").unlink()
    node = beside(world, "node")
    node.mount_config(node.document(tenant={"job": "watch", "role": "node"}))
    with Sidecar(node, "--role", "node") as other:
        until(lambda: list(target.rglob("*w.bin")), other.said, other)
        assert [one.read_bytes() for one in target.rglob("*w.bin")] == [b"gradients"]


def test_a_config_of_a_tenant_says_nothing_secret(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        text = json.dumps(sidecar.status())
        assert str(world.sources) not in text


@pytest.mark.parametrize("unpacked", [True, False])
def test_forms_of_one_digest_do_not_take_turns(world: World, unpacked: bool) -> None:
    one = world.tar("det", {"weights.bin": b"1"}) if unpacked else world.file("det", b"1")
    (source,) = one["sources"]
    path = Path(source["url"].removeprefix("file://"))
    named = path.with_name("another.bin")
    named.write_bytes(path.read_bytes())
    own = {**one, "name": "own", "private": True, "link": "/edgewright/models/own"}
    other = {**one, "name": "other", "sources": [{"url": f"file://{named}"}],
             "link": "/edgewright/models/other"}  # fmt: skip
    world.mount_config(world.document(one, own, other))
    with Sidecar(world) as first:
        first.wait_page("/readyz")
        first.end()
    forms = sorted(path.name for path in (world.root / "store/unpacked").iterdir())
    assert len(forms) == (2 if unpacked else 3)
    with Sidecar(world) as again:
        again.wait_page("/readyz")
        assert again.events("staged") == again.events("mended") == again.events("activate") == []
        again.end()
    assert sorted(path.name for path in (world.root / "store/unpacked").iterdir()) == forms
