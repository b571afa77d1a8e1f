"""The doors of a resident process: TCP for reading, a unix socket for control and the outbox."""

from __future__ import annotations

from collections.abc import Callable

from sidecar.model.config import Config
from sidecar.model.status import Status
from sidecar.surface import control as commands
from sidecar.surface.control import Control, refusal
from sidecar.surface.counters import Counters
from sidecar.surface.pages import Source, page
from sidecar.wire.answer import Response
from sidecar.wire.server import Request, Server

LOOPBACK = "127.0.0.1"
_THREADS = 16
_READING = frozenset({"GET", "HEAD"})


class Surface:
    """Answers from `tend` until `close`.

    `address` is the pod's; without one only loopback is listened on. `status` gives the last
    published status, `beat` the monotonic time at which the main loop last moved. Neither may
    wait for anything. `fault` is told in one line of an answer that failed.
    """

    def __init__(
        self,
        config: Config,
        address: str,
        status: Callable[[], Status | None],
        control: Control,
        *,
        beat: Callable[[], float],
        counters: Counters,
        fault: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._source = Source(config, status, beat, counters)
        self._control = control
        port = config.surface.port
        hosts = dict.fromkeys((address or LOOPBACK, LOOPBACK))
        # The socket's mode lets any user of the pod in, for the outbox; who may control is
        # decided by the kernel's word on who asks.
        self._server = Server(
            config.surface.socket,
            self.control,
            threads=_THREADS,
            mode=0o666,
            hasty=True,
            more=[((host, port), self.read) for host in hosts],
            fault=fault,
        )

    def tend(self) -> list[str]:
        """Listen where it does not yet, or no longer; what cannot be listened on, in words.

        Cheap: call it at every turn of the main loop. A socket that somebody removed comes back.
        """
        return self._server.tend()

    def follow(self, config: Config) -> None:
        """Answer by another config from now on; its addresses have to be the same."""
        self._source = self._source._replace(config=config)

    def close(self) -> None:
        """Stop to listen."""
        self._server.close()

    def read(self, request: Request) -> Response:
        """The answer on TCP."""
        if request.method not in _READING:
            return refusal(405, "Protocol", "this door is for reading", allow="GET, HEAD")
        return page(self._source, request)

    def control(self, request: Request) -> Response:
        """The answer on the unix socket, which can also be read from."""
        workers_own = request.path.startswith((commands.OUTBOX, commands.LISTS))
        if request.method in _READING and not workers_own:
            return page(self._source, request)
        return commands.answer(self._control, request)
