"""What TensorFlow Serving and OpenVINO Model Server say of the versions of a model."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from sidecar.hooks.call import Call, ask, document, granted
from sidecar.model.text import clean


class State(NamedTuple):
    """The state of one version; `error` is empty where the server reports none."""

    name: str
    error: str

    @property
    def words(self) -> str:
        """Both, as one line."""
        return clean(f"{self.name}: {self.error}" if self.error else self.name)


UNKNOWN = State("unknown to the server", "")


def highest(model_dir: str) -> int:
    """The largest version directory of a numbered view: the one that a server should serve.

    0 where there is none, or where the view cannot be read.
    """
    try:
        names = os.listdir(model_dir)
    except OSError:
        return 0
    return max((int(name) for name in names if name.isascii() and name.isdigit()), default=0)


def state(call: Call, number: int) -> State:
    """The state of a version; `UNKNOWN` where the server does not know it.

    Raises:
        ReasonError: as for `ask`.
    """
    answer = ask(call, "GET", f"/v1/models/{call.model}/versions/{number}")
    return state_in(document(answer), number) if granted(answer) else UNKNOWN


def state_in(found: Any, number: int) -> State:
    """The state of a version in a model's status document."""
    for one in _listed(found, "model_version_status"):
        if isinstance(one, dict) and str(one.get("version")) == str(number):
            return State(str(one.get("state", "")), _error(one.get("status")))
    return UNKNOWN


def _listed(found: Any, key: str) -> list[Any]:
    listed = found.get(key) if isinstance(found, dict) else None
    return listed if isinstance(listed, list) else []


def _error(status: Any) -> str:
    if not isinstance(status, dict) or status.get("error_code") in {None, "OK", 0}:
        return ""
    code, message = str(status["error_code"]), str(status.get("error_message") or "")
    return code if not message or message == code else f"{code} {message}"
