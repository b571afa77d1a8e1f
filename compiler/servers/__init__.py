"""One module per model server flavour: ports, probes, file layout, load hook, arguments."""

from __future__ import annotations

from compiler.model.server import Server
from compiler.servers import (
    bentoml_013,
    bentoml_1,
    custom,
    mlserver,
    ovms,
    tfserving,
    torchserve,
    triton,
)

SERVERS: tuple[Server, ...] = (
    ovms.SERVER,
    triton.SERVER,
    tfserving.SERVER,
    torchserve.SERVER,
    mlserver.SERVER,
    bentoml_1.SERVER,
    bentoml_013.SERVER,
    custom.SERVER,
)

BY_NAME: dict[str, Server] = {flavour.name: flavour for flavour in SERVERS}


def server(name: str) -> Server:
    """The flavour of a name; the custom one for an empty name.

    Raises:
        KeyError: for a name that no flavour has; the spec's types refuse it earlier.
    """
    return BY_NAME[name or "custom"]
