"""A web server on loopback that behaves like an API server, and misbehaves where it is told to.

It knows a few kinds and takes every dry run; a test's own `rule` answers first. What it was
asked is kept, so that a test can say what was sent. It judges nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme

TOKEN = "not-shown-to-anybody"
KINDS = {
    "/api/v1": {"Namespace": False, "ConfigMap": True, "Pod": True, "Service": True,
                "ServiceAccount": True},
    "/apis/apps/v1": {"Deployment": True, "DaemonSet": True},
    "/apis/policy/v1": {"PodDisruptionBudget": True},
    "/apis/apiextensions.k8s.io/v1": {"CustomResourceDefinition": False},
    "/apis/kustomize.toolkit.fluxcd.io/v1": {"Kustomization": True},
    "/apis/source.toolkit.fluxcd.io/v1": {"GitRepository": True},
    "/apis/argoproj.io/v1alpha1": {"Application": True, "AppProject": True},
    "/apis/edgewright.io/v1alpha1": {"InferenceModel": True, "TrainingModel": True,
                                     "Dataset": True},
}  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    token: str


@dataclass(frozen=True)
class Reply:
    """One answer; a body that is no text is sent as JSON. `drop` ends the connection instead."""

    status: int = 200
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()
    drop: bool = False


Rule = Callable[[Asked], Reply | None]


@dataclass
class FakeCluster:
    """A running fake; `asked` grows with every request."""

    url: str
    authority: str = ""
    asked: list[Asked] = field(default_factory=list)

    def kubeconfig(self, folder: Path, *contexts: str, **user: Any) -> Path:
        """A kubeconfig with the contexts given (default: `fake`), all for this server."""
        names = contexts or ("fake",)
        cluster: dict[str, Any] = {"server": self.url}
        if self.authority:
            cluster["certificate-authority"] = self.authority
        path = folder / "kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": names[0],
            "clusters": [{"name": "one", "cluster": cluster}],
            "users": [{"name": "me", "user": user or {"token": TOKEN}}],
            "contexts": [
                {"name": name, "context": {"cluster": "one", "user": "me"}} for name in names
            ],
        }
        path.write_text(json.dumps(document), encoding="utf-8")
        return path


def status(code: int, message: str, reason: str = "", **details: Any) -> Reply:
    """A Status that says no."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message,
            "reason": reason, "code": code, "details": details}  # fmt: skip
    return Reply(code, body)


@contextmanager
def fake_cluster(rule: Rule = lambda _: None, tls: Path | None = None) -> Iterator[FakeCluster]:
    """A fake for the length of a `with`; with a folder for certificates it speaks TLS."""
    fake = FakeCluster("")

    class Handler(_Handler):
        asked = fake.asked
        answer = staticmethod(rule)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    scheme = "http"
    if tls is not None:
        scheme = "https"
        fake.authority = _certify(server, tls)
    fake.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _certify(server: ThreadingHTTPServer, folder: Path) -> str:
    import ssl

    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    path = folder / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def usual(asked: Asked) -> Reply:
    """What a healthy server says that takes everything."""
    if asked.path == "/version":
        return Reply(body={"major": "1", "minor": "32", "gitVersion": "v1.32.1"})
    if asked.path in KINDS:
        listed = [
            {"name": f"{kind.lower()}s", "kind": kind, "namespaced": namespaced}
            for kind, namespaced in KINDS[asked.path].items()
        ]
        return Reply(body={"kind": "APIResourceList", "resources": listed})
    if asked.method == "PATCH":
        return Reply(body={"kind": "Taken", "metadata": {"generation": 1}})
    if asked.path.startswith("/apis/") and asked.path.count("/") == 3:
        return Reply(404, "404 page not found\n")
    return status(404, "not found", "NotFound")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked: list[Asked]
    answer: Rule

    def _serve(self) -> None:
        address = urlsplit(self.path)
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = self.headers.get("Authorization") or ""
        asked = Asked(self.command, address.path, query, body, token)
        self.asked.append(asked)
        reply = self.answer(asked) or usual(asked)
        if reply.drop:
            self.close_connection = True
            return
        data = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data.encode())))
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing on stderr."""


for _method in ("GET", "PATCH", "POST", "PUT", "DELETE"):
    setattr(_Handler, f"do_{_method}", _Handler._serve)
