"""Several nodes that fetch at once, and tenants beside the door of their own node."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sidecar.peers.elect import Election
from sidecar.transfer.context import Elect
from sidecar.transfer.pull import Fetched
from tests.sidecar.peers.site import Node, site
from tests.sidecar.support.proxy import Fault, Relay
from tests.sidecar.support.web import Web
from tests.sidecar.transfer import fetching

DATA = fetching.content(3 * fetching.MIB)
DIGEST = fetching.digest_of(DATA)


@pytest.fixture
def origin() -> Iterator[Web]:
    with Web({"/x": DATA}) as web:
        yield web


def together(nodes: list[Node], elect: Elect = Election) -> list[Fetched]:
    """All nodes fetch at once."""

    def one(node: Node) -> Fetched:
        node.bench.context.elect = elect
        return node.bench.fetch()

    with ThreadPoolExecutor(len(nodes)) as pool:
        return list(pool.map(one, nodes))


def test_p2_nodes_that_begin_at_once_ask_the_origin_once_for_bytes_and_list(
    tmp_path: Path, origin: Web
) -> None:
    listing, chunks = fetching.chunk_list(DATA, 1 << 18)
    origin.objects["/x.chunks"] = listing
    artifacts = [fetching.entry(DATA, "peer:", origin.url("/x"), chunks=chunks)]
    with site(tmp_path, 5, artifacts) as nodes:
        found = together(nodes)
        assert all(node.bench.blob() == DATA for node in nodes)
    assert sorted(asked.target for asked in origin.asked) == ["/x", "/x.chunks"]
    assert [one.bytes for one in found] == [len(DATA)] * 5
    assert [one.hashed for one in found] == [len(DATA)] * 5


def test_a_node_follows_another_that_is_still_fetching(tmp_path: Path, origin: Web) -> None:
    with Relay(origin.port, always=Fault(rate=2 << 20)) as relay:
        artifacts = [fetching.entry(DATA, "peer:", relay_url(relay))]
        with site(tmp_path, 2, artifacts) as nodes:
            began = time.monotonic()
            found = together(nodes)
            both = time.monotonic() - began
    assert sorted(one.source.partition(":")[0] for one in found) == ["http", "peer"]
    said = [event for node in nodes for event in node.bench.said]
    waits = [body for _, body in said if body.get("reason") == "WaitingForPeer"]
    assert len(waits) == 1, "the one that follows says why it stands still"
    assert len(origin.asked) == 1
    print(f"one at the rate of the origin, the other {both:.1f} s after it began")


def test_a_tenant_on_the_node_of_a_door_does_not_wait_for_itself(
    tmp_path: Path, origin: Web
) -> None:
    artifacts = [fetching.entry(DATA, "peer:", origin.url("/x"))]
    with site(tmp_path, 2, artifacts) as nodes:
        # Only the first node's door lives, and a worker's pod on it has another address than it.
        nodes[1].door.close()
        began = time.monotonic()
        environment = {"EDGEWRIGHT_HOST": nodes[0].name, "EDGEWRIGHT_POD_IP": "10.0.0.9"}
        root = nodes[0].layout.root
        made = fetching.document(
            root,
            artifacts,
            peers={"members": list(nodes[0].bench.config.peers.members)},
            tenant={"job": "watch", "role": "other"},
        )
        with fetching.bench(made, environment) as tenant:
            tenant.context.elect = Election
            assert tenant.fetch().source == origin.url("/x")
        assert time.monotonic() - began < 10


def test_a_tenant_takes_from_other_nodes_what_its_own_has_not(tmp_path: Path, origin: Web) -> None:
    artifacts = [fetching.entry(DATA, "peer:", origin.url("/x"))]
    with site(tmp_path, 2, artifacts) as nodes:
        nodes[1].seal(DATA)
        environment = {"EDGEWRIGHT_HOST": nodes[0].name, "EDGEWRIGHT_POD_IP": "10.0.0.9"}
        members = list(nodes[0].bench.config.peers.members)
        made = fetching.document(nodes[0].layout.root, artifacts, peers={"members": members})
        with fetching.bench(made, environment) as tenant:
            tenant.context.elect = Election
            assert tenant.fetch().source.startswith("peer:127.0.1.2:")
    assert not origin.asked


def test_a_token_is_shown_to_neighbours_and_to_nobody_else(tmp_path: Path, origin: Web) -> None:
    token = tmp_path / "token"
    token.write_text("test-token")
    artifacts = [fetching.entry(DATA, "peer:", origin.url("/x"))]
    with site(tmp_path, 2, artifacts, peers={"tokenFile": str(token)}) as nodes:
        nodes[1].seal(DATA)
        nodes[0].bench.context.elect = Election
        assert nodes[0].bench.fetch().source.startswith("peer:")
        token.unlink()
        Path(nodes[0].layout.blob(DIGEST)).unlink()
        assert nodes[0].bench.fetch().source == origin.url("/x"), "no token, no neighbours"
    assert not any("authorization" in asked.headers for asked in origin.asked)


def relay_url(relay: Relay) -> str:
    return f"http://{relay.address}/x"
