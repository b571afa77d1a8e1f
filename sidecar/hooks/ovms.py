"""OpenVINO Model Server: a reload of its config, which also looks for new version directories.

Its answer is about all models at once, and an error of another model hides this one's success:
so this model's version is looked for by itself. Its words for a failure are few and point to its
log. An unload is a reload as well, once the server's own config no longer lists the model.
"""

from __future__ import annotations

from sidecar.hooks.call import Call, Protocol, ask, document, granted, words
from sidecar.hooks.versions import State, highest, state, state_in
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.wire.client import Answer


def _load(call: Call) -> None:
    number = highest(call.model_dir)
    if not number:
        raise ReasonError("LoadFailed", "the view holds no version")
    answer = ask(call, "POST", "/v1/config/reload")
    found = _found(call, answer, number)
    if found.name != "AVAILABLE":
        said = "" if granted(answer) else f"{words(answer)}; "
        raise ReasonError("LoadFailed", clean(f"{said}version {number} is {found.words}"))


def _found(call: Call, answer: Answer, number: int) -> State:
    if not granted(answer):
        return state(call, number)
    models = document(answer)
    return state_in(models.get(call.hook.model) if isinstance(models, dict) else None, number)


def _unload(call: Call) -> None:
    ask(call, "POST", "/v1/config/reload")


PROTOCOL = Protocol("ovms", _load, _unload)
