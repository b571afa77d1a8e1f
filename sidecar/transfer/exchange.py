"""One request and its answer, with what HTTP needs on the way: redirects, renewals, second tries.

Credentials go to the origin that they belong to and nowhere else. An answer is handed over as it
is; what it means is the caller's to say. Nothing is ever sent uncompressed as a favour: no encoding
but the plain one is asked for.
"""

from __future__ import annotations

import http.client
import io
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Protocol
from urllib.parse import quote, urljoin, urlsplit

from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean, redact
from sidecar.transfer import failures
from sidecar.transfer.addresses import PORTS
from sidecar.transfer.connections import Connection
from sidecar.transfer.dial import Origin
from sidecar.transfer.failures import Refusal

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

AGENT = "edgewright-sidecar"
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_HOPS = 5
_RENEWALS = 3
_REFUSAL = 65_536
_PIECE = 262_144
_HEAD = 262_144
_CHUNK = 1 << 20
"""How much may come in before a head or a piece of a chunked body is there."""
_SAFE = "/%:@!$&'()*+,;=~-._"


class Body(NamedTuple):
    """What is sent: opened anew for each try, and exactly `length` bytes long."""

    open: Callable[[], BinaryIO]
    length: int


class Request(NamedTuple):
    """What is asked. `payload` is the body's SHA-256 in hexadecimal where it is known."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: Body | None = None
    payload: str = ""


class Access(Protocol):
    """How to be allowed in at one origin."""

    def headers(self, request: Request) -> dict[str, str]:
        """What to add to a request."""

    def renew(self, refusal: Refusal) -> bool:
        """Whether another try makes sense after a refusal, because something changed."""


class Anyone:
    """Access where everybody is let in."""

    def headers(self, request: Request) -> dict[str, str]:
        """Nothing."""
        del request
        return {}

    def renew(self, refusal: Refusal) -> bool:
        """Never."""
        del refusal
        return False


class Answer:
    """The head of an answer, and its body to be read. Closing it early hangs up."""

    def __init__(self, context: Context, connection: Connection, url: str) -> None:
        self.url = url
        self._context = context
        self._connection = connection
        self._closed = False
        # http.client forgets the line of a last answer, which is read all the same.
        self._line = connection.sock
        self._line.allow(_HEAD)
        self._response = connection.getresponse()
        self._line.allow(-1)
        self.status = self._response.status
        self.headers = self._response.headers
        self.label = redact(url)

    @property
    def length(self) -> int:
        """Bytes of the body that are still to come, -1 where the server does not say."""
        return -1 if self._response.length is None else self._response.length

    def readinto(self, view: memoryview) -> int:
        """Read what is there, at most `view`; 0 at the end of the body.

        Raises:
            ReasonError: the connection broke or was too slow, or the body ended before its time.
        """
        try:
            count = self._read(view)
        except ValueError as error:
            self.close()
            raise ReasonError("Protocol", f"{self.label}: strange chunks") from error
        except (OSError, http.client.HTTPException, ReasonError) as error:
            self.close()
            raise failures.of_error(error, self.label) from error
        if not count and view:
            self._ended()
        return count

    def read(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            ReasonError: TooLarge, or why it could not be read.
        """
        buffer = bytearray(limit + 1)
        view, filled = memoryview(buffer), 0
        while filled <= limit and (count := self.readinto(view[filled:])):
            filled += count
        if filled > limit:
            self.close()
            raise ReasonError("TooLarge", f"{self.label}: more than {limit} bytes")
        return bytes(view[:filled])

    def refusal(self) -> Refusal:
        """The answer as a refusal: the beginning of its body is read, and it is closed."""
        body = b""
        with suppress(ReasonError):
            body = self.read(_REFUSAL)
        self.close()
        return Refusal(self.status, self.headers, body)

    def close(self) -> None:
        """Be done with it; the connection is only kept when nothing of the body is left."""
        if self._closed:
            return
        self._closed = True
        response = self._response
        whole = response.isclosed() or response.length == 0
        response.close()
        if whole and not response.will_close:
            self._context.connections.keep(self._connection)
        else:
            self._connection.close()

    def _read(self, view: memoryview) -> int:
        response = self._response
        if response.isclosed() or not view:
            return 0
        if response.chunked or response.length is None:
            self._line.allow(_CHUNK)
            data = response.read1(min(len(view), 65_536))
            view[: len(data)] = data
            return len(data)
        if not response.length:
            return 0
        # One read of the socket straight into the caller's buffer; `readinto` would wait until it
        # is full, and lose what it has when the connection breaks.
        count = response.fp.readinto1(view[: response.length])
        response.length -= count
        return count

    def _ended(self) -> None:
        missing = self._response.length
        if missing and not self._response.isclosed():
            self.close()
            raise ReasonError("Protocol", f"{self.label}: {missing} bytes short of its length")
        self._response.close()
        self.close()


