"""What the containers of a pod request, as the scheduler counts it, in thousandths by resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from compiler.model.quantity import add_requests, parse_quantity

SIDECAR = "sidecar"
"""The name of the sidecar's container, which loads no model."""


def requests(spec: Mapping[str, Any]) -> dict[str, int]:
    """What the scheduler reserves for a pod: sidecars run beside what follows them.

    Containers and sidecars are summed; an ordinary init container counts with the sidecars
    started before it, and the larger of both is reserved.
    """
    sidecars: dict[str, int] = {}
    peak: dict[str, int] = {}
    for container in spec.get("initContainers") or ():
        own = _requested(container)
        if container.get("restartPolicy") == "Always":
            sidecars = add_requests(sidecars, own)
        else:
            peak = _larger(peak, add_requests(sidecars, own))
    total = add_requests(sidecars, *(_requested(c) for c in spec.get("containers") or ()))
    return add_requests(_larger(total, peak), amounts(spec.get("overhead")))


def worker_memory(spec: Mapping[str, Any]) -> tuple[int, int]:
    """The memory that the worker of a pod requests, and its limit, 0 for none.

    A pod of several workers has no limit here: which of them loads a model is not known.
    """
    workers = [one for one in spec.get("containers") or () if one.get("name") != SIDECAR]
    asked = sum(_requested(one).get("memory", 0) for one in workers)
    limits = [amounts((one.get("resources") or {}).get("limits")) for one in workers]
    return asked, limits[0].get("memory", 0) if len(limits) == 1 else 0


def amounts(quantities: Mapping[str, Any] | None) -> dict[str, int]:
    """Amounts by resource; what is no quantity counts as nothing."""
    found = {}
    for name, text in (quantities or {}).items():
        try:
            # The API server reads a null as nothing.
            found[name] = parse_quantity(text if isinstance(text, int) else str(text or 0))
        except ValueError:
            continue
    return found


def _requested(container: Mapping[str, Any]) -> dict[str, int]:
    resources = container.get("resources") or {}
    return {**amounts(resources.get("limits")), **amounts(resources.get("requests"))}


def _larger(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
