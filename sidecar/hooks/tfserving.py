"""TensorFlow Serving: nothing is called, because it looks for numbered directories by itself.

The hook waits until the newest one is available, and fails as soon as the server has given up on
it rather than at the end of the probe. Unloading is the same: the directory goes.
"""

from __future__ import annotations

import time

from sidecar.hooks.call import Call, Protocol, nothing
from sidecar.hooks.versions import UNKNOWN, highest, state
from sidecar.model.reasons import ReasonError
from sidecar.wire.stream import StoppedError

_PERIOD = 1.0
_STALE = 3.0
"""Seconds in which an error may still be that of an earlier attempt at the same number: the
server looks at its directories once a second."""


def _load(call: Call) -> None:
    number = highest(call.model_dir)
    if not number:
        raise ReasonError("LoadFailed", "the view holds no version")
    begun = time.monotonic()
    seen = UNKNOWN
    while time.monotonic() < call.end:
        seen = state(call, number)
        if seen.name == "AVAILABLE":
            return
        if seen.error and seen.name == "END" and time.monotonic() - begun > _STALE:
            raise ReasonError("LoadFailed", f"version {number} is {seen.words}")
        if call.stop.wait(min(_PERIOD, call.left)):
            raise StoppedError("stopped")
    raise ReasonError("LoadFailed", f"version {number} is still {seen.words}")


PROTOCOL = Protocol("tfserving", _load, nothing)
