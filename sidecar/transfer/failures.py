"""What an error of the network or an answer of a server means, as a reason.

One table for every scheme, so that each failure has one name wherever it happens.
"""

from __future__ import annotations

import errno
import json
import random
import re
import socket
import ssl
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPMessage
from typing import NamedTuple

from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean

LONGEST = 300.0
"""No server makes anybody wait longer than this, in seconds."""

FLOOR = 1_767_225_600.0
"""2026 began then; a clock that shows less was never set."""

_NOT_YET_VALID, _EXPIRED = 9, 10
_CODE = re.compile(rb"<Code>([A-Za-z0-9._-]{1,64})</Code>")
_WORDS = re.compile(rb"<Message>([^<]{1,512})</Message>")
_UNREACHABLE = frozenset(
    (
        errno.ECONNREFUSED, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN,
        errno.EHOSTDOWN, errno.EADDRNOTAVAIL, errno.ENONET,
    )
)  # fmt: skip

BUSY = frozenset((408, 425, 429, 503, 509, 529))
FAILED = frozenset((500, 502, 504, 507))
DENIED = frozenset((401, 403, 451))
MISSING = frozenset((404, 410))


class Refusal(NamedTuple):
    """An answer that is not what was asked for. `code` is the server's own word for it."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def code(self) -> str:
        """The error code of an S3 or STS service or of a registry, or nothing."""
        found = _CODE.search(self.body)
        if found:
            return found[1].decode()
        if self.body[:1] == b"{":
            return _registry(self.body)[0]
        return ""

    @property
    def words(self) -> str:
        """What the server says to it, cleaned."""
        found = _WORDS.search(self.body)
        text = found[1] if found else b""
        if not found and self.body[:1] == b"{":
            text = _registry(self.body)[1].encode()
        return clean(" ".join(part for part in (self.code, clean(text, 200)) if part), 256)

    @property
    def date(self) -> float:
        """The server's clock in seconds since the epoch, 0 where it says nothing."""
        return _moment(self.headers.get("Date", ""))


def of_refusal(refusal: Refusal, label: str) -> ReasonError:
    """The reason that a refusing answer stands for."""
    status, detail = refusal.status, f"{label}: {refusal.status} {refusal.words}".rstrip()
    if refusal.code == "RequestTimeTooSkewed":
        return ReasonError("ClockSkew", detail)
    if status == 400 and refusal.code in _KEYS:
        return ReasonError("AccessDenied", detail)
    if status in BUSY:
        return ReasonError("Busy", detail, after=retry_after(refusal))
    if status in FAILED:
        return ReasonError("ServerFailed", detail, after=retry_after(refusal))
    return ReasonError(_MEANINGS.get(status, "Protocol"), detail)


_MEANINGS = {
    **dict.fromkeys(DENIED, "AccessDenied"),
    **dict.fromkeys(MISSING, "NotFound"),
    407: "ProxyError",
    412: "SourceChanged",
    511: "UnexpectedContent",  # a network wants a log-in first
}
_KEYS = frozenset(
    ("ExpiredToken", "InvalidToken", "InvalidAccessKeyId", "TokenRefreshRequired",
     "AuthorizationHeaderMalformed")
)  # fmt: skip


def retry_after(refusal: Refusal) -> float:
    """Seconds to wait as the server asks, with jitter and never above the longest; 0: the usual."""
    value = refusal.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        wait = float(value[:9])
    elif value:
        wait = _moment(value) - (refusal.date or time.time())
    else:
        return 0
    wait = min(max(wait, 0.0), LONGEST)
    # Not all at the same moment, and never before the server is ready.
    return min(LONGEST, wait + random.uniform(0, max(1.0, wait / 4)))  # noqa: S311 - jitter


def of_error(error: BaseException, label: str) -> ReasonError:
    """The reason that an error of a connection stands for."""
    if isinstance(error, ReasonError):
        return error
    if isinstance(error, ssl.SSLCertVerificationError):
        return _of_certificate(error, label)
    for kind, code, words in _ERRORS:
        if isinstance(error, kind):
            return ReasonError(code, f"{label}: {words(error)}")
    raise error


def _words(error: BaseException) -> str:
    return clean(getattr(error, "reason", "") or str(error) or type(error).__name__, 200)


def _broken(error: BaseException) -> str:
    words = getattr(error, "strerror", "") or str(error)
    if getattr(error, "errno", 0) in _UNREACHABLE:
        return clean(words, 120)
    return f"the connection broke ({clean(words, 120)})"


_ERRORS: tuple[tuple[type[BaseException], str, Callable[[BaseException], str]], ...] = (
    (TimeoutError, "Stalled", lambda _: "no byte in time"),
    (socket.gaierror, "Offline", lambda error: f"no address for the name ({_words(error)})"),
    # What ends a connection is no proof against its certificate.
    (ssl.SSLEOFError, "Offline", _broken),
    (ssl.SSLZeroReturnError, "Offline", _broken),
    (ssl.SSLError, "TlsVerify", _words),
    (ConnectionError, "Offline", _broken),
    (HTTPException, "Protocol", _words),
    (OSError, "Offline", _broken),
)
"""The first line that fits decides."""


def _of_certificate(error: ssl.SSLCertVerificationError, label: str) -> ReasonError:
    detail = f"{label}: {clean(error.verify_message, 200)}"
    if error.verify_code == _NOT_YET_VALID:
        return ReasonError("ClockSkew", f"{detail}; this node's clock says {_today()}")
    if error.verify_code == _EXPIRED and time.time() < FLOOR:
        return ReasonError("ClockSkew", detail)
    return ReasonError("TlsVerify", detail)


def _today() -> str:
    return time.strftime("%Y-%m-%d %H:%MZ", time.gmtime())


def _moment(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0


def _registry(body: bytes) -> tuple[str, str]:
    """Code and message of a registry's `{"errors": [...]}`."""
    try:
        (first, *_) = json.loads(body)["errors"]
        return str(first.get("code", ""))[:64], str(first.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", ""
