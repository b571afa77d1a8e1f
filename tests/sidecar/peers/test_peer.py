"""Bytes from other nodes: taken where they are right, and whoever gives others is left alone."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sidecar.disk.layout import Layout
from sidecar.peers.elect import Election, State
from sidecar.transfer.neighbours import BANNED, Bans
from sidecar.transfer.pull import Fetched
from tests.sidecar.support.proxy import Asked, Fault, Relay, answer
from tests.sidecar.support.web import Reply, Web
from tests.sidecar.transfer import fetching

DATA = fetching.content(3 * fetching.MIB)
GARBAGE = fetching.content(3 * fetching.MIB, seed=9)
DIGEST = fetching.digest_of(DATA)
PATH = f"/v1/blobs/{DIGEST}"


class Neighbour:
    """A peer that says what it is told to; its bytes go through a relay that may harm them."""

    def __init__(self, data: bytes, *faults: Fault, **says: Any) -> None:
        self.data = data
        self.says = State("neighbour", len(data), complete=True, wanted=True)._replace(**says)
        self._web = Web(script=self._answer)
        self.relay = Relay(self._web.port, *faults)
        self.relay.harms = lambda asked: "?state" not in asked.target
        self.host = self.relay.address

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def given(self) -> int:
        """How often it was asked for bytes."""
        return sum("?state" not in asked.target for asked in self.relay.asked)

    def vanish(self) -> None:
        """Be gone from now on; what is open stays open."""
        self.relay._listener.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.relay.close()
        self._web.close()

    def _answer(self, asked: Asked) -> Reply:
        if not asked.target.startswith(PATH):
            return Reply(404)
        if "?state" in asked.target:
            return Reply(200, body=json.dumps(self.says._asdict()).encode())
        start = int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))
        size = len(self.data)
        if start >= size:
            return Reply(416, {"Content-Range": f"bytes */{size}"})
        return Reply(
            206,
            {
                "Content-Range": f"bytes {start}-{size - 1}/{size}",
                "Edgewright-Complete": "1" if self.says.complete else "0",
            },
            self.data[start:],
        )


def hasty(digest: str, members: Sequence[str], host: str, address: str, now: float) -> Election:
    """An election without the patience that real ones have."""
    return Election(digest, members, host, address, now, patience=3)


def fetched(
    directory: Path, neighbour: Neighbour, origin: Web, data: bytes = DATA, **more: Any
) -> Fetched:
    """Fetch with one neighbour and an origin; the store stays in the directory."""
    directory.mkdir(exist_ok=True)
    made = fetching.document(
        directory,
        [fetching.entry(data, "peer:", origin.url("/x"), **more.pop("artifact", {}))],
        peers={"members": [neighbour.url]},
        **more,
    )
    with fetching.bench(made, {"EDGEWRIGHT_HOST": "here"}) as bench:
        bench.context.elect = hasty
        before = Bans(bench.layout).holds(neighbour.host)
        found = bench.fetch()
        assert bench.blob() == data
        bans = [body for event, body in bench.said if event == "note"]
        assert bool(bans) == (Bans(bench.layout).holds(neighbour.host) and not before)
        assert {body["reason"] for body in bans} <= {"PeerBanned"}
        return found


Beside = Callable[..., Neighbour]


@pytest.fixture
def beside() -> Iterator[Beside]:
    """Makes neighbours that are gone after the test."""
    with ExitStack() as stack:

        def make(*arguments: Any, **says: Any) -> Neighbour:
            found = Neighbour(*arguments, **says)
            stack.callback(found.close)
            return found

        yield make


@pytest.fixture
def origin() -> Any:
    with Web({"/x": DATA}) as web:
        yield web


def test_a_neighbour_that_has_it_spares_the_origin(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(DATA)
    assert fetched(tmp_path, neighbour, origin).source == f"peer:{neighbour.host}"
    assert not origin.asked


def test_without_a_neighbour_that_lives_the_origin_is_asked_at_once(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(DATA)
    neighbour.close()
    assert fetched(tmp_path, neighbour, origin).source == origin.url("/x")


def test_p1_garbage_of_a_peer_is_found_out_and_the_peer_left_alone_for_ten_minutes(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(GARBAGE)
    found = fetched(tmp_path / "a", neighbour, origin)
    assert (found.source, found.bytes) == (origin.url("/x"), 2 * len(DATA))
    bans = Bans(_layout(tmp_path / "a"))
    assert bans.holds(neighbour.host)
    neighbour.relay.asked.clear()
    Path(_layout(tmp_path / "a").blob(DIGEST)).unlink()
    fetched(tmp_path / "a", neighbour, origin)
    assert not neighbour.relay.asked, "another process asks it neither"
    path = Path(_layout(tmp_path / "a").store("peers", neighbour.host))
    past = time.time() - BANNED - 1
    os.utime(path, (past, past))
    assert not bans.holds(neighbour.host)
    neighbour.data = DATA
    Path(_layout(tmp_path / "a").blob(DIGEST)).unlink()
    assert fetched(tmp_path / "a", neighbour, origin).source == f"peer:{neighbour.host}"


def test_p1_a_clock_that_jumps_makes_no_ban_last_for_years(tmp_path: Path) -> None:
    bans = Bans(_layout(tmp_path))
    (tmp_path / "store").mkdir()
    bans.add("10.0.0.7:1")
    path = Path(_layout(tmp_path).store("peers", "10.0.0.7:1"))
    future = time.time() + 10 * 365 * 86_400
    os.utime(path, (future, future))
    assert not bans.holds("10.0.0.7:1")


def test_p1_garbage_is_found_out_chunk_by_chunk_where_there_is_a_list(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    chunk = 1 << 18
    listing, chunks = fetching.chunk_list(DATA, chunk)
    origin.objects["/x.chunks"] = listing
    half = len(DATA) // 2
    neighbour = beside(DATA[:half] + GARBAGE[half:])
    found = fetched(tmp_path, neighbour, origin, artifact={"chunks": chunks})
    assert found.source == origin.url("/x")
    assert found.bytes <= len(DATA) + 3 * (chunk + (1 << 20))
    assert found.hashed == len(DATA)
    assert Bans(_layout(tmp_path)).holds(neighbour.host)


def test_p1_a_peer_that_falls_silent_is_left_and_the_rest_comes_from_the_origin(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(DATA, Fault(stall=1_000_000))
    network = {"lowSpeed": {"rate": 1024, "seconds": 1}}
    found = fetched(tmp_path, neighbour, origin, network=network)
    assert found.source == origin.url("/x")
    assert found.bytes <= len(DATA) + fetching.MIB
    assert neighbour.given == 1
    assert not Bans(_layout(tmp_path)).holds(neighbour.host), "it may have lost its power"


def test_p1_a_peer_that_trickles_is_left_alone_for_ten_minutes(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(DATA, Fault(rate=2000))
    network = {"lowSpeed": {"rate": 1024, "seconds": 1}}
    assert fetched(tmp_path, neighbour, origin, network=network).source == origin.url("/x")
    assert Bans(_layout(tmp_path)).holds(neighbour.host)


def test_p1_a_peer_that_dies_in_the_middle_is_followed_by_the_origin_from_there(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(DATA, Fault(cut=2_000_000))
    neighbour.relay.faults[0] = neighbour.relay.faults[0]._replace(then=neighbour.vanish)
    found = fetched(tmp_path, neighbour, origin)
    assert (found.source, found.bytes) == (origin.url("/x"), len(DATA))
    assert [asked.headers.get("range") for asked in origin.asked] == ["bytes=2000000-"]
    assert not Bans(_layout(tmp_path)).holds(neighbour.host), "to be down is no misdeed"


def test_a_connection_that_breaks_costs_nothing_but_another_one(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(DATA, Fault(cut=1_000_000), Fault(cut=1_000_000))
    found = fetched(tmp_path, neighbour, origin)
    assert (found.source, found.bytes) == (f"peer:{neighbour.host}", len(DATA))
    assert neighbour.given == 3
    assert not origin.asked


@pytest.mark.parametrize(
    "said",
    [
        answer("404 Not Found"),
        answer("416 Range Not Satisfiable"),
        answer("503 Service Unavailable"),
        answer("200 OK", body=DATA),
        answer("206 Partial Content", "Content-Range: bytes 5-9/9", body=b"12345"),
        answer("206 Partial Content", body=b"12345"),
        answer("500 Internal Server Error"),
        answer("401 Unauthorized"),
        b"gibberish\r\n\r\n",
        answer("206 Partial Content", f"Content-Range: bytes 0-9/{len(DATA)}", body=b"x" * 10),
        answer("206 Partial Content", "Content-Range: bytes 0-9/10", body=b"x" * 10),
        answer(
            "206 Partial Content", "Content-Range: bytes 0-9/10", "Edgewright-Complete: 1",
            body=b"x" * 10,
        ),
        answer(
            "206 Partial Content", f"Content-Range: bytes 0-{len(DATA)}/{len(DATA) + 1}",
            body=DATA + b"x",
        ),
    ],
    ids=lambda said: said.partition(b"\r\n\r\n")[0][9:].decode("latin-1").replace("\r\n", " "),
)  # fmt: skip
def test_p1_a_peer_that_claims_to_have_it_and_gives_none_holds_nobody_up(
    tmp_path: Path, origin: Web, beside: Beside, said: bytes
) -> None:
    neighbour = beside(DATA)
    neighbour.relay.always = Fault(answer=said)
    began = time.monotonic()
    assert fetched(tmp_path, neighbour, origin).source == origin.url("/x")
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("state", [b"", b"[]", b"{", b'{"have": "much"}', b"[" * 5000, b"x" * 9999])
def test_p1_a_peer_that_talks_nonsense_holds_nobody_up(
    tmp_path: Path, origin: Web, beside: Beside, state: bytes
) -> None:
    neighbour = beside(DATA)
    neighbour.relay.harms = lambda _: True
    neighbour.relay.always = Fault(answer=answer("200 OK", body=state))
    assert fetched(tmp_path, neighbour, origin).source == origin.url("/x")


def test_bytes_of_several_places_that_do_not_fit_are_fetched_anew_from_the_origin(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(GARBAGE, Fault(cut=1_000_000))
    neighbour.relay.faults[0] = neighbour.relay.faults[0]._replace(then=neighbour.vanish)
    found = fetched(tmp_path, neighbour, origin)
    assert found.source == origin.url("/x")
    assert found.bytes == 2 * len(DATA)


def test_mixed_bytes_do_not_make_peers_go_round_for_ever(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbours = [beside(GARBAGE, Fault(cut=1_000_000), Fault(cut=500_000)) for _ in range(3)]
    made = fetching.document(
        tmp_path,
        [fetching.entry(DATA, "peer:", origin.url("/x"))],
        peers={"members": [one.url for one in neighbours]},
    )
    with fetching.bench(made, {"EDGEWRIGHT_HOST": "here"}) as bench:
        bench.context.elect = Election
        assert bench.fetch().source == origin.url("/x")
        assert bench.blob() == DATA


def test_outside_of_the_window_neighbours_are_not_even_asked(
    tmp_path: Path, origin: Web, beside: Beside
) -> None:
    neighbour = beside(DATA)
    hour = time.gmtime().tm_hour
    window = {"from": f"{(hour + 2) % 24:02}:00", "to": f"{(hour + 3) % 24:02}:00", "zone": "UTC"}
    made = fetching.document(
        tmp_path,
        [fetching.entry(DATA, "peer:", origin.url("/x"))],
        peers={"members": [neighbour.url]},
        network={"windows": [window]},
    )
    with fetching.bench(made, {"EDGEWRIGHT_HOST": "here"}) as bench:
        bench.context.elect = hasty
        assert bench.refused(first=False).code == "WindowShut"
        assert not neighbour.relay.asked
        assert bench.fetch(first=True).source == f"peer:{neighbour.host}"


def test_without_neighbours_the_origin_is_asked(tmp_path: Path, origin: Web) -> None:
    made = fetching.document(tmp_path, [fetching.entry(DATA, "peer:", origin.url("/x"))])
    with fetching.bench(made) as bench:
        bench.context.elect = Election
        assert bench.fetch().source == origin.url("/x")


def _layout(directory: Path) -> Layout:
    return Layout(str(directory))
