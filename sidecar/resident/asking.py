"""How a command of an operator reaches the tenant: through its resident process, or on disk.

Where a process serves the tenant it is asked on its socket, since nobody else may change what it
holds. Where none does, the command takes the tenant's lock and does it itself.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sidecar.contract.accept import Accepted
from sidecar.model.reasons import REASONS, ReasonError
from sidecar.resident import accepting
from sidecar.resident.watch import Watch
from sidecar.wire.client import Answer, UnansweredError, request_socket
from sidecar.wire.head import escape

_PATIENCE = 60.0
_LIMIT = 8 << 20


class Said(NamedTuple):
    """What a resident process answered."""

    status: int
    document: dict[str, Any]


def config(path: str, base: str) -> Accepted:
    """The config that counts for a command: the mounted one, or the one that was accepted before.

    Raises:
        ReasonError: there is neither.
    """
    text = Watch(path).read()
    offer = accepting.look(text, None)
    found = offer.accepted or accepting.before(text, base)
    if found is None:
        missing = f"{path}: there is no such file" if text is None else ""
        raise ReasonError(offer.reason, missing or offer.detail)
    return found


def get(socket: str, path: str) -> Said | None:
    """A page of the resident process, or None where nobody answers."""
    return _asked(socket, "GET", path)


def post(socket: str, path: str, group: str) -> Said | None:
    """What became of a command, or None where nobody answers.

    Raises:
        ReasonError: it could not be done.
        LookupError: there is no such group.
    """
    said = _asked(socket, "POST", f"{path}?group={escape(group)}")
    if said is None or said.status == 200:
        return said
    if said.status == 404:
        raise LookupError(group)
    code = str(said.document.get("reason", ""))
    detail = str(said.document.get("detail", f"HTTP {said.status}"))
    raise ReasonError(code if code in REASONS else "Protocol", detail)


def _asked(socket: str, method: str, target: str) -> Said | None:
    try:
        answer = request_socket(method, socket, target, timeout=_PATIENCE, limit=_LIMIT)
    except UnansweredError as fault:
        if fault.reached:
            raise ReasonError("Busy", f"the sidecar on {socket}: {fault.detail}") from fault
        return None
    return Said(answer.status, _document(answer))


def _document(answer: Answer) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
