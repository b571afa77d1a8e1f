"""One call of a hook: what every protocol is given, and the words of servers made into reasons."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection
from threading import Event
from typing import Any, NamedTuple

from sidecar.model.config import Hook
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.wire.client import Answer, UnansweredError, request
from sidecar.wire.head import escape
from sidecar.wire.stream import StoppedError

ANSWER_BYTES = 256 * 1024
_LATER = frozenset({429, 503})


class Call(NamedTuple):
    """A hook to be carried out until `end` on the monotonic clock."""

    hook: Hook
    model_dir: str
    ports: Collection[int]
    stop: Event
    end: float

    @property
    def left(self) -> float:
        """Seconds that are left, never none."""
        return max(0.05, self.end - time.monotonic())

    @property
    def model(self) -> str:
        """The model's name as a part of a path."""
        return escape(self.hook.model)


class Protocol(NamedTuple):
    """How one kind of server is told. Both callables raise as `sidecar.hooks.load` says."""

    name: str
    load: Callable[[Call], None]
    unload: Callable[[Call], None]


def nothing(_: Call) -> None:
    """What a protocol does where it has nothing to say."""


def ask(call: Call, method: str, path: str, body: bytes = b"") -> Answer:
    """The server's answer, whatever its status but 429 and 503.

    Raises:
        ReasonError: `WaitingForServer` where nobody listens or the answer is to come later,
            `LoadFailed` where the connection broke or time ran out.
        StoppedError: the call was stopped.
    """
    try:
        answer = request(
            method,
            f"{call.hook.url.rstrip('/')}{path}" if path else call.hook.url,
            body=body,
            headers={"Content-Type": "application/json"} if body else None,
            timeout=call.left,
            limit=ANSWER_BYTES,
            ports=call.ports,
            stop=call.stop,
        )
    except UnansweredError as error:
        raise unanswered(error) from None
    if answer.status in _LATER:
        raise ReasonError("WaitingForServer", words(answer))
    return answer


def post(call: Call, path: str, body: bytes = b"") -> Answer:
    """The answer to a POST that the server granted.

    Raises:
        ReasonError: as for `ask`, and `LoadFailed` with the server's words for a refusal.
        StoppedError: the call was stopped.
    """
    answer = ask(call, "POST", path, body)
    if not granted(answer):
        raise ReasonError("LoadFailed", words(answer))
    return answer


def granted(answer: Answer) -> bool:
    """Whether the server did what it was asked."""
    return 200 <= answer.status < 300


def unanswered(error: UnansweredError) -> Exception:
    """The reason for which a server gave no answer.

    A server that was reached and then broke off has most likely died of what it loads.
    """
    if error.stopped:
        return StoppedError("stopped")
    if not error.reached:
        return ReasonError("WaitingForServer", error.detail)
    if error.late:
        return ReasonError("LoadFailed", "the server did not answer in time")
    return ReasonError("LoadFailed", clean(f"the server broke off: {error.detail}"))


def words(answer: Answer) -> str:
    """The status and the server's own words, cleaned."""
    said = clean(_said(answer.body) or answer.body)
    return clean(f"HTTP {answer.status}: {said}" if said else f"HTTP {answer.status}")


def document(answer: Answer) -> Any:
    """The JSON of an answer; None where it is none."""
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        return None


def _said(body: bytes) -> str:
    """What Triton, MLServer, TF Serving and OVMS call `error`, TorchServe `message` or `status`."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(found, dict):
        return ""
    for key in ("error", "message", "status", "detail"):
        said = found.get(key)
        if isinstance(said, dict):
            said = said.get("message")
        if isinstance(said, str) and said.strip():
            return said
    return ""
