"""Ten nodes of one site, as pods on a switch: what leaves the origin, counted by the switch.

With --campaign the artifact is four times as large and every case runs ten times. Where a node
dies, the origin takes twelve seconds for its bytes: the others are about a second behind.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar.peers.lan import Edge, Origin, edges
from tests.sidecar.support.network import Lan
from tests.sidecar.transfer import fetching

MIB = 1 << 20
NODES = 10


class Site:
    """A running site: its nodes, its origin, and what the origin sent."""

    def __init__(self, lan: Lan, origin: Origin, nodes: list[Edge]) -> None:
        self.lan, self.origin, self.nodes = lan, origin, nodes
        self.digest = hashlib.sha256(origin.data).hexdigest()

    def ratio(self) -> float:
        """What the origin sent, in artifacts."""
        return self.lan.sent("origin") / len(self.origin.data)

    def leader(self) -> Edge:
        """The node that asked the origin last."""
        wait(lambda: self.origin.requests, 60, self)
        address = self.origin.requests[-1][0]
        return next(one for one in self.nodes if one.node.network.address == address)

    def wait(self, nodes: list[Edge], timeout: float = 120) -> None:
        """Until all of these have it whole."""
        wait(lambda: all(one.blob(self.digest).exists() for one in nodes), timeout, self)
        for one in nodes:
            assert hashlib.sha256(one.blob(self.digest).read_bytes()).hexdigest() == self.digest

    def wait_trusted(self, node: Edge, count: int) -> None:
        """Until a node has made sure of so many bytes."""
        wait(lambda: node.trusted(self.digest) >= count, 120, self)


def wait(done: Any, timeout: float, site: Site) -> None:
    deadline = time.monotonic() + timeout
    while not done():
        if time.monotonic() > deadline:
            said = "\n".join(one.pod.describe() for one in site.nodes)
            pytest.fail(
                f"not within {timeout} s; asked of the origin: {site.origin.requests}\n{said}"
            )
        time.sleep(0.05)


@contextmanager
def running(directory: Path, size: int, rate: int = 0, **changes: Any) -> Iterator[Site]:
    """A site whose nodes all begin at once; `changes` replace keys of their config."""
    data = fetching.content(size, seed=random.randrange(10**9))
    with Lan() as lan:
        origin = Origin(lan.attach("origin"), data, rate)
        try:
            with edges(directory, lan, origin, NODES, lambda c: c.update(changes)) as nodes:
                for one in nodes:
                    one.pod.start()
                yield Site(lan, origin, nodes)
        finally:
            origin.close()
            # A campaign would fill the disk with what pytest keeps.
            shutil.rmtree(directory)


@pytest.fixture
def scale(campaign: bool) -> int:
    return 4 if campaign else 1


@pytest.fixture
def rounds(campaign: bool) -> range:
    return range(10 if campaign else 1)


def test_p2_all_nodes_start_at_once_and_the_origin_gives_one_copy(
    tmp_path: Path, scale: int, rounds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for number in rounds:
        with running(tmp_path / str(number), 4 * MIB * scale) as site:
            site.wait(site.nodes)
            found.append(site.ratio())
            assert found[-1] <= 1.1, site.origin.requests
    tell(capsys, f"{NODES} nodes, start at once: {shown(found)} × from the origin")


def test_without_an_election_every_node_takes_a_copy_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(tmp_path, 4 * MIB, peers={}) as site:
        site.wait(site.nodes)
        found = site.ratio()
    tell(capsys, f"control, no election: {found:.2f} × from the origin")
    assert found > NODES * 0.9


def test_p2_the_elected_node_dies_for_good_and_the_next_goes_on(
    tmp_path: Path, scale: int, rounds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for number in rounds:
        size = 24 * MIB * scale
        with running(tmp_path / str(number), size, rate=2 * MIB * scale) as site:
            leader = site.leader()
            site.wait_trusted(leader, int(size * random.uniform(0.3, 0.7)))
            site.lan.unplug(leader.name)
            leader.pod["sidecar"].kill()
            leader.pod.close()
            left = [one for one in site.nodes if one is not leader]
            site.wait(left)
            assert site.leader() is not leader
            found.append(site.ratio())
            assert found[-1] <= 1.3, site.origin.requests
    tell(capsys, f"elected node dies for good: {shown(found)} × from the origin")


def test_p2_the_elected_node_is_killed_and_comes_back(
    tmp_path: Path, scale: int, rounds: range, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for number in rounds:
        size = 24 * MIB * scale
        with running(tmp_path / str(number), size, rate=2 * MIB * scale) as site:
            leader = site.leader()
            site.wait_trusted(leader, int(size * random.uniform(0.3, 0.7)))
            leader.pod["sidecar"].kill()
            leader.pod["sidecar"].wait_restart(1)
            site.wait(site.nodes)
            found.append(site.ratio())
            assert found[-1] <= 1.3, site.origin.requests
    tell(capsys, f"elected node is killed and comes back: {shown(found)} × from the origin")


def test_a_node_with_a_new_disk_takes_it_from_its_neighbours(tmp_path: Path) -> None:
    with running(tmp_path, 4 * MIB) as site:
        site.wait(site.nodes)
        late = site.nodes[3]
        late.pod.stop(grace=2)
        shutil.rmtree(late.store.parent)
        before = site.lan.sent("origin")
        late.begin_again().start()
        site.wait([late])
        assert site.lan.sent("origin") - before < 0.05 * 4 * MIB


def test_what_a_worker_publishes_on_one_node_is_read_on_another(tmp_path: Path) -> None:
    def dataset(config: dict[str, Any]) -> None:
        config["artifacts"][0] |= {"kind": "dataset", "name": "shelves"}

    data = fetching.content(MIB)
    with Lan() as lan:
        origin = Origin(lan.attach("origin"), data)
        with edges(tmp_path, lan, origin, 2, dataset) as (one, other):
            site = Site(lan, origin, [one, other])
            one.pod.start().wait_started("sidecar")
            entry = {"name": "a.jpg", "sha256": site.digest, "size": 3, "meta": {"n": 1}}
            said = talk(one, "POST", {"entries": [entry]})
            assert said.startswith("201")
            other.pod.start().wait_started("sidecar")
            wait(lambda: "a.jpg" in talk(other, "GET"), 30, site)
            row = json.loads(talk(other, "GET").partition(" ")[2])
            assert (row["writer"], row["meta"]) == (one.node.network.address, {"n": 1})
            assert one.pod.volume("store") != other.pod.volume("store")
        origin.close()


def talk(edge: Edge, method: str, document: Any = None) -> str:
    """Status and body of a request about the dataset, from within the pod to the socket."""
    body = "" if document is None else json.dumps(document)
    code = f"""
import http.client, socket
client = http.client.HTTPConnection("sidecar")
client.sock = socket.socket(socket.AF_UNIX)
client.sock.connect("/edgewright/run/sidecar.sock")
client.request({method!r}, "/v1/datasets/shelves", body={body!r})
answer = client.getresponse()
print(answer.status, answer.read().decode())
"""
    return edge.pod["sidecar"].python(code)


def shown(ratios: list[float]) -> str:
    return ", ".join(f"{ratio:.3f}" for ratio in ratios)


def tell(capsys: pytest.CaptureFixture[str], words: str) -> None:
    """Print past the capturing: the figures are what a campaign is run for."""
    with capsys.disabled():
        print(f"\n{words}")
