"""No hook: the server is not told, because it needs not or reads its files for each request."""

from __future__ import annotations

from sidecar.hooks.call import Protocol, nothing

PROTOCOL = Protocol("none", nothing, nothing)
