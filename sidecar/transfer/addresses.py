"""Which network addresses are never spoken to, whatever a name or a redirect says.

Link-local addresses and the like of them hold metadata services that hand out credentials, and
loopback ports are other programs' of the pod. A loopback address is allowed only where the config
itself spells it out. The check is made on the address that is connected to, never on a name.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

from sidecar.model.config import Config
from sidecar.model.reasons import ReasonError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
_METADATA = (
    ipaddress.ip_network("fd00:ec2::254/128"),
    ipaddress.ip_network("100.100.100.200/32"),
    ipaddress.ip_network("168.63.129.16/32"),
)
PORTS = {"http": 80, "https": 443}


def check(address: str, host: str, port: int, declared: Collection[tuple[str, int]]) -> None:
    """Refuse an address that `host` stands for.

    Raises:
        ReasonError: AddressRefused.
    """
    found = plain(address)
    if _forbidden(found):
        raise ReasonError("AddressRefused", f"{host} is {found}, which nothing is fetched from")
    if _own(found) and (host.lower(), port) not in declared:
        raise ReasonError(
            "AddressRefused", f"{host}:{port} is {found}, a loopback port that is not declared"
        )


def plain(address: str) -> Address:
    """The address without its scope; one that wraps another is the inner one."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return found.ipv4_mapped
        if found in _TRANSLATED:
            return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found


def literal(host: str) -> Address | None:
    """The address that a host's name spells out, if it does."""
    try:
        return plain(host.strip("[]"))
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether a host's name spells out this very machine."""
    address = literal(host)
    return host.lower() == "localhost" or (address is not None and _own(address))


def declared(config: Config, further: Collection[str] = ()) -> frozenset[tuple[str, int]]:
    """Every loopback host and port that a config spells out, or one of `further` URLs."""
    return frozenset(_loopbacks([*_urls(config), *further]))


def _forbidden(address: Address) -> bool:
    return (
        address.is_link_local
        or address.is_multicast
        or address == ipaddress.ip_address("255.255.255.255")
        or any(address in network for network in _METADATA if network.version == address.version)
    )


def _own(address: Address) -> bool:
    # An address of all zeros leads to this very machine.
    return address.is_loopback or address.is_unspecified or _zeros(address)


def _zeros(address: Address) -> bool:
    return isinstance(address, ipaddress.IPv4Address) and int(address) >> 24 == 0


def _urls(config: Config) -> Iterator[str]:
    yield config.network.proxy
    for store in config.stores:
        yield store.endpoint
    for artifact in config.artifacts:
        yield from (source.url for source in artifact.sources)
        if artifact.activation.golden:
            yield artifact.activation.golden.input.url
            yield artifact.activation.golden.expect.url
    yield from (stream.to for stream in config.outbox)
    if config.reports:
        yield config.reports.url
    if config.release and config.release.ask:
        yield config.release.ask.url
    yield from (f"http://{member}" for member in config.peers.members if "://" not in member)
    yield from (member for member in config.peers.members if "://" in member)


def _loopbacks(urls: Collection[str]) -> Iterator[tuple[str, int]]:
    for url in urls:
        parts = urlsplit(url)
        scheme = "https" if parts.scheme == "oci" else parts.scheme
        host = (parts.hostname or "").lower()
        port = parts.port or PORTS.get(scheme, 0)
        if port and is_loopback(host):
            yield host, port
