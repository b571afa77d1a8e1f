"""Plain web servers as stores: what anybody may read, by HEAD and ranged GET.

They list nothing, take nothing and get no credentials; redirects are followed over http and https.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, BinaryIO
from urllib.error import HTTPError
from urllib.request import Request

from compiler.adapters import web
from compiler.adapters.stores_faults import byte_range, changed, shown, stated_length, whole
from compiler.model.codes import world as codes
from compiler.model.inputs import Location
from compiler.model.stored import Stored, StoreError

_SECONDS = 60
_LOGIN = "only what anybody may read is read; put it into an S3 bucket, or a registry"


class HttpStore:
    """Files by URL."""

    def list(self, prefix: Location) -> Iterator[Stored]:
        """Nothing: a web server has no listing that can be relied on."""
        hint = "name single files, or put them into an S3 bucket"
        raise StoreError(
            codes.STORE_FAILED, f"{shown(prefix.url)}: a web server lists nothing", hint
        )

    def look(self, at: Location) -> Stored:
        """What a file is now."""
        with _told(at), _ask(_request(at, "HEAD")) as answer:
            length, etag = answer.headers.get("Content-Length"), answer.headers.get("ETag", "")
        if length is None:
            # A server that hides the length tells it by its bytes.
            with _told(at), _ask(_request(at)) as answer:
                length = _counted(answer)
        return Stored(at, "", int(length), _strong(etag))

    def put(self, at: Location, data: bytes, *, absent: bool = False) -> Stored:
        """Nothing: a web server takes no file."""
        del data, absent
        hint = "put it there by the way that its owner has"
        raise StoreError(codes.STORE_FAILED, f"{shown(at.url)}: a web server takes no file", hint)

    @contextmanager
    def open(
        self, at: Location, *, start: int = 0, length: int | None = None, etag: str = ""
    ) -> Iterator[BinaryIO]:
        """A stream of a file's bytes."""
        request = _request(at)
        wanted = byte_range(start, length)
        if wanted:
            request.add_header("Range", wanted)
        if etag:
            request.add_header("If-Match", f'"{etag}"')
        with _told(at):
            answer = _ask(request)
        with closing(answer):
            if wanted and answer.status != 206:
                message = f"{shown(at.url)}: the server gives no ranges"
                raise StoreError(codes.STORE_FAILED, message)
            if etag and _strong(answer.headers.get("ETag", "")) != etag:
                raise changed(at)
            yield whole(answer, at, stated_length(answer), _told)


def _ask(request: Request) -> Any:
    return web.ask(request, _SECONDS)


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
            raise web.refused(shown(at.url), error.code, _LOGIN) from None
    except web.UNANSWERED as error:
        raise web.unreachable(shown(at.url), error) from error
