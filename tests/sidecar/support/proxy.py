"""Proxies of the tests' own that do what bad links and bad boxes do.

`Relay` stands in front of one server and harms its answers: late, cut, stalled, flipped, cut short,
ranges ignored, lies about lengths, answers of its own. `Forward` is a proxy as `network.proxy`
names one: CONNECT for TLS, whole addresses for plain requests. Loopback only, one thread for each
connection; what each saw and moved can be asked.
"""

from __future__ import annotations

import fcntl
import re
import select
import socket
import ssl
import struct
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from types import TracebackType
from typing import NamedTuple, Self

_PIECE = 65_536
_RESET = struct.pack("ii", 1, 0)


class Asked(NamedTuple):
    """One request as it came in; header names are lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


class Fault(NamedTuple):
    """What happens to one answer. `cut` and `stall` count bytes of its body, `flip` is a byte of
    the object; -1 is never. `head` edits header lines, `answer` is sent without asking anybody.
    `then` is called at the cut or stall or before the answer, `rate` is bytes in a second."""

    latency: float = 0
    cut: int = -1
    stall: int = -1
    flip: int = -1
    rate: int = 0
    ignore_range: bool = False
    head: Callable[[bytes], bytes] | None = None
    body: Callable[[bytes], bytes] | None = None
    answer: bytes = b""
    then: Callable[[], object] | None = None


NONE = Fault()


def answer(status: str, *headers: str, body: bytes = b"") -> bytes:
    """An answer of the proxy's own."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers)
    return "\r\n".join((*lines, "", "")).encode() + body


class _Server:
    """Listens on loopback and gives each connection to `serve` in a thread of its own."""

    def __init__(self, *, buffer: int = 0) -> None:
        self.asked: list[Asked] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        if buffer:
            # Connections inherit it; else what was sent is far from what arrived.
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.connections = 0
        self._ended = Event()
        self._open: set[socket.socket] = set()
        self._lock = Lock()
        self._thread = Thread(target=self._listen, daemon=True)
        self._thread.start()

    def serve(self, client: socket.socket) -> None:
        raise NotImplementedError

    def hang_up(self) -> None:
        """Reset every connection."""
        with self._lock:
            found, self._open = self._open, set()
        for one in found:
            reset(one)

    def close(self) -> None:
        """Stop listening and reset every connection."""
        self._ended.set()
        # A thread that waits in accept() does not see that its socket was closed.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        self.hang_up()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open.add(client)
            Thread(target=self._served, args=(client,), daemon=True).start()

    def _served(self, client: socket.socket) -> None:
        with suppress(OSError, ValueError):
            self.serve(client)
        with self._lock:
            self._open.discard(client)
        client.close()


