"""How fast bytes move and when: the shared rate on the wire, windows, and room on the disk."""

from __future__ import annotations

import socket
import time
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from sidecar.transfer.context import Stopped
from sidecar.transfer.meter import Meter
from tests.sidecar.support.proxy import Fault, Relay
from tests.sidecar.support.web import Web
from tests.sidecar.transfer.fetching import MIB, Bench, bench, content, document, entry

NIGHT = {"from": "22:00", "to": "06:00", "zone": "Europe/Berlin"}
NOON, MIDNIGHT = 1_796_122_800.0, 1_796_079_600.0
"""Of 1 December 2026 in Berlin."""


class Source:
    """A server that sends as fast as it is let, with hardly a buffer, and notes how far it is."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/"
        self.began = 0.0
        self.log: list[tuple[float, int]] = []
        Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            Thread(target=self._send, args=(client,), daemon=True).start()

    def _send(self, client: socket.socket) -> None:
        with client:
            client.recv(65_536)
            self.began = self.began or time.monotonic()
            client.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {self._size}\r\n\r\n".encode())
            data = memoryview(content(self._size))
            while data:
                count = client.send(data[:16_384])
                self.log.append((time.monotonic() - self.began, count))
                data = data[count:]


def test_the_rate_of_all_streams_together_holds_on_the_wire(tmp_path: Path) -> None:
    rate, size = 4 * MIB, 2 * MIB
    source = Source(size)
    data = content(size)
    artifacts = [entry(data + bytes([n]), source.url, name=f"m{n}", size=size) for n in range(4)]
    with bench(document(tmp_path, artifacts, network={"rate": rate})) as b:
        threads = [Thread(target=attempt, args=(b, one)) for one in b.config.artifacts]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        buffers = 4 * (2 * b.context.meter.socket_buffer + 2 * 32_768) + b.context.meter.piece
    source.close()
    sent, worst = 0, 0.0
    for moment, count in sorted(source.log):
        sent += count
        worst = max(worst, sent - rate * moment)
    assert sent == 4 * size
    assert worst <= buffers, "more was on the wire than rate and buffers allow"
    print(f"{sent / sorted(source.log)[-1][0] / rate:.2f} of the rate, {worst / rate:.2f} s early")


def attempt(b: Bench, artifact: Any) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - its digest is not right, on purpose
        b.fetch(artifact)


def test_without_a_rate_nothing_is_held_back() -> None:
    meter = Meter(0, Event())
    began = time.monotonic()
    for _ in range(1000):
        meter.receive(MIB)
    assert meter.received == 1000 * MIB
    assert time.monotonic() - began < 60, "which a rate would not have allowed"


def test_our_own_rate_is_not_taken_for_a_slow_server(tmp_path: Path) -> None:
    data = content(30_000)
    network = {"rate": 15_000, "lowSpeed": {"rate": 1_000_000, "seconds": 1}}
    with Web({"/model": data}) as web:
        made = document(tmp_path, [entry(data, web.url("/model"))], network=network)
        with bench(made) as b:
            assert b.fetch().bytes == len(data)


# --- windows


def test_outside_the_window_nothing_is_asked_and_the_wait_is_known(tmp_path: Path) -> None:
    data = content(1000)
    with Web({"/model": data}) as web:
        made = document(tmp_path, [entry(data, web.url("/model"))], network={"windows": [NIGHT]})
        with bench(made, clock=lambda: NOON) as b:
            caught = b.refused(first=False)
            assert (caught.code, caught.after) == ("WindowShut", 10 * 3600)
            assert web.asked == []
        with bench(made, clock=lambda: MIDNIGHT) as b:
            assert b.fetch(first=False).bytes == 1000


def test_a_first_install_ignores_windows_clocks_and_missing_zones(tmp_path: Path) -> None:
    data = content(1000)
    nowhere = {**NIGHT, "zone": "Mars/Olympus"}
    with Web({"/model": data}) as web:
        for number, (window, now) in enumerate([(NIGHT, NOON), (NIGHT, 0.0), (nowhere, NOON)]):
            made = document(
                tmp_path / f"{number}", [entry(data, web.url("/model"))],
                network={"windows": [window]},
            )  # fmt: skip
            with bench(made, clock=partial(float, now)) as b:
                assert b.fetch(first=True).bytes == 1000


@pytest.mark.parametrize(
    ("zone", "now", "code"),
    [("Europe/Berlin", 5000.0, "ClockUnsynced"), ("Mars/Olympus", NOON, "TimeZoneMissing")],
)
def test_a_clock_at_1970_and_missing_tzdata_shut_the_window_with_a_reason(
    tmp_path: Path, zone: str, now: float, code: str
) -> None:
    made = document(
        tmp_path, [entry(b"x", "http://127.0.0.1:1/model")],
        network={"windows": [{**NIGHT, "zone": zone}]},
    )  # fmt: skip
    with bench(made, clock=lambda: now) as b:
        caught = b.refused(first=False)
        assert (caught.code, caught.reason.kind) == (code, "blocked")


def test_a_window_that_shuts_in_mid_transfer_stops_it_and_keeps_what_came(tmp_path: Path) -> None:
    data = content(6 * MIB)
    seen: list[float] = []

    def clock() -> float:
        seen.append(0)
        return MIDNIGHT if len(seen) < 3 else NOON

    with Web({"/model": data}) as web, Relay(web.port, always=Fault(rate=2 * MIB)) as relay:
        url = f"http://{relay.address}/model"
        made = document(tmp_path, [entry(data, url)], network={"windows": [NIGHT]})
        with bench(made, clock=clock) as b:
            assert b.refused(first=False).code == "WindowShut"
        relay.always = Fault()
        with bench(made, clock=lambda: MIDNIGHT) as b:
            done = b.fetch(first=False)
            assert 0 < done.resumed < len(data)
            assert done.bytes + done.resumed == len(data)


# --- room


def test_d1_without_room_not_one_byte_is_asked_for(tmp_path: Path) -> None:
    data = content(1000)
    with Web({"/model": data}) as web:
        made = document(tmp_path, [entry(data, web.url("/model"), size=10**15)])
        with bench(made) as b:
            caught = b.refused()
            assert caught.code == "DiskFull"
            assert caught.facts["need"] == 10**15
            assert 0 < caught.facts["free"] < 10**15
            assert b.partials() == []
        made["store"]["maxBytes"] = MIB
        made["artifacts"][0]["size"] = 2 * MIB
        with bench(made) as b:
            assert b.refused().code == "QuotaExceeded"
        assert web.asked == []


def test_a_context_that_is_told_to_end_ends_its_fetches(tmp_path: Path) -> None:
    data = content(20 * MIB)
    with Web({"/model": data}) as web, Relay(web.port, always=Fault(rate=MIB)) as relay:
        url = f"http://{relay.address}/model"
        with bench(document(tmp_path, [entry(data, url)])) as b:
            Thread(target=stop_after_some, args=(relay, b.context.stop), daemon=True).start()
            with pytest.raises(Stopped):
                b.fetch()
            assert len(b.partials()) == 1


def stop_after_some(relay: Relay, stop: Event) -> None:
    while relay.sent < MIB // 2:
        time.sleep(0.01)
    stop.set()
