"""What every kind of store tells in the same way: broken streams, and URLs without what is secret.

A stream that ends before its length is a fault and never a shorter file. Faults of whoever reads
are not the store's.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit, urlunsplit

from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.stored import StoreError

Told = Callable[[Location], AbstractContextManager[None]]
"""Turns what a library raises into a `StoreError` about a location."""
_BUFFER = 1 << 20


def whole(stream: Any, at: Location, length: int | None, told: Told) -> BinaryIO:
    """A stream of exactly `length` bytes; None where nobody states it."""
    return cast("BinaryIO", io.BufferedReader(_Whole(stream, at, length, told), _BUFFER))


def stated_length(answer: Any) -> int | None:
    """The length that an HTTP answer states for its body, if it does."""
    stated = answer.headers.get("Content-Length") or ""
    return int(stated) if stated.isdigit() else None


def shown(url: str) -> str:
    """A URL without user, password and query: what may stand in a message."""
    parts = urlsplit(url)
    if not (parts.query or "@" in parts.netloc):
        return url
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "…" if parts.query else "", ""))


def byte_range(start: int, length: int | None) -> str:
    """The value of a Range header, empty for all bytes."""
    if not start and length is None:
        return ""
    end = "" if length is None else str(start + length - 1)
    return f"bytes={start}-{end}"


def changed(at: Location) -> StoreError:
    """What is read is not what was looked at."""
    return StoreError(codes.STORE_FAILED, f"{shown(at.url)} changed meanwhile", "run it again")


class _Whole(io.RawIOBase):
    def __init__(self, stream: Any, at: Location, length: int | None, told: Told) -> None:
        self._stream, self._at, self._length, self._told = stream, at, length, told
        self._come = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with self._told(self._at):
            data = self._stream.read(len(buffer))
        if not data and self._length is not None and self._come < self._length:
            message = f"{shown(self._at.url)} broke off after {self._come} of {self._length} bytes"
            raise StoreError(codes.STORE_FAILED, message, "run it again")
        buffer[: len(data)] = data
        self._come += len(data)
        return len(data)