class Relay(_Server):
    """In front of a server on loopback. `faults` are used up one by one by requests that `harms`
    picks, GETs unless told otherwise; `always` holds for those after them.

    `sent` counts body bytes that went to the client.
    """

    def __init__(
        self, upstream: int, *faults: Fault, always: Fault = NONE, small_buffers: bool = False
    ) -> None:
        self.faults = list(faults)
        self.always = always
        self.harms: Callable[[Asked], bool] = lambda asked: asked.method == "GET"
        self.sent = 0
        self._upstream = upstream
        super().__init__(buffer=32_768 if small_buffers else 0)

    def url(self, url: str, port: int) -> str:
        """An address of the server as an address of the relay."""
        return url.replace(f":{port}", f":{self.port}")

    def serve(self, client: socket.socket) -> None:
        while (found := read_request(client)) is not None:
            asked, head = found
            self.asked.append(asked)
            fault = self._next(asked)
            if not self._answered(client, asked, head, fault):
                return

    def _next(self, asked: Asked) -> Fault:
        with self._lock:
            if not self.harms(asked):
                return NONE
            return self.faults.pop(0) if self.faults else self.always

    def _answered(self, client: socket.socket, asked: Asked, head: bytes, fault: Fault) -> bool:
        """Answer one request; whether the connection may be used again."""
        self._ended.wait(fault.latency)
        if fault.answer:
            if fault.then is not None:
                fault.then()
            client.sendall(fault.answer)
            return True
        if fault.ignore_range:
            head = re.sub(rb"(?im)^range:.*\r\n", b"", head)
        with socket.create_connection(("127.0.0.1", self._upstream)) as upstream:
            upstream.sendall(_closing(head) + asked.body)
            top, rest = read_head(upstream)
            if fault.body:
                rest, over = fault.body(rest + _all(upstream)), True
            else:
                over = False
            start = _start(top)
            client.sendall(fault.head(top) if fault.head else top)
            return self._body(client, upstream, rest, start, fault, over=over)

    def _body(
        self, client: socket.socket, upstream: socket.socket, data: bytes, start: int,
        fault: Fault, *, over: bool,
    ) -> bool:  # fmt: skip
        moved = 0
        stop = fault.cut if fault.cut >= 0 else fault.stall
        while data or (not over and (data := upstream.recv(_PIECE))):
            if stop >= 0:
                data = data[: stop - moved]
            self._move(client, _flipped(data, fault.flip - start - moved), fault.rate)
            moved += len(data)
            data = b""
            if 0 <= stop <= moved:
                break
        if 0 <= stop <= moved:
            if fault.then is not None:
                fault.then()
            if fault.cut < 0:
                self._ended.wait()
            delivered(client)
            reset(client)
        return False

    def _move(self, client: socket.socket, data: bytes, rate: int) -> None:
        step = max(1, rate // 20) if rate else len(data) or 1
        for at in range(0, len(data), step):
            piece = data[at : at + step]
            client.sendall(piece)
            self.sent += len(piece)
            if rate:
                self._ended.wait(len(piece) / rate)


class Forward(_Server):
    """A proxy for everything. `names` says where host names lead; others are looked up.

    With `refusal` it answers that instead of serving, with `tls` it is spoken to over TLS.
    """

    def __init__(
        self,
        names: dict[str, int] | None = None,
        *,
        refusal: bytes = b"",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.names = names or {}
        self.refusal = refusal
        self._tls = tls
        super().__init__()

    def serve(self, client: socket.socket) -> None:
        if self._tls is not None:
            client = self._tls.wrap_socket(client, server_side=True)
        with client:
            self._serve(client)

    def _serve(self, client: socket.socket) -> None:
        found = read_request(client)
        if found is None:
            return
        asked, head = found
        self.asked.append(asked)
        if self.refusal:
            client.sendall(self.refusal)
            return
        if asked.method == "CONNECT":
            host, _, port = asked.target.rpartition(":")
            with self._connected(host, int(port)) as upstream:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                splice(client, upstream)
            return
        match = re.fullmatch(r"http://([^/:]+)(?::([0-9]+))?(/.*)?", asked.target)
        if match is None:
            client.sendall(answer("400 Bad Request"))
            return
        with self._connected(match[1], int(match[2] or 80)) as upstream:
            line = f"{asked.method} {match[3] or '/'} HTTP/1.1".encode()
            upstream.sendall(line + _closing(head)[head.index(b"\r\n") :] + asked.body)
            splice(client, upstream)

    def _connected(self, host: str, port: int) -> socket.socket:
        if host in self.names:
            return socket.create_connection(("127.0.0.1", self.names[host]))
        return socket.create_connection((host, port))


def read_request(client: socket.socket) -> tuple[Asked, bytes] | None:
    """The next request of a connection and the bytes of its head, or None at the end."""
    head, rest = read_head(client)
    if not head:
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {}
    for line in lines[1:]:
        name, mark, value = line.partition(":")
        if mark:
            headers[name.lower()] = value.strip()
    length = int(headers.get("content-length", "0"))
    while len(rest) < length:
        data = client.recv(_PIECE)
        if not data:
            return None
        rest += data
    return Asked(method, target, headers, rest[:length]), head


def read_head(connected: socket.socket) -> tuple[bytes, bytes]:
    """The head of a message, and what was read beyond it; nothing at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connected.recv(_PIECE)
        if not piece:
            return b"", b""
        data += piece
    head, _, rest = data.partition(b"\r\n\r\n")
    return head + b"\r\n\r\n", rest


def reset(connected: socket.socket) -> None:
    """End a connection as a crash does."""
    with suppress(OSError):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with suppress(OSError):
        # A thread that waits for it has to wake up, which closing alone does not do.
        connected.shutdown(socket.SHUT_RD)
    connected.close()


def delivered(connected: socket.socket, patience: float = 20) -> None:
    """Wait until the other side has what was sent; a reset would throw away the rest."""
    waiting, deadline = bytearray(4), time.monotonic() + patience
    while time.monotonic() < deadline:
        fcntl.ioctl(connected, termios.TIOCOUTQ, waiting)
        if not int.from_bytes(waiting, sys.byteorder):
            return
        time.sleep(0.005)


def splice(one: socket.socket, other: socket.socket) -> None:
    """Move bytes both ways until one side ends."""
    while True:
        # What TLS has decrypted already does not make its socket readable.
        pending = [end for end in (one, other) if isinstance(end, ssl.SSLSocket) and end.pending()]
        for ready in pending or select.select((one, other), (), ())[0]:
            data = ready.recv(_PIECE)
            if not data:
                return
            (other if ready is one else one).sendall(data)


def replace_header(name: str, value: str) -> Callable[[bytes], bytes]:
    """An edit of a head: the header gets another value, or is added."""
    line = f"{name}: {value}\r\n".encode()

    def edit(head: bytes) -> bytes:
        without = re.sub(rb"(?im)^" + re.escape(name.encode()) + rb":.*\r\n", b"", head)
        return without[:-2] + line + b"\r\n"

    return edit


def _closing(head: bytes) -> bytes:
    without = re.sub(rb"(?im)^(connection|proxy-connection):.*\r\n", b"", head)
    return without[:-2] + b"Connection: close\r\n\r\n"


def _start(head: bytes) -> int:
    found = re.search(rb"(?im)^content-range: bytes ([0-9]+)-", head)
    return int(found[1]) if found else 0


def _flipped(data: bytes, at: int) -> bytes:
    if not 0 <= at < len(data):
        return data
    return data[:at] + bytes((data[at] ^ 1,)) + data[at + 1 :]


def _all(connected: socket.socket) -> bytes:
    data = b""
    while piece := connected.recv(_PIECE):
        data += piece
    return data
