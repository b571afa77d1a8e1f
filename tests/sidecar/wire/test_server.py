"""The server against clients that keep to HTTP and clients that do not."""

from __future__ import annotations

import http.client
import os
import socket
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sidecar.wire.server import FilePart, Request, Response, Server
from tests.sidecar.wire.rough import exchange

PLAIN = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Handler:
    """Answers with what it was asked, and can be held back."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.held = threading.Semaphore(0)
        self.heard: list[bytes] = []
        self.file = b""
        self.folder: Path | None = None

    def __call__(self, asked: Request) -> Response:
        if asked.path == "/fails":
            raise RuntimeError("on purpose")
        if asked.path == "/held":
            self.held.release()
            self.gate.wait(60)
        if asked.path == "/refused":
            return Response(413, b"too large\n")
        if asked.path == "/file" and self.folder is not None:
            descriptor = os.open(self.folder / "file", os.O_RDONLY)
            return Response(200, file=FilePart(descriptor, len(self.file), '"tag"'))
        body = b""
        while part := asked.body.read():
            body += part
        self.heard.append(body)
        return Response(200, f"{asked.method} {asked.path} {asked.query} ".encode() + body)


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def serving(handler: Handler) -> Iterator[tuple[str, int]]:
    faults: list[str] = []
    one = Server(("127.0.0.1", 0), handler, threads=4, fault=faults.append)
    one.start()
    yield ("127.0.0.1", one.ports[0])
    one.close()


def test_path_and_query_come_decoded(serving: tuple[str, int]) -> None:
    found = exchange(serving, b"GET /a%20b/%C3%A9?x=1+2&y=%26&z HTTP/1.1\r\nHost: a\r\n\r\n")
    assert found.endswith("GET /a b/é {'x': '1 2', 'y': '&', 'z': ''} ".encode())


@pytest.mark.parametrize(
    "data",
    [
        b"GET /x HTTP/1.1\nHost: a\n\n",
        b"GET http://elsewhere/ HTTP/1.1\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\n\r\n",
        b"GET /%00 HTTP/1.1\r\n\r\n",
        b"GET /%ff HTTP/1.1\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n",
        b"get /x HTTP/1.1\r\n\r\n",
        b"GET  /x HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/2\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        b"POST /x HTTP/1.1\r\nContent-Length: +1\r\n\r\na",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST /x HTTP/1.1\r\nContent-Length: 9\r\n\r\nshort",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        b"GET /x HTTP/1.1\r\nHost: a",
        b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\n\r\n",
        b"GET /x HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
)
def test_what_is_no_request_is_refused_and_never_handled_to_the_end(
    serving: tuple[str, int], handler: Handler, data: bytes
) -> None:
    found = exchange(serving, data)
    if data.startswith(b"GET /x HTTP/1.1\n"):
        # Bare line feeds are read as line ends, as RFC 9112 allows.
        assert found.startswith(b"HTTP/1.1 200 ")
        return
    assert found.startswith(b"HTTP/1.1 400 ")
    assert handler.heard == []


def test_random_bytes_are_refused_or_left_alone(serving: tuple[str, int]) -> None:
    for _ in range(200):
        found = exchange(serving, os.urandom(300) + b"\r\n\r\n")
        assert found == b"" or found.startswith(b"HTTP/1.1 400 ")


def test_chunked_bodies_and_expectations_are_understood(serving: tuple[str, int]) -> None:
    found = exchange(
        serving,
        b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
        b"3\r\nabc\r\n4;e=f\r\ndefg\r\n0\r\nT: u\r\n\r\n",
    )
    assert found.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert found.endswith(b"POST /x {} abcdefg")


def test_a_refused_body_is_never_invited_and_the_refusal_arrives(serving: tuple[str, int]) -> None:
    head = b"POST /refused HTTP/1.1\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
    assert exchange(serving, head).startswith(b"HTTP/1.1 413 ")
    head = b"POST /refused HTTP/1.1\r\nContent-Length: 100000\r\n\r\n"
    assert exchange(serving, head + b"x" * 100_000).startswith(b"HTTP/1.1 413 ")


def test_curl_and_http_client_are_understood(serving: tuple[str, int], tmp_path: Path) -> None:
    connection = http.client.HTTPConnection(*serving, timeout=20)
    connection.request("POST", "/y?a=b", body=iter([b"one", b"two"]), encode_chunked=True,
                       headers={"Transfer-Encoding": "chunked"})  # fmt: skip
    assert connection.getresponse().read() == b"POST /y {'a': 'b'} onetwo"
    connection.close()
    (tmp_path / "up").write_bytes(b"x" * 100_000)
    command = ["curl", "-sS", "-T", str(tmp_path / "up"), f"http://127.0.0.1:{serving[1]}/up"]
    ran = subprocess.run(command, capture_output=True, check=True)
    assert ran.stdout == b"PUT /up {} " + b"x" * 100_000


def test_head_has_the_length_and_no_body(serving: tuple[str, int]) -> None:
    found = exchange(serving, b"HEAD /x HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 11\r\n" in found
    assert found.endswith(b"\r\n\r\n")


def test_a_handler_that_fails_is_told_of_and_ends_one_answer_only(handler: Handler) -> None:
    faults: list[str] = []
    one = Server(("127.0.0.1", 0), handler, fault=faults.append)
    one.start()
    try:
        address = ("127.0.0.1", one.ports[0])
        assert exchange(address, b"GET /fails HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 500 ")
        assert faults == ["GET /fails: RuntimeError: on purpose"]
        assert exchange(address, PLAIN).startswith(b"HTTP/1.1 200 ")
    finally:
        one.close()


@pytest.mark.parametrize(
    ("headers", "status", "part"),
    [
        ("", 200, slice(None)),
        ("Range: bytes=2-5", 206, slice(2, 6)),
        ("Range: bytes=990-", 206, slice(990, None)),
        ("Range: bytes=-10", 206, slice(-10, None)),
        ("Range: bytes=-5000", 206, slice(None)),
        ("Range: bytes=990-5000", 206, slice(990, None)),
        ("Range: bytes=1000-", 416, slice(0)),
        ("Range: bytes=-0", 416, slice(0)),
        ("Range: bytes=5-2", 200, slice(None)),
        ("Range: bytes=1-2,4-5", 200, slice(None)),
        ("Range: lines=1-2", 200, slice(None)),
        ('Range: bytes=2-5\r\nIf-Range: "tag"', 206, slice(2, 6)),
        ('Range: bytes=2-5\r\nIf-Range: "other"', 200, slice(None)),
        ('If-Match: "other", "tag"', 200, slice(None)),
        ('If-Match: "other"', 412, slice(0)),
        ("If-Match: *", 200, slice(None)),
        ('If-None-Match: "tag"', 304, slice(0)),
    ],
)
def test_parts_of_files_are_given_as_they_are_asked_for(
    serving: tuple[str, int],
    handler: Handler,
    tmp_path: Path,
    headers: str,
    status: int,
    part: slice,
) -> None:
    handler.folder, handler.file = tmp_path, os.urandom(1000)
    (tmp_path / "file").write_bytes(handler.file)
    lines = f"\r\n{headers}" if headers else ""
    found = exchange(serving, f"GET /file HTTP/1.1\r\nHost: a{lines}\r\n\r\n".encode())
    head, _, body = found.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert body == handler.file[part]
    if status == 206:
        first, last, _ = part.indices(1000)
        assert f"Content-Range: bytes {first}-{last - 1}/1000".encode() in head
    elif status == 416:
        assert b"Content-Range: bytes */1000" in head


def test_large_files_go_out_whole_and_no_descriptor_is_left(
    serving: tuple[str, int], handler: Handler, tmp_path: Path
) -> None:
    handler.folder, handler.file = tmp_path, os.urandom(8 << 20)
    (tmp_path / "file").write_bytes(handler.file)
    before = descriptors()
    for _ in range(5):
        found = exchange(serving, b"GET /file HTTP/1.1\r\n\r\n")
        assert found.partition(b"\r\n\r\n")[2] == handler.file
    deadline = time.monotonic() + 10
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert descriptors() <= before


def test_slow_heads_keep_nobody_from_an_answer(serving: tuple[str, int]) -> None:
    slow = [socket.create_connection(serving) for _ in range(50)]
    try:
        for one in slow:
            one.sendall(b"GET /x HTTP/1.1\r\nA: ")
        for _ in range(20):
            assert exchange(serving, PLAIN).startswith(b"HTTP/1.1 200 ")
    finally:
        for one in slow:
            one.close()


def test_a_silent_client_is_let_go_after_a_few_seconds(serving: tuple[str, int]) -> None:
    with socket.create_connection(serving, timeout=30) as one:
        one.sendall(b"GET /x HT")
        assert one.recv(100).startswith(b"HTTP/1.1 408 ")


def test_beyond_its_threads_a_server_says_that_it_is_busy(
    serving: tuple[str, int], handler: Handler
) -> None:
    handler.gate.clear()
    held = [socket.create_connection(serving) for _ in range(4)]
    try:
        for one in held:
            one.sendall(b"GET /held HTTP/1.1\r\n\r\n")
        # Until it is heard what a connection asks, it would make way for the next one.
        for _ in held:
            assert handler.held.acquire(timeout=30)
        found, deadline = b"", time.monotonic() + 20
        while not found and time.monotonic() < deadline:
            # Nobody waits for long for what is turned away: who sends too late is hung up on.
            with suppress(OSError):
                found = exchange(serving, PLAIN)
        assert found.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1\r\n" in found
    finally:
        handler.gate.set()
        for one in held:
            one.close()
    while not exchange(serving, PLAIN).startswith(b"HTTP/1.1 200 "):
        assert time.monotonic() < deadline + 20


def test_a_unix_socket_has_its_mode_at_once_and_tells_who_asks(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    one = Server(path, lambda asked: Response(200, str(asked.uid).encode()), mode=0o620)
    one.start()
    try:
        found = Path(path).stat()
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o620
        assert exchange(path, PLAIN).endswith(str(os.getuid()).encode())
    finally:
        one.close()
    assert list(tmp_path.iterdir()) == []


def test_a_socket_that_was_left_by_a_killed_process_is_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(path)
    one = Server(path, lambda _: Response(200))
    one.start()
    try:
        assert exchange(path, PLAIN).startswith(b"HTTP/1.1 200 ")
    finally:
        one.close()


def test_a_socket_that_somebody_answers_on_is_never_taken(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    first = Server(path, lambda _: Response(200))
    second = Server(path, lambda _: Response(404))
    first.start()
    try:
        assert second.tend() == [f"{path}: Address already in use"]
        assert exchange(path, PLAIN).startswith(b"HTTP/1.1 200 ")
        first.close()
        assert second.tend() == []
        assert exchange(path, PLAIN).startswith(b"HTTP/1.1 404 ")
    finally:
        first.close()
        second.close()


def test_a_socket_whose_name_was_taken_away_comes_back(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    one = Server(path, lambda _: Response(200))
    one.start()
    try:
        for round_ in range(200):
            if round_ % 2:
                Path(path).unlink()
            else:
                Path(path).rename(f"{path}.moved")
                Path(path).write_text("not a socket")
            assert one.tend() == []
            assert exchange(path, PLAIN).startswith(b"HTTP/1.1 200 ")
    finally:
        one.close()


def test_a_place_that_cannot_be_bound_is_named_and_bound_as_soon_as_it_can(tmp_path: Path) -> None:
    path = tmp_path / "s"
    (path / "in the way").mkdir(parents=True)
    one = Server(
        str(path), lambda _: Response(200), more=[(("127.0.0.1", 0), lambda _: Response(200))]
    )
    try:
        faults = one.tend()
        assert len(faults) == 1
        assert faults[0].startswith(str(path))
        assert exchange(("127.0.0.1", one.ports[0]), PLAIN).startswith(b"HTTP/1.1 200 ")
        path.rename(tmp_path / "gone")
        assert one.tend() == []
        assert exchange(str(path), PLAIN).startswith(b"HTTP/1.1 200 ")
    finally:
        one.close()


def test_start_binds_everything_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        one = Server(
            str(path),
            lambda _: Response(200),
            more=[(taken.getsockname(), lambda _: Response(200))],
        )
        with pytest.raises(OSError, match="Address already in use"):
            one.start()
    assert not path.exists()


def test_begin_and_end_a_hundred_times_leaves_nothing(tmp_path: Path) -> None:
    before, threads = descriptors(), threading.active_count()
    for _ in range(100):
        one = Server(str(tmp_path / "s"), lambda _: Response(200))
        one.start()
        assert exchange(str(tmp_path / "s"), PLAIN).startswith(b"HTTP/1.1 200 ")
        one.close()
    deadline = time.monotonic() + 10
    while threading.active_count() > threads and time.monotonic() < deadline:
        time.sleep(0.05)
    assert threading.active_count() <= threads
    assert descriptors() <= before
