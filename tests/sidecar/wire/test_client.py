"""The loopback client against servers that keep to HTTP and servers that do not."""

from __future__ import annotations

import socket
import threading
import time
from threading import Event

import pytest

from sidecar.model.reasons import ReasonError
from sidecar.wire.client import Answer, UnansweredError, request, request_socket
from sidecar.wire.server import Response, Server
from tests.sidecar.wire.rough import saying, server


def get(port: int, *, limit: int = 1 << 20, timeout: float = 20) -> Answer:
    url = f"http://127.0.0.1:{port}/x"
    return request("GET", url, timeout=timeout, limit=limit, ports=[port])


def answer(data: bytes, limit: int = 1 << 20) -> Answer:
    with server(saying(data)) as port:
        return get(port, limit=limit)


def refused(data: bytes) -> str:
    with pytest.raises(UnansweredError) as caught:
        answer(data)
    assert caught.value.reached
    return caught.value.detail


def test_a_counted_body_is_read() -> None:
    found = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: a\r\nx-one: b\r\n\r\nhellomore")
    assert found == Answer(200, {"content-length": "5", "x-one": "a, b"}, b"hello")


def test_a_chunked_body_is_read_with_extensions_and_trailers() -> None:
    found = answer(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;x=y\r\nhello\r\n00A\r\n, my world\r\n0\r\nTrailer: t\r\n\r\n"
    )
    assert found.body == b"hello, my world"


def test_a_body_without_length_ends_with_the_connection() -> None:
    assert answer(b"HTTP/1.0 200 OK\r\n\r\nhello").body == b"hello"


def test_interim_answers_are_passed_over() -> None:
    found = answer(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\nHTTP/1.1 204 N\r\n\r\n"
    )
    assert found.status == 204


def test_an_answer_without_a_reason_phrase_is_an_answer() -> None:
    assert answer(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n").status == 200
    assert answer(b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n").status == 200


def test_a_redirect_is_not_followed() -> None:
    found = answer(b"HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\n\r\n")
    assert found.status == 302


def test_a_body_above_the_limit_is_cut_and_says_so() -> None:
    found = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789", limit=4)
    assert (found.body, found.cut) == (b"1234", True)
    found = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1234", limit=4)
    assert (found.body, found.cut) == (b"1234", False)


def test_an_endless_body_ends_at_the_limit() -> None:
    def forever(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\n\r\n")(connection)
        while True:
            connection.sendall(b"x" * 65536)

    with server(forever) as port:
        assert get(port, limit=1000).cut


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the connection ended without an answer"),
        (b"SSH-2.0-OpenSSH\r\n\r\n", "no answer of HTTP/1.1"),
        (b"HTTP/2 200\r\n\r\n", "no answer of HTTP/1.1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", "ended within a body"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5", "ended within a line"),
        (b"HTTP/1.1 200 OK\r\n", "ended within a head"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "a content length that is none"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "two headers"),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "a header line that is none"),
        (b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n", "a header line that is none"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "other than chunked"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
            "other than chunked alone",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "without its length"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n",
            "without its end",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "ended within"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 20000 + b"\r\n\r\n", "a line is longer than"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "more than 100 header lines"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 30, "no end of interim answers"),
    ],
)
def test_what_is_no_answer_is_refused(data: bytes, words: str) -> None:
    assert words in refused(data)


def test_words_of_a_server_are_cleaned_before_they_are_told() -> None:
    assert refused(b"\x1b[2J\x00\r\n\r\n").isprintable()


def test_time_is_counted_over_all_of_it_and_not_from_byte_to_byte() -> None:
    def drip(connection: socket.socket) -> None:
        saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")(connection)
        for _ in range(1000):
            connection.sendall(b"x")
            time.sleep(0.05)

    with server(drip) as port, pytest.raises(UnansweredError) as caught:
        get(port, timeout=0.5)
    assert caught.value.late


def test_a_server_that_takes_no_bytes_ends_with_the_time() -> None:
    def deaf(_: socket.socket) -> None:
        time.sleep(5)

    with server(deaf) as port, pytest.raises(UnansweredError) as caught:
        request(
            "POST",
            f"http://127.0.0.1:{port}/x",
            body=b"x" * (64 << 20),
            timeout=0.5,
            limit=100,
            ports=[port],
        )
    assert caught.value.late


def test_an_answer_that_comes_before_the_body_was_sent_is_heard() -> None:
    with server(saying(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")) as port:
        found = request(
            "POST",
            f"http://127.0.0.1:{port}/x",
            body=b"x" * 100_000,
            timeout=20,
            limit=100,
            ports=[port],
        )
    assert found.status == 413


def test_a_question_can_be_stopped() -> None:
    stop = Event()
    with server(lambda _: time.sleep(30)) as port:
        threading.Timer(0.2, stop.set).start()
        with pytest.raises(UnansweredError) as caught:
            request(
                "GET",
                f"http://127.0.0.1:{port}/x",
                timeout=60,
                limit=100,
                ports=[port],
                stop=stop,
            )
    assert caught.value.stopped


def test_nobody_who_listens_is_told_apart_from_one_who_breaks_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnansweredError) as caught:
        get(port)
    assert not caught.value.reached
    assert caught.value.detail == "Connection refused"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/",
        "http://127.0.0.2:8000/",
        "http://10.0.0.1:8000/",
        "http://[::1]:8000/",
        "http://169.254.169.254/latest",
        "http://127.0.0.1:8001/",
        "http://127.0.0.1/",
        "https://127.0.0.1:8000/",
        "http://user@127.0.0.1:8000/",
        "http://127.0.0.1:8000@10.0.0.1/",
        "http://127.0.0.1:8000\r\nHost: x/",
        "http://127.0.0.1:8000/ HTTP/1.1\r\nX: y",
        "http://127.0.0.1:08000/",
        "http://127.0.0.1:8000x/",
        "",
    ],
)
def test_anything_but_a_declared_port_of_loopback_is_refused(url: str) -> None:
    with pytest.raises(ReasonError) as caught:
        request("GET", url, timeout=1, limit=1, ports=[8000])
    assert caught.value.code == "AddressRefused"


def test_a_unix_socket_is_asked_in_the_same_way(tmp_path: object) -> None:
    path = f"{tmp_path}/s"
    one = Server(path, lambda asked: Response(200, asked.body.read()))
    one.start()
    try:
        found = request_socket("POST", path, "/x", body=b"hello", timeout=20, limit=100)
        assert found.body == b"hello"
    finally:
        one.close()
    with pytest.raises(UnansweredError):
        request_socket("GET", path, "/x", timeout=20, limit=100)
