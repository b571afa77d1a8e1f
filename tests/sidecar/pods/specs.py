"""Small pod manifests for the tests of the stand-in, and programs that stand in them."""

from __future__ import annotations

from typing import Any

SERVER = """
import http.server, signal, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if ready else 503)
        self.end_headers()
    def log_message(self, *args):
        pass
ready = "--unready" not in sys.argv
server = http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler)
def end(*args):
    print("terminated", flush=True)
    threading.Thread(target=server.shutdown).start()
signal.signal(signal.SIGTERM, end)
print("serving", flush=True)
server.serve_forever()
"""

LOCKED_DOWN: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": 65532,
    "runAsGroup": 65532,
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def pod(
    *containers: dict[str, Any],
    init: tuple[dict[str, Any], ...] = (),
    volumes: tuple[dict[str, Any], ...] = (),
    **more: Any,
) -> dict[str, Any]:
    """A Pod of these containers, with the fsGroup that the compiler writes."""
    spec = {"securityContext": {"fsGroup": 65532}, "terminationGracePeriodSeconds": 5, **more}
    spec |= {"containers": list(containers), "initContainers": list(init)}
    return {
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "test"},
        "spec": {**spec, "volumes": list(volumes)},
    }


def container(name: str, *args: str, **more: Any) -> dict[str, Any]:
    """A container of the image `python`, locked down as the compiler does it."""
    return {
        "name": name,
        "image": "python:1",
        "args": list(args),
        "securityContext": LOCKED_DOWN,
        **more,
    }


def server(name: str, port: int, *args: str, **more: Any) -> dict[str, Any]:
    """A container that answers GETs on a port until it is told to end."""
    return container(name, "-c", SERVER, str(port), *args, **more)


def http(port: int, failures: int = 3) -> dict[str, Any]:
    """A probe."""
    return {
        "httpGet": {"path": "/", "port": port},
        "periodSeconds": 1,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def asleep(name: str = "c", **more: Any) -> dict[str, Any]:
    """A container that does nothing and handles no signal."""
    return container(name, "-c", "import time; time.sleep(1000)", **more)
