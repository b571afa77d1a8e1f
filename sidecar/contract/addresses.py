"""Hosts and ports of URLs, and which of them no artifact may come from, judged by their text.

Names are not resolved here: whoever connects checks the address that a name led to once more.
"""

from __future__ import annotations

import re
import socket
from typing import Final, NamedTuple

PORTS: Final = {"http": 80, "https": 443, "oci": 443}


class Address(NamedTuple):
    """Scheme, host and port of a URL; the port is 0 where the scheme has none of its own."""

    scheme: str
    host: str
    port: int


def address_of(url: str) -> Address:
    """The address in a URL that the contract's patterns let through.

    Raises:
        ValueError: the host or port cannot be one.
    """
    scheme, _, rest = url.partition("://")
    authority = rest.partition("/")[0].partition("?")[0].partition("#")[0]
    if authority.startswith("["):
        host, closed, after = authority[1:].partition("]")
        if not closed or (after and not after.startswith(":")):
            raise ValueError("the address in brackets is broken")
        port = after[1:]
    else:
        host, _, port = authority.partition(":")
        if not re.fullmatch("[-A-Za-z0-9._]*", host):
            raise ValueError("a host is written in ASCII letters, digits, dots and hyphens")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536):
        raise ValueError("the port is none")
    return Address(scheme, host.lower().rstrip("."), int(port) if port else PORTS.get(scheme, 0))


def is_forbidden(host: str) -> bool:
    """Whether a host is by its text an address that nothing is fetched from or sent to.

    Those are link-local and multicast addresses and the metadata services of clouds, which hand
    out credentials to whoever asks.
    """
    packed = _packed(host)
    if packed is None:
        return False
    if len(packed) == 4:
        return packed[:2] == b"\xa9\xfe" or packed[0] >= 0xE0 or packed in _METADATA
    return packed[0] == 0xFF or packed[:2] in _LINK_LOCAL or packed in _METADATA


_LINK_LOCAL = frozenset(bytes((0xFE, second)) for second in range(0x80, 0xC0))
_MAPPED = bytes(10) + b"\xff\xff"
_TRANSLATED = bytes.fromhex("0064ff9b") + bytes(8)
_METADATA = (
    socket.inet_aton("100.100.100.200"),
    socket.inet_aton("168.63.129.16"),
    socket.inet_pton(socket.AF_INET6, "fd00:ec2::254"),
)


def _packed(host: str) -> bytes | None:
    """The bytes of a literal address; None for a name.

    Whatever a resolver takes for an address counts, `127.1` and `2130706433` too.
    """
    try:
        if ":" not in host:
            return socket.inet_aton(host) if host.isascii() and host and host[0].isdigit() else None
        found = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except OSError:
        return None
    return found[12:] if found.startswith((_MAPPED, _TRANSLATED)) else found
