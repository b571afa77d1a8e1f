"""Load and unload as the Open Inference Protocol's repository API names them; MLServer's way.

A load of a loaded model puts the new instance in the old one's place once it is there. Unlike
Triton, such servers answer 404 to the unload of a model that they do not have.
"""

from __future__ import annotations

from sidecar.hooks.call import Call, Protocol, ask, granted, post, words
from sidecar.model.reasons import ReasonError


def _load(call: Call) -> None:
    post(call, f"/v2/repository/models/{call.model}/load")


def _unload(call: Call) -> None:
    answer = ask(call, "POST", f"/v2/repository/models/{call.model}/unload")
    if not granted(answer) and answer.status != 404:
        raise ReasonError("LoadFailed", words(answer))


PROTOCOL = Protocol("openinference", _load, _unload)
