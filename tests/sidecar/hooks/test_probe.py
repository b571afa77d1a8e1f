"""Probes and the question whether a server answers at all, against processes on loopback."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from threading import Event

import pytest

from sidecar import hooks
from sidecar.hooks import probe as probes
from sidecar.model.config import Probe, Server
from sidecar.model.reasons import ReasonError
from sidecar.wire.stream import StoppedError
from tests.sidecar.hooks.stand_in import StandIn, stand_in


def wait(one: StandIn, path: str, **options: object) -> None:
    probe = Probe(url=f"http://127.0.0.1:{one.ports[0]}{path}")._replace(**options)  # type: ignore[arg-type]  # of Probe
    probes.wait(probe, one.ports, Event())


def test_a_version_that_serves_is_asked_as_often_as_is_wanted(tmp_path: Path) -> None:
    with stand_in("triton", tmp_path) as one:
        wait(one, "/v2/models/shelf/versions/1/ready", successes=3)
        assert one.requests() == ["GET /v2/models/shelf/versions/1/ready"] * 3


def test_a_version_that_does_not_serve_fails_with_the_servers_words(tmp_path: Path) -> None:
    with (
        stand_in("triton", tmp_path) as one,
        pytest.raises(ReasonError) as caught,
    ):
        wait(one, "/v2/models/shelf/versions/2/ready", timeout=2)
    assert str(caught.value) == "ProbeFailed: not in time: HTTP 400: Model version not ready"


def test_a_server_that_comes_late_is_waited_for(tmp_path: Path) -> None:
    with stand_in("triton", tmp_path, "--start-delay", "1") as one:
        port = one.ports[0]
        one.stop()
        coming = threading.Thread(target=one.start, args=(port,))
        coming.start()
        wait(one, "/v2/models/shelf/ready", successes=2)
        coming.join()


def test_what_an_answer_contains_is_looked_for(tmp_path: Path) -> None:
    with stand_in("tfserving", tmp_path) as one:
        wait(one, "/v1/models/shelf/versions/1", contains='"AVAILABLE"')
        with pytest.raises(ReasonError, match=r"lacks what it should contain: .*AVAILABLE"):
            wait(one, "/v1/models/shelf/versions/1", contains='"READY"', timeout=1)


def test_a2_a_server_that_dies_of_a_version_fails_the_probe_at_once(tmp_path: Path) -> None:
    with stand_in("triton", tmp_path) as one:
        one.put(2, "crash-later\n")
        one.load()
        with pytest.raises(ReasonError) as caught:
            wait(one, "/v2/models/shelf/versions/2/ready", successes=10, timeout=3600)
    assert str(caught.value) == "ProbeFailed: the server answered well and then ended"


def test_good_answers_count_only_in_a_row() -> None:
    answers = iter([200, 200, 503, 200, 200, 200, 200])
    seen = []

    def behave(connection: socket.socket) -> None:
        connection.recv(65536)
        status = next(answers)
        seen.append(status)
        connection.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(6):
                connection, _ = listener.accept()
                with connection:
                    behave(connection)

        serving = threading.Thread(target=serve)
        serving.start()
        port = listener.getsockname()[1]
        probes.wait(Probe(f"http://127.0.0.1:{port}/", successes=3), (port,), Event())
        serving.join()
    assert seen == [200, 200, 503, 200, 200, 200]


def test_a_probe_can_be_stopped(tmp_path: Path) -> None:
    with stand_in("triton", tmp_path) as one:
        stop = Event()
        threading.Timer(0.3, stop.set).start()
        url = f"http://127.0.0.1:{one.ports[0]}/v2/models/shelf/versions/9/ready"
        with pytest.raises(StoppedError):
            probes.wait(Probe(url, period=3600, timeout=7200), one.ports, stop)


def test_g3_a_probe_without_a_server_does_not_spin() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    before = time.process_time()
    with pytest.raises(ReasonError, match="ProbeFailed: not in time: Connection refused"):
        probes.wait(Probe(f"http://127.0.0.1:{port}/", timeout=3), (port,), Event())
    assert time.process_time() - before < 1.5


@pytest.mark.parametrize("flavour", ["triton", "ovms", "tfserving", "torchserve", "openinference"])
def test_a_server_that_listens_answers(flavour: str, tmp_path: Path) -> None:
    with stand_in(flavour, tmp_path) as one:
        assert hooks.answers(one.server)
        assert hooks.answers(one.server, one.hook)
    assert not hooks.answers(one.server)


def test_a_port_that_speaks_something_else_is_no_answer_of_a_known_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert not hooks.answers(Server("triton", "image", (port,)))
        assert hooks.answers(Server("custom", "image", (port,)))
    assert not hooks.answers(Server("custom", "image", (port,)))


def test_a_server_without_ports_cannot_be_asked_and_counts_as_answering() -> None:
    assert hooks.answers(Server("custom", "image", ()))
