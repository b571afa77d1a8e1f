"""The door of a node: read-only, by digest, and shut for everything that no config makes public."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from sidecar.disk import locks
from sidecar.disk.partial import open_partial
from sidecar.peers import serve
from sidecar.peers.serve import CLIENTS, Door
from sidecar.wire.server import Request
from tests.sidecar.peers.site import Node, accept, site
from tests.sidecar.transfer import fetching
from tests.sidecar.worker.test_folder import artifact, listing

DATA = fetching.content(3 * fetching.MIB)
OTHER = fetching.content(1000, seed=2)


def blob(data: bytes = DATA) -> str:
    return f"/v1/blobs/{fetching.digest_of(data)}"


@pytest.fixture
def node(tmp_path: Path) -> Any:
    artifacts = [fetching.entry(DATA, "peer:")]
    with site(tmp_path, 1, artifacts) as nodes:
        yield nodes[0]


def test_a_public_blob_is_given_whole_and_in_part(node: Node) -> None:
    digest = node.seal(DATA)
    whole = node.ask(blob())
    assert (whole.status, whole.body) == (200, DATA)
    assert whole.headers["Edgewright-Complete"] == "1"
    assert whole.headers["ETag"] == f'"{digest}"'
    part = node.ask(blob(), {"Range": "bytes=1000-"})
    assert (part.status, part.body) == (206, DATA[1000:])
    past = node.ask(blob(), {"Range": f"bytes={len(DATA)}-"})
    assert (past.status, past.headers["Content-Range"]) == (416, f"bytes */{len(DATA)}")


def test_what_is_not_in_a_config_is_not_given(node: Node) -> None:
    node.seal(OTHER)
    assert node.ask(blob(OTHER)).status == 404
    assert node.ask(f"{blob(OTHER)}?state").status == 404
    artifacts = [fetching.entry(OTHER, "peer:")]
    accept(node.layout, node.owner, fetching.document(node.layout.root, artifacts), "other.worker")
    assert node.ask(blob(OTHER)).body == OTHER
    Path(node.layout.tenant("other.worker", "config", "accepted.json")).unlink()
    assert node.ask(blob(OTHER)).status == 404


def test_what_any_config_calls_private_is_not_given(node: Node) -> None:
    node.seal(DATA)
    assert node.ask(blob()).status == 200
    artifacts = [fetching.entry(DATA, "s3://main/x", private=True)]
    accept(node.layout, node.owner, fetching.document(node.layout.root, artifacts), "other.worker")
    assert node.ask(blob()).status == 404
    assert node.ask(f"{blob()}?state").status == 404


def test_a_chunk_list_is_given_as_its_artifact_is(tmp_path: Path) -> None:
    listing, chunks = fetching.chunk_list(DATA, 65_536)
    with site(tmp_path, 1, [fetching.entry(DATA, "peer:", chunks=chunks)]) as (node,):
        node.seal(listing)
        assert node.ask(blob(listing)).body == listing
        artifacts = [fetching.entry(DATA, "s3://m/x", chunks=chunks, private=True)]
        accept(node.layout, node.owner, fetching.document(node.layout.root, artifacts))
        assert node.ask(blob(listing)).status == 404


def test_large_files_of_a_folder_are_given_as_their_list_is(tmp_path: Path) -> None:
    large, small = fetching.content(4 << 20), b"small"
    files = {"a.bin": large, "b.txt": small}
    folder = artifact(files, "s3://main/shelves/", at="")
    with site(tmp_path, 1, [folder]) as (node,):
        node.seal(large)
        node.seal(small)
        assert node.ask(blob(large)).status == 404
        node.seal(listing(files))
        assert node.ask(blob(large)).body == large
        assert node.ask(blob(small)).status == 404
        private = [artifact(files, "s3://main/shelves/", at="", private=True)]
        made = fetching.document(node.layout.root, private)
        accept(node.layout, node.owner, made, "other.worker")
        assert node.ask(blob(large)).status == 404


def test_nothing_can_be_written_or_reached_beside(node: Node) -> None:
    node.seal(DATA)
    for method in ("PUT", "POST", "DELETE", "PATCH"):
        assert node.ask(blob(), method=method).status == 405
    digest = fetching.digest_of(DATA)
    for path in (
        "/", "/v1", "/v1/blobs/", "/v1/blobs/x", f"/v1/blobs/{digest}/", f"/v1/blobs/{digest[:-1]}",
        f"/v1/blobs/{digest.upper()}", f"/v1/blobs/../blobs/{digest}", f"/v1/blobs/..%2f{digest}",
        "/v1/datasets/..%2f..%2fowners/self", "/v1/datasets/shelves/..%2f..%2fx", "/metrics",
    ):  # fmt: skip
        assert node.ask(path).status == 404, path


def test_a_beginning_is_given_as_far_as_it_is_synced(node: Node) -> None:
    digest = fetching.digest_of(DATA)
    assert node.ask(blob()).status == 404
    with locks.take(node.layout.lock(f"fetch-{digest}")):
        partial = open_partial(node.layout, node.owner, digest, len(DATA), 1 << 20)
        state = node.ask(f"{blob()}?state").json()
        assert (state["have"], state["fetching"], state["origin"]) == (0, True, False)
        partial.identity = {"place": "s3://main/x", "version": '"1"'}
        partial.write(DATA[: 3 << 19])
        partial.checkpoint()
        partial.write(DATA[3 << 19 : (3 << 19) + 10])
        state = node.ask(f"{blob()}?state").json()
        assert (state["have"], state["origin"], state["complete"]) == (3 << 19, True, False)
        assert state["working"]
        assert state["idle"] < 10
        part = node.ask(blob(), {"Range": "bytes=100-"})
        assert (part.status, part.body) == (206, DATA[100 : 3 << 19])
        assert part.headers["Edgewright-Complete"] == "0"
        assert node.ask(blob(), {"Range": f"bytes={3 << 19}-"}).status == 416
        partial.write(DATA[(3 << 19) + 10 :])
        partial.seal(False)
    state = node.ask(f"{blob()}?state").json()
    assert (state["have"], state["complete"], state["fetching"]) == (len(DATA), True, False)


def test_bytes_that_came_from_a_peer_are_not_called_the_origin_s(node: Node) -> None:
    digest = fetching.digest_of(DATA)
    partial = open_partial(node.layout, node.owner, digest, len(DATA))
    partial.identity = {"place": "peer:10.0.0.7:1", "version": "x"}
    assert node.ask(f"{blob()}?state").json()["origin"] is False


def test_more_clients_than_are_served_hear_that_it_is_busy(node: Node) -> None:
    node.seal(DATA)
    door = node.door
    taken = [door.answer(_request(blob())) for _ in range(CLIENTS)]
    assert node.ask(f"{blob()}?state").json()["busy"] is True
    refused = node.ask(blob())
    assert (refused.status, refused.headers["Retry-After"]) == (503, "1")
    for one in taken:
        os.close(one.file.descriptor)
        assert one.file.done is not None
        one.file.done()
    assert node.ask(blob()).status == 200


def test_a_client_that_hangs_up_frees_its_place(node: Node) -> None:
    node.seal(DATA)
    for _ in range(CLIENTS * 3):
        host, _, port = node.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(f"GET {blob()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            client.recv(10)
    deadline = threading.Event()
    for _ in range(200):
        if not node.ask(f"{blob()}?state").json()["busy"]:
            break
        deadline.wait(0.05)
    assert node.ask(blob()).body == DATA


def test_with_a_token_file_the_token_has_to_be_shown(tmp_path: Path) -> None:
    token = tmp_path / "token"
    peers = {"tokenFile": str(token)}
    with site(tmp_path, 1, [fetching.entry(DATA, "peer:")], peers=peers) as (node,):
        node.seal(DATA)
        right = {"Authorization": "Bearer test-token"}
        assert node.ask(blob(), right).status == 401, "a token that cannot be read opens nothing"
        token.write_text("")
        assert node.ask(blob(), {"Authorization": "Bearer "}).status == 401
        token.write_text("test-token\n")
        assert node.ask(blob(), right).status == 200
        assert node.ask(f"{blob()}?state").status == 401
        for shown in ("", "test-token", "Bearer", "Bearer test-toke", "Basic test-token"):
            assert node.ask(blob(), {"Authorization": shown}).status == 401
        token.write_text("another")
        assert node.ask(blob(), right).status == 401


def test_it_listens_on_the_node_s_own_member_address_alone(tmp_path: Path) -> None:
    with site(tmp_path, 2, [fetching.entry(DATA, "peer:")]) as nodes:
        peers = nodes[0].bench.config.peers
        assert serve._addresses(peers, nodes[1].address)[0] == nodes[1].address
        named = peers._replace(members=(f"http://somewhere.example:{peers.serve}",))
        assert serve._addresses(named, "127.0.1.9") == ["127.0.1.9"]
        assert serve._addresses(named, "") == []
        with pytest.raises(OSError, match="no address"):
            Door(nodes[0].layout, named, "", "").open()
        with pytest.raises(OSError, match="in use"):
            Door(nodes[0].layout, peers._replace(members=()), "", nodes[0].address).open()


def test_the_rate_is_shared_by_all_answers() -> None:
    pace = serve._Pace(1000)
    began = pace._seen
    for _ in range(3):
        pace(100)
    assert pace._seen - began >= 0.1


def _request(path: str) -> Any:
    return Request("GET", path, {}, {}, None)  # type: ignore[arg-type] # a GET has no body
