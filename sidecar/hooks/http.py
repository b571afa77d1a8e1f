"""A POST to an address of the author's own; any status of 200 to 299 means that it loaded.

The body says what happened and where the files are: `{"event": "load", "model": …, "path": …}`.
"""

from __future__ import annotations

import json

from sidecar.hooks.call import Call, Protocol, ask, granted, words
from sidecar.model.reasons import ReasonError


def _told(call: Call, event: str) -> None:
    body = {"event": event, "model": call.hook.model, "path": call.model_dir}
    answer = ask(call, "POST", "", json.dumps(body).encode())
    if not granted(answer) and not (event == "unload" and answer.status in {404, 405}):
        raise ReasonError("LoadFailed", words(answer))


def _load(call: Call) -> None:
    _told(call, "load")


def _unload(call: Call) -> None:
    _told(call, "unload")


PROTOCOL = Protocol("http", _load, _unload)
