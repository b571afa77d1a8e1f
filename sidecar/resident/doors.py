"""The surface of a resident process, kept in step with its config, and what it is asked to do.

Commands come in threads of the surface and are carried out in the main one; the asker waits for
what happened, not for what follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import NamedTuple

from sidecar.model.config import Config
from sidecar.model.reasons import ReasonError
from sidecar.model.status import Status
from sidecar.surface.control import Control, refusal
from sidecar.surface.counters import Counters
from sidecar.surface.service import Surface
from sidecar.wire.server import Handler, Request, Response

PATIENCE = 30.0

Post = Callable[[Callable[[], None]], None]


class Views(NamedTuple):
    """What the doors look at: the pod's address, the last status, the beat of the main loop."""

    address: str
    status: Callable[[], Status | None]
    beat: Callable[[], float]
    counters: Counters
    fault: Callable[[str], None]


class Doors:
    """Listens as the accepted config says."""

    def __init__(self, views: Views, control: Control) -> None:
        self._views = views
        self._control = control
        self._surface: Surface | None = None
        self._config: Config | None = None
        self._amiss: list[str] = []

    def follow(self, config: Config) -> None:
        """Answer by another config; addresses that it keeps are not left for a moment."""
        before = self._config
        self._config = config
        if self._surface is not None and before and before.surface == config.surface:
            self._surface.follow(config)
            return
        self.close()
        views = self._views
        self._surface = Surface(
            config, views.address, views.status, self._control,
            beat=views.beat, counters=views.counters, fault=views.fault,
        )  # fmt: skip

    def tend(self) -> None:
        """Listen where that is not so yet."""
        amiss = self._surface.tend() if self._surface else []
        for words in amiss:
            if words not in self._amiss:
                self._views.fault(words)
        self._amiss = amiss

    def close(self) -> None:
        """Stop to listen."""
        if self._surface is not None:
            self._surface.close()
            self._surface = None


def in_main_thread(post: Post, call: Callable[[], str]) -> str:
    """Have the main thread do something and give what it says.

    Raises:
        ReasonError: what the call raised; or `Busy` where the main thread does not get to it.
        LookupError: what the call raised.
    """
    ended, said, faults = Event(), [], []

    def carry_out() -> None:
        try:
            said.append(call())
        except (ReasonError, LookupError) as fault:
            faults.append(fault)
        finally:
            ended.set()

    post(carry_out)
    if not ended.wait(PATIENCE):
        raise ReasonError("Busy", "the main loop is occupied")
    if faults:
        raise faults[0]
    return said[0] if said else ""


def no_outbox(_: Request) -> Response:
    """What the outbox answers before there is one."""
    return refusal(503, "WaitingForTenant", "the sidecar begins")


class Switchboard:
    """Routes requests to the handler of the accepted config."""

    def __init__(self, before: Handler = no_outbox) -> None:
        self.handler = before

    def __call__(self, request: Request) -> Response:
        """The answer."""
        return self.handler(request)
