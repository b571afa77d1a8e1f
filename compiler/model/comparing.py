"""Whether a live object carries what is compiled: everything wanted is there, more may be.

An API server adds defaults, other parties add labels, annotations and status; none of that is a
difference. A list is compared as a whole, because an element too many is something that the
compiled object no longer has, and so is a selector: a label more selects other pods. Names paths
only, never values, and says nothing of who is right: a live object that differs may be older,
newer, or edited by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from compiler.model.quantity import compare_quantities, is_quantity

_OF_THE_SERVER = ("apiVersion", "kind", "status")
_IDENTITY = ("name", "namespace")
_SELECTOR = re.compile(r"(^|\.)selector(\.|$)")
"""Paths at which a key too many is a difference."""
_QUANTITIES = ("requests", "limits", "sizeLimit", "capacity")
"""Keys at or below which a text is a quantity, so that 1024Mi is 1Gi."""


def first_difference(wanted: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    """The path of the first thing that the live object lacks or has otherwise; empty for none."""
    metadata = {k: v for k, v in (wanted.get("metadata") or {}).items() if k not in _IDENTITY}
    body = {key: value for key, value in wanted.items() if key not in _OF_THE_SERVER}
    return _mapping({**body, "metadata": metadata}, live, "", quantities=False)


def _value(wanted: Any, live: Any, path: str, *, quantities: bool) -> str:
    if not wanted and not live:
        # An empty value and an absent one are the same to an API server.
        return ""
    if isinstance(wanted, Mapping):
        found = live if isinstance(live, Mapping) else None
        return path if found is None else _mapping(wanted, found, path, quantities=quantities)
    if isinstance(wanted, list | tuple):
        return _list(wanted, live, path, quantities=quantities)
    return "" if _same(wanted, live, quantities=quantities) else path


def _mapping(
    wanted: Mapping[str, Any], live: Mapping[str, Any], path: str, *, quantities: bool
) -> str:
    for key, value in wanted.items():
        below = f"{path}.{key}" if path else str(key)
        inside = quantities or key in _QUANTITIES
        if found := _value(value, live.get(key), below, quantities=inside):
            return found
    if _SELECTOR.search(path):
        return next(
            (f"{path}.{key}" for key, value in live.items() if value and key not in wanted), ""
        )
    return ""


def _list(wanted: Sequence[Any], live: Any, path: str, *, quantities: bool) -> str:
    if not isinstance(live, list | tuple) or len(wanted) != len(live):
        return path
    names, others = _named(wanted), _named(live)
    for index, value in enumerate(wanted):
        if names is not None and others is not None:
            # The server may keep another order of what it merges by name.
            name = value["name"]
            found = _value(value, others.get(name), f"{path}[{name}]", quantities=quantities)
        else:
            found = _value(value, live[index], f"{path}[{index}]", quantities=quantities)
        if found:
            return found
    return ""


def _named(entries: Sequence[Any]) -> dict[str, Any] | None:
    """The entries by name; None where some have none, or one name stands twice."""
    if not all(isinstance(entry, Mapping) and "name" in entry for entry in entries):
        return None
    found = {str(entry["name"]): entry for entry in entries}
    return found if len(found) == len(entries) else None


def _same(wanted: Any, live: Any, *, quantities: bool) -> bool:
    if wanted == live:
        return True
    if not quantities or live is None:
        return False
    texts = str(wanted), str(live)
    return all(map(is_quantity, texts)) and compare_quantities(*texts) == 0
