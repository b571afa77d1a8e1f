"""The names of the IANA time zone database, as of release 2025b: the same on every machine.

What this machine has installed is not asked, or a compile would depend on it.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def timezones() -> frozenset[str]:
    """Every name, links to other names included."""
    text = (files("compiler.model") / "timezones.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
