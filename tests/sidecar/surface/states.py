"""Statuses and configs to show, and a surface that shows them on loopback."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sidecar.contract.typed import config_of
from sidecar.model.config import Config
from sidecar.model.status import ArtifactStatus, GroupStatus, Status, StreamStatus
from sidecar.surface import Control, Counters, Surface
from sidecar.wire.client import Answer, request, request_socket
from sidecar.wire.server import Handler, Response

NEW, OLD = "a" * 64, "b" * 64


def artifact(**changes: Any) -> ArtifactStatus:
    made = ArtifactStatus("model/shelf", "2", NEW, NEW, required=True, bytes=0, size=1000)
    return made._replace(**changes)


def group(*members: ArtifactStatus, **changes: Any) -> GroupStatus:
    made = GroupStatus(
        name="model.shelf",
        phase="idle",
        reason="",
        detail="",
        since=1_700_000_000.5,
        attempts=0,
        artifacts=members or (artifact(),),
    )
    return made._replace(**changes)


def status(*groups: GroupStatus, **changes: Any) -> Status:
    made = Status(
        tenant="watch.edge",
        role="edge",
        site="store-7",
        host="edge-1",
        revision="c" * 64,
        rejected="",
        started=True,
        ready=True,
        release="",
        release_ready=False,
        groups=groups or (group(),),
        streams=(),
        offline=False,
        store_bytes=123,
        free_bytes=456,
    )
    return made._replace(**changes)


def stream(**changes: Any) -> StreamStatus:
    return StreamStatus("hard", 3, 4096, 1_700_000_000.0, 5, 1)._replace(**changes)


def config(folder: Path, port: int = 1, **surface: Any) -> Config:
    document = {
        "contract": 1,
        "tenant": {"job": "watch", "role": "edge"},
        "node": {
            "project": "retail",
            "environment": "live",
            "namespace": "vision",
            "cluster": "west",
            "site": "store-7",
            "layer": "edge",
            "arch": "amd64",
        },
        "store": {"root": "/var/lib/edgewright"},
        "artifacts": [],
        "surface": {"port": port, "socket": str(folder / "sidecar.sock"), **surface},
    }
    return config_of(document, "c" * 64)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def refusing(_: object = "") -> str:
    raise AssertionError("this is not to be asked for")


NO_CONTROL = Control(refusing, refusing, refusing, lambda _: Response(404))


class Shown:
    """A surface that listens, and questions to it."""

    def __init__(self, surface: Surface, one: Config) -> None:
        self.surface = surface
        self.port = one.surface.port
        self.socket = one.surface.socket

    def get(self, path: str, *, method: str = "GET", body: bytes = b"") -> Answer:
        url = f"http://127.0.0.1:{self.port}{path}"
        return request(method, url, body=body, timeout=20, limit=1 << 24, ports=[self.port])

    def ask(self, path: str, *, method: str = "POST", body: bytes = b"") -> Answer:
        return request_socket(method, self.socket, path, body=body, timeout=20, limit=1 << 24)


@contextmanager
def shown(
    folder: Path,
    seen: Callable[[], Status | None],
    *,
    control: Control = NO_CONTROL,
    outbox: Handler | None = None,
    beat: Callable[[], float] = time.monotonic,
    counters: Counters | None = None,
    **surface: Any,
) -> Iterator[Shown]:
    one = config(folder, free_port(), **surface)
    if outbox is not None:
        control = control._replace(outbox=outbox)
    made = Surface(
        one, "", seen, control, beat=beat, counters=counters or Counters(),
        fault=print,
    )  # fmt: skip
    assert made.tend() == []
    try:
        yield Shown(made, one)
    finally:
        made.close()
