"""Servers that answer nonsense: whatever comes, a fetch ends with a reason or the right bytes."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from sidecar.model.reasons import ReasonError
from sidecar.transfer import small
from tests.sidecar.support.proxy import read_head, reset
from tests.sidecar.transfer.fetching import bench, content, digest_of, document, entry

DATA = content(3000, seed=61)
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 3000\r\nETag: "x"\r\n\r\n' + DATA


class Raw:
    """Answers every request with the bytes of the next answer, and hangs up."""

    def __init__(self, answer: Callable[[], bytes], *, repeat: bytes = b"") -> None:
        self._answer = answer
        self._repeat = repeat
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/model"
        threading.Thread(target=self._listen, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: TracebackType | None) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            try:
                read_head(client)
                client.sendall(self._answer())
                until = time.monotonic() + 30
                while self._repeat and time.monotonic() < until:
                    client.sendall(self._repeat)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                reset(client)


HEADS = (
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 206 Partial\r\n",
    b"HTTP/1.1 999\r\n",
    b"HTTP/1.1 304 Not Modified\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 302 Found\r\n",
    b"HTTP/1.1 401 No\r\n", b"HTTP/1.1 416 No\r\n", b"ICY 200 OK\r\n", b"\r\n", b"HTTP/9.9 20",
    b"HTTP/1.1 503 Busy\r\n", b"HTTP/1.1 500 Oh\r\n", b"HTTP/1.1 -1 Oh\r\n",
)  # fmt: skip
LINES = (
    b"Content-Length: 3000\r\n", b"Content-Length: 99999999999999999999\r\n",
    b"Content-Length: -5\r\n", b"Content-Length: x\r\n", b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n", b"Content-Range: bytes 0-1/3000\r\n", b"Location: \xff\xfe\r\n",
    b"Location: //\r\n", b"Location: http://[::1\r\n", b"Location: /again\r\n", b"ETag: \xff\r\n",
    b"Retry-After: -1\r\n", b"Retry-After: Sat, 99 Foo 2026\r\n", b"Date: yesterday\r\n",
    b"Content-Type: text/html\r\n", b"Content-Type: \0\r\n", b": no name\r\n", b"no colon\r\n",
    b" folded\r\n", b"X: " + b"a" * 70_000 + b"\r\n", b"WWW-Authenticate: Bearer realm=\r\n",
)  # fmt: skip
BODIES = (
    DATA, DATA[:-1], DATA + b"more", b"", b"-1\r\n" + DATA, b"bb8\r\n" + DATA + b"\r\n0\r\n\r\n",
    b"zz\r\n" + DATA, b"FFFFFFFFFFFFFFFFFFFF\r\n" + DATA, b"1\r\nx\r\n0\r\n\r\n",
    b"<Error><Code>ExpiredToken</Code></Error>", b'{"errors": [1]}', b'{"errors": {}}',
    b"{" * 9_000,
)  # fmt: skip


def nonsense(seeded: random.Random) -> bytes:
    made = seeded.choice(HEADS)
    made += b"".join(seeded.choice(LINES) for _ in range(seeded.randint(0, 4)))
    made += seeded.choice((b"\r\n", b"\r\n", b"\r\n", b"\n", b"")) + seeded.choice(BODIES)
    for _ in range(seeded.choice((0, 0, 1, 5))):
        at = seeded.randrange(len(made))
        made = made[:at] + bytes((seeded.randrange(256),)) + made[at + 1 :]
    return made


def test_nonsense_ends_with_a_reason_or_the_right_bytes(tmp_path: Path, campaign: bool) -> None:
    seeded, count = random.Random(67), 5000 if campaign else 500
    ends: dict[str, int] = {}
    with Raw(lambda: nonsense(seeded)) as server:
        made = document(tmp_path, [entry(DATA, server.url)], network={"timeout": 3})
        with bench(made) as b:
            for number in range(count):
                wanted = b.artifact._replace(sha256=digest_of(DATA[: 2999 if number % 2 else 3000]))
                wanted = wanted._replace(size=-1 if number % 2 else 3000)
                try:
                    b.fetch(wanted)
                    end = "good"
                    blob = Path(b.layout.blob(wanted.sha256))
                    assert digest_of(blob.read_bytes()) == wanted.sha256
                    blob.unlink()
                except ReasonError as error:
                    end = error.code
                ends[end] = ends.get(end, 0) + 1
                b.context.breaker.worked(server.url.split("/")[2])
    print(f"{count} answers ended as {dict(sorted(ends.items()))}")
    assert ends["good"] > 0
    assert len(ends) > 4


@pytest.mark.parametrize(
    ("answer", "repeat"),
    [
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"y" * 1000),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", b"0" * 1000),
    ],
)
def test_what_never_comes_to_a_point_is_given_up(
    tmp_path: Path, answer: bytes, repeat: bytes
) -> None:
    with Raw(lambda: answer, repeat=repeat) as server:
        made = document(tmp_path, [entry(DATA, server.url)])
        with bench(made) as b:
            caught = b.refused()
            assert caught.code in ("Protocol", "UnexpectedContent")
            assert b.context.meter.received < 3 << 20


def test_control_a_good_answer_is_good(tmp_path: Path) -> None:
    with Raw(lambda: GOOD) as server, bench(document(tmp_path, [entry(DATA, server.url)])) as b:
        assert small.get(b.artifact.sources[0], b.context, 3000) == DATA
        assert b.fetch().bytes == 3000
