"""Words that tables and cards of models share: a measured value, a list of sites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_SITES: Final = 4


def metric_words(one: Mapping[str, Any]) -> str:
    """A value with everything that it was measured on."""
    data = f" on {one['dataset']}" if one["dataset"] else ""
    digest = f" ({one['digest'][:12]}…)" if one["digest"] else ""
    split = f", split {one['split']}" if one["split"] else ""
    params = "".join(f", {key} {value}" for key, value in one["params"].items())
    profile = f" at {one['profile']}" if one["profile"] else ""
    by = f", by {one['by']}" if one["by"] else ""
    return f"{one['name']} {one['value']}{data}{digest}{split}{params}{profile}{by}"


def sites(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = f" and {len(names) - _SITES:,} more" if len(names) > _SITES else ""
    return ", ".join(names[:_SITES]) + more