def send(context: Context, request: Request, access: Access | None = None) -> Answer:
    """The answer to a request, after redirects and renewed credentials.

    Raises:
        ReasonError: no answer came, or a redirect leads where nobody goes.
    """
    access = access or Anyone()
    home, hops, renewals = origin_of(request.url), 0, 0
    asked = request
    while True:
        there = origin_of(asked.url)
        extra = access.headers(asked) if there == home else {}
        answer = _ask(context, there, asked._replace(headers={**asked.headers, **extra}))
        if answer.status in _REDIRECTS and "Location" in answer.headers:
            asked, hops = _onward(asked, answer, home), hops + 1
            if hops > _HOPS:
                raise ReasonError("RedirectRefused", f"{redact(request.url)}: more than {_HOPS}")
        elif _is_refused(answer) and there == home and renewals < _RENEWALS:
            refusal = answer.refusal()
            if not access.renew(refusal):
                raise failures.of_refusal(refusal, answer.label)
            renewals += 1
        else:
            return answer


def origin_of(url: str) -> Origin:
    """Scheme, host and port of a URL.

    Raises:
        ReasonError: Protocol, because it is no address of HTTP.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
        parts = urlsplit("")
    if not host or parts.scheme not in PORTS or parts.username is not None:
        raise ReasonError("Protocol", f"{clean(url, 200)} is no address")
    return Origin(parts.scheme, host, port or PORTS[parts.scheme])


def _is_refused(answer: Answer) -> bool:
    return answer.status in failures.DENIED or answer.status == 400


def _onward(asked: Request, answer: Answer, home: Origin) -> Request:
    target = quote(answer.headers["Location"], safe=_SAFE + "?#[]")
    answer.refusal()
    try:
        url = urljoin(asked.url, target)
    except ValueError as error:
        raise ReasonError("Protocol", f"{redact(asked.url)} leads to no address") from error
    there, before = origin_of(url), origin_of(asked.url)
    if before.scheme == "https" and there.scheme != "https":
        raise ReasonError("RedirectRefused", f"{redact(asked.url)} leads from https to http")
    if asked.body is not None and there != home:
        raise ReasonError("RedirectRefused", f"{redact(asked.url)} would have us send elsewhere")
    if answer.status == 303 and asked.method != "HEAD":
        return Request("GET", url, asked.headers)
    return asked._replace(url=url)


def _ask(context: Context, origin: Origin, request: Request) -> Answer:
    """Ask once; a second time where a kept connection turns out to be dead."""
    kept = context.connections.idle(origin)
    connection = kept or context.connections.fresh(origin)
    try:
        return _over(context, connection, request)
    except (OSError, http.client.HTTPException, ReasonError) as error:
        connection.close()
        if kept is not None and isinstance(error, ConnectionError | ssl.SSLEOFError):
            return _ask(context, origin, request)
        raise failures.of_error(error, redact(request.url)) from error


def _over(context: Context, connection: Connection, request: Request) -> Answer:
    parts = urlsplit(request.url)
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{parts.query}" if parts.query else "")
    if connection.proxy is not None:
        target = f"{connection.origin.scheme}://{connection.origin}{target}"
    connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
    headers = {
        "Host": str(connection.origin),
        "User-Agent": AGENT,
        "Accept-Encoding": "identity",
        **request.headers,
    }
    if request.body is not None:
        headers["Content-Length"] = str(request.body.length)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    if request.body is not None:
        _send_body(connection, request.body)
    return Answer(context, connection, request.url)


def _send_body(connection: Connection, body: Body) -> None:
    """Send it all; a server that refuses early is listened to, though it stopped reading."""
    left = body.length
    with body.open() as file:
        while left:
            data = file.read(min(_PIECE, left))
            if not data:
                raise ReasonError("Protocol", f"the file is {left} bytes short of its length")
            left -= len(data)
            try:
                connection.sock.sendall(data)
            except ConnectionError:
                return


def body_of(data: bytes) -> Body:
    """Bytes as a body."""
    return Body(lambda: io.BytesIO(data), len(data))
