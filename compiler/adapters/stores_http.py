"""Plain web servers as stores: what anybody may read, by HEAD and ranged GET.

They list nothing, take nothing and get no credentials; redirects are followed over http and https.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from typing import Any, BinaryIO, cast
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.stored import Stored, StoreError

_SECONDS = 60


class HttpStore:
    """Files by URL."""

    def list(self, prefix: Location) -> Iterator[Stored]:
        """Nothing: a web server has no listing that can be relied on."""
        hint = "name single files, or put them into an S3 bucket"
        raise StoreError(codes.STORE_FAILED, f"{prefix.url}: a web server lists nothing", hint)

    def look(self, at: Location) -> Stored:
        """What a file is now."""
        with _told(at), urlopen(_request(at, "HEAD"), timeout=_SECONDS) as answer:  # noqa: S310
            length, etag = answer.headers.get("Content-Length"), answer.headers.get("ETag", "")
        if length is None:
            # A server that hides the length tells it by its bytes.
            with _told(at), urlopen(_request(at), timeout=_SECONDS) as answer:  # noqa: S310
                length = _counted(answer)
        return Stored(at, "", int(length), _strong(etag))

    def open(
        self, at: Location, *, start: int = 0, length: int | None = None, etag: str = ""
    ) -> AbstractContextManager[BinaryIO]:
        """A stream of a file's bytes."""
        return self._opened(at, start, length, etag)

    def put(self, at: Location, data: bytes, *, absent: bool = False) -> Stored:
        """Nothing: a web server takes no file."""
        del data, absent
        hint = "put it there by the way that its owner has"
        raise StoreError(codes.STORE_FAILED, f"{at.url}: a web server takes no file", hint)

    @contextmanager
    def _opened(
        self, at: Location, start: int, length: int | None, etag: str
    ) -> Iterator[BinaryIO]:
        request = _request(at)
        if start or length is not None:
            end = "" if length is None else start + length - 1
            request.add_header("Range", f"bytes={start}-{end}")
        if etag:
            request.add_header("If-Match", f'"{etag}"')
        with _told(at), urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310
            if request.has_header("Range") and answer.status != 206:
                raise StoreError(codes.STORE_FAILED, f"{at.url}: the server gives no ranges")
            if etag and _strong(answer.headers.get("ETag", "")) != etag:
                raise StoreError(codes.STORE_FAILED, f"{at.url} changed meanwhile", "run it again")
            yield cast("BinaryIO", answer)


def _request(at: Location, method: str = "GET") -> Request:
    headers = {"User-Agent": "edgewright", "Accept-Encoding": "identity"}
    return Request(at.url, method=method, headers=headers)  # noqa: S310 - http and https alone


def _counted(answer: Any) -> int:
    total = 0
    while piece := answer.read(1 << 20):
        total += len(piece)
    return total


def _strong(etag: str) -> str:
    """The tag without quotes; a weak one does not tell equal bytes."""
    return "" if etag.startswith("W/") else etag.strip('"')


@contextmanager
def _told(at: Location) -> Iterator[None]:
    try:
        yield
    except HTTPError as error:
        with error:
            if error.code in (404, 410):
                raise StoreError(codes.STORE_ABSENT, f"{at.url} is not there") from None
            message = f"{at.url}: the server answers {error.code}"
            raise StoreError(codes.STORE_FAILED, message) from None
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        hint = "see whether the address is right and reachable from this machine"
        raise StoreError(codes.STORE_FAILED, f"{at.url}: {reason}", hint) from error
