"""What the containers of a pod ask for and may take: amounts that contradict each other, and sums.

Whether a host has as much is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from compiler.model.codes import check as codes
from compiler.model.quantity import MILLI, add_requests, parse_quantity
from compiler.stages.check.summary import Path
from compiler.stages.check.words import Wrong, path_text

Placed = tuple[Path, Mapping[str, Any]]
"""A container and where it stands in its object."""


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
    return add_requests(_larger(total, peak), _amounts(spec.get("overhead")))


def check_resources(containers: Iterable[Placed]) -> Iterator[Wrong]:
    """Requests above limits, and extended resources whose request is not their limit."""
    for path, container in containers:
        resources = container.get("resources") or {}
        asked, limits = _amounts(resources.get("requests")), _amounts(resources.get("limits"))
        for name, amount in asked.items():
            where = (*path, "resources", "requests", name)
            if name in limits and amount > limits[name]:
                limit = resources["limits"][name] or "nothing"
                text = f"{path_text(where)} is more than the limit, {limit}"
                yield Wrong(codes.ABOVE_LIMIT, text)
            elif _extended(name) and amount != limits.get(name):
                text = f"{path_text(where)} must have a limit of the same amount"
                yield Wrong(codes.ABOVE_LIMIT, text, "Extended resources cannot be overcommitted.")
        for name, amount in (*limits.items(), *asked.items()):
            if _extended(name) and (problem := _device(name, amount, {*asked, *limits})):
                yield Wrong(codes.OUT_OF_FORM, f"{path_text((*path, 'resources'))}: {problem}")


def _extended(name: str) -> bool:
    """Whether a resource is counted in whole pieces that nobody shares."""
    return name.startswith("hugepages-") or ("/" in name and "kubernetes.io/" not in name)


def _device(name: str, amount: int, beside: set[str]) -> str:
    if not name.startswith("hugepages-"):
        return f"{name} must be a whole number" if amount % MILLI else ""
    if amount % parse_quantity(name.removeprefix("hugepages-")):
        return f"{name} must be a multiple of its page size"
    return "" if beside & {"cpu", "memory"} else f"{name} needs cpu or memory beside it"


def _requested(container: Mapping[str, Any]) -> dict[str, int]:
    resources = container.get("resources") or {}
    return {**_amounts(resources.get("limits")), **_amounts(resources.get("requests"))}


def _amounts(quantities: Mapping[str, Any] | None) -> dict[str, int]:
    found = {}
    for name, text in (quantities or {}).items():
        try:
            # The API server reads a null as nothing.
            found[name] = parse_quantity(text if isinstance(text, int) else str(text or 0))
        except ValueError:
            continue
    return found


def _larger(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
