"""Asking until an activated version serves: some good answers in a row, before time runs out.

A server that answered well and then no longer listens has died of the version: that ends the
probe at once, since waiting for its restart would only let it die again.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from threading import Event

from sidecar.hooks.call import words
from sidecar.model.config import Probe
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.wire.client import UnansweredError, request
from sidecar.wire.stream import StoppedError

_SECONDS = 5.0
_BODY = 1024 * 1024


def wait(
    probe: Probe, ports: Collection[int], stop: Event, *, timeout: float | None = None
) -> None:
    """Return once the probe was answered well as often as it wants, in a row.

    `timeout` replaces the probe's own, for one that was begun before a restart.

    Raises:
        ReasonError: `ProbeFailed` with the last bad answer, `AddressRefused` for another address.
        StoppedError: `stop` was set.
    """
    end = time.monotonic() + (probe.timeout if timeout is None else timeout)
    good, served = 0, False
    while True:
        left = end - time.monotonic()
        bad, gone = _ask(probe, ports, stop, max(0.05, min(_SECONDS, left)))
        if served and gone:
            raise ReasonError("ProbeFailed", "the server answered well and then ended")
        good = 0 if bad else good + 1
        served = served or not bad
        if good >= probe.successes:
            return
        left = end - time.monotonic()
        if left <= 0:
            few = f"{good} of {probe.successes} good answers"
            raise ReasonError("ProbeFailed", clean(f"not in time: {bad or few}"))
        if stop.wait(min(probe.period, left)):
            raise StoppedError("stopped")


def _ask(probe: Probe, ports: Collection[int], stop: Event, seconds: float) -> tuple[str, bool]:
    """What is bad about the answer, empty for nothing, and whether nobody listens."""
    try:
        answer = request("GET", probe.url, timeout=seconds, limit=_BODY, ports=ports, stop=stop)
    except UnansweredError as error:
        if error.stopped:
            raise StoppedError("stopped") from None
        return error.detail, not error.reached
    if answer.status != 200:
        return words(answer), False
    if probe.contains.encode() not in answer.body:
        return clean(b"the answer lacks what it should contain: " + answer.body), False
    return "", False
