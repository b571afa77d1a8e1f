"""The lists of datasets that a worker writes and reads through the socket."""

from __future__ import annotations

from sidecar.peers.datasets import Lists, public
from sidecar.resident.means import Means
from sidecar.surface.control import no_lists
from sidecar.wire.server import Handler


def lists(means: Means) -> Handler:
    """What answers for the datasets of a config that may be shared."""
    shared = public(means.config)
    if not shared:
        return no_lists
    found = Lists(means.layout, means.owner, means.wall)
    return lambda request: found.answer(request, shared)
