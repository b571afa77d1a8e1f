"""A reader beside a sidecar: reads one version again and again, by one protocol, until told to end.

    python reading.py PROTOCOL SLOT VIEW COUNT

`handle` opens the directory `current` once and reads two members relative to it; `number` opens the
highest number of a view once and reads two files of it; `paths` reads two members by their whole
paths, as nobody should. It prints how many reads there were, how many missed a file and how many
saw two versions. COUNT is a file that says how many reads there were so far.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

Pair = tuple[bytes, bytes]


def handle(slot: str, _: str) -> Pair:
    """The documented way for a bundle."""
    directory = os.open(f"{slot}/current", os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _read("model/det/weights", directory), _read("code/io/weights", directory)
    finally:
        os.close(directory)


def number(_: str, view: str) -> Pair:
    """The way of a server with numbered versions."""
    names = os.listdir(view)  # noqa: PTH208 - as often as can be
    highest = max(int(name) for name in names if name.isdigit())
    directory = os.open(f"{view}/{highest}", os.O_RDONLY | os.O_DIRECTORY)
    try:
        return _read("weights", directory), _read("labels/names", directory)
    finally:
        os.close(directory)


def paths(slot: str, _: str) -> Pair:
    """The control: between two paths anything may happen."""
    return _read(f"{slot}/current/model/det/weights"), _read(f"{slot}/current/code/io/weights")


PROTOCOLS: dict[str, Callable[[str, str], Pair]] = {
    "handle": handle,
    "number": number,
    "paths": paths,
}


def main(protocol: str, slot: str, view: str, count: str) -> None:
    """Read until told to end."""
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    read = PROTOCOLS[protocol]
    found = {"reads": 0, "missing": 0, "mixed": 0, "versions": 0}
    last = b""
    told = os.open(count, os.O_WRONLY | os.O_CREAT, 0o600)
    print("ready", flush=True)
    while not stop:
        found["reads"] += 1
        if found["reads"] % 100 == 0:
            os.pwrite(told, b"%12d" % found["reads"], 0)
        try:
            first, second = read(slot, view)
        except FileNotFoundError:
            found["missing"] += 1
            continue
        found["mixed"] += first != second
        found["versions"] += first != last
        last = first
    print(json.dumps(found), flush=True)


def _read(path: str, directory: int | None = None) -> bytes:
    descriptor = os.open(path, os.O_RDONLY, dir_fd=directory)
    try:
        return os.read(descriptor, 64)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main(*sys.argv[1:])
