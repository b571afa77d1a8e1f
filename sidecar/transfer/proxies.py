"""Which requests go through the proxy. The config alone says so; the environment is not asked.

What has to go through the proxy never goes around it: there is no fallback here.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple
from urllib.parse import urlsplit

from sidecar.model.config import Network
from sidecar.transfer.addresses import PORTS, literal


class Proxy(NamedTuple):
    """Where the proxy listens, and whether it is spoken to over TLS."""

    host: str
    port: int
    tls: bool


def proxy_for(network: Network, host: str, port: int) -> Proxy | None:
    """The proxy that leads to a host, or None where it is reached directly."""
    if not network.proxy or any(_excepts(rule, host, port) for rule in network.no_proxy):
        return None
    parts = urlsplit(network.proxy)
    tls = parts.scheme == "https"
    return Proxy(parts.hostname or "", parts.port or PORTS[parts.scheme], tls)


def _excepts(rule: str, host: str, port: int) -> bool:
    """Whether `noProxy` has the host: by name, below a domain, by address or by network."""
    rule, host = rule.strip().lower(), host.lower().rstrip(".")
    if rule == "*":
        return True
    if "/" in rule:
        return _within(rule, host)
    name, _, suffix = rule.rpartition(":")
    if name and suffix.isdecimal() and literal(rule) is None:
        if int(suffix) != port:
            return False
        rule = name
    if literal(host) is not None:
        return literal(rule) == literal(host)
    domain = rule.removeprefix("*").lstrip(".")
    return host == domain or host.endswith(f".{domain}")


def _within(rule: str, host: str) -> bool:
    address = literal(host)
    try:
        network = ipaddress.ip_network(rule, strict=False)
    except ValueError:
        return False
    return address is not None and address.version == network.version and address in network
