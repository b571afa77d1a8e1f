"""Which hosts a spec has asked, and which of them somebody has reviewed.

Credentials go to the hosts that a spec names. What a branch adds is not asked before it is merged,
so that a pull request cannot have CI's credentials sent to a host of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

from compiler.model.codes import lock as codes
from compiler.model.diagnostics import Diagnostics, Span
from compiler.model.image_reference import split
from compiler.model.inputs import Location
from compiler.model.resolved import Resolved
from compiler.model.stores import locate
from compiler.stages.lock.lock import Asked, named

PROVIDER = "amazonaws.com"
"""Stands for a store of the S3 provider's own, which has no endpoint."""


def host_of(at: Location) -> str:
    """The host, with its port, that is asked for a location; empty for a local file."""
    scheme = urlsplit(at.url).scheme
    if scheme == "file":
        return ""
    if scheme == "s3":
        return _host(at.endpoint) if at.endpoint else PROVIDER
    return _host(at.url)


def registry_of(reference: str) -> str:
    """The registry of an image reference."""
    return split(reference)[0].lower()


def hosts(environments: Iterable[Asked], only: Collection[str] = ()) -> dict[str, Span | None]:
    """Every host that locking would ask, with a line that names it; `only` as in `Choices`."""
    found: dict[str, Span | None] = {}
    for one in environments:
        for artifact in one.artifacts.values():
            if not only or named(artifact.name, only):
                found.setdefault(host_of(artifact.location), artifact.span)
        for image in one.images.values():
            if not only or named(image.reference, only):
                found.setdefault(registry_of(image.reference), image.span)
    found.pop("", None)
    return found


def hosts_of_reports(environments: Iterable[Resolved]) -> dict[str, Span | None]:
    """Every host that has reports of sidecars, with the line that names it."""
    found: dict[str, Span | None] = {}
    for one in environments:
        reports = one.spec.reports
        if reports is not None:
            at = locate(one.spec.stores, reports.uri)
            found.setdefault(host_of(at), reports.span_of("uri"))
    found.pop("", None)
    return found


def check_hosts(
    wanted: dict[str, Span | None],
    reviewed: Collection[str] | None,
    allowed: Collection[str],
    branch: str,
    diagnostics: Diagnostics,
) -> None:
    """Report every host that is neither reviewed nor allowed; None: there is no such branch."""
    known = {*(reviewed or ()), *(host.lower() for host in allowed)}
    for host, span in sorted(wanted.items()):
        if host in known:
            continue
        if reviewed is None:
            message = f"the main branch is not found, so nobody reviewed {host}"
            hint = f"fetch it, name it with --main-branch REF, or pass --allow-host {host}"
        else:
            message = f"the spec on {branch} names no {host}"
            hint = f"merge the host first, or pass --allow-host {host} where you trust it"
        diagnostics.add(codes.HOST_UNKNOWN, message, span, hint)


def _host(url: str) -> str:
    """Host and port of an address, without the user that it may name."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
