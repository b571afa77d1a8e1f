"""A site of nodes on a switch, each with the compiled node role as a pod, and an origin.

The DaemonSet and its ConfigMap are what the compiler renders; what leaves the origin is counted by
the switch.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from compiler.model.fleet import Host
from compiler.model.inputs import Binding, Location
from compiler.model.member import Place
from compiler.model.plan import Distribution
from tests.backends.kubernetes_cases import artifact, context, emit, site
from tests.sidecar.support.network import Lan, Namespace
from tests.sidecar.support.pod import Image, Node, Pod, sidecar_image

NAMES = "registry.example.com/edgewright-sidecar"
PORT = 8000


class Origin:
    """Serves one object over HTTP with ranges, at most so many bytes in a second."""

    def __init__(self, network: Namespace, data: bytes, rate: int = 0) -> None:
        self.network, self.data, self.rate = network, data, rate
        self.requests: list[tuple[str, int]] = []
        self._listener = network.listen(PORT)
        self._tag = hashlib.sha256(data).hexdigest()[:16]
        self._level, self._lock = time.monotonic(), threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.network.address}:{PORT}/model.bin"

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, (address, _) = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client, address), daemon=True).start()

    def _serve(self, client: socket.socket, address: str) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    return
                head += piece
            found = re.search(rb"(?i)range: bytes=([0-9]+)-", head)
            start = int(found[1]) if found else 0
            self.requests.append((address, start))
            size = len(self.data)
            lines = [
                "HTTP/1.1 206 Partial Content" if found else "HTTP/1.1 200 OK",
                f'ETag: "{self._tag}"',
                f"Content-Length: {size - start}",
                "Connection: close",
            ]
            if found:
                lines.append(f"Content-Range: bytes {start}-{size - 1}/{size}")
            client.sendall("\r\n".join((*lines, "", "")).encode())
            for at in range(start, size, 65_536):
                self._pace(min(65_536, size - at))
                client.sendall(self.data[at : at + 65_536])

    def _pace(self, count: int) -> None:
        """All clients share one link."""
        if not self.rate:
            return
        with self._lock:
            now = time.monotonic()
            self._level = max(self._level, now) + count / self.rate
            wait = self._level - now
        time.sleep(max(0.0, wait))


class Edge:
    """A node and the pod of its node role."""

    def __init__(self, node: Node, manifest: dict[str, Any], objects: list[dict[str, Any]]) -> None:
        self.node = node
        self.name = node.name
        self._manifest, self._objects = manifest, objects
        self.pod = self._pod({NAMES: sidecar_image()})

    def begin_again(self) -> Pod:
        """A new pod on the same node, not started yet."""
        self.pod.close()
        self.pod = self._pod({NAMES: sidecar_image()})
        return self.pod

    def blob(self, digest: str) -> Path:
        """Where the verified bytes end up on the node."""
        return self.store / "blobs" / digest[:2] / digest

    @property
    def store(self) -> Path:
        (path,) = (
            volume["hostPath"]["path"]
            for volume in self._manifest["spec"]["template"]["spec"]["volumes"]
            if "hostPath" in volume
        )
        return self.node.host_path(path) / "store"

    def partial_bytes(self, digest: str) -> int:
        """Bytes of an unfinished fetch that are on disk."""
        found = self.store.glob(f"partial/{digest}.*.part")
        return max((path.stat().st_blocks * 512 for path in found), default=0)

    def trusted(self, digest: str) -> int:
        """Bytes of an unfinished fetch that would survive a power cut."""
        most = 0
        for path in self.store.glob(f"partial/{digest}.*.json"):
            for line in path.read_text().splitlines():
                with suppress(ValueError):
                    most = max(most, json.loads(line).get("trusted", 0))
        return most

    def _pod(self, images: dict[str, Image]) -> Pod:
        return Pod(self._manifest, self.node, images=images, objects=self._objects)


@contextmanager
def edges(
    directory: Path,
    lan: Lan,
    origin: Origin,
    count: int,
    change: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Iterator[list[Edge]]:
    """`count` nodes with the compiled node role of one artifact; `change` edits its config."""
    with ExitStack() as stack:
        nodes = [
            stack.enter_context(Node(directory / f"edge-{n}", f"edge-{n}", lan))
            for n in range(count)
        ]
        manifest, objects = rendered(nodes, origin, change)
        made = [Edge(node, manifest, objects) for node in nodes]
        for one in made:
            stack.callback(lambda edge: edge.pod.close(), one)
        yield made


def rendered(
    nodes: list[Node], origin: Origin, change: Callable[[dict[str, Any]], None]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The DaemonSet and the ConfigMaps of a `sync` job with peers."""
    hosts = tuple(Host(node.name, node.network.address) for node in nodes)
    model = artifact(
        location=Location(origin.url),
        sha256=hashlib.sha256(origin.data).hexdigest(),
        size=len(origin.data),
        unpack="",
    )
    job = Distribution(
        job="spread",
        name="spread-store-1",
        place=Place("hub", "store-1", "edge"),
        artifacts=(Binding("model", model),),
        peers=True,
    )
    found = emit(job, context(site(hosts=hosts)))
    maps = [copy.deepcopy(one) for key, one in found.items() if key.startswith("ConfigMap/")]
    for one in maps:
        config = json.loads(one["data"]["config.json"])
        # The disk of whoever runs the tests may be fuller than a gateway's should be.
        config["store"] |= {"minFree": 0, "minFreePercent": 0}
        change(config)
        one["data"]["config.json"] = json.dumps(config)
    return found["DaemonSet"], maps
