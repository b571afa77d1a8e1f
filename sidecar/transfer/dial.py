"""Opening a connection: name, address, proxy and TLS, in this order, each checked before use.

The address that is checked is the one that is connected to. Where a proxy is due there is no other
way: when it fails, the connection fails.
"""

from __future__ import annotations

import re
import socket
import ssl
import time
from typing import NamedTuple

from sidecar.model.config import Network
from sidecar.model.reasons import ReasonError
from sidecar.model.text import clean
from sidecar.transfer import addresses, failures
from sidecar.transfer.line import Line, Wire
from sidecar.transfer.meter import Meter
from sidecar.transfer.nested import Nested
from sidecar.transfer.proxies import Proxy, proxy_for
from sidecar.transfer.trust import Trust

_HEAD = 16_384
_CONNECTED = re.compile(rb"HTTP/1\.[01] 2[0-9]{2}(?: .*)?")
_SHORTEST = 2.0


class Origin(NamedTuple):
    """Where requests go: what connections are kept for, and what credentials belong to."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        plain = self.port == addresses.PORTS[self.scheme]
        return host if plain else f"{host}:{self.port}"


class Reach(NamedTuple):
    """What connections are made by: how, at which pace, whom to believe, and who may be near.

    `declared` are the hosts and ports of loopback that a config spells out.
    """

    network: Network
    meter: Meter
    trust: Trust
    declared: frozenset[tuple[str, int]]


def dial(reach: Reach, origin: Origin) -> tuple[Line, Proxy | None]:
    """A connection to an origin, and the proxy that requests over it must be phrased for.

    Raises:
        ReasonError: Offline, Stalled, ProxyError, AddressRefused, TlsVerify, ClockSkew.
    """
    proxy = proxy_for(reach.network, origin.host, origin.port)
    if proxy is None:
        connected = _direct(reach, origin)
    else:
        connected = _through(reach, origin, proxy)
        proxy = None if origin.scheme == "https" else proxy
    return Line(connected, reach.meter, reach.network), proxy


def _direct(reach: Reach, origin: Origin) -> Wire:
    connected = _connect(reach, origin.host, origin.port)
    return _secure(reach, connected, origin.host) if origin.scheme == "https" else connected


def _through(reach: Reach, origin: Origin, proxy: Proxy) -> Wire:
    address = addresses.literal(origin.host)
    if address is not None:
        addresses.check(str(address), origin.host, origin.port, reach.declared)
    try:
        wire: Wire = _connect(reach, proxy.host, proxy.port)
        if proxy.tls:
            wire = _secure(reach, wire, proxy.host)
        if origin.scheme == "https":
            _tunnel(wire, origin, reach.network.timeout)
    except ReasonError as error:
        raise ReasonError("ProxyError", f"{proxy.host}:{proxy.port}: {error}") from error
    return _secure(reach, wire, origin.host) if origin.scheme == "https" else wire


def _connect(reach: Reach, host: str, port: int) -> socket.socket:
    label = f"{host}:{port}"
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ReasonError(
            "Offline", f"{label}: no address for the name ({clean(str(error), 120)})"
        ) from error
    # One address that swallows packets must not use up the time that the others have.
    patience = max(_SHORTEST, reach.network.timeout / len(found))
    failure: ReasonError | None = None
    for family, kind, protocol, _, address in found:
        addresses.check(str(address[0]), host, port, reach.declared)
        connected = socket.socket(family, kind, protocol)
        try:
            _prepare(reach, connected, patience)
            connected.connect(address)
        except OSError as error:
            connected.close()
            failure = _of_connect(error, label)
            continue
        connected.settimeout(reach.network.timeout)
        return connected
    raise failure or ReasonError("Offline", f"{label}: the name has no address")


def _of_connect(error: OSError, label: str) -> ReasonError:
    if isinstance(error, TimeoutError):
        return ReasonError("Offline", f"{label}: no connection in time")
    return failures.of_error(error, label)


def _prepare(reach: Reach, connected: socket.socket, patience: float) -> None:
    connected.settimeout(patience)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, reach.meter.socket_buffer)


def _secure(reach: Reach, connected: Wire, host: str) -> Wire:
    try:
        if isinstance(connected, ssl.SSLSocket):
            return Nested(connected, reach.trust.context(), host)
        assert isinstance(connected, socket.socket)  # noqa: S101 - nothing is wrapped thrice
        return reach.trust.context().wrap_socket(connected, server_hostname=host)
    except (ReasonError, OSError, ValueError) as error:
        connected.close()
        if isinstance(error, ssl.SSLError | OSError | ReasonError):
            raise failures.of_error(error, host) from error
        raise ReasonError("TlsVerify", f"{host}: {clean(str(error), 200)}") from error


def _tunnel(connected: Wire, origin: Origin, timeout: float) -> None:
    """Have the proxy connect us; not one byte more than its answer is read."""
    target = f"{origin.host}:{origin.port}" if ":" not in origin.host else str(origin)
    deadline = time.monotonic() + timeout
    try:
        asked = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode("ascii")
        connected.sendall(memoryview(asked))
        head, piece = b"", memoryview(bytearray(1))
        while not head.endswith(b"\r\n\r\n"):
            count = connected.recv_into(piece)
            head += piece[:count]
            if not count or len(head) > _HEAD or time.monotonic() > deadline:
                break
    except OSError as error:
        connected.close()
        raise failures.of_error(error, "CONNECT") from error
    status = head.split(b"\r\n", 1)[0]
    if _CONNECTED.fullmatch(status) is None:
        connected.close()
        raise ReasonError("ProxyError", f"CONNECT: {clean(status, 120)}")
