"""Telling the program beside the sidecar what to load, and seeing whether it does.

One module for each protocol and one line in `PROTOCOLS`. Every address is 127.0.0.1 and a declared
port. A server's refusal is repeated in its own words, cleaned; nothing here decides what follows
from it, and nothing here changes which version is active.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from threading import Event
from typing import Final

from sidecar.hooks import (
    command,
    http,
    none,
    openinference,
    ovms,
    signal,
    tfserving,
    torchserve,
    touch,
    triton,
)
from sidecar.hooks.answering import answers
from sidecar.hooks.call import Call, Protocol
from sidecar.model.config import Hook

__all__ = ["PROTOCOLS", "answers", "load", "unload"]

PROTOCOLS: Final[tuple[Protocol, ...]] = (
    none.PROTOCOL,
    triton.PROTOCOL,
    tfserving.PROTOCOL,
    ovms.PROTOCOL,
    torchserve.PROTOCOL,
    openinference.PROTOCOL,
    http.PROTOCOL,
    command.PROTOCOL,
    signal.PROTOCOL,
    touch.PROTOCOL,
)

_BY_NAME = {protocol.name: protocol for protocol in PROTOCOLS}


def load(
    hook: Hook, model_dir: str, ports: Collection[int], stop: Event, *, timeout: float
) -> None:
    """Make the server take what lies at `model_dir`, within `timeout` seconds.

    `model_dir` is the path that the server knows, such as `/edgewright/models/NAME`. Returns once
    the server says that it loaded, for protocols in which it can say so; the probe sees the rest.

    Raises:
        ReasonError: `LoadFailed` with the server's own words; `WaitingForServer` where nobody
            listens or the server asks to come later; `HookRefused` for what may not be run;
            `AddressRefused` for another address.
        StoppedError: `stop` was set.
    """
    _BY_NAME[hook.type].load(Call(hook, model_dir, ports, stop, time.monotonic() + timeout))


def unload(
    hook: Hook, model_dir: str, ports: Collection[int], stop: Event, *, timeout: float
) -> None:
    """Make the server let go of a model that no config lists any more.

    What the server does not know is fine, and so is a protocol that has no such call.

    Raises:
        ReasonError: as for `load`; the server's words say why it keeps the model.
        StoppedError: `stop` was set.
    """
    _BY_NAME[hook.type].unload(Call(hook, model_dir, ports, stop, time.monotonic() + timeout))
