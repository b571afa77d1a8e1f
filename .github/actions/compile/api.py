"""A small client of GitHub's API: JSON in and out, pages by links, and no token to anybody else.

It follows no redirect and no link to another host, and asks again where a server is busy. It knows
no comments and no pull requests.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

SECONDS = 30
TRIES = 4
LONGEST_WAIT = 60
FAILING = (500, 502, 503, 504)
PAGES = 100
_NEXT = re.compile(r'<([^>]+)>;\s*rel="next"')


class ApiError(Exception):
    """What the server answered; `status` is 0 where nobody answered."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """The API of one server, asked for one repository."""

    def __init__(self, token: str, pause: float = 1.0) -> None:
        self._base = os.environ["GITHUB_API_URL"].rstrip("/")
        self._repository = os.environ["GITHUB_REPOSITORY"]
        self._token = token
        self._pause = pause

    def ask(self, method: str, path: str, data: Mapping[str, Any] | None = None) -> Any:
        """The answer to a question about the repository.

        Raises:
            ApiError: the server says no, or says nothing.
        """
        return self._asked(method, f"{self._base}/repos/{self._repository}/{path}", data)[0]

    def pages(self, path: str) -> Iterator[Any]:
        """Every entry of a list that comes in pages."""
        url = f"{self._base}/repos/{self._repository}/{path}"
        for _ in range(PAGES):
            found, link = self._asked("GET", url, None)
            yield from found
            following = _NEXT.search(link)
            if following is None or not self._is_here(following[1]):
                return
            url = following[1]

    def _is_here(self, url: str) -> bool:
        here, there = urlsplit(self._base), urlsplit(url)
        return (here.scheme, here.netloc) == (there.scheme, there.netloc)

    def _asked(self, method: str, url: str, data: Mapping[str, Any] | None) -> tuple[Any, str]:
        for attempt in range(1, TRIES + 1):
            try:
                return self._once(method, url, data)
            except HTTPError as error:
                with error:
                    text = error.read(4096).decode("utf-8", "replace")
                    wait = self._wait(method, error, attempt)
                if wait is None:
                    raise ApiError(error.code, f"{error.code}: {_message(text)}") from error
            except (URLError, OSError) as error:
                # What was asked may have been done: only a question is asked again.
                if method != "GET" or attempt == TRIES:
                    raise ApiError(0, f"{getattr(error, 'reason', error)}") from error
                wait = self._pause * attempt
            time.sleep(wait)
        raise AssertionError("the last attempt ends")

    def _wait(self, method: str, error: HTTPError, attempt: int) -> float | None:
        """Seconds until the next attempt; None where there is none."""
        stated = error.headers.get("Retry-After", "")
        refused = error.code == 429 or (error.code == 403 and stated)
        # A failing server may have posted all the same, and nothing is posted twice.
        failing = error.code in FAILING and method != "POST"
        if not (refused or failing) or attempt == TRIES:
            return None
        wait = float(stated) if stated.isdigit() else self._pause * attempt
        return wait if wait <= LONGEST_WAIT else None

    def _once(self, method: str, url: str, data: Mapping[str, Any] | None) -> tuple[Any, str]:
        body = None if data is None else json.dumps(data).encode()
        request = Request(url, data=body, method=method)
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("X-GitHub-Api-Version", "2022-11-28")
        request.add_header("User-Agent", "edgewright")
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        with _OPENER.open(request, timeout=SECONDS) as answer:
            text = answer.read()
            return (json.loads(text) if text else None), answer.headers.get("Link", "")


class _Stay(HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = build_opener(_Stay)


def _message(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    said = found.get("message") if isinstance(found, dict) else None
    return str(said or "no reason given").splitlines()[0]
