"""Probes of a kubelet: HTTP and TCP from outside of the container, into the pod's network."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any, NamedTuple

from tests.sidecar.support.network import Namespace


class Answer(NamedTuple):
    """What a GET gave."""

    status: int
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def get(
    network: Namespace, port: int, path: str, *, timeout: float = 5, address: str = ""
) -> Answer:
    """A GET whose connection is made inside of a network.

    Raises:
        OSError: nobody listens, or the answer took too long.
    """
    client = http.client.HTTPConnection(address or network.address, port, timeout=timeout)
    client.sock = network.connect(port, address=address, timeout=timeout)
    try:
        client.request("GET", path)
        answer = client.getresponse()
        return Answer(answer.status, answer.read())
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP: {error!r}") from error
    finally:
        client.close()


class Probe:
    """One probe of a container. `due` says when to ask, `passed` and `failed` what came of it."""

    def __init__(self, spec: dict[str, Any], network: Namespace, pace: float) -> None:
        self._spec, self._network = spec, network
        self._period = spec.get("periodSeconds", 10) * pace
        self._limit = int(spec.get("failureThreshold", 3))
        self._wanted = int(spec.get("successThreshold", 1))
        self._next = time.monotonic() + spec.get("initialDelaySeconds", 0) * pace
        self._good = self._bad = 0
        self.said = ""

    @property
    def passed(self) -> bool:
        """Whether the last answers were good ones."""
        return self._good >= self._wanted

    @property
    def failed(self) -> bool:
        """Whether so many answers in a row were bad that it counts."""
        return self._bad >= self._limit

    def ask(self) -> None:
        """Ask if it is time to."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + max(0.02, self._period)
        try:
            self._ask()
        except OSError as error:
            self._good, self._bad, self.said = 0, self._bad + 1, str(error)
            return
        self._good, self._bad, self.said = self._good + 1, 0, ""

    def _ask(self) -> None:
        timeout = self._spec.get("timeoutSeconds", 1)
        if "httpGet" in self._spec:
            http_get = self._spec["httpGet"]
            answer = get(self._network, http_get["port"], http_get["path"], timeout=timeout)
            if not 200 <= answer.status < 400:
                raise OSError(f"HTTP probe failed with statuscode: {answer.status}")
        elif "tcpSocket" in self._spec:
            port = self._spec["tcpSocket"]["port"]
            self._network.connect(port, timeout=timeout).close()
        else:
            raise OSError(f"the stand-in knows no probe {sorted(self._spec)}")
