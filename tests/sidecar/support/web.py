"""A small web server for the tests: objects with ranges and entity tags, and scripted answers.

It does what a good server does; `script` may answer in its place. With a certificate it speaks TLS.
"""

from __future__ import annotations

import hashlib
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import MappingProxyType, TracebackType
from typing import Any, NamedTuple, Self

from tests.sidecar.support.proxy import Asked, reset

_ENDLESS = 256 << 20
"""Even what is endless ends somewhere: nobody's disk is to be filled by a test that fails."""


class Reply(NamedTuple):
    """A scripted answer. `endless` repeats the body without end and without a length."""

    status: int
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""
    endless: bool = False
    chunked: bool = False


class Web:
    """A running server. `objects` is by path; `asked` is every request so far."""

    def __init__(
        self,
        objects: dict[str, bytes] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        script: Callable[[Asked], Reply | None] | None = None,
    ) -> None:
        self.objects = objects or {}
        self.script = script
        self.asked: list[Asked] = []
        self.connections = 0
        self.heeds_if_match = True
        self._server = _Listener(("127.0.0.1", 0), self, tls)
        self.port: int = self._server.server_address[1]
        self.scheme = "https" if tls else "http"
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The address of a path."""
        return f"{self.scheme}://{host}:{self.port}{path}"

    def hang_up(self) -> None:
        """Reset every open connection."""
        for one in list(self._server.open):
            reset(one)

    def close(self) -> None:
        """Stop it, and end what is open."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], web: Web, tls: ssl.SSLContext | None) -> None:
        self.web = web
        self.open: set[socket.socket] = set()
        super().__init__(address, _Handler)
        if tls is not None:
            # Shake hands in the connection's own thread: one bad client must not hold up the rest.
            self.socket = tls.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def get_request(self) -> tuple[socket.socket, Any]:
        client, address = super().get_request()
        self.web.connections += 1
        self.open.add(client)
        return client, address

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def answer(self) -> None:
        web = self.server.web
        length = int(self.headers.get("Content-Length", "0"))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self.rfile.read(length))
        web.asked.append(asked)
        reply = web.script(asked) if web.script else None
        self._send(reply or self._object(asked))

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = answer  # noqa: N815 - the names that the base class calls

    def _object(self, asked: Asked) -> Reply:
        data = self.server.web.objects.get(asked.target.partition("?")[0])
        if data is None:
            return Reply(404, body=b"nothing here")
        tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
        if self.server.web.heeds_if_match and asked.headers.get("if-match", tag) != tag:
            return Reply(412)
        if asked.headers.get("if-none-match") == tag:
            return Reply(304)
        match = re.fullmatch(r"bytes=([0-9]+)-", asked.headers.get("range", ""))
        if match is None:
            return Reply(200, {"ETag": tag}, data)
        start = int(match[1])
        if start >= len(data):
            return Reply(416, {"Content-Range": f"bytes */{len(data)}"})
        stated = f"bytes {start}-{len(data) - 1}/{len(data)}"
        return Reply(206, {"ETag": tag, "Content-Range": stated}, data[start:])

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.endless:
            self.send_header("Connection", "close")
        elif reply.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self._send_body(reply)

    def _send_body(self, reply: Reply) -> None:
        for _ in range(_ENDLESS // len(reply.body) if reply.endless else 0):
            self.wfile.write(reply.body)
        if not reply.chunked:
            self.wfile.write(reply.body)
            return
        for at in range(0, len(reply.body), 50_000):
            piece = reply.body[at : at + 50_000]
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
        """Say nothing."""
