"""`POST /v1/outbox/<stream>?name=…&round=…&deadline=…&wait=stored&timeout=…` on the unix socket.

201 once the body survives a power cut, 200 where `wait=stored` saw it stored, 202 where it did not
in time. A body that does not fit is refused before it is read. The answer is always one JSON
object; a refusal has the reason's code and a detail.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from threading import Event
from typing import Any, Final

from sidecar.model.reasons import ReasonError
from sidecar.outbox.intake import PIECE, Accepted, Intake
from sidecar.outbox.names import Left, left
from sidecar.outbox.spool import Spool
from sidecar.wire.answer import Response
from sidecar.wire.server import Request

PREFIX: Final = "/v1/outbox/"
LONGEST_WAIT: Final = 3600.0
_WAIT = 60.0
_LOOK_EVERY = 0.1
_KNOWN = frozenset(("name", "round", "deadline", "wait", "timeout"))
_STATUS = {"OutboxFull": 507, "DiskFull": 507, "OutboxExpired": 409, "StoreReadOnly": 503}


def post(request: Request, spools: Mapping[str, Spool], stop: Event) -> Response:
    """Accept the body of a request into a stream.

    Raises:
        WireError: the body broke off; nothing of it is kept.
    """
    spool = spools.get(request.path.removeprefix(PREFIX))
    if not request.path.startswith(PREFIX) or spool is None:
        return refusal(404, "NotFound", "there is no such stream")
    if request.method not in {"POST", "PUT"}:
        return refusal(405, "Protocol", "files come by POST")
    try:
        stated, patience = _stated(request.query)
    except ValueError as fault:
        return refusal(400, "Protocol", str(fault))
    try:
        accepted = _accepted(request, spool, stated)
    except ReasonError as fault:
        return refusal(_STATUS.get(fault.code, 503), fault.code, fault.detail)
    return _answer(spool, accepted, patience, stop)


def _stated(query: Mapping[str, str]) -> tuple[Left, float]:
    """What the query says of the file, and for how many seconds to wait until it is stored."""
    strange = sorted(query.keys() - _KNOWN)
    if strange:
        raise ValueError(f"{strange[0][:64]!r} is none of {', '.join(sorted(_KNOWN))}")
    if query.get("wait", "accepted") not in {"accepted", "stored"}:
        raise ValueError("wait is 'accepted' or 'stored'")
    patience = _seconds(query.get("timeout", "")) if query.get("wait") == "stored" else 0.0
    return left(
        query.get("name", "data"), query.get("round", ""), query.get("deadline", "")
    ), patience


def _seconds(text: str) -> float:
    if not text:
        return _WAIT
    if not (text.isascii() and text.isdigit() and len(text) < 6):
        raise ValueError("timeout is whole seconds")
    return min(float(text), LONGEST_WAIT)


def _accepted(request: Request, spool: Spool, stated: Left) -> Accepted:
    spool.check(max(0, request.body.length))
    intake = Intake(spool)
    try:
        while data := request.body.read(PIECE):
            intake.write(data)
        return intake.accept(stated)
    finally:
        intake.abandon()


def _answer(spool: Spool, accepted: Accepted, patience: float, stop: Event) -> Response:
    text, until = accepted.item.text, time.monotonic() + patience
    entry: dict[str, Any] = {
        "item": text,
        "sha256": accepted.item.sha256,
        "bytes": accepted.size,
    }
    if not patience:
        return _json(201, {**entry, "stored": bool(accepted.url)})
    while True:
        receipt = spool.receipt(text) or ({"url": accepted.url} if accepted.url else None)
        if receipt:
            return _json(200, {**entry, "stored": True, "url": receipt["url"]})
        note = spool.note(text)
        if note and not spool.has(text):
            return refusal(409, str(note["reason"]), str(note["detail"]))
        if time.monotonic() >= until or stop.wait(_LOOK_EVERY):
            return _json(202, {**entry, "stored": False})


def refusal(status: int, code: str, detail: str) -> Response:
    """A refusal as a JSON object with a reason and a detail."""
    return _json(status, {"reason": code, "detail": detail})


def _json(status: int, entry: dict[str, Any]) -> Response:
    headers = (("Retry-After", "30"),) if status in {503, 507} else ()
    text = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
    return Response(status, text, "application/json", headers)
