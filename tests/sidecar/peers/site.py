"""Nodes of one site in the test's own process: each a store, a door, and a worker's context.

Every node has a loopback address of its own, so that they are told apart as real ones are.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sidecar.contract.canonical import revision
from sidecar.contract.typed import config_of
from sidecar.disk import documents
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.peers import datasets
from sidecar.peers.elect import Election
from sidecar.peers.serve import Door
from tests.sidecar.support.cases import free_port
from tests.sidecar.transfer import fetching

PEER = {"url": "peer:"}


class Node(NamedTuple):
    """One node. `said` of its bench is what its worker noted."""

    name: str
    address: str
    bench: fetching.Bench
    door: Door
    url: str

    @property
    def layout(self) -> Layout:
        return self.bench.layout

    @property
    def owner(self) -> Owner:
        return self.bench.owner

    def ask(
        self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET"
    ) -> Answer:
        """What the door says to a request."""
        client = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=5)
        try:
            client.request(method, path, headers=dict(headers or {}))
            answer = client.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            client.close()

    def seal(self, data: bytes) -> str:
        """Put bytes into the store as if they had been fetched."""
        from sidecar.disk.partial import open_partial

        digest = fetching.digest_of(data)
        partial = open_partial(self.layout, self.owner, digest, len(data))
        partial.write(data)
        partial.seal(False)
        return digest

    def get(self, url: str, tag: str) -> datasets.Fetched:
        """What the worker hands to `datasets.pull`, over plain sockets."""
        place, _, path = url.removeprefix("http://").partition("/")
        client = http.client.HTTPConnection(place, timeout=2)
        try:
            client.request("GET", f"/{path}", headers={"If-None-Match": tag} if tag else {})
            answer = client.getresponse()
            headers = answer.headers
            return datasets.Fetched(
                answer.status,
                answer.read(),
                headers.get("ETag", ""),
                headers.get("Edgewright-Host", ""),
            )
        except OSError as error:
            raise datasets.PeerError(str(error)) from error
        finally:
            client.close()


class Answer(NamedTuple):
    """What a door answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@contextmanager
def site(
    directory: Path, count: int, artifacts: Sequence[Mapping[str, Any]], **more: Any
) -> Iterator[list[Node]]:
    """`count` nodes with one config; `more` are further keys of it."""
    port = free_port()
    addresses = [f"127.0.1.{number + 1}" for number in range(count)]
    members = [f"http://{address}:{port}" for address in addresses]
    peers = {"serve": port, "members": members, **more.pop("peers", {})}
    with ExitStack() as stack:
        nodes = []
        for number, address in enumerate(addresses):
            root = directory / f"node-{number}" / "store"
            root.mkdir(parents=True)
            made = fetching.document(root, artifacts, peers=peers, **more)
            name = f"edge-{number}"
            environment = {"EDGEWRIGHT_HOST": name, "EDGEWRIGHT_POD_IP": address}
            bench = stack.enter_context(fetching.bench(made, environment))
            bench.context.elect = Election
            accept(bench.layout, bench.owner, made)
            door = Door(bench.layout, bench.config.peers, name, address)
            door.open()
            stack.callback(door.close)
            nodes.append(Node(name, address, bench, door, members[number]))
        yield nodes


def accept(layout: Layout, owner: Owner, made: Mapping[str, Any], tenant: str = "") -> None:
    """Have a tenant's config accepted in a store."""
    name = tenant or config_of(dict(made), revision(dict(made))).tenant.directory
    Path(layout.tenant(name, "config")).mkdir(parents=True, exist_ok=True)
    documents.write(owner, layout.tenant(name, "config", "accepted.json"), dict(made))
