"""Probes, status and releases, asked over real sockets."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sidecar.model.config import Config
from sidecar.model.reasons import ReasonError
from sidecar.surface import Control, Counters, Surface
from sidecar.surface.pages import STUCK_SECONDS
from sidecar.wire.client import UnansweredError, request
from tests.sidecar.surface.states import (
    NEW,
    NO_CONTROL,
    OLD,
    artifact,
    config,
    free_port,
    group,
    shown,
    status,
)

PAGES = ("/healthz", "/startupz", "/readyz", "/v1/status", "/metrics", "/v1/releases/x")


def test_probes_say_yes_when_all_is_well(tmp_path: Path) -> None:
    with shown(tmp_path, status) as one:
        for path in ("/healthz", "/startupz", "/readyz"):
            assert one.get(path).status == 200
        assert one.get("/readyz", method="HEAD").body == b""


def test_before_the_first_status_only_health_is_good(tmp_path: Path) -> None:
    with shown(tmp_path, lambda: None) as one:
        assert one.get("/healthz").status == 200
        for path in ("/startupz", "/readyz"):
            answer = one.get(path)
            assert (answer.status, answer.body) == (503, b"not yet: the sidecar begins\n")
        assert one.get("/v1/status").status == 503
        assert one.get("/metrics").status == 200


def test_a_probe_says_in_words_what_is_waited_for(tmp_path: Path) -> None:
    seen = status(
        group(
            artifact(active="", bytes=340),
            phase="fetch",
            reason="Offline",
            detail="no route to host",
        ),
        group(name="code.pre"),
        started=False,
        ready=False,
    )
    with shown(tmp_path, lambda: seen) as one:
        answer = one.get("/startupz")
    assert answer.status == 503
    assert answer.body == b"not yet: model.shelf fetch 34 % (Offline: no route to host)\n"


def test_d3_a_broken_disk_is_told_of_and_is_no_reason_to_restart(tmp_path: Path) -> None:
    seen = status(reason="StoreReadOnly", detail="errno 30")
    with shown(tmp_path, lambda: seen) as one:
        answer = one.get("/healthz")
        assert answer.status == 200
        assert answer.body.startswith(b"alive; StoreReadOnly: ")
        assert one.get("/readyz").status == 200


def test_a_main_loop_that_stands_still_is_a_reason_to_restart(tmp_path: Path) -> None:
    begun = time.monotonic() - STUCK_SECONDS - 5
    with shown(tmp_path, status, beat=lambda: begun) as one:
        answer = one.get("/healthz")
        assert answer.status == 503
        assert answer.body.startswith(b"the main loop has not moved for 12")
        assert one.get("/readyz").status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_nothing_can_be_asked_for_on_the_pods_address(tmp_path: Path, method: str) -> None:
    with shown(tmp_path, status) as one:
        for path in (*PAGES, "/v1/rollback", "/v1/collect", "/v1/outbox/hard"):
            answer = one.get(path, method=method, body=b"x")
            assert answer.status == 405
            assert answer.headers["allow"] == "GET, HEAD"


def test_what_is_not_there_is_not_there(tmp_path: Path) -> None:
    with shown(tmp_path, status) as one:
        for path in ("/", "/healthz/", "//healthz", "/v1/outbox/hard", "/v1/rollback", "/v1"):
            assert one.get(path).status == 404


def test_metrics_can_be_switched_off(tmp_path: Path) -> None:
    with shown(tmp_path, status, metrics=False) as one:
        assert one.get("/metrics").status == 404


def test_a_release_is_answered_with_yes_only_when_it_serves(tmp_path: Path) -> None:
    seen = [status(release=NEW, release_ready=False)]
    with shown(tmp_path, lambda: seen[0]) as one:
        assert one.get(f"/v1/releases/{NEW}").status == 404
        seen[0] = status(release=NEW, release_ready=True)
        assert json.loads(one.get(f"/v1/releases/{NEW}").body) == {"release": NEW, "ready": True}
        assert one.get(f"/v1/releases/{OLD}").status == 404
        seen[0] = status(release="", release_ready=True)
        assert one.get("/v1/releases/").status == 404


def test_the_status_tells_what_only_the_node_needs(tmp_path: Path) -> None:
    seen = status(group(artifact(bytes=340), phase="fetch", attempts=2, can_return=True))
    with shown(tmp_path, lambda: seen) as one:
        found = json.loads(one.get("/v1/status").body)
    assert found["groups"] == [
        {
            "name": "model.shelf",
            "state": "PENDING",
            "phase": "fetch",
            "attempts": 2,
            "canReturn": True,
            "fetched": {"model/shelf": 340},
            "sizes": {"model/shelf": 1000},
        }
    ]
    assert found["store"] == {"root": "/var/lib/edgewright", "bytes": 123, "free": 456}


def made(one: Config, address: str) -> Surface:
    return Surface(one, address, status, NO_CONTROL, beat=time.monotonic, counters=Counters())


def test_the_pods_address_and_loopback_are_listened_on_and_no_other(tmp_path: Path) -> None:
    one = config(tmp_path, free_port())
    surface = made(one, "127.0.0.7")
    assert surface.tend() == []
    try:
        for host, there in (("127.0.0.7", True), ("127.0.0.1", True), ("127.0.0.8", False)):
            with socket.socket() as connection:
                reached = connection.connect_ex((host, one.surface.port)) == 0
            assert reached == there
    finally:
        surface.close()


def test_without_the_pods_address_only_loopback_is_listened_on(tmp_path: Path) -> None:
    one = config(tmp_path, free_port())
    surface = made(one, "")
    assert surface.tend() == []
    try:
        with socket.socket() as connection:
            assert connection.connect_ex(("127.0.0.2", one.surface.port)) != 0
    finally:
        surface.close()


def test_an_address_that_is_not_there_keeps_nothing_else_from_answering(tmp_path: Path) -> None:
    one = config(tmp_path, free_port())
    surface = made(one, "203.0.113.7")
    try:
        faults = surface.tend()
        assert faults == [f"203.0.113.7:{one.surface.port}: Cannot assign requested address"]
        url = f"http://127.0.0.1:{one.surface.port}/readyz"
        answer = request("GET", url, timeout=20, limit=10, ports=[one.surface.port])
        assert answer.status == 200
    finally:
        surface.close()


def test_s1_status_answers_while_everything_else_is_stuck(tmp_path: Path) -> None:
    held = threading.Event()

    def stuck(_: Any = None) -> str:
        held.wait(60)
        return "at last"

    begun = time.monotonic() - 3600
    control = Control(stuck, stuck, stuck, NO_CONTROL.outbox)
    with shown(tmp_path, status, control=control, beat=lambda: begun) as one:
        asking = [
            threading.Thread(target=quietly, args=(one.ask, path))
            for path in ("/v1/rollback", "/v1/retry", "/v1/collect") * 10
        ]
        slow = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(40)]
        for connection in slow:
            connection.sendall(b"GET /v1/st")
        for thread in asking:
            thread.start()
        for path in ("/v1/status", "/readyz", "/metrics") * 10:
            assert one.get(path).status == 200
        assert one.get("/healthz").status == 503
        held.set()
        for connection in slow:
            connection.close()
        for thread in asking:
            thread.join(30)


def test_clients_that_never_take_their_answer_keep_no_probe_from_its_own(tmp_path: Path) -> None:
    many = status(*[group(name=f"model.{number}" + "x" * 1000) for number in range(3000)])
    with shown(tmp_path, lambda: many) as one:
        deaf = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(40)]
        for connection in deaf:
            connection.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        for _ in range(10):
            assert one.get("/readyz").status == 200
        for connection in deaf:
            connection.close()


def quietly(ask: Any, path: str) -> None:
    try:
        ask(path)
    except UnansweredError:
        return


def test_a_status_that_cannot_be_made_is_told_of_and_the_next_one_comes(tmp_path: Path) -> None:
    answers: list[Any] = [ReasonError("Offline"), status()]

    def seen() -> Any:
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    with shown(tmp_path, seen) as one:
        assert one.get("/readyz").status == 500
        assert one.get("/readyz").status == 200
