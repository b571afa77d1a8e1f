"""What `doctor --network` tries: names, proxies and TLS of every place that a config names.

It connects and says nothing: no request is sent, no byte fetched, no credential used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from threading import Event

from sidecar.commands.findings import Finding, of_reason
from sidecar.contract.addresses import Address, address_of
from sidecar.model.config import Config, Source
from sidecar.model.reasons import ReasonError
from sidecar.transfer.context import Context
from sidecar.transfer.dial import Origin, dial
from sidecar.transfer.proxies import proxy_for

_SECONDS = 10


def reach(config: Config) -> Iterator[Finding]:
    """One finding for each place."""
    network = config.network._replace(timeout=min(config.network.timeout, _SECONDS))
    context = Context(config._replace(network=network), dict(os.environ), Event())
    try:
        for origin in dict.fromkeys(_origins(config)):
            yield _tried(context, origin)
    finally:
        context.close()


def _tried(context: Context, origin: Origin) -> Finding:
    proxy = proxy_for(context.network, origin.host, origin.port)
    way = f"{origin.scheme}://{origin}" + (f" through {proxy.host}:{proxy.port}" if proxy else "")
    try:
        line, _ = dial(context.reach, origin)
    except ReasonError as fault:
        found = of_reason("network", fault)
        return found._replace(level="bad", words=f"{way}: {found.words}")
    line.close()
    return Finding("fine", "network", f"{way} can be reached")


def _origins(config: Config) -> Iterator[Origin]:
    for source in _sources(config):
        found = address_of(source.url)
        if found.scheme == "s3":
            found = _of_s3(source)
        if found.scheme in ("http", "https", "oci") and found.host:
            yield Origin("http" if found.scheme == "http" else "https", found.host, found.port)
    for member in config.peers.members:
        found = address_of(member)
        yield Origin(found.scheme, found.host, found.port)


def _of_s3(source: Source) -> Address:
    endpoint = source.store.endpoint or f"https://s3.{source.store.region}.amazonaws.com"
    return address_of(endpoint)


def _sources(config: Config) -> Iterator[Source]:
    for artifact in config.artifacts:
        yield from (source for source in artifact.sources if source.url != "peer:")
        if artifact.activation.golden:
            yield artifact.activation.golden.input
            yield artifact.activation.golden.expect
    yield from (Source(stream.to, stream.store) for stream in config.outbox)
    if config.reports:
        yield Source(config.reports.url, config.reports.store)
    if config.release and config.release.ask:
        yield Source(config.release.ask.url)
