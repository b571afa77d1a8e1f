"""Plan to plan: rewrites a rich node into simpler ones for backends that lack it.

One module per lowering, listed in `LOWERINGS`; a test compares the tuple with the folder.
"""

from __future__ import annotations

from importlib import import_module

from compiler.model.backend import Lowering

LOWERINGS: tuple[str, ...] = ("cascade_to_services",)


def lowerings() -> tuple[Lowering, ...]:
    """Every lowering, in the order in which the planner tries them."""
    return tuple(import_module(f"{__name__}.{module}").LOWERING for module in LOWERINGS)
