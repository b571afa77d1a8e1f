"""What others see of a sidecar, and the few things that can be asked of it.

Probes and metrics are read-only, on the pod's address. Control and the outbox are on a unix
socket. Answers are made from the last published status and from counters, never by looking at the
store or the network, so that they come while everything else is stuck.
"""

from __future__ import annotations

from sidecar.surface.control import Control
from sidecar.surface.counters import Counters
from sidecar.surface.service import Surface

__all__ = ["Control", "Counters", "Surface"]
