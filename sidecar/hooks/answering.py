"""Whether the program beside the sidecar answers at all yet, so that it can be told something.

It asks in the cheapest way that the server's flavour knows, and judges no model by it.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection

from sidecar.model.config import Hook, Server
from sidecar.wire.client import UnansweredError, request

_SECONDS = 1.0
_PORT = re.compile(r"http://127\.0\.0\.1:([0-9]+)")
_LIVE = {
    "triton": "/v2/health/live",
    "ovms": "/v2/health/live",
    "mlserver": "/v2/health/live",
    "tfserving": "/v1/models",
    "torchserve": "/ping",
}


def answers(server: Server, hook: Hook | None = None) -> bool:
    """Whether the server answers, on the hook's port where it names one, or on any of its own.

    A server without ports cannot be asked and counts as answering.
    """
    match = _PORT.match(hook.url) if hook is not None else None
    ports = (int(match[1]),) if match else server.ports
    if not ports:
        return True
    path = _LIVE.get(server.name)
    return any(_speaks(port, path, ports) if path else _listens(port) for port in ports)


def _speaks(port: int, path: str, ports: Collection[int]) -> bool:
    """Whether it is HTTP that is answered: ports of gRPC and of metrics open at other times."""
    try:
        url = f"http://127.0.0.1:{port}{path}"
        answer = request("GET", url, timeout=_SECONDS, limit=1024, ports=ports)
    except UnansweredError:
        return False
    return answer.status != 503


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(_SECONDS)
        reached = connection.connect_ex(("127.0.0.1", port)) == 0
        return reached and connection.getsockname() != ("127.0.0.1", port)
