"""TorchServe's management interface: the old version is unregistered, then the new one registered.

A version's number lies inside its archive and may be the same again, so both cannot be held at
once: between the two calls the model is not served. The number of workers stays what it was, also
when the new version fails and the old one comes back. A model is registered by the path of its own
immutable files: a worker process that starts again must not find those of a later switch.
"""

from __future__ import annotations

import os
from typing import Any

from sidecar.hooks.call import Call, Protocol, ask, document, granted, post, words
from sidecar.model.reasons import ReasonError
from sidecar.wire.head import escape

_last_workers: dict[str, int] = {}
"""The workers that each model had when it was last registered: a failed version leaves none."""


def _load(call: Call) -> None:
    name = call.hook.model
    workers = _workers(document(ask(call, "GET", f"/models/{call.model}")))
    workers = _last_workers[name] = workers or _last_workers.get(name, 1)
    _unload(call)
    post(
        call,
        f"/models?url={escape(os.path.realpath(call.model_dir))}&model_name={call.model}"
        f"&initial_workers={workers}&synchronous=true",
    )


def _workers(found: Any) -> int:
    first = found[0] if isinstance(found, list) and found else None
    number = first.get("minWorkers") if isinstance(first, dict) else None
    return number if isinstance(number, int) else 0


def _unload(call: Call) -> None:
    answer = ask(call, "DELETE", f"/models/{call.model}")
    if not granted(answer) and answer.status != 404:
        raise ReasonError("LoadFailed", words(answer))


PROTOCOL = Protocol("torchserve", _load, _unload)
