"""What the containers of a pod ask for and may take: amounts that contradict each other.

Whether a host has as much is not asked here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from compiler.model.codes import check as codes
from compiler.model.quantity import MILLI, parse_quantity
from compiler.model.requests import amounts
from compiler.stages.check.summary import Path
from compiler.stages.check.words import Wrong, path_text

Placed = tuple[Path, Mapping[str, Any]]
"""A container and where it stands in its object."""


def check_resources(containers: Iterable[Placed]) -> Iterator[Wrong]:
    """Requests above limits, and extended resources whose request is not their limit."""
    for path, container in containers:
        resources = container.get("resources") or {}
        asked, limits = amounts(resources.get("requests")), amounts(resources.get("limits"))
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
