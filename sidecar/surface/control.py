"""What can be asked of a sidecar on its unix socket, and who may ask.

The outbox and the lists of datasets are for the worker, whose user may be any. Control is for the
sidecar's own user and for root: a model server that was broken into must not be able to roll back
or delete.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sidecar.model.reasons import ReasonError
from sidecar.wire.answer import Response
from sidecar.wire.server import Handler, Request

OUTBOX: Final = "/v1/outbox/"
LISTS: Final = "/v1/datasets/"
JSON: Final = "application/json"


def no_lists(_: Request) -> Response:
    """What is said of datasets where none is shared."""
    return refusal(404, "NotFound", "this config shares no dataset")


class Control(NamedTuple):
    """The commands, each called in a thread of the surface.

    They may take seconds, and return what happened in one plain sentence. `rollback` and `retry`
    take a group's name, or nothing for all.

    Raises:
        ReasonError: it cannot be done; answered with 409 and the reason.
        LookupError: there is no such group; answered with 404.
    """

    rollback: Callable[[str], str]
    retry: Callable[[str], str]
    collect: Callable[[], str]
    outbox: Handler
    lists: Handler = no_lists


def answer(control: Control, request: Request) -> Response:
    """The answer to a request that changes something."""
    if request.path.startswith(OUTBOX):
        return control.outbox(request)
    if request.path.startswith(LISTS):
        return control.lists(request)
    command = _command(control, request)
    if command is None:
        return refusal(404, "NotFound", "there is no such thing here")
    return _refused(request) or _done(command)


def refusal(status: int, code: str, detail: str, *, allow: str = "") -> Response:
    """A refusal as a JSON object with a reason and a detail."""
    headers = (("Allow", allow),) if allow else ()
    return Response(status, encoded({"reason": code, "detail": detail}), JSON, headers)


def encoded(document: dict[str, Any]) -> bytes:
    """A document as one line."""
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"


def _refused(request: Request) -> Response | None:
    """Why a command is not carried out, whatever it is."""
    if request.method != "POST":
        return refusal(405, "Protocol", "this is asked for by POST", allow="POST")
    if request.uid not in {0, os.geteuid()}:
        words = f"only uid {os.geteuid()} and root may ask for this, not {request.uid}"
        return refusal(403, "WrongUser", words)
    if request.query.keys() - {"group"} or request.body.read():
        return refusal(400, "Protocol", "a group is named by ?group=NAME and by nothing else")
    return None


def _command(control: Control, request: Request) -> Callable[[], str] | None:
    group = request.query.get("group", "")
    commands: dict[str, Callable[[], str]] = {
        "/v1/rollback": lambda: control.rollback(group),
        "/v1/retry": lambda: control.retry(group),
        "/v1/collect": control.collect,
    }
    return commands.get(request.path)


def _done(command: Callable[[], str]) -> Response:
    try:
        said = command()
    except ReasonError as fault:
        return refusal(409, fault.code, fault.detail or fault.reason.meaning)
    except LookupError:
        return refusal(404, "NotFound", "there is no such group")
    return Response(200, encoded({"done": said}), JSON)
