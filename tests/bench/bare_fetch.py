"""Fetches files with every promise and nothing else: the least that a sidecar can take.

Run as `python tests/bench/bare_fetch.py FOLDER (URL DIGEST)...`. Four threads; each file is synced
whenever 4 MiB came, hashed as it was read back, renamed and dropped from the page cache. There are
no retries, no TLS, no proxies, no limits and no second process.
"""

from __future__ import annotations

import hashlib
import os
import socket
import sys
from pathlib import Path
from queue import SimpleQueue
from threading import Thread

CHUNK = 4 << 20
BUFFER = 1 << 19


def main() -> None:
    """Fetch all."""
    folder, *words = sys.argv[1:]
    work: SimpleQueue[tuple[str, str]] = SimpleQueue()
    for pair in zip(words[::2], words[1::2], strict=True):
        work.put(pair)
    bad: list[str] = []
    threads = [Thread(target=drain, args=(folder, work, bad)) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    directory = os.open(folder, os.O_RDONLY)
    os.fsync(directory)
    if bad:
        sys.exit(f"wrong: {' '.join(bad)}")


def drain(folder: str, work: SimpleQueue[tuple[str, str]], bad: list[str]) -> None:
    """Fetch one after another, as long as there are any."""
    buffer = memoryview(bytearray(BUFFER))
    while not work.empty():
        url, digest = work.get()
        path = f"{folder}/{digest}"
        file = os.open(f"{path}.part", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fetch(url, file, buffer)
        if read_back(file, buffer) == digest:
            Path(f"{path}.part").rename(path)
        else:
            bad.append(url)
        os.close(file)


def fetch(url: str, file: int, buffer: memoryview) -> None:
    """The bytes of a URL, synced."""
    host, _, path = url.removeprefix("http://").partition("/")
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port))) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        one.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += one.recv(1)
        (line,) = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")]
        left = int(line.partition(b":")[2])
        os.posix_fallocate(file, 0, left)
        unsynced = 0
        while left:
            count = one.recv_into(buffer[:left], 0, socket.MSG_WAITALL)
            if not count:
                sys.exit("the server hung up")
            os.write(file, buffer[:count])
            left -= count
            unsynced += count
            if unsynced >= CHUNK or not left:
                os.fdatasync(file)
                unsynced = 0


def read_back(file: int, buffer: memoryview) -> str:
    """The digest of what was written."""
    found, offset = hashlib.sha256(), 0
    while count := os.preadv(file, [buffer], offset):
        found.update(buffer[:count])
        offset += count
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    return found.hexdigest()


if __name__ == "__main__":
    main()
