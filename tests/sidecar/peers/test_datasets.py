"""Lists of datasets between nodes: each node's word about itself, pulled by the others, united."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sidecar.peers import datasets, manifest
from sidecar.peers.datasets import Lists, Pulled
from sidecar.peers.manifest import Dot, ManifestError
from sidecar.wire.server import Request, Response
from tests.sidecar.peers.site import Node, accept, site
from tests.sidecar.transfer import fetching

DIGEST = "0" * 64
SHELVES = fetching.entry(b"x", "peer:", kind="dataset", name="shelves")
SECRET = fetching.entry(b"y", "s3://main/y", kind="dataset", name="faces", private=True)
NOW = 1_800_000_000.0


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[Node]]:
    with site(tmp_path, 3, [SHELVES, SECRET]) as found:
        yield found


def lists(node: Node, now: float = NOW) -> Lists:
    return Lists(node.layout, node.owner, lambda: now)


def entry(name: str) -> dict[str, Any]:
    return {"name": name, "sha256": DIGEST, "size": 3, "meta": {"labels": ["bottle"]}}


def pull(node: Node, dataset: str = "shelves", **more: Any) -> Pulled:
    members = node.bench.config.peers.members
    here = datasets.Node(**{"host": node.name, "address": node.address, **more})
    return datasets.pull(node.layout, node.owner, dataset, members, here, node.get)


def names(node: Node, dataset: str = "shelves") -> list[str]:
    return sorted(shown.entry.name for shown in datasets.union(node.layout, dataset))


def lose_disk(node: Node) -> None:
    shutil.rmtree(node.layout.store("datasets"))
    Path(node.layout.store("datasets")).mkdir()


def test_what_one_node_publishes_the_others_pull(nodes: list[Node]) -> None:
    a, b, c = nodes
    lists(a).publish("shelves", [entry("a1"), entry("a2")])
    lists(b).publish("shelves", [entry("b1")])
    assert names(c) == []
    assert sorted(pull(c).changed) == [a.address, b.address]
    assert names(c) == ["a1", "a2", "b1"]
    assert pull(c) == Pulled([], {})
    pull(a)
    pull(b)
    assert names(a) == names(b) == names(c)


def test_a_list_that_did_not_change_is_not_sent_again(nodes: list[Node]) -> None:
    a, b, _ = nodes
    lists(a).publish("shelves", [entry("a1")])
    pull(b)
    tag = json.loads(Path(b.layout.store("datasets", "shelves", f"{a.address}.json")).read_bytes())
    answer = b.get(f"{a.url}/v1/datasets/shelves/self", tag["tags"][a.address])
    assert (answer.status, answer.body) == (304, b"")


def test_what_its_writer_takes_back_goes_everywhere_and_stays_away(nodes: list[Node]) -> None:
    a, b, c = nodes
    dots = lists(a).publish("shelves", [entry("a1"), entry("a2")])
    pull(b)
    pull(c)
    lists(a).take_back("shelves", dots[0], kept=10)
    pull(b)
    assert names(b) == ["a2"]
    assert len(datasets._read(b.layout, "shelves", a.address)[0].tombstones) == 1
    # Everybody had time to see the tombstone. One who slept through it learns of it all the same.
    lists(a, NOW + 11).publish("shelves", [entry("a3")])
    pull(b)
    pull(c)
    assert names(b) == names(c) == ["a2", "a3"]
    assert not datasets._read(c.layout, "shelves", a.address)[0].tombstones


def test_a_foreign_tombstone_has_no_effect(nodes: list[Node]) -> None:
    a, b, c = nodes
    (dot,) = lists(a).publish("shelves", [entry("a1")])
    pull(b)
    # b claims, in its own list and in its copy of a's, that a took its entry back.
    forged = {
        "manifest": 1,
        "seen": {dot.epoch: 99, "bb": 1},
        "entries": [],
        "tombstones": [["bb", 1, *dot, 2**40]],
    }
    for writer in ("self", a.address):
        path = Path(b.layout.store("datasets", "shelves", f"{writer}.json"))
        path.write_text(json.dumps(forged))
    pull(c)
    assert names(c) == ["a1"]
    pull(a)
    assert names(a) == ["a1"]
    lists(a).publish("shelves", [entry("a2")])
    pull(c)
    assert names(c) == ["a1", "a2"]


def test_only_what_a_node_wrote_can_be_taken_back_there(nodes: list[Node]) -> None:
    a, b, _ = nodes
    (dot,) = lists(a).publish("shelves", [entry("a1")])
    pull(b)
    with pytest.raises(KeyError):
        lists(b).take_back("shelves", dot)
    assert names(b) == ["a1"]


def test_a_writer_that_lost_its_disk_and_begins_at_sequence_1_loses_nothing(
    nodes: list[Node],
) -> None:
    a, b, c = nodes
    old = lists(a).publish("shelves", [entry("a1"), entry("a2")])
    lists(a).take_back("shelves", old[1])
    pull(b)
    lose_disk(a)
    assert names(a) == []
    (new,) = lists(a).publish("shelves", [entry("a3")])
    assert new.sequence == 1
    assert new.epoch != old[0].epoch
    pull(c)
    assert names(c) == ["a3"]
    assert pull(a).changed == ["self"]
    assert names(a) == ["a1", "a3"], "b gave back what it had"
    pull(b)
    pull(c)
    assert names(b) == names(c) == ["a1", "a3"]
    lists(a).take_back("shelves", old[0])
    pull(b)
    pull(c)
    assert names(a) == names(b) == names(c) == ["a3"]
    assert pull(a).changed == []


def test_a_disk_from_an_old_backup_writes_under_no_number_twice(nodes: list[Node]) -> None:
    a, b, _ = nodes
    lists(a).publish("shelves", [entry("a1")])
    path = Path(a.layout.store("datasets", "shelves", "self.json"))
    backup = path.read_bytes()
    lists(a).publish("shelves", [entry("a2")])
    pull(b)
    path.write_bytes(backup)
    lists(a).publish("shelves", [entry("a3")])
    pull(b)
    assert names(b) == ["a1", "a2", "a3"]
    pull(a)
    assert names(a) == ["a1", "a2", "a3"]


def test_a_list_that_is_damaged_on_disk_counts_as_lost(nodes: list[Node]) -> None:
    a, b, _ = nodes
    lists(a).publish("shelves", [entry("a1")])
    pull(b)
    for node, writer in ((a, "self"), (b, a.address)):
        Path(node.layout.store("datasets", "shelves", f"{writer}.json")).write_bytes(b'{"man')
        assert names(node) == []
    lists(a).publish("shelves", [entry("a2")])
    pull(b)
    assert names(b) == ["a2"]


def test_two_tenants_of_a_node_write_one_list_at_the_same_time(nodes: list[Node]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    node = nodes[0]
    writers = [lists(node) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: writers[n % 4].publish("shelves", [entry(f"{n:02}")]), range(40)))
    assert names(node) == [f"{n:02}" for n in range(40)]
    assert len(datasets._read(node.layout, "shelves", "self")[2]) == 4


def test_a_private_dataset_is_told_to_nobody(nodes: list[Node]) -> None:
    a, b, _ = nodes
    lists(a).publish("faces", [entry("anna")])
    assert a.ask("/v1/datasets/faces/self").status == 404
    pull(b, "faces")
    assert names(b, "faces") == []
    lists(a).publish("shelves", [entry("a1")])
    assert a.ask("/v1/datasets/shelves/self").status == 200
    private = {**SHELVES, "private": True}
    accept(a.layout, a.owner, fetching.document(a.layout.root, [private]), "other.worker")
    assert a.ask("/v1/datasets/shelves/self").status == 404


def test_a_node_that_is_down_or_talks_nonsense_holds_up_nobody(nodes: list[Node]) -> None:
    a, b, c = nodes
    lists(a).publish("shelves", [entry("a1")])
    lists(b).publish("shelves", [entry("b1")])
    Path(b.layout.store("datasets", "shelves", "self.json")).write_bytes(b"[]")
    pulled = pull(c)
    assert list(pulled.failed) == [b.url]
    assert names(c) == ["a1"]
    a.door.close()
    assert sorted(pull(c).failed) == [a.url, b.url]
    assert names(c) == ["a1"]


def test_a_node_that_does_not_know_its_address_still_tells_itself_from_others(
    nodes: list[Node],
) -> None:
    a, b, _ = nodes
    lists(a).publish("shelves", [entry("a1")])
    pull(b)
    pull(a, address="")
    assert names(a) == ["a1"]
    lose_disk(a)
    lists(a).publish("shelves", [entry("a2")])
    pull(a, address="")
    assert names(a) == ["a1", "a2"]


# --- the socket


def ask(node: Node, method: str, path: str, body: Any = b"") -> Response:
    class Body:
        def __init__(self, text: bytes) -> None:
            self.text = text

        def read(self) -> bytes:
            text, self.text = self.text, b""
            return text

    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(method, path, {}, {}, Body(text))  # type: ignore[arg-type] # as one
    return lists(node).answer(request, {"shelves"})


def test_a_worker_publishes_reads_and_takes_back_through_the_socket(nodes: list[Node]) -> None:
    a, b, _ = nodes
    said = ask(a, "POST", "/v1/datasets/shelves", {"entries": [entry("a1"), entry("a2")]})
    assert said.status == 201
    dots = json.loads(said.body)["dots"]
    pull(b)
    lists(b).publish("shelves", [entry("b1")])
    rows = [json.loads(row) for row in ask(b, "GET", "/v1/datasets/shelves").body.splitlines()]
    assert [(row["writer"], row["name"]) for row in rows] == [
        (a.address, "a1"), (a.address, "a2"), ("self", "b1"),
    ]  # fmt: skip
    assert rows[0]["meta"] == {"labels": ["bottle"]}
    assert rows[0]["time"] == NOW
    epoch, sequence = dots[0]
    assert ask(a, "DELETE", f"/v1/datasets/shelves/{epoch}/{sequence}").status == 204
    assert ask(a, "DELETE", f"/v1/datasets/shelves/{epoch}/{sequence}").status == 404
    assert names(a) == ["a2"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/datasets/faces", {"entries": [entry("x")]}, 404),
        ("POST", "/v1/datasets/..", {"entries": [entry("x")]}, 404),
        ("POST", "/v1/datasets/", {"entries": [entry("x")]}, 404),
        ("POST", "/v1/datasets/shelves", b"", 400),
        ("POST", "/v1/datasets/shelves", b"[" * 100_000, 400),
        ("POST", "/v1/datasets/shelves", [], 400),
        ("POST", "/v1/datasets/shelves", {"entries": []}, 400),
        ("POST", "/v1/datasets/shelves", {"entries": [{}]}, 400),
        ("POST", "/v1/datasets/shelves", {"entries": [entry("x")] * 1001}, 400),
        ("POST", "/v1/datasets/shelves", b" " * ((8 << 20) + 1), 413),
        ("PUT", "/v1/datasets/shelves", b"", 405),
        ("DELETE", "/v1/datasets/shelves", b"", 405),
        ("DELETE", "/v1/datasets/shelves/aa/x", b"", 405),
        ("DELETE", "/v1/datasets/shelves/aa/1", b"", 404),
    ],
)
def test_what_a_worker_asks_wrongly_changes_nothing(
    nodes: list[Node], method: str, path: str, body: Any, status: int
) -> None:
    assert ask(nodes[0], method, path, body).status == status
    assert names(nodes[0]) == []


def test_a_list_that_is_full_takes_no_more(nodes: list[Node]) -> None:
    node = nodes[0]
    big = {**entry("x"), "meta": {"a": "x" * 4000}}
    lists(node).publish("shelves", [big] * 1000)
    lists(node).publish("shelves", [big] * 900)
    with pytest.raises(ManifestError, match="more than"):
        lists(node).publish("shelves", [big] * 1000)
    before = names(node)
    assert ask(node, "POST", "/v1/datasets/shelves", {"entries": [big] * 1000}).status == 400
    assert names(node) == before
    assert before


def test_an_epoch_whose_end_somebody_claims_to_have_seen_is_left(nodes: list[Node]) -> None:
    node = nodes[0]
    writer = lists(node)
    (first,) = writer.publish("shelves", [entry("a1")])
    path = Path(node.layout.store("datasets", "shelves", "self.json"))
    found = json.loads(path.read_bytes())
    found["seen"][first.epoch] = 2**53 - 1
    path.write_text(json.dumps(found))
    (second,) = writer.publish("shelves", [entry("a2")])
    assert second == Dot(second.epoch, 1)
    assert second.epoch != first.epoch
    assert manifest.manifest_of(json.loads(path.read_bytes())).entries
