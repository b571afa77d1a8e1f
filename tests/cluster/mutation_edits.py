"""How a change is written: the sort of place that it fits, and what is merged there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

GONE: Any = object()
Edit = tuple[str, Mapping[str, Any]]


def each(place: str, *patches: Mapping[str, Any]) -> tuple[Edit, ...]:
    return tuple((place, patch) for patch in patches)


def at(place: str, path: str, *values: Any) -> tuple[Edit, ...]:
    return tuple((place, nest(path.split("."), value)) for value in values)


def nest(path: list[str], value: Any) -> Mapping[str, Any]:
    return {path[0]: value if len(path) == 1 else nest(path[1:], value)}
