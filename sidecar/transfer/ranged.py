"""Bytes over HTTP from some offset on, of one version of an object, with every claim checked.

`If-Match` pins the version; servers that ignore it are caught by the entity tag of the answer.
`If-Range` is not used: servers exist that ignore it and answer with a part of the new object.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sidecar.model.reasons import ReasonError
from sidecar.model.text import redact
from sidecar.transfer import failures
from sidecar.transfer.exchange import Access, Answer, Request, origin_of, send
from sidecar.transfer.scheme import PastEnd, Wanted

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_UNSATISFIED = re.compile(r"bytes \*/([0-9]{1,18})")


class HttpRemote:
    """An object at an HTTP address."""

    peer = False

    def __init__(
        self, context: Context, url: str, access: Access, wanted: Wanted, *, label: str = ""
    ) -> None:
        self.label = label or redact(url)
        self.host = str(origin_of(url))
        self._refused = wanted.refused.get(self.label, "")
        self._context = context
        self._url = url
        self._access = access

    def open(self, start: int, identity: str) -> HttpFlow:
        """The bytes from `start` on.

        Raises:
            PastEnd: there is no byte at `start`.
            ReasonError: why they cannot be had.
        """
        headers = {"Range": f"bytes={start}-"} if start else {}
        if self._refused:
            headers["If-None-Match"] = self._refused
        # A weak tag never matches; the comparison of tags below is all that there is then.
        if start and identity and not identity.startswith("W/"):
            headers["If-Match"] = identity
        answer = send(self._context, Request("GET", self._url, headers), self._access)
        if answer.status == 416:
            raise PastEnd(_total_of_unsatisfied(answer))
        if answer.status == 304:
            answer.refusal()
            raise ReasonError("DigestMismatch", f"{self.label}: the same bytes as before")
        if answer.status not in (200, 206):
            raise failures.of_refusal(answer.refusal(), self.label)
        try:
            return HttpFlow(answer, self.label, start, identity)
        except ReasonError:
            answer.close()
            raise

    def blame(self) -> None:
        """Nothing is held against an origin: the digest may be what is wrong."""


class HttpFlow:
    """The body of an answer."""

    def __init__(self, answer: Answer, label: str, start: int, identity: str) -> None:
        self._answer = answer
        self.identity = answer.headers.get("ETag", "")
        self.web_page = answer.headers.get_content_type() == "text/html"
        coding = answer.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            raise ReasonError("UnexpectedContent", f"{label}: encoded as {coding[:20]}, unasked")
        self.start, self.total = 0, answer.length
        if answer.status == 206:
            self.start, self.total = start, _total_of_part(answer, label, start)
            if identity and self.identity and identity != self.identity:
                raise ReasonError("SourceChanged", f"{label}: another version than before")

    def readinto(self, view: memoryview) -> int:
        """Read what is there, at most `view`; 0 at the end."""
        return self._answer.readinto(view)

    def close(self) -> None:
        """Be done with it."""
        self._answer.close()


def _total_of_part(answer: Answer, label: str, start: int) -> int:
    claim = answer.headers.get("Content-Range", "")
    found = _RANGE.fullmatch(claim.strip())
    if found is None or not start:
        raise ReasonError("Protocol", f"{label}: a part that was not asked for ({claim[:60]!r})")
    first, last = int(found[1]), int(found[2])
    total = -1 if found[3] == "*" else int(found[3])
    length = answer.length
    if first != start or last < first or (total >= 0 and last != total - 1):
        raise ReasonError("Protocol", f"{label}: the wrong part ({claim[:60]!r} from {start})")
    if length >= 0 and length != last - first + 1:
        raise ReasonError("Protocol", f"{label}: {length} bytes where {claim[:60]!r} are stated")
    return total if total >= 0 else last + 1


def _total_of_unsatisfied(answer: Answer) -> int:
    found = _UNSATISFIED.fullmatch(answer.headers.get("Content-Range", "").strip())
    answer.refusal()
    return int(found[1]) if found else -1
