"""The few calls of S3 that a download needs, so cheap that the server is hardly there.

Run as `python tests/bench/thin_s3.py FOLDER`, it prints its port and serves `FOLDER/BUCKET/KEY` on
loopback. It stands for a server on another machine: files go from the page cache to the socket by
`sendfile`, and no signature is looked at. It knows listings (of either version, on one page), HEAD
and GET with one range, nothing else.
"""

from __future__ import annotations

import os
import re
import socket
import sys
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

RANGE = re.compile(r"bytes=(\d+)-(\d*)")
LONG_AGO = ("Wed, 01 Jan 2020 00:00:00 GMT", "2020-01-01T00:00:00.000Z")


class Asked(NamedTuple):
    """A request's head, which is all of it."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]


def main() -> None:
    """Serve until killed."""
    root = Path(sys.argv[1])
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        print(listening.getsockname()[1], flush=True)
        while True:
            client, _ = listening.accept()
            Thread(target=serve, args=(root, client), daemon=True).start()


def serve(root: Path, client: socket.socket) -> None:
    """Answer what comes over one connection."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with client, client.makefile("rb") as lines, suppress(ConnectionError):
        while asked := read(lines):
            bucket, _, key = asked.path.strip("/").partition("/")
            if key:
                give(client, root / bucket / key, asked)
            else:
                body = listing(root / bucket, asked.query.get("prefix", [""])[0]).encode()
                answer(client, "200 OK", len(body), "Content-Type: application/xml")
                client.sendall(body)


def read(lines: BinaryIO) -> Asked | None:
    """The next request, or None at the end."""
    words = lines.readline().decode().split()
    if len(words) != 3:
        return None
    headers = {}
    while line := lines.readline().decode().strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    parts = urlsplit(words[1])
    return Asked(words[0], unquote(parts.path), parse_qs(parts.query), headers)


def give(client: socket.socket, place: Path, asked: Asked) -> None:
    """A file or a part of it."""
    if not place.is_file():
        answer(client, "404 Not Found", 0)
        return
    size = place.stat().st_size
    start, end, status = 0, size, "200 OK"
    more = [f'ETag: "{place.name}-{size}"', f"Last-Modified: {LONG_AGO[0]}", "Accept-Ranges: bytes"]
    if found := RANGE.fullmatch(asked.headers.get("range", "")):
        start, end = int(found[1]), min(size, int(found[2] or size) + 1)
        status = "206 Partial Content"
        more.append(f"Content-Range: bytes {start}-{end - 1}/{size}")
    answer(client, status, end - start, *more)
    if asked.method == "HEAD":
        return
    with place.open("rb") as file:
        while start < end:
            start += os.sendfile(client.fileno(), file.fileno(), start, end - start)


def answer(client: socket.socket, status: str, length: int, *more: str) -> None:
    """The head of an answer."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {length}", *more, "", "")
    client.sendall("\r\n".join(lines).encode())


def listing(bucket: Path, prefix: str) -> str:
    """All keys below a prefix."""
    paths = sorted(path for path in bucket.rglob("*") if path.is_file())
    keys = [(path.relative_to(bucket).as_posix(), path.stat().st_size) for path in paths]
    entries = "".join(
        f"<Contents><Key>{escape(key)}</Key><LastModified>{LONG_AGO[1]}</LastModified>"
        f"<ETag>&quot;{escape(key.rpartition('/')[2])}-{size}&quot;</ETag><Size>{size}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
        for key, size in keys
        if key.startswith(prefix)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>{bucket.name}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(keys)}</KeyCount>"
        f"<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
    )


if __name__ == "__main__":
    main()
