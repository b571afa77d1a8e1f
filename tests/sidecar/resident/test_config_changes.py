"""Which config counts, and what a bad one does: nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sidecar.support.cases import World
from tests.sidecar.support.running import Sidecar, until


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


BAD: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda text: text[: len(text) // 2],
    "empty": lambda _: b"",
    "no JSON": lambda _: b"artifacts: []",
    "an unknown key": lambda text: text.replace(b'"contract"', b'"generation": 4, "contract"'),
    "no artifacts": lambda text: text.replace(b'"artifacts"', b'"artifact"'),
    "too large": lambda text: text + b" " * 600_000,
}


@pytest.mark.parametrize("fault", BAD)
def test_g1_a_bad_config_changes_nothing(world: World, fault: str) -> None:
    document = world.document(world.file("det", b"1"))
    world.mount_config(document)
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        before = sidecar.status()
        newer = world.document(world.file("det", b"2"))
        world.mount_config(BAD[fault](json.dumps(newer).encode()))
        sidecar.wait_event("config-rejected")
        until(lambda: sidecar.status().get("rejected"), sidecar.said, sidecar)
        after = sidecar.status()
        assert after["revision"] == before["revision"]
        assert after["artifacts"] == before["artifacts"]
        assert after["ready"]
        world.mount_config(newer)
        sidecar.wait_artifact("model/det", wanted=newer["artifacts"][0]["sha256"], state="GOOD")
        assert not sidecar.status().get("rejected")


def test_g1_a_config_that_is_gone_changes_nothing(world: World) -> None:
    world.mount_config(world.document(world.file("det", b"1")))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        world.config.unlink()
        sidecar.wait_event("config-rejected")
        assert sidecar.get("/readyz")[0] == 200


@pytest.mark.parametrize("fault", [*BAD, "gone"])
def test_g1_a_device_starts_with_what_it_accepted_before(world: World, fault: str) -> None:
    document = world.document(world.file("det", b"1"))
    world.mount_config(document)
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        revision = sidecar.status()["revision"]
        sidecar.end()
    for path in world.sources.iterdir():
        path.unlink()
    if fault == "gone":
        world.config.unlink()
    else:
        world.mount_config(BAD[fault](json.dumps(document).encode()))
    with Sidecar(world) as again:
        again.wait_page("/readyz")
        assert again.status()["revision"] == revision
        assert again.status()["rejected"]
        assert not again.workers()


def test_a_contract_of_the_next_version_keeps_the_accepted_config(world: World) -> None:
    document = world.document(world.file("det", b"1"))
    world.mount_config(document)
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        revision = sidecar.status()["revision"]
        world.mount_config({**document, "contract": 2, "something": "new"})
        sidecar.wait_event("config-rejected", reason="ContractUnknown")
        assert sidecar.status()["revision"] == revision
    other_pod = world.view.parent / "other-pod"
    (other_pod / "run").mkdir(parents=True)
    world.view = other_pod
    with Sidecar(world) as again:
        again.wait_page("/readyz")
        assert again.status()["revision"] == revision


def test_a_config_of_another_tenant_or_store_is_not_followed(world: World) -> None:
    document = world.document(world.file("det", b"1"))
    world.mount_config(document)
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        world.mount_config({**document, "tenant": {"job": "other", "role": "worker"}})
        sidecar.wait_event("config-rejected")
        elsewhere = {**document["store"], "root": str(world.directory / "elsewhere")}
        world.mount_config({**document, "store": elsewhere})
        sidecar.wait_event(
            "config-rejected", 1, detail="$.store.root: this process uses another one"
        )
        assert sidecar.get("/readyz")[0] == 200
        assert not (world.directory / "elsewhere").exists()


def test_a_plain_file_is_watched_too(world: World) -> None:
    document = world.document(world.file("det", b"1"))
    world.config.write_text(json.dumps(document))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        newer = world.document(world.file("det", b"2"))
        text = json.dumps(newer)
        world.config.write_text(text[:100])
        world.config.write_text(text)
        sidecar.wait_artifact("model/det", wanted=newer["artifacts"][0]["sha256"], state="GOOD")


def test_the_same_config_in_other_words_is_no_change(world: World) -> None:
    document = world.document(world.file("det", b"1"))
    world.mount_config(document)
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        world.mount_config(json.dumps(document, indent=4, sort_keys=True).encode())
        world.mount_config({**document, "store": {**document["store"], "keepPrevious": 2}})
        sidecar.wait_event("config-accepted", 2)
        assert len(sidecar.events("config-accepted")) == 2
        assert len(sidecar.events("activate")) == 1


def test_only_new_labels_switch_nothing(world: World) -> None:
    first = world.file("det", b"1")
    world.mount_config(world.document(first))
    with Sidecar(world) as sidecar:
        sidecar.wait_page("/readyz")
        world.mount_config(world.document({**first, "version": "1.0.1"}))
        sidecar.wait_artifact("model/det", version="1.0.1", state="GOOD")
        assert len(sidecar.events("activate")) == 1
