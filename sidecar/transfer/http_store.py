"""Storing over HTTP: one request for one object, never over another one, and looked at afterwards.

`If-None-Match: *` makes the server decide; one that does not know it is asked first whether the
object is there. What was stored counts when the server shows an object of that size, or where it
does not let us look, when it said so itself.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from sidecar.model.reasons import ReasonError
from sidecar.transfer import failures
from sidecar.transfer.exchange import Answer, Body, Request, body_of, send
from sidecar.transfer.outgoing import Outgoing, Stored, Written
from sidecar.transfer.scheme import Storing, Target, TargetOf

if TYPE_CHECKING:
    from sidecar.transfer.context import Context

LOOK_FIRST = 1 << 20
"""From this size on a look costs less than sending bytes that are there already."""

_CONDITIONS = {"If-None-Match": "*"}
_STORED = frozenset((200, 201, 202, 204))
_UNKNOWN_CONDITION = 501
_BLIND = frozenset(("AccessDenied", "Protocol"))


def storing(target_of: TargetOf) -> Storing:
    """How a scheme of plain addresses stores things."""
    return Storing(
        put=lambda out, context: put(out, context, target_of(out.source, context)),
        write=lambda written, context: write(written, context, target_of(written.source, context)),
    )


def put(out: Outgoing, context: Context, target: Target) -> Stored:
    """Store a file, unless it is there.

    Raises:
        ReasonError: why it is not stored; DigestMismatch where something else has its name.
    """
    if out.size >= LOOK_FIRST and is_there(context, target, out.size, out.source.label):
        return Stored(out.source.url, already=True)
    digest = bytes.fromhex(out.sha256)
    headers = {"Content-Type": "application/octet-stream", **_checksums(digest)}
    etag = _asked(out.body(context), out.sha256, context, target, headers, out)
    if etag is None:
        return _there(out, context, target)
    confirm(context, target, out.size, out.source.label, etag)
    return Stored(out.source.url)


def write(written: Written, context: Context, target: Target) -> Stored:
    """Store a few bytes, over what is there or only where nothing is.

    Raises:
        ReasonError: why they are not stored.
    """
    digest = hashlib.sha256(written.data)
    headers = {"Content-Type": written.type, **_checksums(digest.digest())}
    if not written.replace:
        headers |= _CONDITIONS
    request = Request("PUT", target.url, headers, body_of(written.data), digest.hexdigest())
    answer = send(context, request, target.access)
    if answer.status == 412 and not written.replace:
        answer.refusal()
        return Stored(written.source.url, already=True)
    done(answer, written.source.label)
    return Stored(written.source.url)


def is_there(context: Context, target: Target, size: int, label: str) -> bool:
    """Whether an object of that size is there; no, where nobody tells.

    Raises:
        ReasonError: DigestMismatch, because something else is there; or nobody answers.
    """
    found = look(context, target)
    if found is None:
        return False
    status, length = found.status, found.headers.get("Content-Length", "")
    found.refusal()
    if status != 200:
        return False
    if length.isdecimal() and int(length) != size:
        raise ReasonError("DigestMismatch", f"{label}: {length} bytes lie there, not these {size}")
    return length.isdecimal()


def confirm(context: Context, target: Target, size: int, label: str, etag: str) -> None:
    """See that what the server took is there.

    Raises:
        ReasonError: Protocol, because it shows nothing or something else.
    """
    found = look(context, target)
    if found is None:
        return
    status, length = found.status, found.headers.get("Content-Length", "")
    tag = found.headers.get("ETag", "")
    found.refusal()
    if status in {405, 501}:
        return
    whole = status == 200 and (not length.isdecimal() or int(length) == size)
    if not whole or (etag and tag and etag != tag):
        raise ReasonError("Protocol", f"{label}: stored, but a look shows {status} {length}")


def look(context: Context, target: Target) -> Answer | None:
    """The head of an object, or None where we may write but not look.

    Raises:
        ReasonError: nobody answers.
    """
    try:
        return send(context, Request("HEAD", target.url), target.access)
    except ReasonError as fault:
        if fault.code in _BLIND:
            return None
        raise


def done(answer: Answer, label: str) -> str:
    """The entity tag of what an answer says is stored.

    Raises:
        ReasonError: it says otherwise.
    """
    etag = answer.headers.get("ETag", "")
    refusal = answer.refusal()
    if answer.status == 409:  # another request for the same name is under way
        raise ReasonError("Busy", f"{label}: 409 {refusal.words}".rstrip())
    if answer.status not in _STORED:
        raise failures.of_refusal(refusal, label)
    return etag


def _asked(
    body: Body,
    payload: str,
    context: Context,
    target: Target,
    headers: dict[str, str],
    out: Outgoing,
) -> str | None:
    """The entity tag of what was stored, or None where something had the name already."""
    conditions = _CONDITIONS
    while True:
        request = Request("PUT", target.url, {**headers, **conditions}, body, payload)
        answer = send(context, request, target.access)
        if answer.status == 412:
            answer.refusal()
            return None
        if answer.status != _UNKNOWN_CONDITION or not conditions:
            return done(answer, out.source.label)
        answer.refusal()
        if is_there(context, target, out.size, out.source.label):
            return None
        conditions = {}


def _there(out: Outgoing, context: Context, target: Target) -> Stored:
    """What a server says is there, looked at where it lets us."""
    is_there(context, target, out.size, out.source.label)
    return Stored(out.source.url, already=True)


def _checksums(digest: bytes) -> dict[str, str]:
    text = base64.b64encode(digest).decode()
    return {"x-amz-checksum-sha256": text, "Content-Digest": f"sha-256=:{text}:"}
