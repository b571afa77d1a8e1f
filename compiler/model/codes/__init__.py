"""The diagnostic codes, one module per floor that reports them.

A code is declared once, as a module constant; `all_codes()` derives the table that the
documentation, `explain` and the tests read. A code is never reused for another meaning.
"""

from __future__ import annotations

from importlib import import_module

from compiler.model.diagnostics import Code

MODULES = (
    "text",
    "spec",
    "fleet",
    "plan",
    "render",
    "check",
    "write",
    "lock",
    "world",
    "dataset",
    "git",
    "gates",
    "rollout",
    "recording",
    "bundle",
)


def all_codes() -> dict[str, Code]:
    """Every declared code by id, sorted; raises ValueError when an id is declared twice."""
    found: dict[str, Code] = {}
    for name in MODULES:
        module = import_module(f"{__name__}.{name}")
        for value in vars(module).values():
            if isinstance(value, Code):
                if value.id in found:
                    raise ValueError(f"diagnostic code {value.id} is declared twice")
                found[value.id] = value
    return dict(sorted(found.items()))
