"""Each protocol against a stand-in of its server: a process, see `support/servers.py`."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from sidecar import hooks
from sidecar.hooks.versions import highest
from sidecar.model.config import Hook
from sidecar.model.reasons import ReasonError
from sidecar.wire.stream import StoppedError
from tests.sidecar.hooks.stand_in import StandIn, stand_in

SPEAKING = ("triton", "ovms", "tfserving", "torchserve", "openinference", "http")
KEEPING = ("triton", "ovms", "tfserving", "openinference", "http")
"""Protocols whose server keeps the old version while it loads the new one."""


def content_of(one: StandIn) -> str:
    return str(one.loaded()["shelf"]["sha256"])


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def test_the_registry_lists_every_protocol_module() -> None:
    folder = Path(hooks.__file__).parent
    having = {path.stem for path in folder.glob("*.py") if "\nPROTOCOL = " in path.read_text()}
    listed = {protocol.load.__module__.rpartition(".")[2] for protocol in hooks.PROTOCOLS}
    assert having == (listed | {"none"}) - {"call"}


@pytest.mark.parametrize("flavour", SPEAKING)
def test_a_new_version_is_loaded_and_served(flavour: str, tmp_path: Path) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.load()
        assert content_of(one) == digest("add 1\n")
        one.put(2, "add 2\n")
        one.load()
        assert content_of(one) == digest("add 2\n")


@pytest.mark.parametrize("flavour", SPEAKING)
def test_a1_a_version_that_the_server_refuses_fails_with_the_servers_own_words(
    flavour: str, tmp_path: Path
) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.load()
        one.put(2, "broken \x1b[31mnode 7: cannot allocate 12 GiB\x00\n")
        with pytest.raises(ReasonError) as caught:
            one.load()
        assert caught.value.code == "LoadFailed"
        detail = caught.value.detail
        assert detail.isprintable()
        assert len(detail.encode()) <= 512
        if flavour == "ovms":
            # The real server says no more than this either, and points to its log.
            assert "Reloading models versions failed" in detail
            assert "version 2 is LOADING: UNKNOWN" in detail
        else:
            assert "node 7: cannot allocate 12 GiB" in detail
        if flavour in KEEPING:
            assert content_of(one) == digest("add 1\n")


@pytest.mark.parametrize("flavour", SPEAKING)
def test_a1_after_the_files_are_taken_back_the_version_before_serves_again(
    flavour: str, tmp_path: Path
) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.load()
        one.put(2, "broken words\n")
        with pytest.raises(ReasonError):
            one.load()
        one.take_back(2)
        one.load()
        assert content_of(one) == digest("add 1\n")


@pytest.mark.parametrize("flavour", SPEAKING)
def test_a_version_that_serves_badly_can_be_taken_back(flavour: str, tmp_path: Path) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.put(2, "add 2\n")
        one.load()
        one.take_back(2)
        one.load()
        assert content_of(one) == digest("add 1\n")


@pytest.mark.parametrize("flavour", KEEPING)
def test_the_old_version_serves_while_the_new_one_loads(flavour: str, tmp_path: Path) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.load()
        one.put(2, "slow 2\n")
        loading = Thread(target=one.load)
        loading.start()
        seen = set()
        while loading.is_alive():
            seen.add(content_of(one))
            time.sleep(0.05)
        loading.join()
        assert digest("add 1\n") in seen
        assert content_of(one) == digest("slow 2\n")


@pytest.mark.parametrize("flavour", ["triton", "ovms", "torchserve", "openinference", "http"])
def test_a_server_that_dies_of_what_it_loads_has_refused_it(flavour: str, tmp_path: Path) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.put(2, "crash\n")
        with pytest.raises(ReasonError, match="LoadFailed: the server broke off"):
            one.load()


@pytest.mark.parametrize("flavour", ["triton", "ovms", "torchserve", "openinference", "http"])
def test_a_load_that_takes_too_long_has_failed(flavour: str, tmp_path: Path) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.put(2, "slow 30\n")
        with pytest.raises(ReasonError, match="LoadFailed: the server did not answer in time"):
            one.load(timeout=0.5)


@pytest.mark.parametrize("flavour", SPEAKING)
def test_a_load_can_be_stopped(flavour: str, tmp_path: Path) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.put(2, "slow 30\n")
        stop = Event()
        ended: list[BaseException] = []

        def load() -> None:
            try:
                hooks.load(one.hook, one.directory, one.ports, stop, timeout=60)
            except StoppedError as error:
                ended.append(error)

        loading = Thread(target=load)
        loading.start()
        time.sleep(0.3)
        stop.set()
        loading.join(timeout=10)
        assert ended


@pytest.mark.parametrize("flavour", SPEAKING)
def test_g3_a_hook_without_its_server_waits_for_it(flavour: str, tmp_path: Path) -> None:
    one = StandIn(flavour, tmp_path / "models")
    one.put(1, "add 1\n")
    one.start()
    one.stop()
    assert not hooks.answers(one.server, one.hook)
    with pytest.raises(ReasonError, match="WaitingForServer: Connection refused"):
        one.load()
    one.start(one.ports[0] if len(one.ports) == 1 else 0)
    try:
        assert hooks.answers(one.server, one.hook)
        one.load()
    finally:
        one.stop()


@pytest.mark.parametrize("flavour", [*SPEAKING, "none"])
def test_only_declared_ports_of_loopback_are_spoken_to(flavour: str, tmp_path: Path) -> None:
    with stand_in("triton", tmp_path) as one:
        for url in (
            f"http://127.0.0.1:{one.ports[0]}",
            f"http://127.0.0.2:{one.ports[0]}",
            "http://169.254.169.254/latest",
            f"http://127.0.0.1:{one.ports[0]}@10.0.0.1",
        ):
            hook = Hook(type=flavour, url=url, model="shelf")
            allowed = one.ports if "127.0.0.1:" not in url or "@" in url else (1,)
            if flavour == "none":
                hooks.load(hook, one.directory, allowed, Event(), timeout=5)
                continue
            with pytest.raises(ReasonError, match="AddressRefused"):
                hooks.load(hook, one.directory, allowed, Event(), timeout=5)
        assert one.requests() == []


@pytest.mark.parametrize("flavour", ["triton", "torchserve", "openinference", "http"])
def test_g2_a_model_that_no_config_lists_is_unloaded_once_and_again(
    flavour: str, tmp_path: Path
) -> None:
    with stand_in(flavour, tmp_path) as one:
        one.load()
        assert "shelf" in one.loaded()
        one.unload()
        assert one.loaded() == {}
        one.unload()


def test_a_broken_model_beside_it_does_not_fail_a_good_one_on_ovms(tmp_path: Path) -> None:
    with stand_in("ovms", tmp_path) as one:
        one.put(1, "broken other\n", name="other")
        one.put(2, "add 2\n")
        one.load()
        assert content_of(one) == digest("add 2\n")


def test_torchserve_keeps_its_number_of_workers_also_through_a_failed_version(
    tmp_path: Path,
) -> None:
    with stand_in("torchserve", tmp_path) as one:
        one.put(2, "broken words\n")
        with pytest.raises(ReasonError):
            one.load()
        one.take_back(2)
        one.load()
        assert b'"minWorkers": 2' in one.get("/models/shelf").body


def test_torchserve_is_given_the_path_of_immutable_files(tmp_path: Path) -> None:
    with stand_in("torchserve", tmp_path) as one:
        one.put(2, "add 2\n")
        one.load()
        found = json.loads(one.get("/models/shelf").body)
        assert found[0]["modelUrl"] == str(tmp_path / "shelf-2")


def test_tfserving_fails_as_soon_as_the_server_has_given_up(tmp_path: Path) -> None:
    with stand_in("tfserving", tmp_path) as one:
        one.put(2, "broken Op type not registered 'Foo'\n")
        with pytest.raises(ReasonError, match="END: INVALID_ARGUMENT Op type not registered 'Foo'"):
            one.load(timeout=600)


def test_tfserving_says_what_it_waited_for(tmp_path: Path) -> None:
    with stand_in("tfserving", tmp_path) as one:
        one.put(2, "slow 30\n")
        with pytest.raises(ReasonError, match="version 2 is still LOADING"):
            one.load(timeout=1.5)


def test_the_highest_number_is_the_one_that_a_server_should_serve(tmp_path: Path) -> None:
    for name in ("1", "2", "10", "10.gone", "labels.txt", "²"):
        (tmp_path / name).mkdir()
    assert highest(str(tmp_path)) == 10
    assert highest(str(tmp_path / "absent")) == 0
