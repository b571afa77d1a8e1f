"""Which config counts: the mounted one when it is valid, else the one that was accepted last.

A config that cannot be accepted changes nothing but what is reported. Where the mounted one is
missing or bad at the start, the accepted one is found by the tenant that the bad one names, or by
the link that this pod made before; so a device starts offline whatever its ConfigMap became.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from sidecar.activation import links
from sidecar.contract import accept
from sidecar.contract.accept import Accepted
from sidecar.contract.canonical import canonical
from sidecar.disk import documents, tenants
from sidecar.disk.layout import Layout
from sidecar.disk.owner import Owner
from sidecar.model.config import Tenant
from sidecar.model.reasons import ReasonError
from sidecar.resident import vouching
from sidecar.resident.workers import COMMAND

NAME = "accepted.json"
LINK = ".accepted"
"""In the pod's own volume: leads to the config that was accepted last."""


class Offer(NamedTuple):
    """A config that may be acted upon, or the reason against the one that is mounted."""

    accepted: Accepted | None
    reason: str = ""
    detail: str = ""


def look(text: bytes | None, running: Accepted | None, path: str = "") -> Offer:
    """What the text mounted at `path` amounts to, for a process that runs with `running`."""
    if text is None:
        return Offer(None, "ConfigInvalid", "$: there is no config")
    try:
        accepted = accept.read(text)
        if running is None or accepted.revision != running.revision:
            vouching.insist(accepted, path, COMMAND)
    except ReasonError as fault:
        return Offer(None, fault.code, fault.detail)
    differs = _differs(accepted, running) if running else ""
    return Offer(None, "ConfigInvalid", differs) if differs else Offer(accepted)


def before(text: bytes | None, base: str) -> Accepted | None:
    """The config that was accepted before a bad one, or None where none can be found."""
    for path in (_named(text), f"{base}/{LINK}"):
        found = _read(path) if path else None
        if found is not None:
            return found
    return None


def keep(layout: Layout, owner: Owner, accepted: Accepted, base: str) -> None:
    """Let a config be the accepted one from now on, also after a restart.

    The pod's link to its worker's parameters is made here, whether there are any or not.
    """
    tenant = accepted.config.tenant.directory
    path = layout.tenant(tenant, "config", NAME)
    if tenants.accepted(layout, tenant) != accepted.document:
        tenants.accept(layout, owner, tenant, accepted.document)
    if os.path.isdir(base):
        name, target = links.PARAMETERS
        links.place(base, {LINK: path, name: target})


def _differs(accepted: Accepted, running: Accepted) -> str:
    """Why a config cannot follow the one that this process began with, or empty."""
    new, old = accepted.config, running.config
    if new.tenant.directory != old.tenant.directory:
        return "$.tenant: this process serves another one"
    if new.limits.root != old.limits.root:
        return "$.store.root: this process uses another one"
    return ""


def _named(text: bytes | None) -> str:
    """Where the accepted config of the tenant lies that a bad document names."""
    try:
        document: Any = json.loads(text or b"")
        tenant = Tenant(**document["tenant"])
        root = document["store"]["root"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    if not isinstance(root, str) or not all(isinstance(part, str) for part in tenant):
        return ""
    name = tenant.directory
    plain = name and "/" not in name and "\0" not in root and not name.startswith(".")
    return Layout(root).tenant(name, "config", NAME) if plain else ""


def _read(path: str) -> Accepted | None:
    document = documents.read(os.path.realpath(path))
    if document is None:
        return None
    try:
        return accept.read(canonical(document))
    except ReasonError:
        return None
