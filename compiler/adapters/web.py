"""Requests over HTTP for stores and registries: what may pass by itself is asked again.

Redirects are followed as browsers do, but never from TLS to plain text and to no other scheme.
What a status says is put into words here, once for all who ask.
"""

from __future__ import annotations

import random
import time
from http.client import HTTPException, RemoteDisconnected
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from compiler.adapters.stores_faults import shown
from compiler.model.codes import world as codes
from compiler.model.stored import StoreError

ATTEMPTS = 4
LONGEST_WAIT = 20.0
"""Seconds that an answer may ask to be waited for; who asks for more is not waited for."""
PAUSE = 0.5
LATER = "run it again later; what is done stays done"
SLEEP = time.sleep
"""What waits; tests put another in its place."""
_PASSING = frozenset((408, 429, 500, 502, 503, 504))
_BROKEN = (ConnectionResetError, RemoteDisconnected, TimeoutError)
_UNREACHABLE = "see whether the address is right and reachable from this machine"


def ask(request: Request, seconds: float) -> Any:
    """The answer to a request that may be made more than once.

    Raises:
        HTTPError, URLError, HTTPException, OSError: as the last attempt ended.
    """
    opener = build_opener(_Redirects)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return opener.open(request, timeout=seconds)
        except HTTPError as error:
            wait = _wait(error, attempt)
            if attempt == ATTEMPTS or wait is None:
                raise
            error.close()
        except (URLError, *_BROKEN) as error:
            reason = getattr(error, "reason", error)
            if attempt == ATTEMPTS or not isinstance(reason, _BROKEN):
                raise
            wait = _pause(attempt)
        SLEEP(wait)
    raise AssertionError("unreachable")


def refused(what: str, status: int, login: str) -> StoreError:
    """A status as a fault; `login` says how one becomes somebody who may read.

    A status that says that nothing is there is an absence, and the rest are failures.
    """
    if status in (404, 410):
        return StoreError(codes.STORE_ABSENT, f"{what} is not there")
    if status in (401, 403):
        return StoreError(codes.STORE_FAILED, f"{what}: access is denied ({status})", login)
    if status == 429:
        message = f"{what}: it is asked too often ({status}), also after {ATTEMPTS} attempts"
        return StoreError(
            codes.STORE_FAILED, message, "run it again later; what is done stays done"
        )
    if status == 416:
        return StoreError(codes.STORE_FAILED, f"{what} is shorter than it was", "run it again")
    hint = LATER if status >= 500 else ""
    return StoreError(codes.STORE_FAILED, f"{what}: the answer is {status}", hint)


def unreachable(what: str, error: Exception) -> StoreError:
    """A request without an answer as a fault."""
    reason = getattr(error, "reason", error) or type(error).__name__
    return StoreError(codes.STORE_FAILED, f"{what}: {reason}", _UNREACHABLE)


UNANSWERED = (URLError, HTTPException, OSError)
"""What a request without an answer raises."""


class _Redirects(HTTPRedirectHandler):
    def redirect_request(
        self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any
    ) -> Any:
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old == "https" and new == "http"):
            fp.close()
            raise URLError(f"it redirects to {shown(newurl)}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _wait(error: HTTPError, attempt: int) -> float | None:
    """Seconds until the next attempt; None where another one is of no use."""
    if error.code not in _PASSING:
        return None
    stated = error.headers.get("Retry-After", "").strip()
    if not stated.isdigit():
        return _pause(attempt)
    seconds = float(stated)
    return seconds if seconds <= LONGEST_WAIT else None


def _pause(attempt: int) -> float:
    # Many are asked at once; they must not come back all in the same moment.
    return PAUSE * float(2 ** (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311 - no secret
