"""Any other program: the author's own command, a TCP probe on its first port, no load hook.

Models lie unpacked at their paths. Without a load hook nothing tells the program about a new
version, so updates roll.
"""

from __future__ import annotations

from compiler.model.server import Probes, Server, Serving, tcp_probes


def _probes(serving: Serving) -> Probes:
    return tcp_probes(serving.http or serving.grpc)


SERVER = Server(name="custom", title="Custom server", ports=(), probes=_probes)
